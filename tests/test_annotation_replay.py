"""A study derived again from its seed: nothing differs, whatever raters did, and what was tampered with is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Update, delete, select, update
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Purpose
from annotation.store.schema import utc_now
from annotation.store.study_schema import Claim, Item, Study
from annotation.studies.claims import give_back
from annotation.studies.replay import Replay, replay
from tests.studies import PLAN, StudyRoom, item

STORES = ("sqlite", "postgresql")
BUSY = replace(
    PLAN,
    duplicate_share=0.3,
    duplicate_spacing=2,
    gold_share=0.2,
    review_share=0.3,
    raters_per_item=3,
    lease_minutes=60,
)


@pytest.fixture
def room(sessions: sessionmaker[Session]) -> StudyRoom:
    """A study with gold items and duplicates in which items were given back, left and come back to."""
    items = (*(item(number) for number in range(8)), item(0, Purpose.GOLD, ("net-x", "net-y")))
    room = StudyRoom(sessions, BUSY, items)
    for rater in room.people:
        room.judge(rater)
    ann, ben, *_ = room.people
    refused = room.open(ann)
    assert refused is not None
    room.do(give_back, ann, claim_id=refused.claim_id)
    left = room.open(ben)
    assert left is not None
    with sessions.begin() as session:
        session.execute(
            update(Claim).where(Claim.id == left.claim_id).values(lease_until=utc_now() - timedelta(seconds=1))
        )
    room.judge(ann)  # takes note of the lease that ended
    room.finish()  # ben first gets the item that he left, where it is still free
    return room


def found(room: StudyRoom) -> Replay:
    return room.do(replay, room.lead)


def test_nothing_differs_whatever_raters_do(room: StudyRoom) -> None:
    told = found(room)
    assert told.differences == ()
    assert told.items == 8 + 3 + 1  # pairs, duplicates, gold
    assert told.claims >= 8 * 3 + 5
    assert told.swapped >= 1
    assert told.within_item <= 2  # 1, and one more where an item came back after others had taken its place


def test_what_was_changed_is_named(room: StudyRoom) -> None:
    def told_after(change: Update) -> str:
        with room.sessions.begin() as session:
            session.execute(change)
        return "\n".join(found(room).differences)

    with room.sessions() as session:
        first = session.scalars(select(Claim).order_by(Claim.id)).first()
        main = session.scalars(select(Item).where(Item.purpose == Purpose.MAIN)).first()
    assert first is not None
    assert main is not None
    turned = ",".join(reversed(first.arrangement.split(",")))
    assert f"stored as {turned}, handed out as {first.arrangement}" in told_after(
        update(Claim).where(Claim.id == first.id).values(arrangement=turned)
    )
    told_after(update(Claim).where(Claim.id == first.id).values(arrangement=first.arrangement))
    assert found(room).differences == ()
    assert f"item {main.id}: seats is 1, planned 3" in told_after(
        update(Item).where(Item.id == main.id).values(seats=1)
    )
    assert "handed out although all 1 seats were taken" in "\n".join(found(room).differences)


def test_a_study_with_another_seed_was_handed_out_otherwise(room: StudyRoom) -> None:
    """The items are those of seed 7; with seed 8 in the plan both items and sides come out otherwise."""
    with room.sessions.begin() as session:
        session.execute(update(Study).values(seed=8, plan_json=replace(BUSY, seed=8).to_json()))
    told = "\n".join(found(room).differences)
    assert "is not in the store" in told or "planned" in told
    assert "the seed gives" in told


def test_a_deleted_claim_leaves_no_false_alarm_but_an_unknown_one_is_named(room: StudyRoom) -> None:
    with room.sessions.begin() as session:
        gone = session.scalars(select(Claim).order_by(Claim.id)).first()
        assert gone is not None
        session.execute(delete(Claim).where(Claim.id == gone.id))
    assert found(room).differences == ()
    with room.sessions.begin() as session:
        values = {name: getattr(gone, name) for name in Claim.__table__.columns.keys() if name != "id"}  # noqa: SIM118
        session.add(Claim(**values))
    assert "no event records this claim" in "\n".join(found(room).differences)
