"""What an evaluation has predicted so far, so that an interrupted one goes on where it stopped.

    OUT/NET/run.json                 the settings that decide what is predicted; written first
    OUT/NET/predictions.part.jsonl   whole batches, added as they are made
    OUT/NET/predictions.jsonl        all of them in the order of the turns; replaces the part file

A folder with other settings is never written into: its predictions would mix with, or be replaced by, others.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.outputs import FILE
from models.predictions import Prediction, prediction_lines, read_predictions, write_predictions, write_whole
from models.whole_file import failures_told

Key = tuple[str, int]
"""(id of the dialogue, index of the answered turn)"""


class Journal:
    """The predictions of one net with one set of settings.

    Raises ValueError when the folder holds predictions made otherwise, unless `overwrite` throws them away.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], *, overwrite: bool = False) -> None:
        self.whole, self.part = folder / FILE, folder / "predictions.part.jsonl"
        self.made: dict[Key, Prediction] = {}
        run = folder / "run.json"
        told = json.loads(json.dumps(settings))
        if self.whole.is_file() or self.part.is_file():
            there = _settings(run)
            if there == told:
                self._read()
            elif overwrite:
                for path in (self.whole, self.part, run, folder / "metrics.json"):
                    path.unlink(missing_ok=True)
            else:
                raise ValueError(_differences(folder, there, told))
        write_whole(run, json.dumps(told, indent=1) + "\n")

    def _read(self) -> None:
        found = list(read_predictions(self.whole)) if self.whole.is_file() else []
        if self.part.is_file():
            lines, newline, rest = self.part.read_bytes().rpartition(b"\n")
            if rest:  # stopped within a line, perhaps within a letter
                write_whole(self.part, (lines + newline).decode())
            found += read_predictions(self.part) if newline else ()
        self.made = {(p.dialogue, p.turn): p for p in found}

    def add(self, predictions: Sequence[Prediction]) -> None:
        """Keep a batch."""
        with failures_told(self.part), self.part.open("a", encoding="utf-8") as file:
            file.write(prediction_lines(predictions))
            file.flush()
            os.fsync(file.fileno())
        self.made |= {(p.dialogue, p.turn): p for p in predictions}

    def finish(self, keys: Sequence[Key]) -> tuple[Prediction, ...]:
        """All predictions in the order of `keys`, in their file."""
        ordered = tuple(self.made[key] for key in keys)
        if self.part.is_file() or not self.whole.is_file():
            write_predictions(self.whole, ordered)
        self.part.unlink(missing_ok=True)
        return ordered


def _settings(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        found = None
    return found if isinstance(found, dict) else {}


def _differences(folder: Path, there: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    other = "; ".join(
        f"{name} {there.get(name, 'not told')!r} there, {told.get(name, 'not told')!r} now"
        for name in {**told, **there}
        if there.get(name) != told.get(name)
    )
    other = other if there else "run.json, which would tell them, is not there"
    return (
        f"{folder} holds predictions made with other settings ({other}); "
        "give another --out, or --overwrite to lose them"
    )
