"""The vote: what is stored with it, and which votes are refused."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

import annotation
from annotation.choices import Outcome, Pick, Scale, Side
from annotation.rubric import RUBRICS, find_rubric
from annotation.store.schema import Ballot, Judgment
from annotation.store.texts import MAX_REASON_CHARS
from annotation.talks.encounters import EncounterSetup
from annotation.talks.judgments import Vote, outcome_of
from tests.encounters import CRITERIA, SYSTEMS, Story

STORES = ("sqlite", "postgresql")


def test_a_judgment_says_by_itself_what_was_compared(sessions: sessionmaker[Session]) -> None:
    picks = dict(zip(CRITERIA, itertools.cycle(Pick), strict=False))
    for seed in range(4):  # both sides occur
        story = Story(sessions, EncounterSetup(SYSTEMS, seed=seed)).told_until("frozen")
        story.judge(Vote(picks, reason="warmer", intensity_after=2, seconds=31.5, shown_first=Side.B))
        with sessions() as session:
            ballot = session.scalars(select(Ballot).where(Ballot.encounter_id == story.id)).one()
            rows = session.scalars(select(Judgment).where(Judgment.ballot_id == ballot.id).order_by(Judgment.id)).all()
        assert (ballot.rater, ballot.reason, ballot.intensity_after) == (story.visitor, "warmer", 2)
        assert {row.criterion: row.picked for row in rows} == picks
        for row in rows:
            assert (row.system_1, row.system_2) == SYSTEMS
            assert row.side_a == story.view().systems[0]
            assert row.outcome is outcome_of(row.picked, row.side_a == row.system_1)
            assert (row.checkpoint_1, row.checkpoint_2) == ("checkpoint-net-x", "checkpoint-net-y")
            assert (row.rubric, row.rubric_version, row.seconds) == ("admisc-2024", 2, 31.5)
            assert (row.shown_first, row.app_version) == (Side.B, annotation.__version__)


def test_outcomes_are_seen_from_the_first_system() -> None:
    assert outcome_of(Pick.A, True) is outcome_of(Pick.B, False) is Outcome.WIN
    assert outcome_of(Pick.B, True) is outcome_of(Pick.A, False) is Outcome.LOSE
    assert outcome_of(Pick.TIE, True) is outcome_of(Pick.TIE, False) is Outcome.TIE


@pytest.mark.parametrize(
    ("picks", "message"),
    [
        ({}, "not answered: Fluency, Accuracy, Empathy, Suggestion, Overall"),
        (dict.fromkeys(CRITERIA[1:], "a"), "not answered: Fluency. Answer each of"),
        (dict.fromkeys((*CRITERIA, "Humour"), "a"), "unknown: Humour"),
    ],
)
def test_a_vote_answers_the_questions_asked(
    sessions: sessionmaker[Session], picks: dict[str, str], message: str
) -> None:
    story = Story(sessions).told_until("frozen")
    with pytest.raises(ValueError, match=message):
        story.judge(Vote(picks))
    assert story.view().judgments == ()
    story.judge()  # still possible


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"picks": {"Fluency": "c"}}, r"Fluency is 'c'; allowed: a \(A better\)"),
        ({"reason": "x" * (MAX_REASON_CHARS + 1)}, "the reason|The reason"),
        ({"intensity_after": 0}, "intensity_after is 0"),
        ({"seconds": -1.0}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"shown_first": "c"}, "c"),
    ],
)
def test_a_bad_vote_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Vote(**{"picks": dict.fromkeys(CRITERIA, "a")} | fields)


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": Outcome.TIE},
        {"outcome": Outcome.LOSE},
        {"side_a": "net-z"},
        {"system_2": "net-x"},
        {"criterion": "Fluency", "id": None},
    ],
)
def test_the_table_itself_refuses_nonsense(sessions: sessionmaker[Session], change: dict[str, object]) -> None:
    """A row that contradicts itself, or a second answer to one question, whoever writes it."""
    seed = next(seed for seed in range(20) if _first_is_on_side_a(sessions, seed))
    story = Story(sessions, EncounterSetup(SYSTEMS, seed=seed)).told_until("judged")
    with sessions() as session:
        row = session.scalars(select(Judgment).where(Judgment.encounter_id == story.id)).first()
        assert row is not None
        values = {column.key: getattr(row, column.key) for column in Judgment.__table__.columns}
    values |= {"id": None, "criterion": "Warmth"} | change
    with pytest.raises(IntegrityError), sessions.begin() as session:
        session.add(Judgment(**values))


def _first_is_on_side_a(sessions: sessionmaker[Session], seed: int) -> bool:
    return Story(sessions, EncounterSetup(SYSTEMS, seed=seed)).view().systems[0] == SYSTEMS[0]


def test_a_pointwise_rubric_is_for_studies() -> None:
    with pytest.raises(ValueError, match="'misc-2022' scores single replies"):
        EncounterSetup(SYSTEMS, rubric="misc-2022")


@pytest.mark.parametrize("rubric", [name for name, found in RUBRICS.items() if found.scale is Scale.PAIRWISE])
def test_any_pairwise_rubric_can_be_judged(sessions: sessionmaker[Session], rubric: str) -> None:
    names = find_rubric(rubric).names()
    assert len(set(names)) == len(names)
    story = Story(sessions, EncounterSetup(SYSTEMS, rubric=rubric)).told_until("frozen")
    view = story.judge(Vote(dict.fromkeys(names, "tie")))
    assert [judgment.criterion for judgment in view.judgments] == list(names)
