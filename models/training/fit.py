"""One training loop for everything we train: on one or many devices, bit-exactly resumable, saving as it goes.

A step sees `accumulation` batches on each of the processes that `accelerate launch` started (one without it). Batches
are requested by number, so a resumed run sees the same ones. The state (trained weights, optimiser, loss weights, step,
seconds used, random state of every process) is saved in `folder/fit.pt`, the weights that did best in the checks in
`folder/best.pt`, and the configuration in `folder/run.json`.

A run limited by steps resumes bit-exactly; in one limited by minutes, the learning rate follows the clock.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from tqdm import tqdm

from models.backbones.adapters import computed_once, load_trained, trained
from models.backbones.quick_type import is_quick_in_bfloat16
from models.nets.weighting import Fixed, Weighting
from models.training.device import join_processes
from models.training.divergence import NonFiniteLossError, bad_figures, bad_tensors, some_of
from models.training.run_log import RunLog
from models.training.run_state import BEST, STATE, check_room, read_state, read_tensors, write_record, write_tensors

CURVE_STEPS = 10
"""steps between two points of a curve"""


@dataclass(frozen=True)
class FitConfig:
    """How long and how fast to train."""

    minutes: float = 60.0
    """wall-clock limit over all resumed runs, in minutes of training itself; 0 = none"""
    max_steps: int = 1_000_000
    """maximum number of optimiser steps"""
    lr: float = 3e-4
    """peak learning rate of AdamW; parameter groups may scale it"""
    warmup: int = 100
    """steps of linear warm-up"""
    weight_decay: float = 0.01
    """AdamW's weight decay, on matrices only"""
    clip: float = 1.0
    """largest gradient norm, separately for the parameters of each learning-rate scale"""
    final: float = 0.05
    """share of the peak learning rate left at the end of the cosine"""
    accumulation: int = 1
    """number of batches per process in one step"""
    save_every_s: float = 240.0
    """seconds of training between checks, each with a save of the resumable state"""
    check_steps: int = 0
    """steps between checks, instead of seconds; 0 = by the clock"""
    select: str = ""
    """figure of the checks whose lowest value decides which weights best.pt keeps; "" keeps none"""
    patience: int = 0
    """the training ends after this many checks in a row without a better `select`; 0 = never"""
    bfloat16: bool | None = None
    """forward pass under bfloat16 autocast; None = if the device is fast in it"""
    device: str = "auto"
    """auto, cpu or cuda"""
    seed: int = 13
    """seed of dropout; batches have their own"""


FREE = {"minutes", "max_steps", "save_every_s", "check_steps", "patience", "device", "bfloat16"}
"""settings that may change when a run is resumed"""


