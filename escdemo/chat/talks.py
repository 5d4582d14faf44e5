"""A visitor's talks: what the first page may do with the store, on top of `Replies`. No Gradio here.

The store decides what may happen and remembers everything. A page only shows it.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import HeldBack, Mode, ReplyState, Role
from annotation.store.erasure import Erased, Remains, delete_visitor, remains
from annotation.studies.members import whose_link
from annotation.studies.studies import get_brief
from annotation.talks.conversation import add_post, retry_reply
from annotation.talks.encounters import (
    EncounterSetup,
    encounters_of,
    freeze,
    get_encounter,
    is_token,
    latest_encounter,
    reveal,
    start_encounter,
    stored_talks,
    visitor_of,
    whole_reply,
)
from annotation.talks.judgments import Vote, judge
from annotation.talks.views import EncounterView, StoredTalk, TurnView
from escdemo import sent_away, texts
from escdemo.chat.map_work import MapWork
from escdemo.replies import Replies
from escdemo.settings import Settings
from models.serving.job import Job
from models.serving.service import GenerationService
from models.serving.trace import Reply

OWN_TALKS = 50
"""how many of a visitor's latest talks go into a map"""


@dataclass(frozen=True)
class Start:
    """What a visitor chooses before a talk."""

    situation: str
    emotion_type: str
    problem_type: str
    intensity: int
    role_card: str | None
    systems: tuple[str, str]
    blind: bool = False
    """hide names and reasons until the vote, in the demo too"""


