"""Counts from the database, and shares, intervals and tests against values worked out elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Mode
from annotation.commands.results import table_of
from annotation.statistics.intervals import clustered_share
from annotation.store.database import for_reading
from annotation.talks.encounters import EncounterSetup, find_encounter
from annotation.talks.judgments import Vote
from annotation.talks.open_talks import Tally, summarise, tallies
from tests.encounters import CRITERIA, SYSTEMS, Story

COUNT = st.integers(0, 200)


def _vote_for(story: Story, system: str | None) -> None:
    """Finish the story with one vote for `system` on every criterion, None for a tie."""
    story.told_until("frozen")
    with story.sessions() as session:
        on_side_a = find_encounter(session, story.id, None).side_a
    story.judge(Vote(dict.fromkeys(CRITERIA, "tie" if system is None else "a" if system == on_side_a else "b")))


def test_tallies_count_from_the_first_system_whatever_the_sides(sessions: sessionmaker[Session]) -> None:
    for seed, system in enumerate(["net-x", "net-x", "net-y", None, "net-x", None]):
        _vote_for(Story(sessions, EncounterSetup(SYSTEMS, seed=seed)), system)
    _vote_for(Story(sessions, EncounterSetup(("net-z", "net-y"), Mode.STUDY, study="pilot")), "net-z")
    with for_reading(sessions)() as session:
        everything = tallies(session=session)
        pilot = tallies(session=session, study="pilot")
        demo = tallies(session=session, mode=Mode.DEMO)
        assert tallies(session=session, rubric="esconv-2021") == ()
        with pytest.raises(ValueError, match="allowed: admisc-2024"):
            tallies(session=session, rubric="none")
    assert demo == tuple(Tally("net-x", "net-y", name, win=3, lose=1, tie=2) for name in CRITERIA)
    assert pilot == tuple(Tally("net-y", "net-z", name, win=0, lose=1, tie=0) for name in CRITERIA)
    assert everything == demo + pilot


def test_the_interval_is_wilsons() -> None:
    """7 of 10: centre (0.7 + z2/20) / (1 + z2/10), half-width z sqrt(0.7 * 0.3/10 + z2/400) / (1 + z2/10), z = 1.96."""
    found = clustered_share([1] * 7 + [0] * 3, [1] * 10, empty="")
    assert (found.value, found.low, found.high) == pytest.approx((70.0, 39.68, 89.22), abs=0.01)


def test_the_sign_test_leaves_ties_out() -> None:
    """8 wins, 2 losses: P(at least 8 of 10 heads) = 56/1024, twice that for both ends = 0.109375."""
    (found,) = summarise([Tally("misc", "vanilla", "Empathy", win=8, lose=2, tie=30)])
    assert found.p_value == pytest.approx(0.109375)
    assert found.sentence == "misc won 8 times, vanilla 2 times; the difference could be chance (sign test p = 0.109)."


def test_what_cannot_be_computed_says_why() -> None:
    (none,) = summarise([Tally("a", "b", "Fluency", 0, 0, 0)])
    assert (none.win.value, none.p_value, none.sentence) == (None, None, "No judgments yet.")
    (ties,) = summarise([Tally("a", "b", "Fluency", 0, 0, 4)])
    assert ties.p_value is None
    assert ties.tie.value == 100
    assert "All 4 judgments are ties" in ties.sentence
    assert "The only judgment is a tie" in summarise([Tally("a", "b", "Fluency", 0, 0, 1)])[0].sentence
    assert "a won once, b never;" in summarise([Tally("a", "b", "Fluency", 1, 0, 0)])[0].sentence
    assert "equally often" in summarise([Tally("a", "b", "Fluency", 3, 3, 0)])[0].sentence
    assert (
        "b won 9 times, a never; the difference is unlikely" in summarise([Tally("a", "b", "F", 0, 9, 0)])[0].sentence
    )


@settings(deadline=None)
@given(COUNT, COUNT, COUNT)
def test_shares_add_up_and_lie_in_their_intervals(win: int, lose: int, tie: int) -> None:
    (found,) = summarise([Tally("a", "b", "Fluency", win, lose, tie)])
    if win + lose + tie == 0:
        return
    shares = [(one.low, one.value, one.high) for one in (found.win, found.lose, found.tie)]
    assert sum(value for _, value, _ in shares if value is not None) == pytest.approx(100)
    for low, value, high in shares:
        assert low is not None
        assert value is not None
        assert high is not None
        assert -1e-9 <= low <= value + 1e-9
        assert value <= high + 1e-9


def test_the_printed_table_has_each_pair_once() -> None:
    summaries = summarise([Tally(*pair, name, 3, 1, 0) for pair in (("a", "b"), ("a", "c")) for name in CRITERIA])
    printed = table_of(summaries)
    assert printed.count("a against b") == printed.count("a against c") == 1
    assert printed.count("75.0 (30.1 to 95.4)") == 10
    assert table_of(()) == "No judgments yet."
