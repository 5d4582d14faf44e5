"""The support adapter: a change of a causal base, trained on support talks first and shared by the nets on that base.

There may be several, in folders named `support` or `support-NAME`; a net's card names its own one by fingerprint.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.backbones.causal import Causal
from models.backbones.causal_base import CausalBase
from models.files.checkpoint import WeightsError, fingerprint, is_there, load_packed, save_packed

SUPPORT = "support"
"""the folder of the default adapter, beside those of the nets"""


def adapter_of(net: Path, wanted: str) -> Path:
    """The folder of the adapter with fingerprint `wanted`, beside the folder `net` of a net that was trained on it.

    Raises WeightsError when there is no such adapter.
    """
    beside = net.parent
    folders = [beside / SUPPORT, *sorted(beside.glob(f"{SUPPORT}-*"))]
    for folder in folders:
        if is_there(folder) and fingerprint(folder) == wanted:
            return folder
    raise WeightsError(
        f"{net} was trained on another support adapter ({wanted}) than {' or '.join(map(str, folders))}; restore it, or"
        " train the net again"
    )


def hold_support(backbone: Causal, folder: Path, base: CausalBase) -> None:
    """Put the support adapter in `folder` under the backbone's own changes; added tokens start from its vectors."""
    tensors, _ = _load(folder, base)
    for name, change in backbone.changes().items():
        change.hold(tensors[f"{name}.a"], tensors[f"{name}.b"])
    with torch.no_grad():
        backbone.added.vectors.copy_(tensors["added"])


def go_on_from(backbone: Causal, folder: Path, base: CausalBase, rank: int) -> None:
    """Copy the support adapter in `folder` into the backbone's own changes, to continue training it.

    Raises WeightsError when it was made for another base or rank.
    """
    tensors, card = _load(folder, base)
    if card["rank"] != rank:
        raise WeightsError(f"{folder} has rank {card['rank']}, --rank is {rank}; leave --rank out or give that one")
    with torch.no_grad():
        for name, change in backbone.changes().items():
            change.a.copy_(tensors[f"{name}.a"])
            change.b.copy_(tensors[f"{name}.b"])
        backbone.added.vectors.copy_(tensors["added"])


def _load(folder: Path, base: CausalBase) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and card of a support adapter. Raises WeightsError when the folder holds none for this base."""
    tensors, card = load_packed(folder)
    if card.get("kind") != SUPPORT or card.get("base") != base.label:
        raise WeightsError(
            f"{folder} is a {card.get('kind') or card.get('net')!r} of base {card.get('base')}, not a support adapter"
            f" of {base.label}; train one with `python -m models support`"
        )
    return tensors, card


def save_support(backbone: Causal, base: CausalBase, card: dict[str, Any], folder: Path) -> None:
    """Save a trained support adapter."""
    tensors = {
        f"{name}.{part}": getattr(change, part).detach() for name, change in backbone.changes().items() for part in "ab"
    }
    save_packed(
        folder, tensors | {"added": backbone.added.vectors.detach()}, {"kind": SUPPORT, "base": base.label} | card
    )
