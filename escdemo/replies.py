"""The replies that the store says are owed: made by the generation service, handed to the store. No Gradio here.

The service saves each reply itself when it has ended, so a reply is kept even when no page is watching.

Message and reply are judged together before anything is kept. A draft that may not be shown is not stored; the net is
asked again with another seed, and when that does not help a fixed sentence stands in its place, which says so.

Nor do both sides say the same, word for word, when the second of them finds anything else to say: nobody could compare
two equal replies.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import HeldBack, ReplyState
from annotation.store.database import for_reading
from annotation.talks.conversation import missing_replies, other_sides_text, save_reply
from annotation.talks.views import EncounterView, ReplySlot, ReplyTask
from escdemo.crisis_texts import HELD_BACK
from escdemo.job_watch import Watch
from escdemo.screening.answer_screen import held_for, may_answer
from escdemo.screening.message_screen import Danger, danger_now
from models.data.dialogue import Dialogue, Speaker, Turn
from models.serving.job import Job, JobState, ReplyRequest, ServiceBusy, Wanted
from models.serving.service import GenerationService
from models.serving.trace import DecodeOptions, Reply

_log = logging.getLogger(__name__)

STOPPED_ERROR = "stopped by the visitor"
"""kept as the error of a reply that was cut off on request"""
DRAFTS = 3
"""how often a net is asked for a reply that may be shown, each time with another seed"""
REDRAW_WITHIN_S = 20.0
"""no further draft is begun so long after the first was asked for: somebody waits"""
NEXT_SEED = 1_000_003
"""from the seed of one draft to that of the next"""


@dataclass(frozen=True)
class _Draft:
    """One try at a reply."""

    task: ReplyTask
    danger: Danger | None
    """what the reply has to take seriously"""
    asked_at: float
    """when the first draft was asked for, by the monotonic clock"""
    number: int = 0
    held: Reply | None = None
    """the latest draft that may not be shown"""
    spare: Reply | None = None
    """a draft that may be shown, but says what the other side has said"""

    def job_id(self) -> str:
        return _job_id(self.task.slot, self.number)

    def without(self, held: Reply) -> _Draft:
        """The next draft after one that may not be shown."""
        return replace(self, number=self.number + 1, held=held)

    def unlike(self, spare: Reply) -> _Draft:
        """The next draft after one that only repeats the other side."""
        return replace(self, number=self.number + 1, spare=spare)

    def worth_making(self, options: DecodeOptions) -> bool:
        """It may turn out otherwise than the draft before, and there is time for it."""
        drawn = options.draws or options.method == "rerank"
        return drawn and self.number < DRAFTS and time.monotonic() - self.asked_at < REDRAW_WITHIN_S


class Replies:
    """Asks for replies and looks on while they are made, for the first page and for live studies."""

    def __init__(self, sessions: sessionmaker[Session], service: GenerationService, options: DecodeOptions) -> None:
        self.sessions, self.options = sessions, options
        self.reading = for_reading(sessions)
        self.service = service
        self._saving = threading.Lock()
        self._watch = Watch(service)

    def ask_missing(self, encounter_id: str) -> bool:
        """Have every reply made that is owed and not being made. False when the service has no room for it now.

        Called after a message, and when a page comes back: a reply lost with the server is made again from its seed.
        """
        with self.reading() as session:
            tasks = missing_replies(session=session, encounter_id=encounter_id)
        drafts = [
            _Draft(task, danger_now(task.situation, [exchange.post for exchange in task.exchanges]), time.monotonic())
            for task in tasks
        ]
        self._watch.seen(encounter_id, [draft.job_id() for draft in drafts])
        try:  # both sides or none: nobody waits for half an answer
            self.service.submit_together([self._wanted(draft) for draft in drafts])
        except (ServiceBusy, ValueError) as error:  # ValueError: the talk is older than this choice of nets
            _log.warning("replies of %s cannot be made now: %s", encounter_id, error)
            return False
        return True

    def cut_off(self, view: EncounterView) -> None:
        """Stop the replies in the making."""
        for turn in view.turns:
            for slot in (turn.a.slot, turn.b.slot):
                job = self.job(slot)
                if job is not None and not job.state.ended:
                    self.service.cancel(job.id)

    def leave(self, view: EncounterView) -> None:
        """Give up the places of the replies in the making: they stay owed, and are made when the talk goes on."""
        for job in self.jobs(view).values():
            self.service.forget(job.id)

    def job(self, slot: ReplySlot) -> Job | None:
        """The job that makes this reply now, its latest draft; None when there is none (any more)."""
        for number in reversed(range(DRAFTS)):
            try:
                return self.service.get(_job_id(slot, number))
            except KeyError:
                continue
        return None

    def jobs(self, view: EncounterView) -> dict[str, Job]:
        """The jobs behind the replies of `view` that are not there yet, by job id."""
        slots = [reply.slot for turn in view.turns for reply in (turn.a, turn.b) if reply.state is ReplyState.PENDING]
        found = {slot.job_id(): self.job(slot) for slot in slots}
        return {job_id: job for job_id, job in found.items() if job is not None}

    def settled(
        self, view: EncounterView, again: Callable[[], EncounterView | None]
    ) -> tuple[EncounterView | None, dict[str, Job]]:
        """The talk and its jobs at one moment; None when it was deleted. `again` reads the talk afresh.

        A job that is seen to have ended has its reply in the store already, but perhaps not in `view`, which was read
        earlier: read again until no job has ended since. One that stays could not be saved.
        """
        ended: set[str] = set()
        while True:
            jobs = self.jobs(view)
            self._watch.seen(view.id, [job.id for job in jobs.values() if not job.state.ended])
            now = {job.id for job in jobs.values() if job.state.ended}  # a draft each: the next may end as well
            if now <= ended:
                return view, jobs
            ended |= now
            found = again()
            if found is None:
                return None, {}
            view = found

    def _wanted(self, draft: _Draft) -> Wanted:
        request = request_of(draft.task, self.options)
        seed = (request.seed + draft.number * NEXT_SEED) % 2**31
        keep, talk = partial(self._keep, draft), draft.task.slot.encounter_id
        return Wanted(draft.job_id(), replace(request, seed=seed), keep, talk)

    def _keep(self, draft: _Draft, job: Job) -> None:
        """Called by the service when a draft has ended, in a thread of its own, before anybody sees that it has."""
        made = job.reply if job.state is JobState.DONE else None
        if made is not None and may_answer(made.text, draft.danger):
            self._keep_unlike(draft, made)
        elif made is not None:
            _log.warning("reply %s was held back by the safety screen", draft.job_id())
            if not self._ask_again(draft.without(made)):
                self._keep_something(replace(draft, held=made))
        elif (draft.held or draft.spare) is not None and job.state is not JobState.CANCELLED:
            self._keep_something(draft)
        else:
            stopped = job.state is JobState.CANCELLED
            self._save(draft, None, None, STOPPED_ERROR if stopped else job.error or job.state.value)

    def _keep_unlike(self, draft: _Draft, made: Reply) -> None:
        """Keep a reply that may be shown, unless it repeats the other side's and another can be had."""
        with self._saving:  # of two equal replies that end together, the second sees the first
            if self._repeats(draft, made) and self._ask_again(draft.unlike(made)):
                return
            self._save(draft, made, HeldBack.REDRAWN if draft.held else None)

    def _keep_something(self, draft: _Draft) -> None:
        """What stands there when no further draft came: one like the other side's, else the fixed sentence."""
        if draft.spare is not None:
            self._save(draft, draft.spare, None)
        elif draft.held is not None:
            self._save(draft, stand_in(draft.held, draft.danger), HeldBack.REPLACED)

    def _repeats(self, draft: _Draft, made: Reply) -> bool:
        with self.reading() as session:
            other = other_sides_text(session=session, slot=draft.task.slot)
        return other is not None and other.casefold().split() == made.text.casefold().split()

    def _ask_again(self, draft: _Draft) -> bool:
        """False when there is no use or no room for it."""
        if not draft.worth_making(self.options):
            return False
        try:
            self.service.submit_together([self._wanted(draft)])
        except ServiceBusy:
            return False
        return True

    def _save(self, draft: _Draft, reply: Reply | None, held_back: HeldBack | None, error: str | None = None) -> None:
        slot, made = draft.task.slot, None if reply is None else reply.to_dict()
        with self.sessions.begin() as session:
            kept = save_reply(
                session=session, slot=slot, reply=made, error=error, held_back=held_back, danger=draft.danger
            )
        if not kept:
            _log.info("reply %s came too late to be kept", slot.job_id())


def stand_in(held: Reply, danger: Danger | None) -> Reply:
    """The fixed sentence that stands in place of `held`, with nothing in its trace that the net said."""
    even = (1 / len(held.trace.strategies),) * len(held.trace.strategies)
    trace = replace(held.trace, strategies=even, tokens=(), blocks=(), emotions=(), extras=())
    return Reply(HELD_BACK[held_for(held.text, danger)], "", trace)


def _job_id(slot: ReplySlot, draft: int) -> str:
    return f"{slot.job_id()}~{draft}" if draft else slot.job_id()


def request_of(task: ReplyTask, options: DecodeOptions) -> ReplyRequest:
    """What the service is asked: the talk as this side knows it, the shared posts and its own replies."""
    turns: list[Turn] = []
    for exchange in task.exchanges:
        turns.append(Turn(Speaker.SEEKER, exchange.post))
        if exchange.reply is not None:
            turns.append(Turn(Speaker.SUPPORTER, exchange.reply, exchange.strategy))
    dialogue = Dialogue(tuple(turns), task.situation, task.emotion_type, task.problem_type, task.slot.encounter_id)
    return ReplyRequest(task.system, dialogue, options, task.seed)
