"""Numbered rows of a table: CSV with commas, semicolons or tabs, or one JSON object a line.

A line number is that of the row's first line in the file, as an editor counts. Blank lines and rows of empty cells, as
spreadsheets leave them, are passed over. Quotes must close: a reader that lets one stay open swallows the rows below.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.reading.json_values import parse_json
from models.reading.text_files import read_text

DELIMITERS = (",", ";", "\t")
_SEP_LINE = re.compile(r"sep=(.)\n", re.IGNORECASE)
"""the first line by which some spreadsheets name their delimiter"""
_COMMA_NUMBER = re.compile(r"\s*[+-]?\d+,\d+\s*")
QUOTES = "a quoted cell begins and ends with one quote, and a quote inside it is doubled"


@dataclass(frozen=True)
class Row:
    """One row: its cells by column (texts in CSV), or why it could not be read."""

    line: int
    cells: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


def csv_rows(path: Path, *, needed: Sequence[str] = (), decimals: Collection[str] = ()) -> Iterator[Row]:
    """The rows under the header, whose names are stripped; the delimiter is the one that the header uses most.

    Where it is not a comma, numbers of the columns `decimals` may be written with a decimal comma. Raises OSError, and
    ValueError naming file and line for a header without the columns `needed` (in any case) or with one twice, and for
    quotes that do not close.
    """
    text = read_text(path)
    named = _SEP_LINE.match(text)
    delimiter = named[1] if named else _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    begin = 1
    try:
        for cells in reader:
            line, begin = begin, reader.line_num + 1
            if not any(cell.strip() for cell in cells) or (named and line == 1):
                continue
            if header is None:
                header = _header(cells, f"{path}, line {line}", needed)
                continue
            yield _row(line, header, cells, decimals if delimiter != "," else ())
    except csv.Error as error:
        limit = csv.field_size_limit()
        raise ValueError(
            f"{path}, line {begin}: {error}; {QUOTES}, and no cell has more than {limit:,} characters"
        ) from error
    if header is None and needed:
        raise ValueError(f"{path}, line 1: want a header with {' and '.join(needed)}; got nothing")


def json_rows(path: Path) -> Iterator[Row]:
    """The objects of a JSON Lines file. Raises OSError and, for a file that is no text, ValueError."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = parse_json(line)
        except ValueError as error:
            yield Row(number, problem=str(error))
            continue
        if isinstance(value, dict):
            yield Row(number, value)
        else:
            yield Row(number, problem=f"a JSON {type(value).__name__}, no object")


def _delimiter(text: str) -> str:
    first = re.sub(r'"[^"]*"', "", text.lstrip().split("\n", 1)[0])
    return max(DELIMITERS, key=first.count)


def _header(cells: list[str], where: str, needed: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    seen: set[str] = set()
    for name in names:
        if name and name.casefold() in seen:
            raise ValueError(f"{where}: the column {name!r} stands twice; keep one of them")
        seen.add(name.casefold())
    if not seen.issuperset(needed):
        raise ValueError(f"{where}: want a header with {' and '.join(needed)}; got {', '.join(names)!r:.80}")
    return names


def _row(line: int, header: list[str], cells: list[str], decimals: Collection[str]) -> Row:
    if len(cells) != len(header):
        return Row(
            line, problem=f"the row has {len(cells)} cells, the header {len(header)}; quote cells that hold a delimiter"
        )
    found = {}
    for name, cell in zip(header, cells, strict=True):
        if name:
            comma = name in decimals and _COMMA_NUMBER.fullmatch(cell)
            found[name] = cell.replace(",", ".") if comma else cell
        elif cell.strip():
            return Row(line, problem=f"{cell!r:.40} stands in a column without a name; name it in the header")
    return Row(line, found)
