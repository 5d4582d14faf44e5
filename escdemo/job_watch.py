"""Whether somebody still looks on while a reply waits for its turn: who has left gives up the place in the queue.

A reply that is being made goes on. One that only waits is forgotten by the generation service when nobody has looked
at its talk for a while; it stays owed in the store, and is asked for again when the talk is opened again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from models.serving.job import JobState
from models.serving.service import GenerationService

LEFT_AFTER_S = 60.0
"""nobody has looked on for so long: a reload or a short break of the network is over by then"""
SWEEP_EVERY_S = 1.0


class Watch:
    """When each talk was looked at, and which jobs wait for it."""

    def __init__(self, service: GenerationService, now: Callable[[], float] = time.monotonic) -> None:
        self.service, self.now = service, now
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, Sequence[str]]] = {}
        self._swept = now()

    def seen(self, talk: str, jobs: Sequence[str]) -> None:
        """Somebody looks at `talk`, for which `jobs` are open; those of others that wait for nobody make room."""
        now = self.now()
        with self._lock:
            self._seen.pop(talk, None)
            if jobs:
                self._seen[talk] = now, tuple(jobs)
            if now - self._swept < SWEEP_EVERY_S:
                return
            self._swept = now
            left = [job for at, waiting in self._seen.values() if now - at > LEFT_AFTER_S for job in waiting]
            self._seen = {one: kept for one, kept in self._seen.items() if now - kept[0] <= LEFT_AFTER_S}
        for job in left:
            self._forget(job)

    def _forget(self, job: str) -> None:
        try:
            waits = self.service.get(job).state is JobState.QUEUED
        except KeyError:
            return
        if waits:
            self.service.forget(job)
