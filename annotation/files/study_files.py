"""A study's votes as files and back: CSV, JSON Lines or Parquet, one file per kind of row.

    ballots.csv   one pairwise answer per row      ratings.csv    one score per row
    verdicts.csv  one decision of the reviewer     gold.csv       one known answer
    talks.csv     one live talk                    preferences.csv, stars.csv    what was said of one of its turns
    features.csv  one number out of the trace of a reply

The columns are the fields of the values in study_views.py, live_views.py and study_data.py. What was exported
here comes back equal, but for texts in which `mask` found an address or a number.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from annotation.files.masking import mask
from annotation.statistics.explanations import ReplyFeature
from annotation.statistics.study_data import GoldAnswer, StudyData
from annotation.statistics.win_tie_lose import OUTCOMES
from annotation.studies.live_views import StarRow, TalkRow, TurnVote
from annotation.studies.study_views import Ballot, Rating, Verdict

KINDS: dict[str, type] = {
    "ballots": Ballot,
    "ratings": Rating,
    "verdicts": Verdict,
    "gold": GoldAnswer,
    "talks": TalkRow,
    "preferences": TurnVote,
    "stars": StarRow,
    "features": ReplyFeature,
}
FILE_FORMATS = ("csv", "jsonl", "parquet")
MASKED = ("problem_type", "discard_cause", "cause")
"""columns that people wrote in their own words; ids are kept, since masking them could make two of them one"""
Row = dict[str, Any]
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def study_rows(data: StudyData, kind: str) -> list[Row]:
    """The rows of one of KINDS, masked. Raises ValueError for another kind."""
    _check_kind(kind)
    rows = [asdict(value) for value in getattr(data, kind)]
    for row in rows:
        row.update({name: mask(row[name]) for name in MASKED if isinstance(row.get(name), str)})
    return rows


def save_rows(rows: Sequence[Row], path: Path, form: str) -> None:
    """Write `rows` as one of FILE_FORMATS; the file appears when it is whole. Raises ValueError on another format."""
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


def read_values(path: Path, kind: str) -> tuple[Any, ...]:
    """The values in a file of one of KINDS; its ending (.csv, .jsonl, .parquet) tells the format.

    Raises ValueError that lists every bad row by its line (with what was found and what is allowed), or the columns
    that are missing or unknown; OSError when the file cannot be read.
    """
    _check_kind(kind)
    read = {".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}.get(path.suffix)
    if read is None:
        raise ValueError(f"{path}: unknown ending {path.suffix!r}; allowed: .csv, .jsonl, .parquet")
    values, problems = [], []
    for line, row in read(path):
        try:
            values.append(_value(KINDS[kind], row))
        except ValueError as error:
            problems.append(f"  line {line}: {error}")
    if problems:
        more = f"\n  and {len(problems) - 20} more" if len(problems) > 20 else ""
        raise ValueError(f"{path}: {len(problems)} bad rows, nothing read:\n" + "\n".join(problems[:20]) + more)
    return tuple(values)


def spreadsheet_safe(value: Any) -> Any:
    """A value for CSV. Spreadsheets run texts that begin like a formula; a leading apostrophe stops them.

    A text that begins with one gets a second, so that taking one off gives every text back.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_RISKY) else value


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"unknown kind of rows {kind!r}; allowed: {', '.join(KINDS)}")


def _read_csv(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        for row in reader:
            plain = {name: cell[1:] if cell and cell.startswith("'") else cell for name, cell in row.items()}
            yield reader.line_num, {name: None if cell == "" else cell for name, cell in plain.items()}


def _read_jsonl(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise ValueError(f"{path}: line {number} is no JSON ({error})") from error
                yield number, row if isinstance(row, dict) else {"": row}


def _read_parquet(path: Path) -> Iterable[tuple[int, Row]]:
    try:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{path} is no Parquet file ({error})") from error
    return enumerate(rows, start=1)


def _value(kind: type, row: Row) -> Any:
    """One frozen value out of a row of texts (CSV) or typed cells. Raises ValueError in words."""
    known = {field.name: field for field in fields(kind)}
    unknown = [str(name) for name in row if name not in known]
    missing = [name for name, field in known.items() if field.default is MISSING and name not in row]
    if unknown or missing:
        raise ValueError(f"missing columns: {missing or 'none'}, unknown columns: {unknown or 'none'}")
    cells = {name: _cell(name, str(known[name].type), cell) for name, cell in row.items()}
    value = kind(**cells)
    if isinstance(value, Ballot | GoldAnswer | TurnVote) and value.outcome not in OUTCOMES:
        raise ValueError(f"outcome is {value.outcome!r}; allowed: {', '.join(OUTCOMES)}")
    if isinstance(value, Ballot | TurnVote | TalkRow) and value.first_shown not in (value.system_a, value.system_b):
        raise ValueError(f"first_shown is {value.first_shown!r}; allowed: {value.system_a}, {value.system_b}")
    return value


def _cell(name: str, kind: str, cell: Any) -> Any:
    """A cell as its field's type."""
    base, optional = kind.removesuffix(" | None"), kind.endswith(" | None")
    if cell is None:
        if optional or name == "study":  # talks outside of any study have none
            return None if optional else ""
        raise ValueError(f"{name} is empty; a value is needed ({base})")
    try:
        return _CONVERT[base](cell)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{name} is {cell!r}; {_ALLOWED[base]} is needed") from error


def _truth(cell: Any) -> bool:
    return {"true": True, "false": False}[str(cell).lower()]


def _text(cell: Any) -> str:
    if not isinstance(cell, str):
        raise TypeError
    return cell


_CONVERT: dict[str, Callable[[Any], Any]] = {"str": _text, "int": int, "float": float, "bool": _truth}
_ALLOWED = {"str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false"}
