"""Counts and times of one server, for Prometheus. They hold no text and nothing about who asked."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LONGEST_RETRY_S = 60
_SECONDS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The counters; each server has its own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        new: dict[str, Any] = {"registry": self.registry, "namespace": "escdemo"}
        self.replies = Counter("replies", "Replies asked for, by how they ended", ["model", "end"], **new)
        self.tokens = Counter("reply_tokens", "Tokens written", ["model"], **new)
        self.seconds = Histogram("reply_seconds", "From request to whole reply", ["model"], buckets=_SECONDS, **new)
        self.first = Histogram("first_text_seconds", "From request to first text", ["model"], buckets=_SECONDS, **new)
        self.open = Gauge("open_requests", "Replies being made or waited for", **new)
        self._recent = deque[float](maxlen=32)

    def done(self, model: str, seconds: float, tokens: int) -> None:
        """Count a finished reply."""
        self.seconds.labels(model).observe(seconds)
        self.tokens.labels(model).inc(tokens)
        self._recent.append(seconds)

    def retry_after_s(self) -> int:
        """Seconds after which a place is likely to be free: the mean of the latest replies, rounded up."""
        mean = sum(self._recent) / len(self._recent) if self._recent else 5.0
        return min(max(math.ceil(mean), 1), LONGEST_RETRY_S)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
