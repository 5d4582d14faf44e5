"""One training loop for everything we train: time-limited, resumable, bfloat16 autocast, saving as it goes.

`fit` asks for batch number n whenever it makes step n, so a resumed run sees the batches it would have seen. The state
(weights that train, optimiser, weighting of the loss, step, seconds used, random state) goes to `folder/fit.pt`,
written beside and renamed.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from models.weighting import Fixed, Weighting

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitConfig:
    """How long and how fast to train."""

    minutes: float = 60.0
    """wall-clock limit over all resumed runs, minutes"""
    max_steps: int = 1_000_000
    """optimiser steps at most"""
    lr: float = 3e-4
    """peak learning rate of AdamW; parameter groups may scale it"""
    warmup: int = 100
    """steps of linear warm-up"""
    weight_decay: float = 0.01
    """AdamW's weight decay, on matrices only"""
    clip: float = 1.0
    """largest gradient norm"""
    final: float = 0.05
    """share of the peak learning rate left at the end of the cosine"""
    save_every_s: float = 240.0
    """seconds between saves of the resumable state"""
    seed: int = 13
    """seed of dropout; the batches bring their own"""


class NonFiniteLossError(RuntimeError):
    """The loss became NaN or infinite; the last saved state is still good."""


def device_of(module: nn.Module) -> torch.device:
    """The device a module's weights are on."""
    return next(module.parameters()).device


def parameter_groups(parts: Iterable[tuple[nn.Module, float]], decay: float) -> list[dict[str, Any]]:
    """AdamW groups: matrices with decay, vectors without; each part with its learning-rate scale.

    A parameter met in an earlier part is not taken again.
    """
    groups: list[dict[str, Any]] = []
    seen: set[int] = set()
    for module, scale in parts:
        fresh = [p for p in module.parameters() if p.requires_grad and id(p) not in seen]
        seen.update(map(id, fresh))
        for wanted, value in ((True, decay), (False, 0.0)):
            chosen = [p for p in fresh if (p.ndim > 1) is wanted]
            if chosen:
                groups.append({"params": chosen, "weight_decay": value, "scale": scale})
    return groups


class Fit:
    """The running state of one training: optimiser, step, seconds used, weights of the loss's parts.

    `weighting` combines the parts that `loss_of` gives; without one there is a single part, "loss".
    """

    def __init__(
        self,
        module: nn.Module,
        groups: list[dict[str, Any]],
        config: FitConfig,
        folder: Path,
        weighting: Weighting | None = None,
    ) -> None:
        self.module, self.config, self.folder = module, config, folder
        self.weighting = weighting or Fixed({"loss": 1.0})
        self.optimiser = torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.98), eps=1e-8, fused=True)
        self.step, self.used_s = 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)

    @property
    def progress(self) -> float:
        """0 at the start, 1 when the steps or the minutes are used up."""
        return min(1.0, max(self.step / self.config.max_steps, self.used_s / (60 * self.config.minutes)))

    def save(self) -> None:
        """Write the resumable state: beside, then renamed, so an interrupted write leaves the old one."""
        state = {
            "weights": {n: p.detach() for n, p in self.module.named_parameters() if p.requires_grad},
            "optimiser": self.optimiser.state_dict(),
            "weighting": self.weighting.state_dict(),
            "step": self.step,
            "used_s": self.used_s,
            "random": torch.get_rng_state(),
        }
        partial = self.folder / "fit.pt.part"
        torch.save(state, partial)
        partial.replace(self.folder / "fit.pt")

    def resume(self) -> bool:
        """Take up the saved state when there is one."""
        path = self.folder / "fit.pt"
        if not path.is_file():
            return False
        state = torch.load(path, map_location=device_of(self.module), weights_only=True)
        named = dict(self.module.named_parameters())
        with torch.no_grad():
            for name, value in state["weights"].items():
                named[name].copy_(value)
        self.optimiser.load_state_dict(state["optimiser"])
        self.weighting.load_state_dict(state.get("weighting", {}))  # states before weightings have none
        self.step, self.used_s = state["step"], state["used_s"]
        torch.set_rng_state(state["random"].cpu())
        return True

    def run(
        self,
        batch_at: Callable[[int], Any],
        loss_of: Callable[[Any], dict[str, Tensor]],
        on_save: Callable[[], dict[str, float]] | None = None,
    ) -> None:
        """Train until steps or minutes are used up. `loss_of` returns the parts of the loss by name.

        `on_save` is called at every save (validation); what it returns is logged with the losses in `log.jsonl`.
        Raises NonFiniteLossError naming step and losses when a loss is not finite.
        """
        device = device_of(self.module)
        bar = tqdm(
            total=100, unit="%", desc=self.folder.name, bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}"
        )
        last_save = tick = time.monotonic()
        seen: dict[str, float] = {}
        while self.progress < 1.0:
            self.module.train()
            losses = self._one_step(batch_at(self.step), loss_of, device)
            for name, value in losses.items():
                seen[name] = 0.98 * seen.get(name, value) + 0.02 * value
            now = time.monotonic()
            self.used_s, tick = self.used_s + now - tick, now
            self.weighting.tell(losses, self.progress)
            bar.n = round(100 * self.progress, 1)
            bar.set_postfix({"step": self.step} | {n: f"{v:.3f}" for n, v in seen.items()}, refresh=False)
            bar.update(0)
            if now - last_save > self.config.save_every_s or self.progress >= 1.0:
                self.save()
                self._log(seen | (on_save() if on_save else {}))
                last_save = tick = time.monotonic()
        bar.close()

    def _one_step(
        self,
        batch: Any,
        loss_of: Callable[[Any], dict[str, Tensor]],
        device: torch.device,
    ) -> dict[str, float]:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            parts = loss_of(batch)
            loss = self.weighting.combine(parts)
        values = {name: float(value.detach()) for name, value in ({"loss": loss} | parts).items()}
        if not all(map(_finite, values.values())):
            raise NonFiniteLossError(f"step {self.step}: {values}; the state saved in {self.folder} is still good")
        loss.backward()
        nn.utils.clip_grad_norm_([p for g in self.optimiser.param_groups for p in g["params"]], self.config.clip)
        rate = self.config.lr * self._schedule()
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        return values

    def _schedule(self) -> float:
        if self.step < self.config.warmup:
            return (self.step + 1) / self.config.warmup
        cosine = 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * self.progress))))
        return self.config.final + (1 - self.config.final) * cosine

    def _log(self, values: dict[str, float]) -> None:
        weights = self.weighting.weights()
        if len(weights) > 1:
            values = values | {f"weight_{name}": weight for name, weight in weights.items()}
        row = {"step": self.step, "minutes": round(self.used_s / 60, 2)} | {n: round(v, 4) for n, v in values.items()}
        with (self.folder / "log.jsonl").open("a") as out:
            out.write(json.dumps(row) + "\n")
        log.info("%s", row)


def _finite(value: float) -> bool:
    return value == value and abs(value) != float("inf")
