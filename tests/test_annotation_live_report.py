"""Figures of live talks: by hand, out of the store, and back from files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from annotation.commands.export import export_rows
from annotation.files.study_files import FILE_FORMATS, save_rows, study_rows
from annotation.files.study_values import KINDS
from annotation.rubric import find_rubric
from annotation.statistics.live_report import ALL_PAIRS, live_report
from annotation.statistics.report_tables import report_tables
from annotation.statistics.study_report import analyse
from annotation.studies.live_talks import rate_side
from annotation.studies.live_views import StarRow, TalkRow, TurnVote
from annotation.studies.study_source import find_study_data, read_study_data
from tests.live import LiveRoom
from tests.studies import SYSTEMS

STORES = ("sqlite", "postgresql")
RULE = find_rubric("admisc-2024").agreed
TALK = TalkRow("s", "i1", "r1", "t1", "x", "y", "x", turns=4, intensity_before=5, intensity_after=2)
VOTE = TurnVote("s", "i1", "r1", "t1", 0, "x", "y", "a", "x")
STAR = StarRow("s", "i1", "r1", "t1", 1, "x", 5, "x")


def test_preferences_by_turns_and_by_talks() -> None:
    """Talk 1: x, x, tie; talk 2: y, tie. By turns x wins 2 of 5; by talks x wins one, one has no majority."""
    outcomes = {"t1": ("a", "a", "tie"), "t2": ("b", "tie")}
    votes = [
        replace(VOTE, talk=talk, turn=turn, outcome=outcome, first_shown="x" if talk == "t1" else "y")
        for talk, found in outcomes.items()
        for turn, outcome in enumerate(found)
    ]
    report = live_report((), votes, (), rule=RULE)
    (pair,) = report.preferences
    assert (pair.votes.win, pair.votes.lose, pair.votes.tie) == (2, 1, 2)
    assert (pair.items.win, pair.items.lose, pair.items.none) == (1, 0, 1)
    assert pair.win.value == pytest.approx(40.0)
    assert pair.win.low is not None
    assert report.first_preferred.value == pytest.approx(100.0)  # x stood first where it won, y where it won
    assert report.first_preferred.count == 3


def test_helpfulness_and_intensity_with_talks_as_units() -> None:
    stars = [replace(STAR, talk=talk, turn=turn, stars=given) for talk, turn, given in (("t1", 1, 5), ("t1", 3, 4))]
    stars += [replace(STAR, talk="t2", stars=3), replace(STAR, system="y", stars=1)]
    talks = [TALK, replace(TALK, talk="t2", intensity_before=4, intensity_after=4)]
    report = live_report(talks, (), stars, rule=RULE)
    assert [(one.system, one.estimate.value) for one in report.helpfulness] == [("x", 4.0), ("y", 1.0)]
    assert report.helpfulness[1].estimate.low is None  # one talk alone gives no interval
    (row,) = report.intensities
    assert (row.pair, row.before.value, row.after.value, row.change.value) == (ALL_PAIRS, 4.5, 3.0, -1.5)
    assert row.change.low is not None
    assert row.change.low < -1.5 < (row.change.high or 0)
    two = live_report([*talks, replace(TALK, talk="t3", system_b="z")], (), (), rule=RULE)
    assert [one.pair for one in two.intensities] == [ALL_PAIRS, "x vs. y", "x vs. z"]


def test_a_discarded_talk_does_not_count_and_nothing_is_said_so() -> None:
    rows = [replace(row, discard_cause="slip") for row in (TALK, VOTE, STAR)]
    report = live_report([rows[0]], [rows[1]], [rows[2]], rule=RULE)  # type: ignore[list-item]
    assert (report.preferences, report.helpfulness, report.intensities) == ((), (), ())
    assert report.first_preferred.value is None
    assert report.first_preferred.reason


def test_out_of_the_store_and_back_from_files(sessions: sessionmaker[Session], tmp_path: Path) -> None:
    room = LiveRoom(sessions, turn_preference="preferred", seed=3)
    rater = room.people[0]
    claim = room.begin(rater).claim_id
    for picked in ("a", "b"):
        room.say(rater, claim, picked=picked)
    room.do(rate_side, rater, claim_id=claim, side="a", stars=4)
    room.finish_open(rater, claim, after=2)
    room.begin(room.people[1])  # not handed in: does not count
    with sessions() as session:
        data = find_study_data(session=session, study="talks")
        (row, *_) = export_rows(session=session, table="conversations", study="talks")
    (talk,) = data.talks
    assert (row["encounter"], row["rater"]) == (talk.talk, talk.rater)
    assert (talk.rater, talk.turns, talk.intensity_before, talk.intensity_after) == ("r1", 2, 4, 2)
    on_a = talk.first_shown
    assert [vote.outcome for vote in data.preferences] == (["a", "b"] if on_a == SYSTEMS[0] else ["b", "a"])
    assert [vote.continued for vote in data.preferences] == [on_a, next(one for one in SYSTEMS[:2] if one != on_a)]
    assert [(star.system, star.stars) for star in data.stars] == [(on_a, 4)]
    assert len(data.ballots) == len(room.plan.rubric.names())
    titles = [table.title for table in report_tables(analyse(data))]
    assert titles[0] == "Win, lose and tie by items"
    assert titles[1:4] == ["Preferred replies, turn by turn", "Helpfulness", "Intensity of the emotion"]
    for form in FILE_FORMATS:
        files = {kind: tmp_path / f"{kind}.{form}" for kind in KINDS}
        for kind, path in files.items():
            save_rows(study_rows(data, kind), path, form)
        assert read_study_data(files, data.rubric) == data
