"""Files that are written whole or not at all, and one clear error when they cannot be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a file beside `path` to write to instead; it replaces `path` at the end of the block.

    After a failure or an interrupt, `path` is unchanged and the file beside it is deleted.
    """
    partial = path.with_name(f"{path.name}.part")
    with failures_told(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text file, whole or not at all. On failure, raises OSError that says why and what is left."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


@contextmanager
def failures_told(path: Path) -> Iterator[None]:
    """Turns what libraries raise when `path` cannot be written into an OSError that says why and what is left."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as fault:
        left = "its old content is still good" if path.exists() else "nothing of it is left"
        raise OSError(
            f"{path} could not be written ({_reason(fault)}); {left}. Make room there, or give another place"
        ) from fault


def _reason(fault: BaseException) -> str:
    """The system's message: on a full disk, torch raises a RuntimeError of its own while handling the OSError."""
    cause: BaseException | None = fault
    while cause and not isinstance(cause, OSError):
        cause = cause.__context__
    words = cause.strerror if isinstance(cause, OSError) else None
    return words or (str(fault).splitlines() or [type(fault).__name__])[0]
