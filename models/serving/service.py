"""Replies as jobs that outlive the page which asked for them.

Place in the flow: screen -> GenerationService -> Responder -> Reply. A job has an id, a growing text and a state; a
page submits it and follows it. A reload, a closed tab or a slow neighbour neither kills, doubles nor blocks it. Each
running job has its own plain thread: a responder that hangs costs that thread, not a place in a fixed pool. Hosted nets
on one base write the replies of all running jobs together (`models.serving.engine`), so that many may run at a time.

No text of a conversation is ever logged or put into an error message, only ids and the kind of exception.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping, Sequence

from models.serving.intervention import NO_CHANGE, Levers
from models.serving.job import Job, JobState, OnDone, ReplyRequest, ServiceBusy, Wanted
from models.serving.responder import Cancelled, Changeable, ReadsReplies, Responder, SendsWords, forget_texts
from models.serving.trace import Reply

logger = logging.getLogger(__name__)

CLOSE_WAIT_S = 5.0
"""how long `close` lets running responders notice that they should stop"""
CANCEL_WAIT_S = 1.0
"""how long `cancel` waits for `on_done` of the cancelled job"""
WORKERS = 32
"""replies at a time, as many as the engine has rows for when all are guided; also how many of the latest replies are
used to estimate how long one takes"""


class _Record:
    """The mutable side of a job. Every field is read and written under the service's lock."""

    def __init__(self, job_id: str, request: ReplyRequest, on_done: OnDone | None, owner: str) -> None:
        self.id = job_id
        self.net = request.net
        self.request: ReplyRequest | None = request  # kept until the job has ended, like `on_done`
        self.on_done = on_done
        self.owner = owner
        self.submitted_at = time.monotonic()
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.state = JobState.QUEUED
        self.outcome: JobState | None = None  # the end, fixed by the first to decide; becomes `state` after on_done
        self.text = ""
        self.reply: Reply | None = None
        self.error: str | None = None
        self.thread: threading.Thread | None = None  # while it runs
        self.timer: threading.Timer | None = None
        self.finished = threading.Event()


