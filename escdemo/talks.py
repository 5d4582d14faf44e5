"""One visitor's talk: the store and the generation service behind the page. No Gradio here.

The store decides what may happen and remembers everything; the service makes replies and hands them to the store
itself, so a reply is kept even when no page is watching. A page only looks on.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Mode, ReplyState
from annotation.conversation import add_post, missing_replies, retry_reply, save_reply
from annotation.database import for_reading
from annotation.encounters import (
    EncounterSetup,
    freeze,
    get_encounter,
    latest_encounter,
    reveal,
    start_encounter,
    visitor_of,
)
from annotation.erasure import Erased, delete_visitor
from annotation.judgments import Vote, judge
from annotation.projection import HELD_BACK
from annotation.stages import Stage
from annotation.views import EncounterView, ReplySlot, ReplyTask
from escdemo import texts
from escdemo.reply_screen import must_not_show
from escdemo.settings import Settings
from models.dialogue import Dialogue, Speaker, Turn
from models.service import GenerationService, Job, JobState, ReplyRequest, ServiceBusy
from models.trace import DecodeOptions

_log = logging.getLogger(__name__)

STOPPED_ERROR = "stopped by the visitor"
"""kept as the error of a reply that was cut off on request"""


@dataclass(frozen=True)
class Start:
    """What a visitor chooses before a talk."""

    situation: str
    emotion_type: str
    problem_type: str
    intensity: int
    role_card: str | None
    systems: tuple[str, str]


class Talks:
    """Everything the page can do, for a browser's `token`; each call is one action, stored whole or not at all.

    LookupError: not this browser's talk. ValueError (StageError among them): refused; the message is for the user.
    """

    def __init__(self, sessions: sessionmaker[Session], service: GenerationService, settings: Settings) -> None:
        self.sessions = sessions
        self.reading = for_reading(sessions)
        self.service = service
        self.settings = settings

    def find(self, token: str, encounter_id: str | None = None) -> EncounterView | None:
        """That talk, else the browser's latest; None when there is none."""
        if not token:
            return None
        visitor = visitor_of(token)
        with self.reading() as session:
            if encounter_id:
                try:
                    return get_encounter(session=session, encounter_id=encounter_id, visitor=visitor)
                except LookupError:
                    pass  # deleted in another tab
            return latest_encounter(session=session, visitor=visitor)

    def start(self, token: str, start: Start) -> EncounterView:
        """A new talk, its sides drawn by chance."""
        setup = EncounterSetup(
            systems=start.systems,
            mode=Mode(self.settings.mode),
            seed=secrets.randbelow(2**31),
            study=self.settings.study,
            situation=start.situation,
            emotion_type=start.emotion_type,
            problem_type=start.problem_type,
            intensity_before=start.intensity,
            role_card=start.role_card,
            consent_version=texts.CONSENT_VERSION,
        )
        with self.sessions.begin() as session:
            return start_encounter(session=session, visitor=visitor_of(token), setup=setup)

    def send(self, token: str, encounter_id: str, text: str, key: str) -> EncounterView:
        """Store a message and ask both sides to answer it. The same `key` twice stores it once."""
        with self.sessions.begin() as session:
            add_post(session=session, encounter_id=encounter_id, visitor=visitor_of(token), text=text, key=key)
        self.ask_missing(encounter_id)
        return self._view(token, encounter_id)

    def ask_missing(self, encounter_id: str) -> bool:
        """Have every reply made that is owed and not being made. False when the service has no room for it now.

        Called after a message, and when a page comes back: a reply lost with the server is made again from its seed.
        """
        with self.reading() as session:
            tasks = missing_replies(session=session, encounter_id=encounter_id)
        try:
            for task in tasks:
                self.service.submit(task.slot.job_id(), request_of(task), partial(self._keep, task.slot))
        except (ServiceBusy, ValueError) as error:  # ValueError: the talk is older than this choice of nets
            _log.warning("replies of %s cannot be made now: %s", encounter_id, error)
            return False
        return True

    def stop(self, token: str, encounter_id: str) -> EncounterView:
        """Cut off the replies in the making."""
        for turn in self._view(token, encounter_id).turns:
            for slot in (turn.a.slot, turn.b.slot):
                job = self.job(slot)
                if job is not None and not job.state.ended:
                    self.service.cancel(job.id)
        return self._view(token, encounter_id)

    def retry(self, token: str, encounter_id: str, side: str) -> EncounterView:
        """Have the last message answered again by one side; while names are hidden, by every side that failed."""
        view = self._view(token, encounter_id)
        if not view.turns:
            raise ValueError(texts.FIRST_POST)
        turn = view.turns[-1]
        # The page shows both sides alike then, so whichever button was pressed, what failed is meant.
        failed = [one for one in "ab" if turn.side(one).state is ReplyState.FAILED]
        with self.sessions.begin() as session:
            for one in failed if view.hidden() and failed else [side]:
                retry_reply(
                    session=session,
                    encounter_id=encounter_id,
                    visitor=visitor_of(token),
                    turn_index=turn.index,
                    side=one,
                )
        self.ask_missing(encounter_id)
        return self._view(token, encounter_id)

    def finish(self, token: str, encounter_id: str) -> EncounterView:
        """Close the talk and open the vote."""
        with self.sessions.begin() as session:
            return freeze(session=session, encounter_id=encounter_id, visitor=visitor_of(token))

    def vote(self, token: str, encounter_id: str, vote: Vote) -> EncounterView:
        """Store the vote and show the names, in one step: there is no vote without its reveal."""
        visitor = visitor_of(token)
        with self.sessions.begin() as session:
            judge(session=session, encounter_id=encounter_id, visitor=visitor, vote=vote)
            return reveal(session=session, encounter_id=encounter_id, visitor=visitor)

    def erase(self, token: str) -> Erased:
        """Delete everything this browser left, after stopping what is still being written for it."""
        view = self.find(token)
        if view is not None:
            self.stop(token, view.id)
        with self.sessions.begin() as session:
            return delete_visitor(session=session, visitor=visitor_of(token))

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

    def look(self, token: str, view: EncounterView) -> tuple[EncounterView | None, dict[str, Job]]:
        """The talk and its jobs at one moment; None when the talk was deleted.

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
            again = self.find(token, view.id)
            if again is None:
                return None, {}
            view = again

    def _view(self, token: str, encounter_id: str) -> EncounterView:
        with self.reading() as session:
            return get_encounter(session=session, encounter_id=encounter_id, visitor=visitor_of(token))

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


def request_of(task: ReplyTask) -> ReplyRequest:
    """What the service is asked: the talk as this side knows it, the shared posts and its own replies."""
    turns: list[Turn] = []
    for exchange in task.exchanges:
        turns.append(Turn(Speaker.SEEKER, exchange.post))
        if exchange.reply is not None:
            turns.append(Turn(Speaker.SUPPORTER, exchange.reply, exchange.strategy))
    dialogue = Dialogue(tuple(turns), task.situation, task.emotion_type, task.problem_type, task.slot.encounter_id)
    return ReplyRequest(task.system, dialogue, DecodeOptions(), task.seed)


def names_of(view: EncounterView) -> tuple[str, str]:
    """What the two sides are called on the page now."""
    first, second = view.systems
    return (first or "Supporter A", second or "Supporter B")


def can_see_results(view: EncounterView | None, settings: Settings) -> bool:
    """In a study, the names on the results page wait until the visitor's own open talk has been judged."""
    return settings.mode == "demo" or view is None or view.stage in (Stage.REVEALED, Stage.REVIEWED)


def outcome_counts(judgments: Mapping[str, str]) -> tuple[int, int, int]:
    """How many criteria went to A, to neither, to B."""
    picks = list(judgments.values())
    return picks.count("a"), picks.count("tie"), picks.count("b")
