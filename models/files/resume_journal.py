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

from models.evaluation.predictions import Prediction, prediction_lines, read_predictions, write_predictions, write_whole
from models.evaluation.reply_files import FILE, RUN, settings_of
from models.files.whole_file import failures_told

Key = tuple[str, int]
"""(id of the dialogue, index of the answered turn)"""


class Journal:
    """The predictions of one net with one set of settings.

    Raises ValueError when the folder holds predictions made otherwise, unless `overwrite` gives them up: they go when
    the first new ones are there, so that whatever stops a run before loses nothing.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], *, overwrite: bool = False) -> None:
        self.whole, self.part, self.settings = folder / FILE, folder / "predictions.part.jsonl", settings
        self.files = (FILE, self.part.name, "metrics.json")
        self.made: dict[Key, Prediction] = {}
        if holds(folder, self.files, settings, overwrite=overwrite):
            self._read()

    def _read(self) -> None:
        found = list(read_predictions(self.whole)) if self.whole.is_file() else []
        if self.part.is_file():
            lines, newline, rest = self.part.read_bytes().rpartition(b"\n")
            if rest:  # stopped within a line, perhaps within a letter
                write_whole(self.part, (lines + newline).decode())
            found += read_predictions(self.part, repeated=True) if newline else ()  # batches made again
        self.made = {(p.dialogue, p.turn): p for p in found}

    def add(self, predictions: Sequence[Prediction]) -> None:
        """Keep a batch."""
        claim(self.whole.parent, self.files, self.settings)
        with failures_told(self.part), self.part.open("a", encoding="utf-8") as file:
            file.write(prediction_lines(predictions))
            file.flush()
            os.fsync(file.fileno())
        self.made |= {(p.dialogue, p.turn): p for p in predictions}

    def finish(self, keys: Sequence[Key]) -> tuple[Prediction, ...]:
        """All predictions in the order of `keys`, in their file."""
        claim(self.whole.parent, self.files, self.settings)
        ordered = tuple(self.made[key] for key in keys)
        if self.part.is_file() or not self.whole.is_file():
            write_predictions(self.whole, ordered)
        self.part.unlink(missing_ok=True)
        return ordered


def holds(folder: Path, files: Sequence[str], settings: Mapping[str, Any], *, overwrite: bool) -> bool:
    """Whether the folder holds some of `files`, made with these settings. Nothing is changed.

    Raises ValueError when it holds some that were made otherwise, unless `overwrite` gives these up.
    """
    told = _saved(settings)
    found = [folder / name for name in files if (folder / name).is_file()]
    same = bool(found) and settings_of(folder) == told
    if found and not same and not overwrite:
        raise ValueError(_differences(folder, found, told))
    return same


def claim(folder: Path, files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Make the folder one of these settings: those of `files` that were made otherwise go."""
    told = _saved(settings)
    if settings_of(folder) == told:
        return
    for name in files:
        (folder / name).unlink(missing_ok=True)
    write_whole(folder / RUN, json.dumps(told, indent=1) + "\n")


def _saved(settings: Mapping[str, Any]) -> dict[str, Any]:
    """As run.json gives them back."""
    return dict(json.loads(json.dumps(settings)))


def _differences(folder: Path, found: Sequence[Path], told: Mapping[str, Any]) -> str:
    there = settings_of(folder)
    other = "; ".join(
        f"{name} {there.get(name, 'not told')!r} there, {told.get(name, 'not told')!r} now"
        for name in {**told, **there}
        if there.get(name) != told.get(name)
    )
    other = other if there else "run.json, which would tell them, is not there"
    return (
        f"{folder} holds {', '.join(path.name for path in found)}, made with other settings ({other}); "
        "give another --out, or --overwrite to lose them"
    )
