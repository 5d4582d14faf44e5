"""The backbone the shipped nets share: `models/weights/compact`, and nets as low-rank changes of it.

A folder of a net holds only what its training changed (`models.backbones.adapters.trained`) and, in its card, the net's
name and settings, the rank, the strategy order and the hash of the base it changes. A net on a full backbone holds
everything. A net trained from scratch (`Net.from_scratch`) changes no base: its folder is complete, with the vocabulary
in it.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BlenderbotSmallConfig

from models.backbones.adapters import adapt, load_trained, merge, trained
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
from models.nets.registry import NETS, build_net, compact_settings, net_class, streams_of
from models.nets.scratch import fresh_backbone

BASE = WEIGHTS / "compact"
TOKENIZER = "tokenizer.json"
COMPACT_RANK = 24
"""rank of the change of each matrix of the compact base, unless told; a full backbone trains whole"""
ARCHITECTURE = (
    *(
        "vocab_size",
        "d_model",
        "encoder_layers",
        "decoder_layers",
        "encoder_attention_heads",
        "decoder_attention_heads",
    ),
    *("encoder_ffn_dim", "decoder_ffn_dim", "max_position_embeddings", "scale_embedding", "activation_function"),
    *("layer_norm_eps", "dropout", "forced_eos_token_id"),
)
"""settings of a BlenderbotSmall that its card keeps"""


def load_base(folder: Path = BASE, streams: tuple[str, ...] = ()) -> tuple[Tokenizer, EncoderDecoder]:
    """Tokenizer and backbone of a compact base folder; extra streams start as copies of the context attention."""
    tensors, card = load_packed(folder)
    tokenizer = Tokenizer.load(folder / TOKENIZER)
    backbone = _empty_backbone(BlenderbotSmallConfig(**card["backbone"] | {"streams": list(streams)}))
    fill(backbone, tensors)
    return tokenizer, backbone.eval()


def _empty_backbone(config: BlenderbotSmallConfig) -> EncoderDecoder:
    """A backbone whose weights are still to be filled in: drawing random ones takes longer than reading them."""
    with torch.device("meta"):
        backbone = EncoderDecoder(config)
    backbone.to_empty(device="cpu")
    backbone.tie_weights()
    backbone.final_logits_bias.zero_()
    return backbone


def fill(backbone: EncoderDecoder, tensors: dict[str, Tensor]) -> None:
    """Copy base tensors into a backbone that may have extra streams."""
    named = {n: p for n, p in backbone.named_parameters() if "extra_attn" not in n}
    if named.keys() != tensors.keys():
        raise WeightsError(f"the base weights do not fit the backbone: {sorted(named.keys() ^ tensors.keys())[:4]}")
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(tensors[name])
    backbone.copy_context_attention()


def save_base(backbone: EncoderDecoder, tokenizer: Tokenizer, card: dict[str, Any], folder: Path = BASE) -> None:
    """Pack a trained backbone, its vocabulary and its card."""
    known = backbone.config.to_dict()
    kept = {name: known[name] for name in ARCHITECTURE if name in known}
    tensors = {name: parameter.detach() for name, parameter in backbone.named_parameters()}
    save_packed(folder, tensors, card | {"backbone": kept}, {TOKENIZER: tokenizer.fast.to_str()})


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


def is_compact(source: str | Path) -> bool:
    """Whether `source` is a packed compact base, present or missing from its usual place."""
    return (Path(source) / CARD).is_file() or Path(source) == BASE


def new_net(name: str, settings: dict[str, Any], rank: int, source: str | Path = BASE) -> Net:
    """A net ready for training. With a rank: low-rank changes of the backbone, everything else trains whole.

    Of a net trained from scratch everything trains, and of `source` it takes the vocabulary only.
    """
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


def start_net(name: str, told: dict[str, Any], rank: int | None, source: Path, start: Path | None) -> tuple[Net, int]:
    """A net ready for training, and its rank; without one told, COMPACT_RANK, or 0 on a full backbone.

    `told` are settings that differ from the compact ones, on a full backbone from the published ones. With `start` it
    takes over the trained weights in that folder, with their rank and their settings (but for those told): of the same
    net, or of the net that a two-stage net (STAR) goes on.

    What the net holds (`Net.held`) needs no gradient any more. Raises WeightsError when the weights are of neither net,
    of another base, or do not fit the settings told; ValueError when there are none to hold.
    """
    settings = (compact_settings(name) if is_compact(source) else {}) | told
    if start is not None:
        net, found = _go_on(name, settings, told, source, start)
        if rank not in (None, found):
            raise ValueError(f"--rank is {rank}, but the weights in {start} have rank {found}; leave --rank out")
        rank = found
    else:
        if rank is None:
            rank = COMPACT_RANK if is_compact(source) else 0
        net = new_net(name, settings, rank, source)
        if net.held:
            below = _below(name)
            raise ValueError(f"{name} holds a trained {below} as it is; give its folder with --start, or hold=false")
    for parameter in _held(net).values():
        parameter.requires_grad_(False)
    return net, rank


def _go_on(name: str, settings: dict[str, Any], told: dict[str, Any], source: Path, start: Path) -> tuple[Net, int]:
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
    net = new_net(name, known, card["rank"], source)
    _check_vocabulary(start, card, net)
    part = net if same else net.get_submodule("below")
    tensors, _ = load_packed(start)
    if not (card["settings"] | card["settings"].get("below", {})).get(
        "course"
    ):  # it adds nothing at first: weights made without it may go on with it
        tensors |= {n: value for n, value in trained(part).items() if n.startswith("course.") or ".course." in n}
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


def save_net(net: Net, name: str, rank: int, card: dict[str, Any], folder: Path, source: str | Path = BASE) -> None:
    """Pack what training changed, with all that is needed to rebuild the net."""
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


def load_net(folder: Path, base: Path = BASE) -> Net:
    """A trained net, adapters merged, in eval mode. `base` is the compact base; a full net names its own backbone.

    Raises WeightsError when files are missing or damaged, or made for another base, vocabulary, strategy order or net.
    """
    card = _net_card(folder)
    source = _source(folder, card["base"], base)
    tensors, _ = load_packed(folder)
    net = new_net(card["net"], card["settings"], card["rank"], source)
    _check_vocabulary(folder, card, net)
    try:
        load_trained(net, tensors)
    except ValueError as fault:
        raise WeightsError(f"{folder} does not fit the net {card['net']!r}: {fault}; train it again") from fault
    merge(net)
    return net.eval().requires_grad_(requires_grad=False)


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


def _check_base(start: Path, made_for: str | None, source: Path) -> None:
    """Raises WeightsError when weights to start from change another base; those of a net from scratch change none.

    A full checkpoint may have moved since: only a compact base has a fingerprint to compare.
    """
    here = fingerprint(source) if is_compact(source) else str(source)
    if made_for is not None and made_for != here and (is_compact(source) or is_hash(made_for)):
        raise WeightsError(
            f"{start} changes base {made_for}, but {source} is {here}; give --start weights trained on this base, or"
            " the --base that they change"
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
