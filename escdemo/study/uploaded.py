"""Uploaded files: each is read once, by whoever may, within limits, and then deleted in any case."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from annotation.studies.study_plan import StudyPlan, plan_from_text
from escdemo.web.bodies import MAX_FILE_BYTES
from models.data.contexts import Context, esconv_contexts
from models.data.esconv import N_DIALOGUES, read_esconv
from models.reading.text_files import read_text

MAX_PLAN_BYTES = 2**20
"""largest plan file"""
_CHUNK_BYTES = 2**20

T = TypeVar("T")


def take(path: str, check: Callable[[], object], read: Callable[[Path], T]) -> T:
    """What `read` returns for an uploaded file, if `check` does not raise; the file is deleted in any case.

    Error messages give only the file's own name, without the server's folder.
    """
    try:
        check()
        return read(Path(path))
    except ValueError as error:
        if path not in str(error):
            raise
        raise ValueError(str(error).replace(path, Path(path).name)) from error
    finally:
        Path(path).unlink(missing_ok=True)


def read_plan_file(path: Path) -> StudyPlan:
    """The plan in a file, with its own rubric or a built-in one. Raises PlanError or ValueError."""
    size = path.stat().st_size
    if size > MAX_PLAN_BYTES:
        raise ValueError(f"The plan file has {size:,} bytes; at most {MAX_PLAN_BYTES:,} are read.")
    return plan_from_text(read_text(path))


def read_turns(path: Path) -> tuple[Context, ...]:
    """The turns of an ESConv file; of the complete ESConv only the test part, which no net was trained on."""
    if path.suffix == ".gz":
        _check_unpacked(path)
    dialogues = read_esconv(path)
    return esconv_contexts(dialogues, "test" if len(dialogues) == N_DIALOGUES else "all")


def _check_unpacked(path: Path) -> None:
    """Raise ValueError when the file unpacks to more than an upload may have, as even a small file can."""
    size = 0
    try:
        with gzip.open(path) as packed:
            while chunk := packed.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > MAX_FILE_BYTES:
                    raise ValueError(f"The file unpacks to more than {MAX_FILE_BYTES // 2**20} MB; that is the limit.")
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"The file is no gzip file ({error}).") from error
