"""Has owed replies made by the generation service and saves them in the store. No Gradio here.

The service calls back to save each finished reply, so a reply is kept even when no page is watching.

Message and reply are judged together before anything is saved. A draft that must not be shown is not stored: the net is
asked again with another seed, more freely, and if that does not help, a fixed sentence takes its place and says so.

When one side repeats the other word for word, it is asked again as well, as nobody could compare two equal replies; and
so is one that says a message back with its persons mixed up ("You are ten ..." of somebody's son), or a piece of
it that makes no sense alone.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import HeldBack, ReplyState
from annotation.store.database import for_reading
from annotation.talks.conversation import missing_replies, other_sides_text, save_reply
from annotation.talks.encounters import encounter_exists
from annotation.talks.views import EncounterView, ReplySlot, ReplyTask
from escdemo.crisis_texts import HELD_BACK
from escdemo.job_watch import Watch
from escdemo.screening.answer_screen import held_for, may_answer
from escdemo.screening.message_screen import Danger, danger_now
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.mixed_up import mixes_up_persons
from models.data.torn_off import is_torn_off
from models.serving.job import Job, JobState, ReplyRequest, ServiceBusy, Wanted
from models.serving.service import GenerationService
from models.serving.trace import DecodeOptions, Reply

_log = logging.getLogger(__name__)

STOPPED_ERROR = "stopped by the visitor"
"""stored as the error of a reply that the visitor stopped"""
DRAFTS = 3
"""most attempts at a reply that may be shown, each with another seed"""
REDRAW_WITHIN_S = 20.0
"""time since the first request after which no further draft is begun, as somebody is waiting"""
NEXT_SEED = 1_000_003
"""step from the seed of one draft to the next"""
NONE, REPEATS, TORN_OFF, MIXED_UP = range(4)
"""what is wrong with a draft that may be shown, the worst last: it repeats the other side, says something back that
makes no sense alone, or mixes up persons"""


@dataclass(frozen=True)
class _Draft:
    """One attempt at a reply."""

    task: ReplyTask
    danger: Danger | None
    """the danger that the reply must take seriously"""
    asked_at: float
    """when the first draft was requested, by the monotonic clock"""
    number: int = 0
    held: Reply | None = None
    """the latest draft that must not be shown"""
    spare: Reply | None = None
    """the best draft so far that may be shown, if no better one comes"""
    fault: int = NONE
    """what is wrong with it"""

    def job_id(self) -> str:
        return _job_id(self.task.slot, self.number)

    def without(self, held: Reply) -> _Draft:
        """This draft, after one that must not be shown."""
        return replace(self, held=held)

    def with_spare(self, made: Reply, fault: int) -> _Draft:
        """This draft, keeping what was made if it is no worse than what is kept."""
        return self if self.spare is not None and self.fault < fault else replace(self, spare=made, fault=fault)

    def next(self) -> _Draft:
        """The next draft."""
        return replace(self, number=self.number + 1)

    def worth_making(self, options: DecodeOptions) -> bool:
        """Whether it may differ from the draft before, and there is time for it."""
        drawn = options.draws or options.method == "rerank"
        return drawn and self.number < DRAFTS and time.monotonic() - self.asked_at < REDRAW_WITHIN_S


class Replies:
    """Requests replies and follows their progress, for the first page and for live studies."""

    def __init__(self, sessions: sessionmaker[Session], service: GenerationService, options: DecodeOptions) -> None:
        self.sessions, self.options = sessions, options
        self.reading = for_reading(sessions)
        self.service = service
        self._saving = threading.Lock()
        self._watch = Watch(service)

    def ask_missing(self, encounter_id: str) -> bool:
        """Request every owed reply that is not being made. False when the service has no room now.

        Called after a message and when a page comes back: a reply lost in a restart is made again from its seed.
        """
        with self.reading() as session:
            tasks = missing_replies(session=session, encounter_id=encounter_id)
        drafts = [
            _Draft(task, danger_now(task.situation, [exchange.post for exchange in task.exchanges]), time.monotonic())
            for task in tasks
        ]
        self._watch.seen(encounter_id, [draft.job_id() for draft in drafts])
        try:  # both sides or none, so that nobody waits for half an answer
            self._submit(encounter_id, drafts)
        except (ServiceBusy, ValueError) as error:  # ValueError: an older talk, with nets that this run lacks
            _log.warning("replies of %s cannot be made now: %s", encounter_id, error)
            return False
        return True

    def cut_off(self, view: EncounterView) -> None:
        """Stop the replies that are being made."""
        for turn in view.turns:
            for slot in (turn.a.slot, turn.b.slot):
                job = self.job(slot)
                if job is not None and not job.state.ended:
                    self.service.cancel(job.id)

    def leave(self, view: EncounterView) -> None:
        """Drop the jobs of this talk. Their replies stay owed and are made when the talk goes on."""
        for job in self.jobs(view).values():
            self.service.forget(job.id)

    def job(self, slot: ReplySlot) -> Job | None:
        """The job of this reply's latest draft; None when there is none (any more)."""
        for number in reversed(range(DRAFTS)):
            try:
                return self.service.get(_job_id(slot, number))
            except KeyError:
                continue
        return None

    def jobs(self, view: EncounterView) -> dict[str, Job]:
        """The jobs of the pending replies of `view`, by job id."""
        slots = [reply.slot for turn in view.turns for reply in (turn.a, turn.b) if reply.state is ReplyState.PENDING]
        found = {slot.job_id(): self.job(slot) for slot in slots}
        return {job_id: job for job_id, job in found.items() if job is not None}

    def settled(
        self, view: EncounterView, again: Callable[[], EncounterView | None]
    ) -> tuple[EncounterView | None, dict[str, Job]]:
        """The talk and its jobs at the same moment; None when the talk was deleted. `again` reads the talk anew.

        When a job has ended, its reply is in the store, but perhaps not yet in `view`, which was read earlier. So the
        talk is read again until no further job has ended. An ended job that is still there could not be saved.
        """
        ended: set[str] = set()
        while True:
            jobs = self.jobs(view)
            self._watch.seen(view.id, [job.id for job in jobs.values() if not job.state.ended])
            now = {job.id for job in jobs.values() if job.state.ended}  # one per draft: the next draft may end too
            if now <= ended:
                return view, jobs
            ended |= now
            found = again()
            if found is None:
                return None, {}
            view = found

    def _wanted(self, draft: _Draft) -> Wanted:
        request = request_of(draft.task, self.options.freer(draft.number))
        seed = (request.seed + draft.number * NEXT_SEED) % 2**31
        keep, talk = partial(self._keep, draft), draft.task.slot.encounter_id
        return Wanted(draft.job_id(), replace(request, seed=seed), keep, talk)

    def _keep(self, draft: _Draft, job: Job) -> None:
        """Called by the service in its own thread when a draft has ended, before anybody can see that."""
        made = job.reply if job.state is JobState.DONE else None
        if made is not None and may_answer(made.text, draft.danger):
            self._keep_unless_poor(draft, made)
        elif made is not None:
            _log.warning("reply %s was held back by the safety screen", draft.job_id())
            draft = draft.without(made)
            if not self._ask_again(draft.next()):
                self._keep_something(draft)
        elif (draft.held or draft.spare) is not None and job.state is not JobState.CANCELLED:
            self._keep_something(draft)
        else:
            stopped = job.state is JobState.CANCELLED
            self._save(draft, None, None, STOPPED_ERROR if stopped else job.error or job.state.value)

    def _keep_unless_poor(self, draft: _Draft, made: Reply) -> None:
        """Save a reply that may be shown, unless something is wrong with it and another draft can be made."""
        with self._saving:  # when two equal replies end together, the second one sees the first
            fault = self._fault(draft, made)
            draft = draft.with_spare(made, fault)
            if not fault or not self._ask_again(draft.next()):
                self._keep_something(draft)

    def _keep_something(self, draft: _Draft) -> None:
        """Save the best draft that may be shown, else the fixed sentence."""
        if draft.spare is not None:
            self._save(draft, draft.spare, HeldBack.REDRAWN if draft.held else None)
        elif draft.held is not None:
            self._save(draft, stand_in(draft.held, draft.danger), HeldBack.REPLACED)

    def _fault(self, draft: _Draft, made: Reply) -> int:
        post = draft.task.exchanges[-1].post
        if mixes_up_persons(made.text, post):
            return MIXED_UP
        if is_torn_off(made.text, post):
            return TORN_OFF
        return REPEATS if self._repeats(draft, made) else NONE

    def _repeats(self, draft: _Draft, made: Reply) -> bool:
        with self.reading() as session:
            other = other_sides_text(session=session, slot=draft.task.slot)
        return other is not None and other.casefold().split() == made.text.casefold().split()

    def _ask_again(self, draft: _Draft) -> bool:
        """Request this draft. False when it is not worth making or there is no room."""
        if not draft.worth_making(self.options):
            return False
        try:
            self._submit(draft.task.slot.encounter_id, [draft])
        except ServiceBusy:
            return False
        return True

    def _submit(self, encounter_id: str, drafts: Sequence[_Draft]) -> None:
        """Request drafts of one talk, all of them or none. Raises ServiceBusy, or ValueError for an unknown net."""
        self.service.submit_together([self._wanted(draft) for draft in drafts])
        with self.reading() as session:
            there = encounter_exists(session, encounter_id)
        if not there:  # deleted since the drafts were thought of, perhaps after `forget_talks` had looked for jobs
            self.forget_talks([encounter_id])

    def forget_talks(self, encounters: Sequence[str]) -> None:
        """Stop and forget all that is made, or was made, for talks that were deleted. Call it after the commit."""
        for encounter in encounters:
            self.service.forget_owner(encounter)
        if encounters:
            self.service.forget_texts()

    def _save(self, draft: _Draft, reply: Reply | None, held_back: HeldBack | None, error: str | None = None) -> None:
        slot, made = draft.task.slot, None if reply is None else reply.to_dict()
        with self.sessions.begin() as session:
            kept = save_reply(
                session=session, slot=slot, reply=made, error=error, held_back=held_back, danger=draft.danger
            )
        if not kept:
            _log.info("reply %s came too late to be kept", slot.job_id())


def stand_in(held: Reply, danger: Danger | None) -> Reply:
    """The fixed sentence that replaces `held`, with nothing in its trace that the net said."""
    even = (1 / len(held.trace.strategies),) * len(held.trace.strategies)
    trace = replace(held.trace, strategies=even, tokens=(), blocks=(), emotions=(), extras=())
    return Reply(HELD_BACK[held_for(held.text, danger)], "", trace)


def _job_id(slot: ReplySlot, draft: int) -> str:
    return f"{slot.job_id()}~{draft}" if draft else slot.job_id()


def request_of(task: ReplyTask, options: DecodeOptions) -> ReplyRequest:
    """The request to the service: the talk as this side knows it, with the shared posts and its own replies."""
    turns: list[Turn] = []
    for exchange in task.exchanges:
        turns.append(Turn(Speaker.SEEKER, exchange.post))
        if exchange.reply is not None:
            turns.append(Turn(Speaker.SUPPORTER, exchange.reply, exchange.strategy))
    dialogue = Dialogue(tuple(turns), task.situation, task.emotion_type, task.problem_type, task.slot.encounter_id)
    return ReplyRequest(task.system, dialogue, options, task.seed)
