"""The replies that the store says are owed: made by the generation service, handed to the store. No Gradio here.

The service saves each reply itself when it has ended, so a reply is kept even when no page is watching.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import ReplyState
from annotation.store.database import for_reading
from annotation.talks.conversation import missing_replies, save_reply
from annotation.talks.projection import HELD_BACK
from annotation.talks.views import EncounterView, ReplySlot, ReplyTask
from escdemo.screening.reply_screen import must_not_show
from models.data.dialogue import Dialogue, Speaker, Turn
from models.serving.service import GenerationService, Job, JobState, ReplyRequest, ServiceBusy
from models.serving.trace import DecodeOptions

_log = logging.getLogger(__name__)

STOPPED_ERROR = "stopped by the visitor"
"""kept as the error of a reply that was cut off on request"""


class Replies:
    """Asks for replies and looks on while they are made, for the first page and for live studies."""

    def __init__(self, sessions: sessionmaker[Session], service: GenerationService, options: DecodeOptions) -> None:
        self.sessions, self.options = sessions, options
        self.reading = for_reading(sessions)
        self.service = service

    def ask_missing(self, encounter_id: str) -> bool:
        """Have every reply made that is owed and not being made. False when the service has no room for it now.

        Called after a message, and when a page comes back: a reply lost with the server is made again from its seed.
        """
        with self.reading() as session:
            tasks = missing_replies(session=session, encounter_id=encounter_id)
        try:
            for task in tasks:
                self.service.submit(task.slot.job_id(), request_of(task, self.options), partial(self._keep, task.slot))
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

    def job(self, slot: ReplySlot) -> Job | None:
        """The job that makes this reply, None when there is none (any more)."""
        try:
            return self.service.get(slot.job_id())
        except KeyError:
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
            now = {job_id for job_id, job in jobs.items() if job.state.ended}
            if now <= ended:
                return view, jobs
            ended |= now
            found = again()
            if found is None:
                return None, {}
            view = found

    def _keep(self, slot: ReplySlot, job: Job) -> None:
        """Called by the service when a reply has ended, in a thread of its own.

        One that must not be shown counts as failed: its text is not stored, and it can be asked for again.
        """
        made = job.reply if job.state is JobState.DONE else None
        held = made is not None and must_not_show(made.text)
        reply = None if made is None or held else made.to_dict()
        stopped = job.state is JobState.CANCELLED
        failed = HELD_BACK if held else STOPPED_ERROR if stopped else job.error or job.state.value
        error = None if reply is not None else failed
        if held:
            _log.warning("reply %s was held back by the safety screen", slot.job_id())
        with self.sessions.begin() as session:
            kept = save_reply(session=session, slot=slot, reply=reply, error=error)
        if not kept:
            _log.info("reply %s came too late to be kept", slot.job_id())


def request_of(task: ReplyTask, options: DecodeOptions) -> ReplyRequest:
    """What the service is asked: the talk as this side knows it, the shared posts and its own replies."""
    turns: list[Turn] = []
    for exchange in task.exchanges:
        turns.append(Turn(Speaker.SEEKER, exchange.post))
        if exchange.reply is not None:
            turns.append(Turn(Speaker.SUPPORTER, exchange.reply, exchange.strategy))
    dialogue = Dialogue(tuple(turns), task.situation, task.emotion_type, task.problem_type, task.slot.encounter_id)
    return ReplyRequest(task.system, dialogue, options, task.seed)
