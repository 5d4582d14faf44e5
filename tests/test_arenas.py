"""Threads share pools of memory: seen from glibc's own account of them, in a process of its own."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from models.serving.arenas import ARENAS, CHOSEN

COUNT = """
import ctypes, sys, threading
from models.serving.arenas import share_arenas

if "share" in sys.argv:
    share_arenas()
libc, together = ctypes.CDLL(None), threading.Barrier(9)
libc.malloc.restype = ctypes.c_void_p

def hold():
    libc.malloc(ctypes.c_size_t(10_000))
    together.wait(20)

for _ in range(8):
    threading.Thread(target=hold, daemon=True).start()
together.wait(20)
out = ctypes.c_void_p.in_dll(libc, "stdout")
libc.malloc_info(0, out)
libc.fflush(out)
"""


def arenas(*how: str, **environment: str) -> int:
    """How many pools eight threads make that hold memory at once."""
    kept = {name: value for name, value in os.environ.items() if name != CHOSEN}
    told = subprocess.run(
        [sys.executable, "-c", COUNT, *how], capture_output=True, text=True, check=True, env=kept | environment
    )
    return told.stdout.count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has such pools")
def test_threads_share_pools_of_memory() -> None:
    assert arenas() > ARENAS
    assert arenas("share") == ARENAS
    assert arenas("share", MALLOC_ARENA_MAX="4") == 4
