"""A study as files and back: the same values, the same statistics, and what is said about a bad file."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from annotation.__main__ import main
from annotation.files.study_files import FILE_FORMATS, KINDS, read_values, save_rows, study_rows
from annotation.rubric import RUBRICS
from annotation.statistics.report_tables import report_tables
from annotation.statistics.study_data import StudyData
from annotation.statistics.study_report import analyse
from annotation.statistics.tables import Table, as_latex, as_markdown, as_text
from annotation.studies.study_source import read_study_data
from annotation.studies.study_views import Ballot, Verdict
from annotation.talks.encounters import EncounterSetup, find_encounter, visitor_of
from annotation.talks.judgments import Vote
from tests.encounters import CRITERIA, SYSTEMS, Story
from tests.simulated_study import features, rated, simulated

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def study() -> StudyData:
    """The simulated study with ratings and two verdicts of a reviewer."""
    verdicts = (
        Verdict("sim", "i00", "Overall", "correct", "tie", "tie", None),
        Verdict("sim", "i01", "Overall", "discard", "a", None, "guideline gap"),
    )
    data = simulated()
    return replace(data, ratings=rated(), verdicts=verdicts, features=features(data))


def saved(data: StudyData, folder: Path, form: str) -> dict[str, Path]:
    files = {kind: folder / f"{kind}.{form}" for kind in KINDS}
    for kind, path in files.items():
        save_rows(study_rows(data, kind), path, form)
    return files


@pytest.mark.parametrize("form", FILE_FORMATS)
def test_an_export_read_again_gives_the_same_study(study: StudyData, form: str, tmp_path: Path) -> None:
    assert read_study_data(saved(study, tmp_path, form)) == study


def test_an_export_read_again_gives_the_same_statistics(study: StudyData, tmp_path: Path) -> None:
    again = read_study_data(saved(study, tmp_path, "csv"))
    report = analyse(again, resamples=20)
    assert report == analyse(study, resamples=20)
    assert report.relations


@settings(deadline=None, max_examples=25)
@given(item=TEXT, rater=TEXT, seconds=st.floats(0, 1e6), turn=st.none() | st.integers(0, 500), gold=st.booleans())
def test_any_value_survives_every_format(
    tmp_path_factory: pytest.TempPathFactory, item: str, rater: str, seconds: float, turn: int | None, gold: bool
) -> None:
    ballot = Ballot("s", item, rater, "Overall", "m1", "m2", "tie", "m2", seconds, is_gold=gold, turn=turn)
    folder = tmp_path_factory.mktemp("rows")
    for form in FILE_FORMATS:
        path = folder / f"ballots.{form}"
        save_rows(study_rows(StudyData((ballot,)), "ballots"), path, form)
        assert read_values(path, "ballots") == (ballot,)


def test_a_spreadsheet_runs_nothing_and_people_are_masked(tmp_path: Path) -> None:
    ballot = Ballot("s", "=1+1", "r1", "Overall", "m1", "m2", "a", "m1", 1.0, problem_type="ask ann@example.org")
    path = tmp_path / "ballots.csv"
    save_rows(study_rows(StudyData((ballot,)), "ballots"), path, "csv")
    (row,) = csv.DictReader(path.open(newline=""))
    assert row["item_id"] == "'=1+1"
    assert row["problem_type"] == "ask [email]"
    assert list(tmp_path.iterdir()) == [path]


def test_bad_rows_are_listed_by_line_and_nothing_is_read(tmp_path: Path, study: StudyData) -> None:
    rows = study_rows(study, "ballots")[:5]
    rows[1] |= {"seconds": "fast"}
    rows[2] |= {"outcome": "win"}
    rows[3] |= {"first_shown": "m9"}
    rows[4] |= {"rater": None}
    path = tmp_path / "ballots.jsonl"
    save_rows(rows, path, "jsonl")
    with pytest.raises(ValueError, match="4 bad rows, nothing read") as caught:
        read_values(path, "ballots")
    message = str(caught.value)
    assert "line 2: seconds is 'fast'; a number is needed" in message
    assert "line 3: outcome is 'win'; allowed: a, tie, b" in message
    assert "line 4: first_shown is 'm9'; allowed: cold, warm" in message
    assert "line 5: rater is empty" in message
    (tmp_path / "verdicts.csv").write_text("study,item_id,rater\ns,i,r\n")
    with pytest.raises(ValueError, match=r"missing columns: \['criterion'.*unknown columns: \['rater'\]"):
        read_values(tmp_path / "verdicts.csv", "verdicts")
    (tmp_path / "rows.jsonl").write_text("{")
    with pytest.raises(ValueError, match="line 1 is no JSON"):
        read_values(tmp_path / "rows.jsonl", "ballots")
    (tmp_path / "rows.parquet").write_text("no")
    with pytest.raises(ValueError, match="is no Parquet file"):
        read_values(tmp_path / "rows.parquet", "ballots")
    with pytest.raises(ValueError, match=r"unknown ending '.xlsx'"):
        read_values(tmp_path / "rows.xlsx", "ballots")
    with pytest.raises(ValueError, match="allowed: ballots, ratings"):
        read_values(path, "votes")
    with pytest.raises(ValueError, match="allowed: csv, jsonl, parquet"):
        save_rows([], path, "xml")


def test_the_report_has_the_papers_tables(study: StudyData) -> None:
    tables = {table.title: table for table in report_tables(analyse(study, resamples=20))}
    wins = tables["Win, lose and tie by items"]
    assert [row[:2] for row in wins.rows[:2]] == [("cold vs. plain", "Empathy"), ("cold vs. plain", "Overall")]
    assert [row[6] for row in wins.rows] == ["20", "20", "20", "19", "20", "20"]  # one item discarded on Overall
    scores = tables["Mean scores"]
    assert [row[0] for row in scores.rows] == ["cold", "plain", "warm", "Fleiss kappa"]
    assert [row[0] for row in tables["Bradley-Terry strengths"].rows[:3]] == ["warm", "plain", "cold"]
    assert {"By problem type", "By turn", "Raters", "Without one rater", "Order and time"} <= tables.keys()
    assert "Does an explanation predict the vote?" in tables
    assert report_tables(analyse(StudyData(), resamples=20)) == ()


def test_a_table_in_three_spellings() -> None:
    table = Table("50 % of a_b", ("System", "Win %"), (("a|b", "1.0"), ("x & y", "22.0")), ("p < 0.05",))
    assert as_text(table).splitlines() == [
        "50 % of a_b",
        "System  Win %",
        "-------------",
        "a|b       1.0",
        "x & y    22.0",
        "p < 0.05",
    ]
    assert r"| a\|b | 1.0 |" in as_markdown(table)
    assert "|---|---:|" in as_markdown(table)
    latex = as_latex(table)
    assert r"\caption{50 \% of a\_b}" in latex
    assert r"x \& y & 22.0 \\" in latex
    assert r"p \textless{} 0.05" in latex
    assert latex.count(r"\begin") == latex.count(r"\end") == 2
    with pytest.raises(ValueError, match="1 cells, the head 2"):
        Table("t", ("a", "b"), (("x",),))


def test_the_command_prints_a_study_out_of_files(
    study: StudyData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = replace(study, ballots=tuple(one for one in study.ballots if one.criterion == "Overall"), ratings=())
    files = saved(data, tmp_path, "parquet")
    flags = ["--ballots", str(files["ballots"]), "--gold", str(files["gold"])]
    assert main(["results", *flags]) == 0
    text = capsys.readouterr().out
    assert "one side: the first one in" in text
    assert "cold and warm, Overall: warm won" in text
    assert main(["results", *flags, "--latex"]) == 0
    latex = capsys.readouterr().out
    assert r"\toprule" in latex
    assert "warm won" not in latex
    assert main(["results", "--latex", "--database", "sqlite:///none.db"]) == 2
    assert "name it with --study" in capsys.readouterr().err


def test_live_talks_of_a_study_are_ballots(
    sessions: sessionmaker[Session], database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """net-x is preferred twice and net-y once, by two visitors; the first shown is where the vote says."""
    for number, system in enumerate(("net-x", "net-x", "net-y")):
        setup = EncounterSetup(SYSTEMS, "study", study="pilot", seed=number)
        story = Story(sessions, setup, visitor=visitor_of(f"v{number % 2}")).told_until("frozen")
        with story.sessions() as session:
            on_a = find_encounter(session, story.id, None).side_a
        story.judge(Vote(dict.fromkeys(CRITERIA, "a" if system == on_a else "b"), seconds=12.5))
    out = tmp_path / "ballots.jsonl"
    export = ["export", "--database", database_url, "--table", "ballots", "--format", "jsonl", "--output", str(out)]
    assert main([*export, "--study", "pilot"]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 3 * len(CRITERIA)
    assert [row["outcome"] for row in rows[:: len(CRITERIA)]] == ["a", "a", "b"]
    assert {row["rater"] for row in rows} == {"r1", "r2"}
    assert {row["first_shown"] for row in rows} <= set(SYSTEMS)
    capsys.readouterr()
    assert main(["results", "--database", database_url, "--study", "pilot", "--markdown"]) == 0
    from_database = capsys.readouterr().out
    assert "**Win, lose and tie by items**" in from_database
    assert "No item has answers of two raters" in from_database
    assert "Does an explanation predict the vote?" in from_database  # talks keep the traces of their replies
    traced = tmp_path / "features.csv"
    told = ["export", "--database", database_url, "--table", "features", "--format", "csv", "--output", str(traced)]
    assert main([*told, "--study", "pilot"]) == 0
    capsys.readouterr()
    files = ["--ballots", str(out), "--features", str(traced)]
    assert main(["results", *files, "--markdown", "--rubric", "admisc-2024"]) == 0
    assert capsys.readouterr().out == from_database
    assert main([*export]) == 2
    assert "name it with --study" in capsys.readouterr().err
    assert main(["results", "--database", database_url, "--study", "typo"]) == 2
    assert "studies: pilot" in capsys.readouterr().err


def test_a_pointwise_rubric_gives_the_scale() -> None:
    assert StudyData(rubric=RUBRICS["misc-2022"]).scale() == (0, 1, 2)
