"""A full disk without one: a child process whose files may not grow beyond a limit that the system enforces."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def largest_file(bytes_: int) -> Iterator[None]:
    """In this block a write beyond `bytes_` fails with "File too large"; for use in a child process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def in_child(function: Callable[..., str], *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Calls a function of a test module in a process of its own, which prints what it returns, ends with `status`."""
    name = function.__name__
    code = f"from {function.__module__} import {name}; print({name}(*{arguments!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    return done
