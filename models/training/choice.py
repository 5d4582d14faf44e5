"""Training only the modules that choose the strategy: `train --only strategies`.

The rest of the net is frozen, so the inputs of these modules for a turn never change. They are computed once; then the
modules are trained on them for many epochs, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import parametrize
from tqdm import tqdm

from models.data.batches import Batch
from models.nets.net import Net
from models.training.device import device_of
from models.training.run_state import read_tensors, write_tensors
from models.training.training_data import Learning, TrainingData
from models.training.validation import choice_figures, validate

READ = "choices.pt"
"""file of the computed inputs, in the folder of the run"""
TOGETHER = 256
"""number of turns per step"""
EPOCHS = 30
"""maximum number of epochs: the validation loss has stopped falling by then"""
DROPPED = 0.7
"""dropout rate on the elements of a state: 12,000 turns are few for 1,152 elements each. Of 0, 0.5 and 0.7, the last
gives the lowest validation loss, for Joint's head and for MISC's (`models/EXPERIMENTS.md`)."""


@dataclass(frozen=True)
class Choices:
    """The inputs of the choosing modules for N turns."""

    read: dict[str, Tensor]
    """(N, ...) each, see `Net.choice_inputs`"""
    strategies: Tensor
    """(N,) int64 gold strategies, all known"""

    def __len__(self) -> int:
        return len(self.strategies)

    def to(self, device: torch.device | str) -> Self:
        """The same data on a device."""
        return type(self)({name: part.to(device) for name, part in self.read.items()}, self.strategies.to(device))

    def pick(self, rows: Tensor) -> Choices:
        """The turns of the given rows, (M,) int64."""
        return Choices({name: part[rows] for name, part in self.read.items()}, self.strategies[rows])


@torch.inference_mode()
def read_choices(net: Net, batches: Sequence[Batch], what: str, *, bfloat16: bool = False) -> Choices:
    """The inputs for all turns of `batches` whose strategy is known; on the CPU, float32."""
    net.eval()
    net.backbone.lay_out()
    found: list[dict[str, Tensor]] = []
    gold: list[Tensor] = []
    for batch in (one.to(device_of(net)) for one in tqdm(batches, desc=f"reading {what}")):
        with torch.autocast(batch.ids.device.type, dtype=torch.bfloat16, enabled=bfloat16), parametrize.cached():
            read = net.choice_inputs(batch)
        known = batch.strategies >= 0
        found.append({name: part[known].float().cpu() for name, part in read.items()})
        gold.append(batch.strategies[known].cpu())
    return Choices({name: torch.cat([one[name] for one in found]) for name in found[0]}, torch.cat(gold))


def of_choice(
    net: Net, data: TrainingData, folder: Path, about: Mapping[str, Any], seed: int, *, bfloat16: bool
) -> tuple[Learning, int]:
    """A learning of only the modules that choose the strategy, and the number of steps per epoch.

    The computed inputs are kept in the run's `folder` for a resumed run; `about` says what they were computed from.
    """
    seen, held_out = _read_once(net, data, folder / READ, about, bfloat16)
    each = max(1, len(seen) // TOGETHER)

    def at(step: int) -> Choices:
        epoch, place = divmod(step, each)
        order = torch.randperm(len(seen), generator=torch.Generator().manual_seed(seed + epoch))
        return seen.pick(order[place * TOGETHER : (place + 1) * TOGETHER])

    return Learning(at, partial(choice_losses, net), partial(validate_choices, net, held_out.to(device_of(net)))), each


def _read_once(
    net: Net, data: TrainingData, path: Path, about: Mapping[str, Any], bfloat16: bool
) -> tuple[Choices, Choices]:
    about = {**about, "bfloat16": bfloat16}
    kept = read_tensors(path) if path.is_file() else {}
    if kept.get("about") != about:
        seen = read_choices(net, data.learnt_once(), "what is learnt from", bfloat16=bfloat16)
        held_out = read_choices(net, data.checked_once(), "what it is checked by", bfloat16=bfloat16)
        kept = {"about": about, "seen": vars(seen), "held_out": vars(held_out)}
        write_tensors(path, kept)
    return Choices(**kept["seen"]), Choices(**kept["held_out"])


def choice_losses(net: Net, choices: Choices) -> dict[str, Tensor]:
    """`Net.choice_losses`. In training mode, dropout hides a part of each state."""
    width = net.backbone.width
    states = {name: part for name, part in choices.read.items() if part.dim() == 2 and part.shape[1] >= width}
    read = choices.read | {name: F.dropout(part, DROPPED, net.training) for name, part in states.items()}
    return net.choice_losses(read, choices.strategies)


@torch.no_grad()
def validate_choices(net: Net, choices: Choices) -> dict[str, float]:
    """Strategy loss (balanced as in training), also as "valid_loss"; accuracy and macro F1."""
    net.eval()
    scores = net.choice_scores(choices.read)[0]
    loss = float(net.strategy_loss(scores, choices.strategies))
    chosen = choice_figures(loss, scores.argmax(dim=1).tolist(), choices.strategies.tolist())
    return {"valid_loss": loss, **chosen}


def figures_of_all(net: Net, data: TrainingData, figures: Mapping[str, float], *, tails: bool) -> dict[str, float]:
    """`figures` with the reply loss "valid_reply" added, as a training of the whole net reports them at the end.

    `tails`: whether the data hold COMET's tails. A net that reads them is not measured without: neither "valid_reply"
    nor "valid_loss", the sum of both losses, is known then.
    """
    if net.needs_comet and not tails:
        return {name: value for name, value in figures.items() if name != "valid_loss"}
    reply = validate(net, data.checked)["valid_reply"]
    return {**figures, "valid_reply": reply, "valid_loss": reply + figures["valid_strategy"]}
