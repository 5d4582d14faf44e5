"""Start an encounter, find it again, finish its conversation, reveal its names."""

from __future__ import annotations

import hashlib
import random
import secrets
from dataclasses import dataclass

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from annotation.choices import EventKind, Mode, ReplyState, Scale, Side
from annotation.rubric import DEFAULT_RUBRIC, find_rubric
from annotation.store.events import record
from annotation.store.live_schema import StudyTalk
from annotation.store.schema import Encounter, Event, Post, Reply, utc_now
from annotation.store.texts import MAX_LABEL_CHARS, MAX_SITUATION_CHARS, accept_text, clean_text
from annotation.talks.projection import encounter_view, latest_replies, names_hidden
from annotation.talks.stages import Stage, StageError, require_step
from annotation.talks.views import EncounterView, ReplySlot, StoredTalk

MAX_SEED = 2**63 - 1
_MEMBER = "member of a study: "
"""how the text begins that a rater of a live study is hashed from; no browser's token begins so"""
_NO_TALK = "This conversation does not exist (any more) for this browser; start a new one."


@dataclass(frozen=True)
class EncounterSetup:
    """The settings that are fixed when an encounter starts. Checked on creation; raises ValueError."""

    systems: tuple[str, str]
    """names of the two systems, in any order: the sides are drawn from `seed`"""
    mode: Mode = Mode.DEMO
    blind: bool = False
    """the visitor of the demo wants to judge before seeing the names"""
    seed: int = 0
    """also the source of every reply's seed; 0 to 2**63 - 1"""
    study: str | None = None
    """name of the study; needed in study mode"""
    situation: str = ""
    emotion_type: str = ""
    problem_type: str = ""
    intensity_before: int | None = None
    """how strong the emotion is before the talk, 1 to 5"""
    role_card: str | None = None
    """id of the role card, None when the seeker described a situation of their own"""
    consent_version: str = ""
    """which consent text was agreed to"""
    rubric: str = DEFAULT_RUBRIC

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode", Mode(self.mode))  # also accepts a plain "study"
        limits = {"situation": MAX_SITUATION_CHARS} | dict.fromkeys(("emotion_type", "problem_type"), MAX_LABEL_CHARS)
        for name, limit in limits.items():
            accepted = accept_text(getattr(self, name), what=name.replace("_", " "), limit=limit)
            object.__setattr__(self, name, accepted)
        if find_rubric(self.rubric).scale is not Scale.PAIRWISE:
            raise ValueError(f"rubric {self.rubric!r} scores single replies; two supporters need a pairwise one")
        if len(self.systems) != 2 or len(set(self.systems)) != 2 or not all(self.systems):
            raise ValueError(f"systems are {self.systems!r}; two different names are needed")
        if self.mode is Mode.STUDY and not self.study:
            raise ValueError("study mode needs the name of the study; start the app with --study NAME")
        if not 0 <= self.seed <= MAX_SEED:
            raise ValueError(f"seed is {self.seed}; allowed: 0 to 2**63 - 1")
        check_intensity("intensity_before", self.intensity_before)


def check_intensity(name: str, value: int | None) -> None:
    """Raise ValueError unless `value` is None or 1 to 5, the scale of ESConv's survey."""
    if value is not None and value not in range(1, 6):
        raise ValueError(f"{name} is {value!r}; allowed: 1 (hardly) to 5 (very strongly), or none")


def visitor_of(token: str) -> str:
    """The visitor for a browser's secret token. Only this hash is stored.

    Raises ValueError without a token: else all who have none would be one visitor.
    """
    if not is_token(token):
        raise ValueError("this page has not finished loading; wait a second and try again, or reload it")
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def visitor_of_member(member_id: str) -> str:
    """The visitor for a rater who talks in a live study. No token leads to it (see `is_token`)."""
    return hashlib.sha256(f"{_MEMBER}{member_id}".encode()).hexdigest()


def is_token(value: object) -> bool:
    """Whether a browser sent a token: any non-empty text. A manipulated browser can send any JSON.

    What a rater is hashed from is no token: raters can know their member's id, and on the first page it would open
    their talks with the names of the systems.
    """
    return isinstance(value, str) and value != "" and not value.startswith(_MEMBER)


def start_encounter(
    *, session: Session, visitor: str, setup: EncounterSetup, side_a: str | None = None
) -> EncounterView:
    """Store a new encounter in stage consented; side a is `side_a`, or else drawn with the seed.

    Raises ValueError for a bad visitor, or when `side_a` is neither of the two systems.
    """
    if len(visitor) != 64 or not set(visitor) <= set("0123456789abcdef"):
        raise ValueError("visitor is not a sha256 in hexadecimal; make it with visitor_of(token)")
    system_1, system_2 = sorted(clean_text(name) for name in setup.systems)
    if side_a not in (None, system_1, system_2):
        raise ValueError(f"side_a is {side_a!r}; allowed: {system_1}, {system_2}")
    now = utc_now()
    encounter = Encounter(
        id=secrets.token_hex(16),
        visitor=visitor,
        mode=setup.mode,
        blind=setup.blind or None,
        study=setup.study,
        stage=Stage.CONSENTED,
        system_1=system_1,
        system_2=system_2,
        side_a=side_a or random.Random(f"sides:{setup.seed}").choice((system_1, system_2)),
        seed=setup.seed,
        situation=setup.situation,
        emotion_type=setup.emotion_type,
        problem_type=setup.problem_type,
        intensity_before=setup.intensity_before,
        role_card=setup.role_card,
        consent_version=setup.consent_version,
        rubric=setup.rubric,
        created_at=now,
        saved_at=now,
    )
    session.add(encounter)
    session.flush()
    record(session, encounter, EventKind.STARTED, new_value=setup.consent_version)
    return encounter_view(session, encounter)


