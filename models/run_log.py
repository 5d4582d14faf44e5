"""What a training tells while it runs: `log.jsonl` (one line a check) and TensorBoard curves in `tensorboard/`.

To look at the curves: `pip install tensorboard`, then `tensorboard --logdir runs`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from tensorboardX import SummaryWriter

from models.whole_file import failures_told

log = logging.getLogger(__name__)


class RunLog:
    """The log of one run's folder; `step` is where a resumed run goes on (later points are dropped from the curves)."""

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / "log.jsonl"
        self._curves = SummaryWriter(str(folder / "tensorboard"), purge_step=step or None)

    def curve(self, step: int, values: Mapping[str, float]) -> None:
        """One point of each named curve."""
        for name, value in values.items():
            self._curves.add_scalar(name, value, step)

    def line(self, step: int, minutes: float, values: Mapping[str, float]) -> None:
        """One line of `log.jsonl`; `minutes` of training so far."""
        row = {"step": step, "minutes": round(minutes, 2)} | {n: round(v, 4) for n, v in values.items()}
        with failures_told(self.path), self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")
        log.info("%s", row)

    def close(self) -> None:
        """Write what is still in memory."""
        self._curves.close()
