"""Many items go in and open in batches: other writers get their turn, nobody sees a half, whatever breaks off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, sessionmaker

from annotation.store.study_schema import Context, Item, Study, StudyEvent
from annotation.studies import drafts, item_import, members, studies
from annotation.studies.drafts import change_plan, delete_draft, empty_draft
from annotation.studies.item_import import import_in_batches, import_items
from annotation.studies.members import Do, NotAllowed
from annotation.studies.progress import team_progress
from annotation.studies.replay import replay
from annotation.studies.studies import get_study, lead_access, open_in_batches, open_study, plan_opening
from tests.studies import StudyRoom, item

ITEMS = tuple(item(number) for number in range(7))
T = TypeVar("T")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "BATCH_ITEMS", 3)
    monkeypatch.setattr(item_import, "BATCH_ITEMS", 3)
    monkeypatch.setattr(studies, "BATCH", 3)


def draft(sessions: sessionmaker[Session], count: int = 0) -> StudyRoom:
    return StudyRoom(sessions, items=ITEMS[:count], opened=False)


def doing(room: StudyRoom, between: Callable[[int], object] = lambda _step: None) -> Do:
    """One transaction an action; `between` is called with the number of each one before it."""
    steps = 0

    def do(action: Callable[..., T], **arguments: Any) -> T:
        nonlocal steps
        steps += 1
        between(steps)
        return room.do(action, room.lead, **arguments)

    return do


def stopping(at: int) -> Callable[[int], None]:
    """As if the process were killed before that step: nothing that it would have tidied up happens either."""

    def stop(step: int) -> None:
        if step >= at:
            raise KeyboardInterrupt

    return stop


def count(room: StudyRoom, table: type[Any]) -> int:
    with room.sessions() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def seen(room: StudyRoom) -> tuple[int, int]:
    """Contexts and items as the lead is told."""
    study = room.do(get_study, room.lead)
    return study.contexts, study.items


def test_a_part_of_an_import_is_seen_by_nobody(sessions: sessionmaker[Session]) -> None:
    room, told = draft(sessions, 1), []
    found = import_in_batches(doing(room, lambda _step: told.append(seen(room))), ITEMS[1:])
    assert told == [(1, 0)] * 4  # begun, two batches, taken over
    assert (found.contexts, found.replies, seen(room)) == (6, 18, (7, 0))
    assert count(room, Study) == 1
    room.do(open_study, room.lead)
    assert not room.do(replay, room.lead).differences


def test_others_write_while_items_are_checked(sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> None:
    room, wrote = draft(sessions), []
    engine = sessions.kw["bind"]
    monkeypatch.setattr("annotation.store.engine.BUSY_TIMEOUT_MS", 20)
    engine.dispose()

    def writing(check: Callable[..., Any]) -> Callable[..., Any]:
        def checked(*arguments: object) -> Any:
            with sessions.begin() as other:
                other.execute(text("UPDATE encounter SET situation = situation"))
            wrote.append(1)
            return check(*arguments)

        return checked

    for name in ("_faults", "item_warnings"):
        monkeypatch.setattr(item_import, name, writing(getattr(item_import, name)))
    assert import_in_batches(doing(room), ITEMS).contexts == 7
    assert len(wrote) == 8


@pytest.mark.parametrize("at", [2, 3, 4, 5])
def test_an_import_that_was_cut_off_leaves_nothing_in_sight_and_then_nothing(
    at: int, sessions: sessionmaker[Session]
) -> None:
    room = draft(sessions)
    with pytest.raises(KeyboardInterrupt):
        import_in_batches(doing(room, stopping(at)), ITEMS)
    assert seen(room) == (0, 0)
    with pytest.raises(LookupError, match=r"studies: pilot$"), sessions() as session:
        lead_access(session=session, name="none")
    assert import_in_batches(doing(room), ITEMS).contexts == 7  # soon after: the first could still be running
    assert (seen(room), count(room, Study)) == ((7, 0), 2)
    with sessions.begin() as session:
        for one in session.scalars(select(Study).where(Study.gathers_for.is_not(None))):
            one.created_at -= 2 * item_import.CUT_OFF
    assert import_in_batches(doing(room), (item(20),)).contexts == 1
    assert (count(room, Context), count(room, Study)) == (8, 1)


def test_a_draft_takes_along_what_was_cut_off(sessions: sessionmaker[Session]) -> None:
    room = draft(sessions)
    with pytest.raises(KeyboardInterrupt):
        import_in_batches(doing(room, stopping(3)), ITEMS)
    delete_draft(doing(room))
    assert (count(room, Context), count(room, Study)) == (0, 0)


def test_an_import_that_is_refused_at_its_end_is_gone(sessions: sessionmaker[Session]) -> None:
    """Another import brought one of the ids, or the plan changed, or the study opened, while the batches came in."""
    room = draft(sessions)

    def meanwhile(action: Callable[..., object], **arguments: Any) -> Callable[[int], object]:
        return lambda step: room.do(action, room.lead, **arguments) if step == 3 else None

    with pytest.raises(NotAllowed, match="plan was changed meanwhile, so nothing was imported"):
        import_in_batches(doing(room, meanwhile(change_plan, plan=replace(room.plan, raters=4))), ITEMS)
    taken = replace(ITEMS[5], line=12)
    with pytest.raises(ValueError, match=r"f\.csv: 1 bad row.*\n  line 12: main-5: an item of this id is in the study"):
        import_in_batches(
            doing(room, meanwhile(import_items, items=ITEMS[5:6])), (*ITEMS[:5], taken, ITEMS[6]), "f.csv"
        )
    assert (seen(room), count(room, Context), count(room, Study)) == ((1, 0), 1, 1)
    with pytest.raises(NotAllowed, match="this study is open"):
        import_in_batches(doing(room, meanwhile(open_study)), ITEMS[:5])
    assert (count(room, Context), count(room, Study)) == (1, 1)


def test_a_study_opens_in_batches_as_at_once(sessions: sessionmaker[Session]) -> None:
    room, told = draft(sessions, 7), []

    def look(_step: int) -> None:
        told.append((seen(room), room.do(team_progress, room.lead).items))

    view = open_in_batches(doing(room, look), room.do(plan_opening, room.lead))
    assert told == [((7, 0), 0)] * len(told)
    assert len(told) == 2 + -(-view.items // 3)  # what was left is cleared, the batches, the last step
    assert view.items == count(room, Item) >= 7
    assert not room.do(replay, room.lead).differences


@pytest.mark.parametrize("at", [2, 3, 4])
def test_an_opening_that_was_cut_off_is_begun_again(at: int, sessions: sessionmaker[Session]) -> None:
    room = draft(sessions, 6)
    with pytest.raises(KeyboardInterrupt):
        open_in_batches(doing(room, stopping(at)), room.do(plan_opening, room.lead))
    assert seen(room) == (6, 0)
    room.do(change_plan, room.lead, plan=replace(room.plan, seed=99))  # other items than those that were left
    open_in_batches(doing(room), room.do(plan_opening, room.lead))
    assert not room.do(replay, room.lead).differences


def test_a_draft_that_changes_while_it_opens_stays_a_draft(sessions: sessionmaker[Session]) -> None:
    room = draft(sessions, 6)

    def change(step: int) -> None:
        if step == 3:
            room.do(import_items, room.lead, items=ITEMS[6:])

    with pytest.raises(NotAllowed, match="changed or opened by somebody else meanwhile"):
        open_in_batches(doing(room, change), room.do(plan_opening, room.lead))
    assert seen(room) == (7, 0)
    opening = room.do(plan_opening, room.lead)

    def open_too(step: int) -> None:
        if step == 4:
            open_in_batches(doing(room), opening)

    with pytest.raises(NotAllowed, match="This study is open; only a draft can be opened"):
        open_in_batches(doing(room, open_too), opening)
    assert not room.do(replay, room.lead).differences


def test_a_draft_is_emptied_in_batches(sessions: sessionmaker[Session]) -> None:
    room, told = draft(sessions, 7), []
    assert empty_draft(doing(room, lambda _step: told.append(seen(room)))) == 7
    assert told == [(7, 0), (4, 0), (1, 0), (0, 0)]
    gone = select(StudyEvent.old_value).where(StudyEvent.kind == "imported", StudyEvent.old_value.is_not(None))
    with sessions() as session:
        assert session.scalars(gone.order_by(StudyEvent.id)).all() == ["3", "3", "1"]


@pytest.mark.parametrize("removal", [empty_draft, delete_draft])
def test_a_removal_that_was_cut_off_is_begun_again(
    removal: Callable[[Do], object], sessions: sessionmaker[Session]
) -> None:
    room = draft(sessions, 7)
    with pytest.raises(KeyboardInterrupt):
        removal(doing(room, stopping(3)))
    assert 0 < seen(room)[0] < 7
    removal(doing(room))
    assert count(room, Context) == 0
    assert count(room, Study) == (1 if removal is empty_draft else 0)


def test_a_draft_that_opens_while_it_is_emptied_keeps_the_rest(sessions: sessionmaker[Session]) -> None:
    room = draft(sessions, 7)
    with pytest.raises(NotAllowed, match="only a draft can be changed"):
        empty_draft(doing(room, lambda step: step == 3 and room.do(open_study, room.lead)))
    assert seen(room)[0] == 1
    assert not room.do(replay, room.lead).differences


def test_after_each_batch_other_processes_get_time_to_try(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as the batch took, here 0.03 s, then a second."""
    clock, pauses = [0.0], []
    room = draft(sessions)
    monkeypatch.setattr(members, "time", SimpleNamespace(monotonic=lambda: clock[0], sleep=pauses.append))

    def took(seconds: float) -> Do:
        return doing(room, lambda _step: clock.__setitem__(0, clock[0] + seconds))

    import_in_batches(took(0.03), ITEMS)
    open_in_batches(took(1.0), room.do(plan_opening, room.lead))
    assert pauses[:5] == [pytest.approx(0.03)] * 5  # begun, three batches, taken over
    assert set(pauses[5:]) == {members.LONGEST_PAUSE_S}
    assert len(pauses) == 5 + 2 + -(-count(room, Item) // 3)
