"""Numbered rows of a table: CSV with commas, semicolons or tabs, or one JSON object per line.

The number of a row is that of its first line in the file, as in an editor. Blank lines and rows of empty cells, which
spreadsheets may leave, are skipped. Quotes must be closed: with an open quote, a reader would swallow the rows below.
If two closing quotes are missing, the second quote closes the first and the rows in between end up in one cell; this is
detected.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from models.reading.json_values import parse_json
from models.reading.text_files import read_text

DELIMITERS = (",", ";", "\t")
_SEP_LINE = re.compile(r"sep=(.)\n", re.IGNORECASE)
"""first line in which some spreadsheets name their delimiter"""
_COMMA_NUMBER = re.compile(r"\s*[+-]?\d+,\d+\s*")
_POINT_NUMBER = re.compile(r"\s*[+-]?\d+\.\d+\s*")
_SIGNS = {",": "decimal comma", ".": "point"}
QUOTES = "a quoted cell begins and ends with one quote, and a quote inside it is doubled"


@dataclass(frozen=True)
class Row:
    """One row: its cells by column name (texts in CSV), or the reason why it could not be read."""

    line: int
    cells: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


def csv_rows(path: Path, *, needed: Sequence[str] = (), decimals: Collection[str] = ()) -> Iterator[Row]:
    """The rows below the header, whose names are stripped; the delimiter is the one that the header uses most.

    If it is not a comma, numbers in the columns `decimals` may be written with a decimal comma, in all rows or in none.
    Raises OSError, and ValueError naming file and line for a header without the columns `needed` (ignoring case) or
    with a repeated column, and for quotes that are not closed.
    """
    text = read_text(path)
    named = _SEP_LINE.match(text)
    delimiter = named[1] if named else _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    numbers = _Decimals(frozenset(decimals) if delimiter != "," else frozenset())
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
            yield _row(line, header, cells, delimiter, numbers)
    except csv.Error as error:
        limit = csv.field_size_limit()
        raise ValueError(
            f"{path}, line {begin}: {error}; {QUOTES}, and no cell has more than {limit:,} characters"
        ) from error
    if header is None and needed:
        raise ValueError(f"{path}, line 1: want a header with {' and '.join(needed)}; got nothing")


def json_rows(path: Path) -> Iterator[Row]:
    """The objects in a JSON Lines file. Raises OSError, and ValueError for a file that is not text or a JSON list."""
    text = read_text(path)
    if text.lstrip().startswith("["):
        raise ValueError(f"{path}, line 1: the file holds a JSON list; want one object a line, without commas between")
    for number, line in enumerate(text.split("\n"), start=1):
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


def _row(line: int, header: list[str], cells: list[str], delimiter: str, numbers: _Decimals) -> Row:
    if len(cells) != len(header):
        return Row(
            line, problem=f"the row has {len(cells)} cells, the header {len(header)}; quote cells that hold a delimiter"
        )
    found = {}
    for place, (name, cell) in enumerate(zip(header, cells, strict=True)):
        if "\n" in cell and (at := _row_inside(cell, place, len(header), delimiter)):
            inside = line + "".join(cells[:place]).count("\n") + at
            return Row(line, problem=f"a quote stays open: line {inside} is a row, but would be read as text; {QUOTES}")
        if not name and cell.strip():
            return Row(line, problem=f"{cell!r:.40} stands in a column without a name; name it in the header")
        try:
            found[name] = numbers.plain(cell, line) if name in numbers.columns else cell
        except ValueError as error:
            return Row(line, problem=f"{name}: {error}")
    found.pop("", None)
    return Row(line, found)


def _row_inside(cell: str, place: int, width: int, delimiter: str) -> int:
    """Which line of the cell in column `place`, counted from 0, belongs to another row of `width` cells; 0: none.

    Programs write no blank after a delimiter, but people who write texts do; digits on both sides make it a number.
    """

    def cells(line: str) -> int:
        parts = line.split(delimiter)
        typed = any(two[:1].isspace() for two in parts[1:])
        number = len(parts) > 1 and all(one[-1:].isdigit() and two[:1].isdigit() for one, two in pairwise(parts))
        return 0 if typed or number else len(parts)

    first, *lines = cell.split("\n")
    if width == 2:  # one comma in a line of text is normal, but not one inside each of several lines
        rows = len(lines) > 1 and all(cells(line) == width and all(line.split(delimiter)) for line in lines)
        return int(rows)
    whole = next((at for at, line in enumerate(lines, start=1) if cells(line) == width), 0)
    # The cell has the end of one row and the beginning of the next.
    parted = cells(first) == width - place and cells(lines[-1]) == place + 1
    return 0 if width == 1 else whole or (len(lines) if parted else 0)


class _Decimals:
    """Numbers of one file, with one decimal sign for all: if some have a comma, a point may separate thousands."""

    def __init__(self, columns: frozenset[str]) -> None:
        self.columns = columns
        self._first: dict[str, int] = {}

    def plain(self, cell: str, line: int) -> str:
        """The number as JSON writes it. Raises ValueError if another row has the other sign."""
        sign = "," if _COMMA_NUMBER.fullmatch(cell) else "." if _POINT_NUMBER.fullmatch(cell) else ""
        if sign:
            self._first.setdefault(sign, line)
        if sign and len(self._first) > 1:
            other = self._first["." if sign == "," else ","]
            raise ValueError(
                f"{cell.strip()!r:.40} has a {_SIGNS[sign]}, line {other} has not; write all numbers of a file one way"
            )
        return cell.replace(",", ".") if sign == "," else cell
