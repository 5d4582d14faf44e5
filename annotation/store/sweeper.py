"""Repeats, in the background of a running app, the attempt to remove deleted texts from the database's files.

It also completes deletions that another program (`python -m annotation study withdraw`) could not finish.
"""

from __future__ import annotations

import threading

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from annotation.store.erasure import finish_erasures

LOOK_EVERY_S = 5.0
"""pause while there is nothing to do"""
SOONEST_S, LATEST_S = 1.0, 60.0
"""pause after the first failed try, doubled after each further one up to LATEST_S"""


class Sweeper:
    """One thread, which runs from construction until `close`."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._engine: Engine = sessions.kw["bind"]
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End after the current try."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        failed = 0
        while True:
            failed = 0 if finish_erasures(self._engine) else failed + 1
            if self._closed.wait(pause_after(failed)):
                return


def pause_after(failed: int) -> float:
    """Seconds until the next try, after `failed` failed ones in a row."""
    return min(SOONEST_S * 2 ** min(failed - 1, 10), LATEST_S) if failed else LOOK_EVERY_S
