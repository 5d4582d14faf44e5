"""Results of a long command, kept row by row, so that an interrupted command continues where it stopped.

    OUT          all rows in their order, written at the end; for `evaluate` predictions.jsonl
    OUT's part   NAME.part.jsonl beside it: the rows made so far, added as they are made; removed at the end
    run          the settings that decide what is made; for `evaluate` run.json, for a file of items ITEMS.run.json

Nothing is added to files made with other settings: rows of two kinds would mix, or one kind would replace the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from models.files.json_lines import append_rows, drop_cut_line
from models.files.whole_file import write_whole

Row = Mapping[str, Any]
Key = TypeVar("Key", bound=Hashable)


class Journal(Generic[Key]):
    """The rows of OUT, made with one set of settings.

    Raises ValueError when there are rows, or one of the `others` (files made from the rows), with other settings. With
    `overwrite` these are deleted instead, but only when the first new rows are added, so that a run stopped before then
    loses nothing.
    """

    def __init__(
        self,
        out: Path,
        run: Path,
        settings: Mapping[str, Any],
        key: Callable[[Row], Key],
        *,
        others: Sequence[str] = (),
        overwrite: bool = False,
    ) -> None:
        self.out, self.part = out, out.with_name(f"{out.stem}.part.jsonl")
        self.run, self.settings, self.key = run, settings, key
        self.files = (out, self.part, *(out.with_name(name) for name in others))
        self.made: dict[Key, Row] = {}
        """a batch may occur twice in the part file; the last one counts"""
        if holds(run, self.files, settings, overwrite=overwrite):
            drop_cut_line(self.part)
            self.made = {self.key(row): row for path in (self.out, self.part) for row in self._rows(path)}

    def _rows(self, path: Path) -> list[Row]:
        if not path.is_file():
            return []
        found = []
        for number, line in enumerate(path.read_text(encoding="utf-8").removesuffix("\n").split("\n"), 1):
            try:
                row = json.loads(line)
                self.key(row)
            except (ValueError, KeyError, TypeError) as fault:
                raise ValueError(
                    f"{path}, line {number}: not a row of this command ({fault!r}); delete the line to make it again"
                ) from fault
            found.append(row)
        return found

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows to the part file and to `made`."""
        claim(self.run, self.files, self.settings)
        append_rows(self.part, rows)
        self.made |= {self.key(row): row for row in rows}

    def finish(self, keys: Sequence[Key]) -> None:
        """Write all rows to OUT, in the order of `keys`."""
        claim(self.run, self.files, self.settings)
        if self.part.is_file() or not self.out.is_file():
            rows = (json.dumps(self.made[key], ensure_ascii=False) + "\n" for key in keys)
            write_whole(self.out, "".join(rows))
        self.part.unlink(missing_ok=True)


def holds(run: Path, files: Sequence[Path], settings: Mapping[str, Any], *, overwrite: bool) -> bool:
    """Whether any of `files` exist and were made with these settings. Nothing is changed.

    Raises ValueError when some exist that were made with other settings, unless `overwrite` is set.
    """
    now = _saved(settings)
    found = [path for path in files if path.is_file()]
    same = bool(found) and settings_of(run) == now
    if found and not same and not overwrite:
        raise ValueError(_differences(run, found, now))
    return same


def claim(run: Path, files: Sequence[Path], settings: Mapping[str, Any]) -> None:
    """Save these settings; if they differ from the saved ones, delete `files` first."""
    now = _saved(settings)
    if settings_of(run) == now:
        return
    for path in files:
        path.unlink(missing_ok=True)
    write_whole(run, json.dumps(now, indent=1) + "\n")


def settings_of(run: Path) -> dict[str, Any]:
    """The settings in a file written by `claim`; {} if it is missing or damaged."""
    try:
        found = json.loads(run.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        found = None
    return found if isinstance(found, dict) else {}


def _saved(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as they would be read back from a file."""
    return dict(json.loads(json.dumps(settings)))


def _differences(run: Path, found: Sequence[Path], now: Mapping[str, Any]) -> str:
    there = settings_of(run)
    other = "; ".join(
        f"{name} {there.get(name, 'not known')!r} there, {now.get(name, 'not known')!r} now"
        for name in {**now, **there}
        if there.get(name) != now.get(name)
    )
    other = other if there else f"{run.name}, which would name them, is not there"
    return (
        f"{run.parent} holds {', '.join(path.name for path in found)}, made with other settings ({other}); "
        "give another --out, or --overwrite to lose them"
    )
