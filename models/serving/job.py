"""A reply in the making, as callers see it: the request, its state and its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from models.data.dialogue import Dialogue
from models.serving.intervention import NO_CHANGE, Intervention
from models.serving.trace import DecodeOptions, Reply


class JobState(StrEnum):
    """The state of a job. QUEUED -> RUNNING -> one of the four others, which are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def ended(self) -> bool:
        """True when nothing will change any more."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True)
class ReplyRequest:
    """What to answer, by which net, and how."""

    net: str
    dialogue: Dialogue
    options: DecodeOptions
    seed: int
    change: Intervention = NO_CHANGE
    """what is changed inside the net; only for nets that have `levers`"""


@dataclass(frozen=True)
class Job:
    """One reply in the making, as seen at one moment."""

    id: str
    state: JobState
    text: str = ""
    """the reply so far; after the end: the whole reply, or what had been written when the job was stopped; "" once
    `on_done` has taken it"""
    reply: Reply | None = None
    """set when DONE, until `on_done` has stored it, and when FAILED only because `on_done` could not store it"""
    error: str | None = None
    """one sentence for the user when FAILED or TIMED_OUT; holds no text of the conversation"""
    waiting: int = 0
    """jobs ahead of a QUEUED one, running ones included; else 0"""
    expected_s: float | None = field(default=None, compare=False)
    """seconds until a QUEUED one begins, by the pace of the latest replies; else None"""
    elapsed_s: float = field(default=0.0, compare=False)
    """seconds from submission to now, or to the end"""


OnDone = Callable[[Job], None]


class Wanted(NamedTuple):
    """A reply that somebody asks for."""

    job_id: str
    request: ReplyRequest
    on_done: OnDone | None = None
    owner: str = ""
    """who asks, so that places are shared fairly; the same text for the same person or talk"""


class ServiceBusy(RuntimeError):  # noqa: N818  (the state of the service, worth a retry, not a fault in the call)
    """There is no place for another job now; the same call may work later."""
