"""JSON Lines that grow row by row: added rows are kept, whatever stops the program."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from models.files.whole_file import failures_told, write_whole


def append_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append rows; they are on the disk when this returns. On failure, raises OSError that says why."""
    with failures_told(path), path.open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        file.flush()
        os.fsync(file.fileno())


def drop_cut_line(path: Path) -> None:
    """Remove an incomplete last line, perhaps cut within a character; a complete or missing file stays as it is."""
    if path.is_file():
        lines, newline, rest = path.read_bytes().rpartition(b"\n")
        if rest:
            write_whole(path, (lines + newline).decode())
