"""How the parts of a net's loss pull against each other: cosines of their gradients (STAR, section 5.3 and figure 3).

A cosine below 0 means that a step for one part partly undoes the other. Everything is measured without dropout. A term
that two parts share counts in one of them only (`Net.separate_losses`): it would pull together with itself.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from models.analysis.cosine import Cosine
from models.data.batches import Batch
from models.nets.net import Net
from models.training.device import device_of

GROUPS = {
    "embedding": ("model.shared.", "backbone.added"),
    "encoder": ("model.encoder.",),
    "decoder": ("model.decoder.", "backbone.layers."),
}
"""parameter group -> parts of its parameters' names; all other parameters are "heads": a net's own modules"""


BASE = "backbone.weights."
"""part of the names of a causal base's own weights"""


def group_of(name: str) -> str:
    """The parameter group of a parameter, by its name."""
    return next((group for group, parts in GROUPS.items() if any(part in name for part in parts)), "heads")


def gradient_cosines(net: Net, batches: Iterable[Batch]) -> list[Cosine]:
    """Cosines for every pair of loss parts, in every group and in "all" parameters together.

    The frozen weights of a causal base are left out: all nets share them, and no training changes them.
    """
    named = {name: p.requires_grad_() for name, p in net.eval().named_parameters() if BASE not in name}
    found: dict[tuple[str, str, str], list[float]] = {}
    for batch in batches:
        parts = net.separate_losses(batch.to(device_of(net)))
        gradients = {
            part: torch.autograd.grad(loss, list(named.values()), retain_graph=True, allow_unused=True)
            for part, loss in parts.items()
        }
        for first, second in itertools.combinations(parts, 2):
            for group, value in _cosines(tuple(named), gradients[first], gradients[second]).items():
                found.setdefault((group, first, second), []).append(value)
    return [
        Cosine(*key, statistics.fmean(values), statistics.pstdev(values), len(values)) for key, values in found.items()
    ]


def _cosines(names: Sequence[str], first: Sequence[Tensor | None], second: Sequence[Tensor | None]) -> dict[str, float]:
    """Group -> cosine; groups without a parameter that both parts reach are left out, since nothing can pull there."""
    sums: dict[str, list[float]] = {}
    met = set[str]()
    for name, one, other in zip(names, first, second, strict=True):
        dot = float((one * other).sum()) if one is not None and other is not None else 0.0
        squares = [0.0 if g is None else float(g.square().sum()) for g in (one, other)]
        groups = ("all", group_of(name))
        met.update(groups if one is not None and other is not None else ())
        for group in groups:
            total = sums.setdefault(group, [0.0, 0.0, 0.0])
            for place, value in enumerate((dot, *squares)):
                total[place] += value
    return {
        g: dot / (one * other) ** 0.5 for g, (dot, one, other) in sums.items() if g in met and one > 0 and other > 0
    }
