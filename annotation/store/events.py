"""The append-only record: who did what when. Called by every store function that changes something."""

from __future__ import annotations

from typing import NotRequired, TypedDict, Unpack

from sqlalchemy.orm import Session

import annotation
from annotation.choices import EventKind, Side
from annotation.store.schema import Encounter, Event, utc_now

SERVER = "server"
"""actor of events that no visitor caused"""


class EventDetail(TypedDict):
    """What an event may hold besides its kind; never a text of a seeker."""

    actor: NotRequired[str]
    turn_index: NotRequired[int]
    side: NotRequired[Side]
    attempt: NotRequired[int]
    criterion: NotRequired[str]
    new_value: NotRequired[str]


def record(session: Session, encounter: Encounter, kind: EventKind, **detail: Unpack[EventDetail]) -> None:
    """Add one event to `encounter` (by its visitor, unless `actor` is given) and note the time of the change."""
    now = utc_now()
    encounter.saved_at = now
    values = {"actor": encounter.visitor, **detail}
    session.add(Event(encounter_id=encounter.id, at=now, kind=kind, app_version=annotation.__version__, **values))
