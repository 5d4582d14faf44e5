"""Runs the real app in its own process, on a temporary database, and samples its memory and open files."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
STOP_WAIT_S = 20.0


class NoApp(RuntimeError):  # noqa: N818  (reads as the sentence it is)
    """The app did not start."""


@dataclass(frozen=True)
class Sample:
    """The app's process at one moment."""

    at_s: float
    memory_mib: float
    """resident memory"""
    files: int
    """open files, including connections"""


@contextmanager
def app_process(flags: Sequence[str], database: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run `app.py` with `flags` on this database and a free local port; give process and address once it answers.

    The app is stopped at the end of the block in any case. Raises NoApp when it ends before answering; the reason is on
    stderr.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = ["--host", "127.0.0.1", "--port", str(port), "--database", database]
    command = [sys.executable, "app.py", *flags, *own]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            while not _answers(address):
                if process.poll() is not None:
                    raise NoApp(f"app.py {' '.join(flags)} ended with status {process.returncode}; see above")
                time.sleep(0.2)
            yield process, address
        finally:
            process.terminate()
            try:
                process.wait(STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def running_app(flags: Sequence[str]) -> Iterator[tuple[str, int]]:
    """As `app_process`, but on a temporary database; gives address and process id."""
    with (
        tempfile.TemporaryDirectory() as folder,
        app_process(flags, f"sqlite:///{folder}/soak.db") as (process, address),
    ):
        yield address, process.pid


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz") as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):  # it does not listen yet, or is still loading
        return False


def sample(process: int, since: float) -> Sample | None:
    """The process now, with the time `since` a moment of the monotonic clock; None when it is gone."""
    try:
        found = psutil.Process(process)
        return Sample(time.monotonic() - since, found.memory_info().rss / 2**20, found.num_fds())
    except psutil.Error:
        return None
