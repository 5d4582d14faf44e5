"""Files that are written whole or not at all, and one clear error when a disk does not take them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write instead of `path`: a file beside it that replaces it at the end of the block.

    After a failure or an interrupt `path` holds what it held, and the file beside it is gone.
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
    """One text file, whole or not at all. Raises OSError that says why and that the old file is still there."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


@contextmanager
def failures_told(path: Path) -> Iterator[None]:
    """Turns what the libraries raise when `path` cannot be written into an OSError that says why and what is left."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as fault:
        left = "its old content is still good" if path.exists() else "nothing of it is left"
        raise OSError(
            f"{path} could not be written ({_reason(fault)}); {left}. Make room there, or give another place"
        ) from fault


def _reason(fault: BaseException) -> str:
    """The system's words. torch raises a RuntimeError of its own while it handles the OSError of a full disk."""
    cause: BaseException | None = fault
    while cause and not isinstance(cause, OSError):
        cause = cause.__context__
    words = cause.strerror if isinstance(cause, OSError) else None
    return words or (str(fault).splitlines() or [type(fault).__name__])[0]
