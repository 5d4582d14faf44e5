"""Claims: exactly as many raters per item as planned, sides balanced, nothing lost or doubled, whoever comes when."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import ClaimState, Purpose, Role
from annotation.rubric import find_rubric
from annotation.store.schema import utc_now
from annotation.store.study_schema import Claim, Context, Item, Member
from annotation.studies.answers import save_note
from annotation.studies.claims import begin_break, end_break, give_back, keep_alive, own_tasks
from annotation.studies.members import NotAllowed
from annotation.studies.studies import close_study, pause_study, resume_study
from annotation.studies.study_plan import StudyPlan
from tests.studies import PLAN, SYSTEMS, StudyRoom, item

STORES = ("sqlite", "postgresql")


def _claims(sessions: sessionmaker[Session]) -> list[tuple[Claim, Item, Context]]:
    with sessions() as session:
        statement = select(Claim, Item, Context).join(Item, Item.id == Claim.item_id).join(Context)
        return [tuple(row) for row in session.execute(statement.order_by(Claim.member_id, Claim.ordinal))]  # type: ignore[misc]


def test_every_item_gets_its_raters_and_nobody_sees_a_dialogue_twice(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions)
    room.finish()
    rows = _claims(sessions)
    assert Counter(claim.item_id for claim, _, _ in rows) == {row.id: 3 for _, row, _ in rows}
    assert len({row.id for _, row, _ in rows}) == 6
    seen = Counter((claim.member_id, context.dialogue) for claim, _, context in rows)
    assert set(seen.values()) == {1}
    for item_id in {row.id for _, row, _ in rows}:
        first = Counter(claim.places()[0] for claim, row, _ in rows if row.id == item_id)
        assert abs(first[0] - first[1]) == 1  # of three


@pytest.mark.parametrize("writers", [12])
def test_simultaneous_raters_never_exceed_the_seats(sessions: sessionmaker[Session], writers: int) -> None:
    plan = replace(PLAN, raters=writers, raters_per_item=2)
    room = StudyRoom(sessions, plan, tuple(item(number) for number in range(4)), raters=writers)
    barrier = threading.Barrier(writers)

    def work(number: int) -> int:
        barrier.wait()
        done = 0
        while room.judge(room.people[number]) is not None:
            done += 1
        return done

    with ThreadPoolExecutor(writers) as pool:
        done = list(pool.map(work, range(writers)))
    rows = _claims(sessions)
    assert sum(done) == 8
    assert sorted(Counter(claim.item_id for claim, _, _ in rows).values()) == [2, 2, 2, 2]
    assert {claim.state for claim, _, _ in rows} == {ClaimState.DONE}


def test_the_tables_refuse_a_seat_too_many(sessions: sessionmaker[Session]) -> None:
    """Even if the lock on the study failed."""
    room = StudyRoom(sessions)
    assert room.open(room.people[0]) is not None
    ((claim, row, _),) = _claims(sessions)
    values = {key.key: getattr(claim, key.key) for key in Claim.__table__.columns} | {"id": None}
    other = room.people[1].member_id
    for change in ({}, {"member_id": other}, {"member_id": other, "seat": row.seats}):
        with pytest.raises(IntegrityError), sessions.begin() as session:
            session.add(Claim(**(values | change)))


def test_an_abandoned_item_goes_back_and_returns_with_its_drafts(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, replace(PLAN, raters_per_item=1), items=(item(0),), raters=2)
    ann, ben = room.people
    task = room.open(ann)
    assert task is not None
    room.answer(ann, task, "tie")
    assert room.open(ben) is None
    _let_leases_end(sessions)
    assert room.open(ann).claim_id == task.claim_id  # type: ignore[union-attr]
    _let_leases_end(sessions)
    taken = room.open(ben)
    assert taken is not None
    with pytest.raises(NotAllowed, match="went back"):
        room.do(keep_alive, ann, claim_id=task.claim_id)
    assert room.open(ann) is None
    room.do(give_back, ben, claim_id=taken.claim_id)
    assert room.open(ben) is None  # declined
    again = room.open(ann)
    assert again is not None
    assert {answer.value for answer in again.answers} == {"tie"}


def _let_leases_end(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        session.execute(update(Claim).values(lease_until=utc_now() - timedelta(seconds=1)))


def test_opening_again_gives_the_same_item(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions)
    first, second = room.open(room.people[0]), room.open(room.people[0])
    assert first is not None
    assert second is not None
    assert (first.claim_id, first.replies) == (second.claim_id, second.replies)


def test_duplicates_come_later_with_sides_swapped(sessions: sessionmaker[Session]) -> None:
    plan = replace(PLAN, duplicate_share=0.5, duplicate_spacing=3, raters_per_item=2)
    room = StudyRoom(sessions, plan, tuple(item(number) for number in range(12)), raters=2)
    room.finish()
    rows = _claims(sessions)
    by_place = {(claim.member_id, row.id): claim for claim, row, _ in rows}
    pairs = [(claim, by_place[claim.member_id, row.duplicate_of]) for claim, row, _ in rows if row.duplicate_of]
    # each rater meets the six originals in an order of their own; those among the last three items come too late
    assert len(pairs) >= 2 * (6 - plan.duplicate_spacing)
    for again, before in pairs:
        assert again.ordinal - before.ordinal > plan.duplicate_spacing
        assert again.places() == before.places()[::-1]


def test_onboarding_comes_first_and_gold_at_its_share(sessions: sessionmaker[Session]) -> None:
    gold = tuple(item(number, Purpose.GOLD, ("human", "weak")) for number in range(4))
    items = (*(item(number) for number in range(12)), item(0, Purpose.ONBOARDING, ("human", "weak")), *gold)
    room = StudyRoom(sessions, replace(PLAN, gold_share=0.25, raters_per_item=2), items, raters=2)
    room.finish()
    for rater in room.people:
        order = [row.purpose for claim, row, _ in _claims(sessions) if claim.member_id == rater.member_id]
        assert order[0] is Purpose.ONBOARDING
        assert Purpose.ONBOARDING not in order[1:]
        assert [number for number, purpose in enumerate(order) if purpose is Purpose.GOLD] == [4, 8, 12, 16]
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Claim)) == 2 * (1 + 12 + 4)


def test_views_tell_no_system_apart(sessions: sessionmaker[Session]) -> None:
    """Two raters with the same item but other sides get the same text, and no name, strategy, checkpoint or purpose."""
    items = (*(item(number) for number in range(3)), item(0, Purpose.GOLD, ("human", "weak")))
    room = StudyRoom(sessions, replace(PLAN, gold_share=0.5), items)
    for rater in room.people:
        task = room.open(rater)
        assert task is not None
        shown = repr((task, room.do(own_tasks, rater)))
        for hidden in (*SYSTEMS, "human", "weak", "S0", "S1", "c0", "gold", "Question", "main", room.lead.study_id):
            assert hidden not in shown


def test_a_break_stops_the_clock(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions)
    rater = room.people[0]
    task = room.open(rater)
    assert task is not None
    room.do(begin_break, rater)
    with pytest.raises(NotAllowed, match="break"):
        room.open(rater)
    with sessions() as session:
        before = session.get_one(Claim, task.claim_id).seconds
        assert session.get_one(Claim, task.claim_id).seen_at is None
    room.do(end_break, rater)
    again = room.open(rater)
    assert again is not None
    assert before <= again.seconds < before + 1


def test_only_work_counts_as_time(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions)
    task = room.open(room.people[0])
    assert task is not None
    for minutes, least in ((0.5, 30), (60, 150)):  # an hour without a sign of life counts as two minutes
        with sessions.begin() as session:
            session.execute(update(Claim).values(seen_at=utc_now() - timedelta(minutes=minutes)))
        room.do(save_note, room.people[0], claim_id=task.claim_id, note=f"after {minutes}")
        assert least <= room.task(room.people[0], task.claim_id).seconds <= least + 15


def test_a_paused_study_hands_out_nothing_new(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions)
    ann, ben = room.people[:2]
    task = room.open(ann)
    room.do(pause_study, room.lead)
    assert room.open(ann) == task or room.open(ann).claim_id == task.claim_id  # type: ignore[union-attr]
    with pytest.raises(NotAllowed, match="paused"):
        room.open(ben)
    room.do(resume_study, room.lead)
    assert room.open(ben) is not None
    room.do(close_study, room.lead)
    with pytest.raises(NotAllowed, match="closed"):
        room.open(ann)


@pytest.mark.parametrize(
    "action",
    [begin_break, end_break, own_tasks, lambda **own: keep_alive(**own, claim_id=1)],
)
def test_only_raters_work(sessions: sessionmaker[Session], action: Callable[..., object]) -> None:
    room = StudyRoom(sessions)
    for access in (room.lead, replace(room.lead, role=Role.RATER), room.invited("reviewer")):
        with pytest.raises(NotAllowed, match="for a rater"):
            room.do(action, access)


def test_another_raters_item_is_out_of_reach(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions)
    task = room.open(room.people[0])
    assert task is not None
    for action in (keep_alive, give_back):
        with pytest.raises(LookupError):
            room.do(action, room.people[1], claim_id=task.claim_id)
    with pytest.raises(LookupError):
        room.task(room.people[1], task.claim_id)


def test_pointwise_items_show_all_systems_in_turning_order(sessions: sessionmaker[Session]) -> None:
    plan = StudyPlan("scores", SYSTEMS, raters=3, rubric=find_rubric("misc-2022"))
    room = StudyRoom(sessions, plan, raters=3)
    room.finish(value="1")
    rows = _claims(sessions)
    for item_id in {row.id for _, row, _ in rows}:
        assert {claim.places() for claim, row, _ in rows if row.id == item_id} == {(0, 1, 2), (1, 2, 0), (2, 0, 1)}
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Member).where(Member.role == Role.RATER)) == 3
