"""The encounter from consent to reveal: who sees what when, and every illegal step refused with nothing stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import EventKind, Side
from annotation.store.database import for_reading
from annotation.store.schema import Event, Judgment
from annotation.store.texts import MAX_SITUATION_CHARS
from annotation.talks.conversation import retry_reply
from annotation.talks.encounters import (
    EncounterSetup,
    get_encounter,
    latest_encounter,
    start_encounter,
    visitor_of,
)
from annotation.talks.stages import Stage, StageError
from tests.encounters import SYSTEMS, Story

STORES = ("sqlite", "postgresql")

STAGES = ("consented", "chatting", "frozen", "judged", "revealed")


def test_a_study_shows_nothing_that_names_a_system_before_the_reveal(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions)
    for stage, action in (
        (Stage.CONSENTED, story.view),
        (Stage.CHATTING, story.post),
        (Stage.CHATTING, story.reply),
        (Stage.FROZEN, story.freeze),
        (Stage.JUDGED, story.judge),
    ):
        action()
        view = story.view()
        assert view.stage is stage
        assert view.hidden()
        for telltale in (*SYSTEMS, "checkpoint-", "trace", "top_p", "win"):
            assert telltale not in repr(view)
        replies = [reply for turn in view.turns for reply in (turn.a, turn.b)]
        assert all(reply.strategy is reply.seed is None and not reply.has_reasons for reply in replies)
        assert [story.whole(reply.slot) for reply in replies] == [None] * len(replies)
    shown = story.reveal()
    assert sorted(filter(None, shown.systems)) == list(SYSTEMS)
    assert shown.turns[0].a.checkpoint == f"checkpoint-{shown.systems[0]}"
    assert shown.turns[0].b.has_reasons
    assert "trace" in (story.whole(shown.turns[0].b.slot) or "")
    stranger = Story(sessions, visitor=visitor_of("another browser's token"))
    with pytest.raises(LookupError):
        stranger.whole(shown.turns[0].b.slot)


def test_a_demo_shows_names_from_the_start(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions, EncounterSetup(SYSTEMS)).told_until("chatting")
    view = story.view()
    assert sorted(filter(None, view.systems)) == list(SYSTEMS)
    assert view.turns[0].a.strategy


STEPS: dict[str, tuple[Callable[[Story], object], tuple[str, ...]]] = {
    "post": (lambda story: story.post(), ("consented", "chatting")),
    "freeze": (lambda story: story.freeze(), ("chatting", "frozen")),
    "judge": (lambda story: story.judge(), ("frozen",)),
    "reveal": (lambda story: story.reveal(), ("judged", "revealed")),
}
"""step -> how to take it, the stages that allow it (freeze and reveal may be repeated, to no effect)"""


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_taken_or_refused_by_stage(sessions: sessionmaker[Session], stage: str, step: str) -> None:
    story = Story(sessions).told_until(stage)
    before = story.view()
    take, allowed = STEPS[step]
    if stage in allowed:
        take(story)
        return
    with pytest.raises(StageError) as caught:
        take(story)
    assert caught.value.stage is Stage(stage)
    assert len(str(caught.value)) > 40
    assert story.view() == before


def test_a_second_vote_changes_nothing(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions).told_until("judged")
    with pytest.raises(StageError, match="already been judged"):
        story.judge()
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Judgment)) == 5


def test_no_vote_before_both_have_answered(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions)
    story.post()
    assert not story.view().can_freeze()
    with pytest.raises(StageError, match="still being written"):
        story.freeze()
    with pytest.raises(StageError, match="still going on"):
        story.judge()


def test_the_sides_are_drawn_by_seed_alone(sessions: sessionmaker[Session]) -> None:
    def side_a(seed: int, systems: tuple[str, str]) -> str | None:
        return Story(sessions, EncounterSetup(systems, seed=seed)).view().systems[0]

    drawn = [side_a(seed, SYSTEMS) for seed in range(20)]
    assert drawn == [side_a(seed, (SYSTEMS[1], SYSTEMS[0])) for seed in range(20)]
    assert 4 <= drawn.count(SYSTEMS[0]) <= 16


def test_an_encounter_belongs_to_its_visitor(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions)
    other = visitor_of("another token")
    with for_reading(sessions)() as session:
        assert latest_encounter(session=session, visitor=other) is None
        with pytest.raises(LookupError, match="start a new one"):
            get_encounter(session=session, encounter_id=story.id, visitor=other)
        with pytest.raises(LookupError, match="start a new one"):
            get_encounter(session=session, encounter_id="no such id", visitor=story.visitor)


def test_the_latest_encounter_comes_back_after_a_restart(sessions: sessionmaker[Session]) -> None:
    Story(sessions)
    newest = Story(sessions).told_until("judged")
    with for_reading(sessions)() as session:
        assert latest_encounter(session=session, visitor=newest.visitor) == newest.view()


def test_everything_that_happens_is_an_event(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions).told_until("revealed")
    with sessions() as session:
        kinds = list(session.scalars(select(Event.kind).where(Event.encounter_id == story.id).order_by(Event.id)))
    assert kinds == [
        EventKind.STARTED,
        EventKind.POSTED,
        *[EventKind.REPLY_DONE] * 2,
        EventKind.FROZEN,
        *[EventKind.JUDGED] * 5,
        EventKind.REVEALED,
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"systems": ("misc", "misc")}, "two different names"),
        ({"systems": ("misc",)}, "two different names"),
        ({"mode": "study"}, "--study NAME"),
        ({"mode": "exam"}, "exam"),
        ({"seed": -1}, "allowed: 0 to"),
        ({"intensity_before": 6}, "allowed: 1"),
        ({"problem_type": "x" * 201}, "The problem type has 201"),
        ({"rubric": "star"}, "allowed: admisc-2024"),
        ({"situation": "x" * (MAX_SITUATION_CHARS + 1)}, "at most 4,000"),
    ],
)
def test_a_bad_setup_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(EncounterSetup(SYSTEMS), **change)


def test_a_raw_token_is_not_stored(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session, pytest.raises(ValueError, match="visitor_of"):
        start_encounter(session=session, visitor="a browser's token", setup=EncounterSetup(SYSTEMS))


def test_retry_asks_again_with_a_new_seed(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions, EncounterSetup(SYSTEMS)).told_until("chatting")
    first_seed = story.view().turns[0].a.seed
    with story.step() as own:
        assert retry_reply(**own, turn_index=0, side="a") == 1
    with story.step() as own:
        assert retry_reply(**own, turn_index=0, side=Side.A) == 1  # a double click
    (task,) = story.owed()
    assert task.slot.attempt == 1
    story.reply()
    assert story.view().turns[0].a.seed == task.seed != first_seed
    story.post()
    story.reply()
    with story.step() as own, pytest.raises(StageError, match="last message"):
        retry_reply(**own, turn_index=0, side="a")
    with story.step() as own, pytest.raises(LookupError, match="no turn 7"):
        retry_reply(**own, turn_index=7, side="a")


def test_a_study_makes_a_good_reply_once(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions).told_until("chatting")
    with story.step() as own, pytest.raises(StageError, match="only one that failed is made again"):
        retry_reply(**own, turn_index=0, side="b")


def test_a_clock_set_back_does_not_bring_the_older_talk(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    older = Story(sessions)
    monkeypatch.setattr("annotation.talks.encounters.utc_now", lambda: older.view().created_at - timedelta(hours=1))
    newer = Story(sessions)
    with for_reading(sessions)() as session:
        latest = latest_encounter(session=session, visitor=older.visitor)
    assert latest is not None
    assert latest.id == newer.id
