"""What a training reports while it runs: `log.jsonl` (one line per check) and TensorBoard curves in `tensorboard/`.

To view the curves: `pip install tensorboard`, then `tensorboard --logdir runs`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from tensorboardX import SummaryWriter

from models.files.whole_file import failures_told, whole_file

log = logging.getLogger(__name__)


class RunLog:
    """The log in one run's folder. A resumed run continues after `step`: later lines and points are dropped, and so is
    a line that an interrupt or a full disk has cut off.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / "log.jsonl"
        self._drop_after(step)
        # a purge drops this step and all after it
        self._curves = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def _drop_after(self, step: int) -> None:
        text = self.path.read_text(encoding="utf-8") if self.path.is_file() else ""
        kept = "".join(f"{line}\n" for line in text.splitlines() if -1 < _step_of(line) <= step)
        if kept != text:
            with whole_file(self.path) as partial:
                partial.write_text(kept, encoding="utf-8")

    def curve(self, step: int, values: Mapping[str, float]) -> None:
        """Add one point to each named curve."""
        for name, value in values.items():
            self._curves.add_scalar(name, value, step)

    def line(self, step: int, minutes: float, values: Mapping[str, float]) -> None:
        """Add one line to `log.jsonl`; `minutes` is the training time so far."""
        row = {"step": step, "minutes": round(minutes, 2)} | {n: round(v, 4) for n, v in values.items()}
        with failures_told(self.path), self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")
        log.info("%s", row)

    def close(self) -> None:
        """Write what is still in memory and close the curves."""
        self._curves.close()


def _step_of(line: str) -> int:
    """The step in a line of `log.jsonl`; -1 if the line is incomplete."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return -1
