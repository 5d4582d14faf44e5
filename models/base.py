"""The backbone the shipped nets share: `models/weights/compact`, and nets as low-rank changes of it.

A folder of a net holds only what its training changed (`models.adapters.trained`) and, in its card, the net's name and
settings, the rank, the strategy order and the hash of the base it changes. A net on a full backbone holds everything.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BlenderbotSmallConfig

from models.adapters import adapt, load_trained, merge, trained
from models.backbone import Backbone
from models.checkpoint import CARD, WEIGHTS, WeightsError, fingerprint, load_packed, read_card, save_packed
from models.nets.net import Net
from models.registry import build_net, net_class, streams_of
from models.strategies import STRATEGIES
from models.tokenizer import Tokenizer

BASE = WEIGHTS / "compact"
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


def load_base(folder: Path = BASE, streams: tuple[str, ...] = ()) -> tuple[Tokenizer, Backbone]:
    """Tokenizer and backbone of a compact base folder; extra streams start as copies of the context attention."""
    tensors, card = load_packed(folder)
    tokenizer = Tokenizer.load(folder / "tokenizer.json")
    backbone = _empty_backbone(BlenderbotSmallConfig(**card["backbone"] | {"streams": list(streams)}))
    fill(backbone, tensors)
    return tokenizer, backbone.eval()


def _empty_backbone(config: BlenderbotSmallConfig) -> Backbone:
    """A backbone whose weights are still to be filled in: drawing random ones takes longer than reading them."""
    with torch.device("meta"):
        backbone = Backbone(config)
    backbone.to_empty(device="cpu")
    backbone.tie_weights()
    backbone.final_logits_bias.zero_()
    return backbone


def fill(backbone: Backbone, tensors: dict[str, Tensor]) -> None:
    """Copy base tensors into a backbone that may have extra streams."""
    named = {n: p for n, p in backbone.named_parameters() if "extra_attn" not in n}
    if named.keys() != tensors.keys():
        raise WeightsError(f"the base weights do not fit the backbone: {sorted(named.keys() ^ tensors.keys())[:4]}")
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(tensors[name])
    backbone.copy_context_attention()


def save_base(backbone: Backbone, tokenizer: Tokenizer, card: dict[str, Any], folder: Path = BASE) -> None:
    """Pack a trained backbone, its vocabulary and its card."""
    known = backbone.config.to_dict()
    kept = {name: known[name] for name in ARCHITECTURE if name in known}
    tensors = {name: parameter.detach() for name, parameter in backbone.named_parameters()}
    text = tokenizer.fast.to_str()
    save_packed(folder, tensors, card | {"backbone": kept}, {"tokenizer.json": text})


def open_backbone(source: str | Path, streams: tuple[str, ...] = ()) -> tuple[Tokenizer, Backbone]:
    """A compact base folder, or else a full BlenderbotSmall checkpoint by Hub name or folder."""
    if is_compact(source):
        return load_base(Path(source), streams)
    from models.full import load_full  # loads transformers' tokenizers, needed for full backbones only

    return load_full(str(source), streams)


def is_compact(source: str | Path) -> bool:
    """Whether `source` is a packed compact base, present or missing from its usual place."""
    return (Path(source) / CARD).is_file() or Path(source) == BASE


def new_net(name: str, settings: dict[str, Any], rank: int, source: str | Path = BASE) -> Net:
    """A net ready for training. With a rank: low-rank changes of the backbone, everything else trains whole."""
    tokenizer, backbone = open_backbone(source, streams_of(name, settings))
    if rank:
        net_class(name)[1].adapt_streams(backbone, rank)
        adapt(backbone, rank)
    return build_net(name, settings, backbone, tokenizer)


def start_net(name: str, settings: dict[str, Any], rank: int, source: Path, start: Path | None) -> tuple[Net, int]:
    """A net ready for training, and its rank. With `start` it takes over the trained weights in that folder, with
    their settings and rank: of the same net, or of the net that a two-stage net (STAR) goes on.

    What the net holds (`Net.held`) needs no gradient any more. Raises WeightsError when the weights are of neither net
    or of another base, ValueError when there are none to hold.
    """
    below = getattr(net_class(name)[1], "below_name", None)
    if start is None:
        net = new_net(name, settings, rank, source)
        if net.held:
            raise ValueError(f"{name} holds a trained {below} as it is; give its folder with --start, or hold=false")
        return net, rank
    card = read_card(start)
    if card["net"] not in (name, below) or card["strategies"] != list(STRATEGIES):
        raise WeightsError(
            f"{start} is a {card['net']}; {name} starts from {' or '.join(n for n in (name, below) if n)}"
        )
    if is_compact(source) and card["base"] != fingerprint(source):
        raise WeightsError(f"{start} changes base {card['base']}, but {source} is {fingerprint(source)}")
    known = dict(card["settings"])
    if card["net"] == below:
        known = settings | {"shape": known.pop("shape"), "below": known}
    net = new_net(name, known, card["rank"], source)
    tensors, _ = load_packed(start)
    load_trained(net if card["net"] == name else net.get_submodule("below"), tensors)
    for parameter in _held(net).values():
        parameter.requires_grad_(False)
    return net, card["rank"]


def _held(net: Net) -> dict[str, nn.Parameter]:
    return {name: p for name, p in net.named_parameters() if name in net.held}


def save_net(net: Net, name: str, rank: int, card: dict[str, Any], folder: Path, source: str | Path = BASE) -> None:
    """Pack what training changed, with all that is needed to rebuild the net."""
    compact = is_compact(source)
    about = {
        "net": name,
        "settings": asdict(net.config),
        "rank": rank,
        "base": fingerprint(Path(source)) if compact else str(source),
        "strategies": list(STRATEGIES),
    }
    tensors = trained(net) | {name: parameter.detach() for name, parameter in _held(net).items()}
    save_packed(folder, tensors, about | card, exact=not compact)


def load_net(folder: Path, base: Path = BASE) -> Net:
    """A trained net, adapters merged, in eval mode. `base` is the compact base; a full net names its own backbone.

    Raises WeightsError when files are missing or damaged, or made for another base or strategy order.
    """
    card = read_card(folder)
    if card.get("strategies") != list(STRATEGIES):
        raise WeightsError(f"{folder} was trained with another strategy order: {card.get('strategies')}")
    source = base if is_hash(card["base"]) else card["base"]
    if source == base and card["base"] != fingerprint(base):
        raise WeightsError(f"{folder} changes base {card['base']}, but {base} is {fingerprint(base)}; train it again")
    tensors, _ = load_packed(folder)
    net = new_net(card["net"], card["settings"], card["rank"], source)
    load_trained(net, tensors)
    merge(net)
    return net.eval().requires_grad_(requires_grad=False)


def is_hash(base: str) -> bool:
    """Whether a card's `base` is a fingerprint (compact) and not the name of a checkpoint (full)."""
    return re.fullmatch("[0-9a-f]{12}", base) is not None
