"""Frees the queue places of replies that nobody is waiting for any more.

A reply that is being made is finished. One that still waits in the queue is dropped when nobody has looked at its talk
for a while. The store still owes it; it is requested again when the talk is opened again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from models.serving.job import JobState
from models.serving.service import GenerationService

LEFT_AFTER_S = 60.0
"""time without a look at the talk; a reload or a short network failure is over by then"""
SWEEP_EVERY_S = 1.0


class Watch:
    """Remembers when each talk was last looked at, and its open jobs."""

    def __init__(self, service: GenerationService, now: Callable[[], float] = time.monotonic) -> None:
        self.service, self.now = service, now
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, Sequence[str]]] = {}
        self._swept = now()

    def seen(self, talk: str, jobs: Sequence[str]) -> None:
        """Somebody looks at `talk`, whose open jobs are `jobs`. Also drops waiting jobs of abandoned talks."""
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