def parameter_groups(parts: Iterable[tuple[nn.Module, float]], decay: float) -> list[dict[str, Any]]:
    """AdamW groups: matrices with decay, vectors without; each part with its learning-rate scale.

    A parameter that an earlier part contains is not taken again.
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


@dataclass(frozen=True)
class Made:
    """The values of one step, averaged over its batches."""

    loss: float
    parts: dict[str, float]
    norm: float
    """norm of the gradient before clipping"""


_TOTAL = "total"  # the combined loss, next to its parts


class _Losses(nn.Module):
    """The forward pass as one module, as sharing among processes requires it: batch -> loss and its parts."""

    def __init__(
        self, module: nn.Module, loss_of: Callable[[Any], dict[str, Tensor]], weighting: Weighting, bfloat16: bool
    ) -> None:
        super().__init__()
        self.module, self.loss_of, self.weighting, self.short = module, loss_of, weighting, bfloat16

    def forward(self, batch: Any, device: torch.device) -> tuple[Tensor, dict[str, Tensor]]:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.short), computed_once(self.module):
            parts = self.loss_of(batch)
            loss = self.weighting.combine(parts)
        # only the loss keeps its graph: a part of weight 0 gets no gradient, and no process must wait for one
        return loss, {name: part.detach() for name, part in parts.items()}


class Fit:
    """The running state of one training: optimiser, step, seconds used, weights of the loss's parts.

    `weighting` combines the parts that `loss_of` returns; without it there is a single part, "loss". `about` identifies
    the run (net, data hash, batch size, ...): plain values, saved with all weights and compared when the run is
    resumed. Raises ValueError when the disk of `folder` is too full.
    """

    def __init__(
        self,
        module: nn.Module,
        groups: list[dict[str, Any]],
        config: FitConfig,
        folder: Path,
        weighting: Weighting | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.config, self.folder = config, folder
        self.processes = join_processes(config.device)
        self.module = module.to(self.processes.device)
        self.weighting = weighting or Fixed({"loss": 1.0})
        same = {name: value for name, value in asdict(config).items() if name not in FREE}
        self.about = {**(about or {}), **same, "processes": self.processes.num_processes}
        self.optimiser = torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.98), eps=1e-8, fused=True)
        self.step, self.used_s = 0, 0.0
        self.best, self.stale = math.inf, 0
        self.kept: int | None = None  # step of the state in `folder/fit.pt`
        check_room(folder, module)
        torch.manual_seed(config.seed + self.processes.process_index)

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that prints, checks and writes."""
        return bool(self.processes.is_main_process)

    @property
    def device(self) -> torch.device:
        """The device of this process."""
        return self.processes.device

    @property
    def progress(self) -> float:
        """0 at the start, 1 when the steps or the minutes are used up."""
        used = self.used_s / (60 * self.config.minutes) if self.config.minutes else 0.0
        return min(1.0, max(self.step / self.config.max_steps, used))

    @property
    def done(self) -> bool:
        """Whether steps, minutes or patience are used up."""
        return self.progress >= 1.0 or (0 < self.config.patience <= self.stale)

    def save(self) -> None:
        """Write the resumable state to a new file and rename it, so that an interrupted write leaves the old one."""
        from accelerate.utils import gather_object

        random = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.device)
        state = {
            "about": self.about,
            "weights": trained(self.module),
            "optimiser": self.optimiser.state_dict(),
            "weighting": self.weighting.state_dict(),
            "step": self.step,
            "used_s": self.used_s,
            "best": self.best,
            "stale": self.stale,
            "random": gather_object([random]),
        }
        if self.is_main:
            write_tensors(self.folder / STATE, state)
        self.kept = self.step
        self.processes.wait_for_everyone()

    def resume(self) -> bool:
        """Load the saved state if there is one. Raises ValueError when it is damaged or of another run."""
        path = self.folder / STATE
        if not path.is_file():
            return False
        state = read_state(path, self.about)
        load_trained(self.module, state["weights"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.weighting.load_state_dict(state["weighting"])
        self.step, self.used_s, self.best, self.stale = (state[n] for n in ("step", "used_s", "best", "stale"))
        self.kept = self.step
        random = state["random"][self.processes.process_index]
        torch.set_rng_state(random["cpu"])
        if "cuda" in random and self.device.type == "cuda":
            torch.cuda.set_rng_state(random["cuda"], self.device)
        return True

    def run(
        self,
        batch_at: Callable[[int], Any],
        loss_of: Callable[[Any], dict[str, Tensor]],
        on_check: Callable[[], dict[str, float]] | None = None,
    ) -> None:
        """Train until steps, minutes or patience are used up. `loss_of` returns the parts of the loss by name.

        `on_check` is called in the main process at every check (validation); the figures it returns are logged with the
        losses. Raises NonFiniteLossError naming what is not finite (a loss, a gradient, a figure of a check, a weight)
        and where, OSError when a save fails.
        """
        losses = self.prepare(loss_of)
        log = self._open_log()
        bar = tqdm(
            total=100,
            unit="%",
            desc=self.folder.name,
            bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}",
            disable=not self.is_main,
        )
        seen: dict[str, float] = {}
        checked_s, tick = self.used_s, time.monotonic()
        try:
            while not self.done:
                made = self.make_step(batch_at, losses)
                self.used_s += self._agreed(time.monotonic() - tick)
                tick = time.monotonic()
                self.weighting.tell(made.parts, self.progress)
                seen = {n: 0.98 * seen.get(n, v) + 0.02 * v for n, v in ({"loss": made.loss} | made.parts).items()}
                if log and self.step % CURVE_STEPS == 0:
                    log.curve(self.step, self._curves(made))
                bar.n = round(100 * self.progress, 1)
                bar.set_postfix({"step": self.step} | {n: f"{v:.3f}" for n, v in seen.items()}, refresh=False)
                bar.update(0)
                if self._check_is_due(checked_s):
                    self._check(on_check, log, seen)
                    checked_s, tick = self.used_s, time.monotonic()
        finally:
            bar.close()
            if log:
                log.close()

    def restore_best(self) -> dict[str, float]:
        """Load the weights that did best in the checks into the module; returns their figures.

        Raises ValueError when no check kept any, or the file is damaged or of another net.
        """
        self.processes.wait_for_everyone()
        if not (self.folder / BEST).is_file():
            raise ValueError(f"{self.folder / BEST} is missing: no check of this run kept weights")
        kept = read_tensors(self.folder / BEST)
        load_trained(self.module, kept["weights"])
        return dict(kept["figures"])

    def _open_log(self) -> RunLog | None:
        if not self.is_main:
            return None
        free = {name: value for name, value in asdict(self.config).items() if name in FREE}
        write_record(self.folder, {**self.about, **free, "device": str(self.device), "first_step": self.step})
        return RunLog(self.folder, self.step)

    def prepare(self, loss_of: Callable[[Any], dict[str, Tensor]]) -> nn.Module:
        """The forward pass in the form that `make_step` needs; several processes share its gradients."""
        told, kind = self.config.bfloat16, self.device.type
        losses = _Losses(self.module, loss_of, self.weighting, is_quick_in_bfloat16(kind) if told is None else told)
        return cast(nn.Module, self.processes.prepare_model(losses))

    def make_step(self, batch_at: Callable[[int], Any], losses: nn.Module) -> Made:
        """One step: forward and backward of `accumulation` batches, clipping, AdamW."""
        self.module.train()
        count, processes = self.config.accumulation, self.processes
        total: dict[str, float] = {}
        for place in range(count):
            first = (self.step * count + place) * processes.num_processes
            last = place == count - 1
            with nullcontext() if last else processes.no_sync(losses):  # gradients are shared once per step
                loss, parts = losses(batch_at(first + processes.process_index), self.device)
                for name, value in self._means(loss, parts, first).items():
                    total[name] = total.get(name, 0.0) + value / count
                processes.backward(loss / count)
        norm = self._clip()
        if not math.isfinite(norm):
            self._stop(f"the gradient is {norm} with the losses {_shown(total)}", first)
        rate = self.config.lr * self._schedule()
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        return Made(total.pop(_TOTAL), total, norm)

    def _means(self, loss: Tensor, parts: Mapping[str, Tensor], first: int) -> dict[str, float]:
        """Loss and parts, averaged over processes. Raises NonFiniteLossError naming the batch of a bad value."""
        names = (_TOTAL, *parts)
        row = torch.stack([loss.detach().float(), *(part.float() for part in parts.values())])[None]
        rows: list[list[float]] = self.processes.gather(row).tolist()
        for place, values in enumerate(rows):
            bad = [n for n, v in zip(names, values, strict=True) if not math.isfinite(v) and n != _TOTAL]
            if bad or not math.isfinite(values[0]):
                values_now = _shown(dict(zip(names, values, strict=True)))
                self._stop(f"{', '.join(bad) or 'the loss'} is not finite in {values_now}", first + place)
        return {name: sum(column) / len(rows) for name, column in zip(names, zip(*rows, strict=True), strict=True)}

    def _stop(self, reason: str, batch: int | None = None) -> None:
        where = f"step {self.step}, {'check' if batch is None else f'batch {batch}'}"
        raise NonFiniteLossError(where, reason, self.folder / STATE, self.kept)

    def _refuse(self, bad: list[str]) -> None:
        """Raises NonFiniteLossError in every process when one of them has found something bad."""
        from accelerate.utils import gather_object

        if found := list(dict.fromkeys(gather_object(bad))):
            self._stop(some_of(found))

    def _check_is_due(self, checked_s: float) -> bool:
        every = self.config.check_steps
        due = self.step % every == 0 if every else self.used_s - checked_s > self.config.save_every_s
        return due or self.progress >= 1.0

    def _check(
        self, on_check: Callable[[], dict[str, float]] | None, log: RunLog | None, seen: dict[str, float]
    ) -> None:
        """Validate and keep the best weights, then save, so that a resumed run knows the results of earlier checks.

        Values that are not finite are refused before anything is written, so the files stay as they were.
        """
        self._refuse(bad_tensors(trained(self.module)))  # first, since `on_check` may write weights too
        figures: dict[str, float] = {}
        if on_check and self.is_main:
            with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
                figures = on_check()
        figures = self._shared(figures)
        weights = self.weighting.weights()
        shown = seen | figures | ({f"weight_{n}": w for n, w in weights.items()} if len(weights) > 1 else {})
        self._refuse(bad_figures(shown))
        if self.config.select:
            value = figures[self.config.select]
            better = value < self.best
            self.best, self.stale = (value, 0) if better else (self.best, self.stale + 1)
            if better and self.is_main:
                about = {"figures": figures, "step": self.step, "about": self.about}
                write_tensors(self.folder / BEST, about | {"weights": trained(self.module)})
        if log:  # before the state: lines after the saved step are dropped when an older state is resumed
            log.line(self.step, self.used_s / 60, shown)
            log.curve(self.step, {f"check/{name}": value for name, value in figures.items()})
        self.save()

    def _curves(self, made: Made) -> dict[str, float]:
        rate = self.optimiser.param_groups[0]["lr"] / self.optimiser.param_groups[0].get("scale", 1.0)
        curves = {"train/loss": made.loss, "train/gradient_norm": made.norm, "train/learning_rate": rate}
        curves |= {f"part/{name}": value for name, value in made.parts.items()}
        return curves | {f"weight/{name}": value for name, value in self.weighting.weights().items()}

    def _clip(self) -> float:
        """Clip the gradient per learning-rate scale; returns the norm over all before. A few steep parameters must not
        shrink the step of all others: vectors of strategies have norms of 20 to 50 where the rest has 1."""
        parts = defaultdict[float, list[nn.Parameter]](list)
        for group in self.optimiser.param_groups:
            parts[group.get("scale", 1.0)] += group["params"]
        return math.hypot(*(float(nn.utils.clip_grad_norm_(part, self.config.clip)) for part in parts.values()))

    def _schedule(self) -> float:
        if self.step < self.config.warmup:
            return (self.step + 1) / self.config.warmup
        cosine = 0.5 * (1 + math.cos(math.pi * self.progress))
        return self.config.final + (1 - self.config.final) * cosine

    def _agreed(self, seconds: float) -> float:
        """The seconds measured by the main process, so that all processes stop and save at the same step."""
        return float(self._shared({"seconds": seconds})["seconds"])

    def _shared(self, values: dict[str, float]) -> dict[str, float]:
        """The values of the main process, in every process."""
        if self.processes.num_processes == 1:
            return values
        from accelerate.utils import broadcast_object_list

        shared: list[dict[str, float]] = [values]
        broadcast_object_list(shared, from_process=0)
        return shared[0]


def _shown(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name.strip()} {value:.4g}" for name, value in values.items())