def get_encounter(*, session: Session, encounter_id: str, visitor: str) -> EncounterView:
    """The encounter as its visitor may see it. Raises LookupError when this visitor has no such encounter."""
    return encounter_view(session, find_encounter(session, encounter_id, visitor))


def whole_reply(*, session: Session, slot: ReplySlot, visitor: str) -> str | None:
    """A reply with its trace, `Reply.from_dict(json.loads(...))`; None while names are hidden or there is no reply.

    Raises LookupError as `get_encounter` does.
    """
    if names_hidden(find_encounter(session, slot.encounter_id, visitor)):
        return None
    here = (
        Reply.encounter_id == slot.encounter_id,
        Reply.turn_index == slot.turn_index,
        Reply.side == slot.side,
        Reply.attempt == slot.attempt,
    )
    return session.scalar(select(Reply.reply_json).where(*here))


def latest_encounter(*, session: Session, visitor: str) -> EncounterView | None:
    """The visitor's newest encounter, or None."""
    encounter = session.scalar(_newest_first(visitor).limit(1))
    return None if encounter is None else encounter_view(session, encounter)


def _newest_first(visitor: str) -> Select[Encounter]:
    """The visitor's encounters, ordered by their place in the record, not by time: a clock may be set back."""
    begun = select(func.min(Event.id)).where(Event.encounter_id == Encounter.id).scalar_subquery()
    return select(Encounter).where(Encounter.visitor == visitor).order_by(begun.desc())


def stored_talks(*, session: Session, visitor: str, limit: int = 100) -> tuple[StoredTalk, ...]:
    """The visitor's talks in which something was said, newest first."""
    said = select(Post.encounter_id).where(Post.encounter_id == Encounter.id).exists()
    statement = _newest_first(visitor).where(said).limit(limit)
    return tuple(
        StoredTalk(
            id=one.id,
            created_at=one.created_at,
            situation=one.situation,
            systems=(None, None) if names_hidden(one) else (one.side_a, one.side_b()),
        )
        for one in session.scalars(statement)
    )


def encounters_of(*, session: Session, visitor: str, limit: int) -> tuple[EncounterView, ...]:
    """The visitor's encounters, oldest first, at most the `limit` latest."""
    statement = _newest_first(visitor).limit(limit)
    return tuple(encounter_view(session, encounter) for encounter in session.scalars(statement))[::-1]


def freeze(*, session: Session, encounter_id: str, visitor: str) -> EncounterView:
    """Finish the conversation and open the vote; does nothing when that was done before.

    Raises StageError while no post has answers from both sides, or a reply is still being made.
    """
    return close_talk(session, find_open_talk(session, encounter_id, visitor))


def close_talk(session: Session, encounter: Encounter) -> EncounterView:
    """`freeze` for a locked row, of a live study too."""
    if encounter.stage is Stage.FROZEN:
        return encounter_view(session, encounter)
    require_step("freeze", encounter.stage)
    latest = latest_replies(session.scalars(select(Reply).where(Reply.encounter_id == encounter.id)))
    if any(reply.state is ReplyState.PENDING for reply in latest.values()):
        raise StageError("A reply is still being written; wait for it or stop it, then finish.", encounter.stage)
    done = {place for place, reply in latest.items() if reply.state is ReplyState.DONE}
    if not any((turn, Side.A) in done and (turn, Side.B) in done for turn, _ in done):
        raise StageError("Both supporters must have answered at least once before you can judge.", encounter.stage)
    encounter.stage = Stage.FROZEN
    record(session, encounter, EventKind.FROZEN)
    return encounter_view(session, encounter)


def reveal(*, session: Session, encounter_id: str, visitor: str) -> EncounterView:
    """Show the names after the vote; does nothing when that was done before. Raises StageError before the vote."""
    encounter = find_open_talk(session, encounter_id, visitor)
    if encounter.stage not in (Stage.REVEALED, Stage.REVIEWED):
        require_step("reveal", encounter.stage)
        encounter.stage = Stage.REVEALED
        record(session, encounter, EventKind.REVEALED)
    return encounter_view(session, encounter)


def find_encounter(session: Session, encounter_id: str, visitor: str | None, lock: bool = False) -> Encounter:
    """The row; `visitor` None is the server itself. `lock` keeps other writers out until commit (on SQLite always).

    Raises LookupError, with the same message whether the encounter does not exist or is someone else's.
    """
    encounter = session.get(Encounter, encounter_id, with_for_update=lock)
    if encounter is None or (visitor is not None and encounter.visitor != visitor):
        raise LookupError(_NO_TALK)
    return encounter


def find_open_talk(session: Session, encounter_id: str, visitor: str) -> Encounter:
    """The row, locked, of a talk outside live studies: only there do its visitor's vote and the names belong to it.

    Raises LookupError as `find_encounter` does, also for the talk of a live study.
    """
    encounter = find_encounter(session, encounter_id, visitor, lock=True)
    if session.scalar(select(exists().where(StudyTalk.encounter_id == encounter_id))):
        raise LookupError(_NO_TALK)
    return encounter


def encounter_exists(session: Session, encounter_id: str) -> bool:
    """Whether the encounter exists; it does not after its visitor deleted it."""
    return bool(session.scalar(select(exists().where(Encounter.id == encounter_id))))
