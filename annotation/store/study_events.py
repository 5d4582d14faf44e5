"""The append-only record of a study. Called by every store function of studies that changes something.

Nothing in it changes, except that the answers of a rater who withdraws are removed; order, time, kind and item stay.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict, Unpack

from sqlalchemy import update
from sqlalchemy.orm import Session

import annotation
from annotation.choices import StudyEventKind
from annotation.store.schema import utc_now
from annotation.store.study_schema import StudyEvent

SERVER = "server"
"""actor of events that no member caused"""
ANSWER_KINDS = (StudyEventKind.ANSWERED, StudyEventKind.UNDONE)
"""events with a rater's answer as old and new value; a trigger allows only these to be blanked"""


class StudyEventDetail(TypedDict):
    """What an event may hold besides its kind; never a text that a person wrote."""

    actor: NotRequired[str]
    claim_id: NotRequired[int]
    item_id: NotRequired[str]
    criterion: NotRequired[str | None]
    system: NotRequired[str | None]
    old_value: NotRequired[str | None]
    new_value: NotRequired[str | None]


def record_study(session: Session, study_id: str, kind: StudyEventKind, **detail: Unpack[StudyEventDetail]) -> None:
    """Add one event to the study, by the server unless `actor` is given."""
    values = {"actor": SERVER, **detail}
    session.add(StudyEvent(study_id=study_id, at=utc_now(), kind=kind, app_version=annotation.__version__, **values))


def blank_answers(session: Session, study_id: str, actor: str) -> None:
    """Remove the answers of one rater from the events; the events stay."""
    own = (StudyEvent.study_id == study_id, StudyEvent.actor == actor, StudyEvent.kind.in_(ANSWER_KINDS))
    session.execute(update(StudyEvent).where(*own).values(old_value=None, new_value=None))
