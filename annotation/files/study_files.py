"""A study's votes as files and back: CSV, JSON Lines or Parquet, one file per kind of row.

    ballots.csv   one pairwise answer per row      ratings.csv    one score per row
    verdicts.csv  one decision of the reviewer     gold.csv       one known answer
    talks.csv     one live talk                    preferences.csv, stars.csv    one judgment on one of its turns
    features.csv  one number from the trace of a reply

The columns are the fields of the values in study_views.py, live_views.py and study_data.py; study_values.py checks
each. Exported values come back equal, except for texts in which `mask` found an address or a number.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from annotation.files.masking import mask
from annotation.files.study_values import KINDS, check_rows, to_value
from annotation.statistics.study_data import StudyData
from models.reading.rows import Row, csv_rows, json_rows

FILE_FORMATS = ("csv", "jsonl", "parquet")
MASKED = ("problem_type", "discard_cause", "cause", "reason")
"""columns that people wrote in their own words; ids are kept, since masking could make two of them equal"""
Cells = dict[str, Any]
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
_DECIMALS = frozenset(field.name for made in KINDS.values() for field in fields(made) if field.type == "float")
"""columns whose numbers may have a decimal comma"""


def study_rows(data: StudyData, kind: str) -> list[Cells]:
    """The rows of one of KINDS, masked. Raises ValueError for another kind."""
    _check_kind(kind)
    rows = [asdict(value) for value in getattr(data, kind)]
    for row in rows:
        row.update({name: mask(row[name]) for name in MASKED if isinstance(row.get(name), str)})
    return rows


def save_rows(rows: Sequence[Cells], path: Path, form: str) -> None:
    """Write `rows` in one of FILE_FORMATS; the file appears when it is whole. Raises ValueError for another format."""
    if form not in FILE_FORMATS:
        raise ValueError(f"unknown format {form!r}; allowed: {', '.join(FILE_FORMATS)}")
    beside = path.with_name(f"{path.name}.part")
    try:
        if form == "parquet":
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), beside)
        elif form == "jsonl":
            beside.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        else:
            with beside.open("w", encoding="utf-8", newline="") as out:
                writer = csv.DictWriter(out, fieldnames=list(rows[0]) if rows else [])
                writer.writeheader()
                writer.writerows({name: spreadsheet_safe(value) for name, value in row.items()} for row in rows)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@dataclass(frozen=True)
class Values:
    """The content of one file."""

    found: tuple[Any, ...]
    """values of one of KINDS, in the order of the file"""
    turned: frozenset[str] = frozenset()
    """ids of items for which a row named the two systems in the other order"""


def read_values(path: Path, kind: str) -> Values:
    """The values in a file of one of KINDS; its ending (.csv, .jsonl, .parquet) says the format.

    Raises ValueError, whose message names the file and lists every bad row by line (with what was found and what is
    allowed), every row that is given twice, or missing and unknown columns; OSError when it cannot be read.
    """
    _check_kind(kind)
    read = {".csv": _read_csv, ".jsonl": json_rows, ".parquet": _read_parquet}.get(path.suffix.lower())
    if read is None:
        raise ValueError(f"{path}: unknown ending {path.suffix!r}; allowed: .csv, .jsonl, .parquet")
    values, turned = [], set()
    lines: dict[str, list[int]] = {}  # by fault: one that all rows share, such as a column's, is listed once
    for row in read(path):
        try:
            if row.problem:
                raise ValueError(row.problem)
            value, other_way = to_value(kind, row.cells)
            values.append((row.line, value))
            if other_way:
                turned.add(value.item_id)
        except ValueError as error:
            lines.setdefault(str(error), []).append(row.line)
    if lines:
        told = [f"  line {at[0]}{f' and {len(at) - 1} more' * (len(at) > 1)}: {what}" for what, at in lines.items()]
        raise ValueError(_refusal(path, sum(map(len, lines.values())), told))
    if problems := check_rows(kind, values):
        raise ValueError(_refusal(path, len(problems), problems))
    return Values(tuple(value for _, value in values), frozenset(turned))


def _refusal(path: Path, count: int, told: list[str]) -> str:
    rest = [f"  and {len(told) - 20} more"] if len(told) > 20 else []
    return "\n".join([f"{path}: {count} bad row(s), nothing read:", *told[:20], *rest])


def spreadsheet_safe(value: Any) -> Any:
    """A value for CSV. Spreadsheets run texts that begin like a formula; a leading apostrophe prevents that.

    A text that begins with an apostrophe gets a second one, so that removing one restores every text.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_RISKY) else value


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"unknown kind of rows {kind!r}; allowed: {', '.join(KINDS)}")


def _read_csv(path: Path) -> Iterator[Row]:
    for row in csv_rows(path, decimals=_DECIMALS):
        yield replace(row, cells={name: _as_written(cell) for name, cell in row.cells.items()})


def _as_written(cell: str) -> str:
    """Inverse of `spreadsheet_safe`."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_RISKY) else cell


def _read_parquet(path: Path) -> Iterable[Row]:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            table = file.read()
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{path} is no Parquet file ({error})") from error
    names = table.column_names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{path}: the column {twice!r} stands twice; keep one of them")
    return (Row(number, cells) for number, cells in enumerate(table.to_pylist(), start=1))