class GenerationService:
    """Runs replies in the background: at most `workers` at a time.

    The next place goes to the owner who has the fewest, and among equals to the one who came first.

    Args:
        responders: by the name used in `ReplyRequest.net`; they must be safe to call from several threads.
        workers: replies made at the same time, of any nets.
        timeout_s: seconds one reply may run (waiting in the queue does not count).
        max_waiting: queued jobs allowed before `submit` raises ServiceBusy.
        keep: jobs remembered; when there are more, the oldest ended ones are forgotten.
    """

    def __init__(
        self,
        responders: Mapping[str, Responder],
        *,
        workers: int = WORKERS,
        timeout_s: float = 120,
        max_waiting: int = 64,
        keep: int = 1024,
    ) -> None:
        limits = {"workers": workers, "timeout_s": timeout_s, "max_waiting": max_waiting, "keep": keep}
        for name, value in limits.items():
            if value <= 0:
                raise ValueError(f"{name} is {value!r}; allowed: greater than 0")
        self._responders = dict(responders)
        self._workers, self._timeout_s, self._max_waiting, self._keep = workers, timeout_s, max_waiting, keep
        self._lock = threading.RLock()
        self._records: dict[str, _Record] = {}  # in order of submission
        self._queue: list[_Record] = []
        self._running: list[_Record] = []
        self._took_s: deque[float] = deque(maxlen=WORKERS)
        self._closed = False

    @property
    def names(self) -> tuple[str, ...]:
        """The nets that can be asked."""
        return tuple(self._responders)

    def checkpoint(self, net: str) -> str:
        """What identifies the weights of a loaded net."""
        return self._responders[net].checkpoint

    @property
    def sends_to(self) -> tuple[str, ...]:
        """Hosts of other operators that talks are sent to, each once."""
        asked = [one.sends_to for one in self._responders.values() if isinstance(one, SendsWords)]
        return tuple(dict.fromkeys(host for host in asked if host))

    def levers(self, net: str) -> Levers:
        """What can be changed inside a net. Raises ValueError for an unknown one."""
        if net not in self._responders:
            raise ValueError(f"unknown net {net!r}; loaded: {', '.join(self.names) or 'none'}")
        responder = self._responders[net]
        return responder.levers if isinstance(responder, Changeable) else Levers()

    @property
    def busy(self) -> bool:
        """Whether a reply is being made or waits."""
        with self._lock:
            return bool(self._running or self._queue)

    def reader(self, name: str) -> ReadsReplies | None:
        """The net of that name if its states can be read, else None."""
        found = self._responders.get(name)
        return found if isinstance(found, ReadsReplies) else None

    def submit(self, job_id: str, request: ReplyRequest, on_done: OnDone | None = None) -> Job:
        """Queue a reply and return at once; see `submit_together`."""
        return self.submit_together([Wanted(job_id, request, on_done)])[0]

    def submit_together(self, wanted: Sequence[Wanted]) -> list[Job]:
        """Queue replies, all of them or none, and return at once; a known id is not queued twice.

        For an id that is queued, running or done, that job is returned as it is (with its first `on_done`). An id that
        failed, was cancelled or timed out starts again. `on_done` runs in a thread of the service when the job has
        ended in any state, before anyone sees that it ended: once DONE is visible, `on_done` has stored the reply, and
        the service no longer holds a word of it. If `on_done` raises, a DONE job becomes FAILED (its `reply` stays), so
        that the same id can be submitted again.

        Raises ValueError for an unknown net or a change that it does not allow, and ServiceBusy when there is no room
        for all or the service is closed.
        """
        for one in wanted:
            self.levers(one.request.net).check(one.request.net, one.request.change)
        with self._lock:
            fresh = [one for one in wanted if not self._is_going(one.job_id)]
            self._check_room(len(fresh))
            for one in fresh:
                self._records.pop(one.job_id, None)
                record = self._records[one.job_id] = _Record(*one)
                self._queue.append(record)
            self._start_next()
            jobs = [self._view(self._records[one.job_id]) for one in wanted]
            self._forget_old()
            return jobs

    def _is_going(self, job_id: str) -> bool:
        """Whether that job is queued, running or done."""
        known = self._records.get(job_id)
        return known is not None and known.state in (JobState.QUEUED, JobState.RUNNING, JobState.DONE)

    def _check_room(self, count: int) -> None:
        """Raises ServiceBusy unless `count` more jobs can be taken, at once or into the queue."""
        if count and self._closed:
            raise ServiceBusy("the server is shutting down; send the message again in a minute")
        at_once = max(0, self._workers - len(self._running))
        if count and len(self._queue) + max(0, count - at_once) > self._max_waiting:
            raise ServiceBusy(f"{len(self._queue)} replies are already waiting; try again in a minute")

    def get(self, job_id: str) -> Job:
        """The job in its present state. Raises KeyError when the id is unknown or forgotten."""
        with self._lock:
            return self._view(self._records[job_id])

    def cancel(self, job_id: str) -> Job:
        """Stop a queued or running job; an ended one is returned unchanged. Raises KeyError when unknown.

        A running responder stops at its next `on_text`; the job ends now in any case. Waits at most `CANCEL_WAIT_S` for
        `on_done`, which runs in another thread: do not call this inside a database transaction that `on_done` needs.
        """
        with self._lock:
            record = self._records[job_id]
            if not record.outcome:
                threading.Thread(target=self._end, args=(record, JobState.CANCELLED), daemon=True).start()
        record.finished.wait(CANCEL_WAIT_S)
        with self._lock:
            return self._view(record)

    def forget(self, job_id: str) -> None:
        """Stop a job if it is open, and forget it; an unknown one is forgotten already."""
        with self._lock:
            record = self._records.pop(job_id, None)
            if record is not None and not record.outcome:
                record.on_done = None
                self._decide(record, JobState.CANCELLED)
                self._publish(record)

    def forget_owner(self, owner: str) -> None:
        """Stop and forget all jobs of this owner, such as a talk that was deleted."""
        with self._lock:
            for job_id in [record.id for record in self._records.values() if record.owner == owner]:
                self.forget(job_id)

    def forget_texts(self) -> None:
        """Empty the caches of all nets, which hold what was said, so that nothing of a deleted talk is left there."""
        for responder in self._responders.values():
            forget_texts(responder)

    def wait(self, job_id: str, timeout_s: float | None = None) -> Job:
        """Block until the job ended or `timeout_s` seconds passed, and return it. Raises KeyError when unknown."""
        with self._lock:
            record = self._records[job_id]
        record.finished.wait(timeout_s)
        with self._lock:
            return self._view(record)

    async def tail(self, job_id: str, every_s: float = 0.1) -> AsyncIterator[Job]:
        """Yield the job now and whenever it has changed, until it has ended; it is checked every `every_s` seconds.

        Leaving the loop does not touch the job. Raises KeyError at the first step when the id is unknown.
        """
        with self._lock:
            record = self._records[job_id]
        seen: Job | None = None
        while seen is None or not seen.state.ended:
            with self._lock:
                job = self._view(record)
            if job != seen:
                seen = job
                yield job
            if not job.state.ended:
                await asyncio.sleep(every_s)

    def close(self) -> None:
        """Stop everything; open jobs end as CANCELLED without `on_done`.

        So a reply that is cut off when the server ends is not stored, and can be requested again after a restart.
        """
        with self._lock:
            self._closed = True
            for record in [*self._queue, *self._running]:
                record.on_done = None
                self._decide(record, JobState.CANCELLED)
                self._publish(record)
            threads = [record.thread for record in self._records.values() if record.thread is not None]
        deadline = time.monotonic() + CLOSE_WAIT_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _view(self, record: _Record) -> Job:
        ahead = len(self._running) + self._queue.index(record) if record in self._queue else 0
        elapsed_s = (record.ended_at or time.monotonic()) - record.submitted_at
        state = (record.id, record.state, record.text, record.reply, record.error)
        return Job(*state, ahead, self._expected_s(record), elapsed_s)

    def _expected_s(self, record: _Record) -> float | None:
        if record not in self._queue or not self._took_s:
            return None
        return (self._queue.index(record) + 1) * statistics.fmean(self._took_s) / max(1, self._workers)

    def _forget_old(self) -> None:
        ended = [record.id for record in self._records.values() if record.state.ended]
        for job_id in ended[: max(0, len(self._records) - self._keep)]:
            del self._records[job_id]

    def _start_next(self) -> None:
        while self._queue and len(self._running) < self._workers and not self._closed:
            record = self._next()
            self._queue.remove(record)
            self._running.append(record)
            record.state, record.started_at = JobState.RUNNING, time.monotonic()
            record.timer = threading.Timer(self._timeout_s, self._time_out, args=(record,))
            record.timer.daemon = True
            record.timer.start()
            running = record, record.request
            record.thread = threading.Thread(target=self._run, args=running, name=f"reply-{record.id}", daemon=True)
            record.thread.start()

    def _next(self) -> _Record:
        taken = Counter(record.owner for record in self._running)
        return min(self._queue, key=lambda record: taken[record.owner] if record.owner else 0)

    def _run(self, record: _Record, request: ReplyRequest) -> None:
        try:
            self._make(record, request)
        finally:
            record.thread = None

    def _make(self, record: _Record, request: ReplyRequest) -> None:
        def on_text(text: str) -> None:
            with self._lock:
                if record.outcome:
                    raise Cancelled
                record.text = text

        try:
            responder = self._responders[request.net]
            if request.change == NO_CHANGE:
                reply = responder.respond(request.dialogue, request.options, request.seed, on_text)
            else:
                assert isinstance(responder, Changeable)  # `submit` has seen to it
                reply = responder.intervene(request.dialogue, request.options, request.seed, request.change, on_text)
        except Cancelled:
            self._end(record, JobState.CANCELLED)
        except Exception as error:
            _log_without_text(f"job {record.id} of net {request.net} failed", error)
            message = f"{request.net} could not answer ({type(error).__name__}); try again or use another model"
            self._end(record, JobState.FAILED, error=message)
        else:
            self._end(record, JobState.DONE, reply=reply)

    def _time_out(self, record: _Record) -> None:
        message = f"{record.net} did not finish within {self._timeout_s:g} s; try again or use another model"
        self._end(record, JobState.TIMED_OUT, error=message)

    def _end(self, record: _Record, outcome: JobState, *, reply: Reply | None = None, error: str | None = None) -> None:
        """Settle a job once: decide, let `on_done` store the result, and only then show it as ended."""
        with self._lock:
            if record.outcome:
                return
            if reply is not None:
                record.reply, record.text = reply, reply.text
            record.error = error
            self._decide(record, outcome)
            now = time.monotonic()
            if outcome is JobState.DONE and record.started_at is not None:
                self._took_s.append(now - record.started_at)
            job = Job(record.id, outcome, record.text, reply, error, elapsed_s=now - record.submitted_at)
        taken = False
        try:
            if record.on_done is not None:
                record.on_done(job)
                taken = True
        except Exception as problem:
            _log_without_text(f"on_done of job {record.id} failed", problem)
            if outcome is JobState.DONE:
                record.outcome = JobState.FAILED
                record.error = f"the reply could not be saved ({type(problem).__name__}); try again"
        with self._lock:
            self._publish(record, taken)

    def _decide(self, record: _Record, outcome: JobState) -> None:
        """Fix the end of a job and give its place to the next one."""
        record.outcome = outcome
        if record.timer is not None:
            record.timer.cancel()
            record.timer = None
        for line in (self._queue, self._running):
            if record in line:
                line.remove(record)
        self._start_next()

    def _publish(self, record: _Record, taken: bool = False) -> None:
        """Show the end, and drop what only a running job needs, since many ended jobs are remembered; and what was
        written, if `on_done` has taken it: a copy here would outlive the talk when that is deleted."""
        if record.outcome is not None:
            record.state = record.outcome
        if taken:
            record.text, record.reply = "", None
        record.request = record.on_done = None
        record.ended_at = time.monotonic()
        record.finished.set()


def _log_without_text(what: str, error: Exception) -> None:
    """Log the kind and the place of an exception but not its message, which may quote the seeker."""
    place = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s: %s\n%s", what, type(error).__name__, place)
