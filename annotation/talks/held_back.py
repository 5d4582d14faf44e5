"""Which replies of talks the safety screen changed, for exports: votes on them can be left out or counted apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from annotation.choices import Side
from annotation.store.schema import Encounter, Reply

HeldTurns = Mapping[int, frozenset[str]]
"""turn -> the systems whose reply was changed"""


def held_back_turns(session: Session) -> Mapping[str, HeldTurns]:
    """Encounter id -> its turns with a reply that was changed; encounters without one are left out.

    If a reply was requested again, the last attempt counts.
    """
    later = aliased(Reply)
    again = exists().where(
        later.encounter_id == Reply.encounter_id,
        later.turn_index == Reply.turn_index,
        later.side == Reply.side,
        later.attempt > Reply.attempt,
    )
    statement = select(Encounter, Reply.turn_index, Reply.side).join(Reply, Reply.encounter_id == Encounter.id)
    found: dict[str, dict[int, frozenset[str]]] = defaultdict(dict)
    for encounter, turn, side in session.execute(statement.where(Reply.held_back.is_not(None), ~again)):
        turns = found[encounter.id]
        turns[turn] = turns.get(turn, frozenset()) | {encounter.system_on(Side(side))}
    return found


def held_back_count(turns: HeldTurns | None) -> int:
    """How many replies of a talk were changed."""
    return sum(map(len, (turns or {}).values()))