class Talks(Replies):
    """Everything the page can do for a browser's `token`. Each call is one action, stored completely or not at all.

    LookupError: not this browser's talk. ValueError (StageError is one): refused, with a message for the user.
    """

    def __init__(self, sessions: sessionmaker[Session], service: GenerationService, settings: Settings) -> None:
        super().__init__(sessions, service, settings.options)
        self.settings = settings
        self.map_work = MapWork(service, settings.options)

    def find(self, token: str, encounter_id: str | None = None) -> EncounterView | None:
        """This talk, or else the browser's latest one; None when there is none."""
        if not is_token(token):
            return None
        visitor = visitor_of(token)
        with self.reading() as session:
            if encounter_id:
                try:
                    return get_encounter(session=session, encounter_id=encounter_id, visitor=visitor)
                except LookupError:
                    pass  # deleted in another tab
            return latest_encounter(session=session, visitor=visitor)

    def replies_to(self, token: str, turn: TurnView) -> tuple[Reply | None, Reply | None]:
        """Both replies to one message with their traces; None where none may be shown (yet): hidden, replaced.

        Raises LookupError when the talk was deleted in the meantime.
        """
        with self.reading() as session:
            first, second = (
                whole_reply(session=session, slot=one.slot, visitor=visitor_of(token))
                if one.has_reasons and one.held_back is not HeldBack.REPLACED
                else None
                for one in (turn.a, turn.b)
            )
        return _reply_of(first), _reply_of(second)

    def stored(self, token: str) -> tuple[StoredTalk, ...]:
        """This browser's talks, newest first."""
        with self.reading() as session:
            return stored_talks(session=session, visitor=visitor_of(token))

    def all_of(self, token: str) -> tuple[EncounterView, ...]:
        """This browser's latest talks, oldest first."""
        with self.reading() as session:
            return encounters_of(session=session, visitor=visitor_of(token), limit=OWN_TALKS) if is_token(token) else ()

    def start(self, token: str, start: Start) -> EncounterView:
        """Start a new talk; which net is A and which is B is random."""
        setup = EncounterSetup(
            systems=start.systems,
            mode=Mode(self.settings.mode),
            blind=start.blind,
            seed=secrets.randbelow(2**31),
            study=self.settings.study,
            situation=start.situation,
            emotion_type=start.emotion_type,
            problem_type=start.problem_type,
            intensity_before=start.intensity,
            role_card=start.role_card,
            consent_version=sent_away.consent_version(self.service.sends_to),
        )
        with self.sessions.begin() as session:
            return start_encounter(session=session, visitor=visitor_of(token), setup=setup)

    def send(self, token: str, encounter_id: str, text: str, key: str) -> EncounterView:
        """Store a message and ask both sides to answer it. Sent twice with the same `key`, it is stored once."""
        with self.sessions.begin() as session:
            add_post(session=session, encounter_id=encounter_id, visitor=visitor_of(token), text=text, key=key)
        self.ask_missing(encounter_id)
        return self._view(token, encounter_id)

    def stop(self, token: str, encounter_id: str) -> EncounterView:
        """Stop the replies that are being made."""
        self.cut_off(self._view(token, encounter_id))
        return self._view(token, encounter_id)

    def retry(self, token: str, encounter_id: str, side: str) -> EncounterView:
        """Have one side answer the last message again; while names are hidden, every side that failed."""
        view = self._view(token, encounter_id)
        if not view.turns:
            raise ValueError(texts.FIRST_POST)
        turn = view.turns[-1]
        # With names hidden both sides look the same until both have answered, so either button stands for all that
        # failed. If none has, the store is not asked: it would refuse only the side that is ready, the faster one.
        failed = [one for one in "ab" if turn.side(one).state is ReplyState.FAILED]
        with self.sessions.begin() as session:
            for one in failed if view.hidden() and not turn.answered() else [side]:
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
        """Store the vote and reveal the names, in one transaction."""
        visitor = visitor_of(token)
        with self.sessions.begin() as session:
            judge(session=session, encounter_id=encounter_id, visitor=visitor, vote=vote)
            return reveal(session=session, encounter_id=encounter_id, visitor=visitor)

    def erase(self, token: str) -> Erased:
        """Delete everything from this browser, then stop the replies still being made for it; they are not stored."""
        visitor = visitor_of(token)
        with self.sessions.begin() as session:
            erased = delete_visitor(session=session, visitor=visitor)
        self.forget_talks(erased.encounters)
        self.map_work.forget(visitor, erased.encounters)
        return erased

    def remains(self) -> Remains:
        """Where copies of deleted data may still be."""
        with self.reading() as session:
            return remains(session)

    def may_see_results(self, link: str) -> bool:
        """In the demo: everybody. In a study: its lead, by their link, and anyone with the link that creates studies.

        Results name the models and say which is ahead, so whoever sees them is not blind in the next talk.
        """
        if self.settings.mode == "demo":
            return True
        secret = (link or "").strip().rpartition("=")[2]
        key = self.settings.create_key
        if key and hmac.compare_digest(secret.encode("utf-8", "surrogatepass"), key.encode()):
            return True
        with self.reading() as session:
            access = whose_link(session=session, token=secret)
            if access is None or access.role is not Role.LEAD:
                return False
            return get_brief(session=session, access=access).name == self.settings.study

    def shown_nets(self, view: EncounterView | None) -> tuple[str, ...]:
        """The nets that this visitor may see now: in the demo all, in a study those of a talk that they have judged."""
        if self.settings.mode == "demo":
            return tuple(self.service.names)
        return tuple(name for name in view.systems if name) if view is not None and not view.hidden() else ()

    def look(self, token: str, view: EncounterView) -> tuple[EncounterView | None, dict[str, Job]]:
        """The talk and its jobs at the same moment; None when the talk was deleted."""
        return self.settled(view, lambda: self.find(token, view.id))

    def _view(self, token: str, encounter_id: str) -> EncounterView:
        with self.reading() as session:
            return get_encounter(session=session, encounter_id=encounter_id, visitor=visitor_of(token))


def names_of(view: EncounterView) -> tuple[str, str]:
    """What the page calls the two sides now."""
    first, second = view.systems
    return (first or "Supporter A", second or "Supporter B")


def _reply_of(stored: str | None) -> Reply | None:
    return None if stored is None else Reply.from_dict(json.loads(stored))


def outcome_counts(judgments: Mapping[str, str]) -> tuple[int, int, int]:
    """How many criteria went to A, to neither and to B."""
    picks = list(judgments.values())
    return picks.count("a"), picks.count("tie"), picks.count("b")
