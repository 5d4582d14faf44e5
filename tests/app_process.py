"""The real app in a process of its own, over the nets of a server."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import app
from tests.running import free_port

ROOT = Path(app.__file__).parent


@contextmanager
def app_process(nets: str, database: str, backend: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The process and its address, once it answers; it is killed when the block ends, however it ends."""
    port = free_port()
    flags = ["--port", str(port), "--nets", nets, "--database", database, "--backend", backend]
    with subprocess.Popen([sys.executable, "app.py", *flags], cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            while not _answers(address):
                assert process.poll() is None
                time.sleep(0.1)
            yield process, address
        finally:
            process.kill()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz") as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError:  # it has not begun to listen
        return False
