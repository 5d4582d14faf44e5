"""Low-rank changes of a full checkpoint (LoRA, Hu et al. 2021), and which parameters of any net training changed.

Every matrix W of an adapted module becomes W + B A with A (rank, in) and B (out, rank), B zero at first; W is frozen,
but vectors (biases, layer norms) still train. `merge` folds the changes into the matrices for hosting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class LowRank(nn.Module):
    """Parametrisation W -> W + B A."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        out, into = weight.shape
        self.a = nn.Parameter(torch.randn(rank, into, device=weight.device) * into**-0.5)
        self.b = nn.Parameter(torch.zeros(out, rank, device=weight.device))

    def forward(self, weight: Tensor) -> Tensor:
        """The changed matrix."""
        return weight + self.b @ self.a


def adapt(module: nn.Module, rank: int) -> None:
    """Freeze every matrix under `module` and give it a trainable low-rank change; skips matrices already frozen."""
    matrices = [m for m in module.modules() if isinstance(m, nn.Linear | nn.Embedding) and _mine(m)]
    adapted: set[int] = set()
    for part in matrices:
        if id(part.weight) in adapted:  # tied matrices (the vocabulary) are adapted through one of their modules only
            continue
        adapted.add(id(part.weight))
        part.weight.requires_grad_(False)
        if min(part.weight.shape) > rank:
            parametrize.register_parametrization(part, "weight", LowRank(part.weight, rank))


@contextmanager
def computed_once(module: nn.Module) -> Iterator[None]:
    """In this context, every changed matrix under `module` is computed once, however many layers and streams use it.

    All are computed on entry: a matrix first used under `no_grad` (as when MISC encodes its blocks) would be cached
    without its graph, and its change would never train.
    """
    with parametrize.cached():
        for part in module.modules():
            if parametrize.is_parametrized(part, "weight"):
                part.weight  # noqa: B018  # the access computes and caches it
        yield


def _mine(module: nn.Module) -> bool:
    return (
        isinstance(module.weight, nn.Parameter)
        and module.weight.requires_grad
        and not parametrize.is_parametrized(module)
    )


def merge(module: nn.Module) -> None:
    """Fold every low-rank change into its matrix; the module then computes the same without adapters."""
    for part in list(module.modules()):
        if parametrize.is_parametrized(part, "weight"):
            parametrize.remove_parametrizations(part, "weight", leave_parametrized=True)


def trained(module: nn.Module) -> dict[str, Tensor]:
    """What training changes, by parameter name: everything that needs a gradient, and the buffers of batch norms."""
    values: dict[str, Tensor] = {name: p.detach() for name, p in module.named_parameters() if p.requires_grad}
    return values | {n: b.detach() for n, b in module.named_buffers() if n.endswith(("running_mean", "running_var"))}


def load_trained(module: nn.Module, values: dict[str, Tensor]) -> None:
    """Inverse of `trained` on a module built the same way. Raises ValueError naming missing and unknown tensors."""
    slots: dict[str, Tensor] = {n: p for n, p in module.named_parameters() if p.requires_grad}
    slots |= {n: b for n, b in module.named_buffers() if n.endswith(("running_mean", "running_var"))}
    if slots.keys() != values.keys():
        missing, unknown = sorted(slots.keys() - values.keys()), sorted(values.keys() - slots.keys())
        raise ValueError(f"the weights are of another net: missing {missing[:4]}, unknown {unknown[:4]}")
    with torch.no_grad():
        for name, value in values.items():
            if slots[name].shape != value.shape:
                raise ValueError(f"{name} is {tuple(value.shape)}, the net expects {tuple(slots[name].shape)}")
            slots[name].copy_(value)
