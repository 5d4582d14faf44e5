"""A study as files and back: the same values, the same statistics, and what is said about a bad file."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from annotation.__main__ import main
from annotation.files.study_files import FILE_FORMATS, Values, read_values, save_rows, study_rows
from annotation.files.study_values import KINDS
from annotation.rubric import RUBRICS
from annotation.statistics.report_tables import report_tables
from annotation.statistics.study_data import StudyData
from annotation.statistics.study_report import analyse
from annotation.store.texts import is_visible
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_source import read_study_data
from annotation.studies.study_views import Ballot, TaskView, Verdict
from annotation.talks.encounters import EncounterSetup, find_encounter, visitor_of
from annotation.talks.judgments import Vote
from models.reading.table import Table, as_latex, as_markdown, as_text
from tests.encounters import CRITERIA, SYSTEMS, Story
from tests.simulated_study import features, rated, simulated
from tests.studies import StudyRoom, item

SIGNS = st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\ufffd")
TEXT = st.text(SIGNS, max_size=12).map(str.strip).filter(is_visible)
"""names and ids are read without outer blanks, and can be seen"""


@pytest.fixture(scope="module")
def study() -> StudyData:
    """The simulated study with ratings and verdicts of a reviewer, who corrected one of two questions of an item."""
    verdicts = (
        Verdict("sim", "i00", "Overall", "correct", "tie", "tie", None),
        Verdict("sim", "i00", "Empathy", "correct", "a", None, None),
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
        assert read_values(path, "ballots") == Values((ballot,))


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
    with pytest.raises(ValueError, match=r"4 bad row\(s\), nothing read") as caught:
        read_values(path, "ballots")
    message = str(caught.value)
    assert "line 2: seconds is 'fast'; a finite number is needed" in message
    assert "line 3: outcome is 'win'; allowed: a, tie, b" in message
    assert "line 4: first_shown is 'm9'; allowed: cold, warm" in message
    assert "line 5: rater is empty" in message
    (tmp_path / "verdicts.csv").write_text("study,item_id,rater\ns,i,r\n")
    with pytest.raises(ValueError, match=r"missing columns: \['criterion'.*unknown columns: \['rater'\]"):
        read_values(tmp_path / "verdicts.csv", "verdicts")
    (tmp_path / "rows.jsonl").write_text("{")
    with pytest.raises(ValueError, match="line 1: not valid JSON"):
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


VOTE = {"study": "s", "item_id": "i", "rater": "r1", "criterion": "Overall", "system_a": "joint", "system_b": "misc"}
VOTE |= {"outcome": "a", "first_shown": "misc", "seconds": "3"}
SCORE = {"study": "s", "item_id": "i", "rater": "r1", "criterion": "Empathy", "system": "misc", "score": "2"}
SCORE |= {"position": "0", "seconds": "3"}
TALK = {"study": "s", "item_id": "i", "rater": "r1", "talk": "t", "system_a": "joint", "system_b": "misc"}
TALK |= {"first_shown": "misc", "turns": "4", "intensity_before": "4", "intensity_after": "2"}
RULED = {"study": "s", "item_id": "i", "criterion": "Overall", "decision": "correct", "blind_outcome": "a"}
RULED |= {"outcome": "b", "cause": "slip"}


def table(tmp_path: Path, *rows: dict[str, str], name: str = "ballots.CSV") -> Path:
    with (tmp_path / name).open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path / name


@pytest.mark.parametrize(
    ("kind", "rows", "message"),
    [
        ("ballots", [VOTE, VOTE], "line 3: given twice, in line 2 already (study s, item_id i, rater r1"),
        ("ballots", [VOTE, VOTE | {"outcome": "b"}], "line 3: given twice"),
        ("ballots", [VOTE, VOTE | {"system_a": "misc", "system_b": " joint "}], "line 3: given twice"),
        ("ballots", [VOTE, VOTE | {"rater": "r2", "item_id": "i\u200b"}], "but 'i' in line 2; use one spelling"),
        ("ballots", [VOTE, VOTE | {"rater": "r2", "item_id": "\u0456"}], "but 'i' in line 2; use one spelling"),
        ("ballots", [VOTE | {"item_id": "i\u20281"}], "it has a line break or a control character"),
        ("ballots", [VOTE | {"rater": "r" * 201}], "it has 201 characters; at most 200 are allowed"),
        ("ballots", [VOTE, VOTE | {"rater": "R1"}], "line 3: rater is 'R1', but 'r1' in line 2"),
        (
            "ballots",
            [VOTE, VOTE | {"item_id": "j", "system_b": "mi\u200bsc", "first_shown": "joint"}],
            "'misc' in line 2",
        ),
        ("ballots", [VOTE | {"system_b": "joint", "first_shown": "joint"}], "a system is not compared with itself"),
        ("ballots", [VOTE | {"seconds": "nan"}], "seconds is 'nan'; a finite number is needed"),
        ("ballots", [VOTE | {"seconds": "-3"}], "seconds is '-3'; allowed: 0 to 1e+09"),
        ("ballots", [VOTE | {"seconds": "1e999"}], "a finite number is needed"),
        ("ballots", [VOTE | {"turn": "1.5"}], "turn is '1.5'; a whole number is needed"),
        ("ballots", [VOTE | {"turn": "1_0"}], "turn is '1_0'; a whole number is needed"),
        ("ballots", [VOTE | {"turn": "9" * 30}], "a whole number is needed"),
        ("ballots", [VOTE | {"rater": "r\x071"}], "it has a line break or a control character"),
        ("ballots", [VOTE | {"item_id": "i\nj"}], "does a quote stay open in the row?"),
        ("ballots", [VOTE | {"rater": "\u2060"}], "rater is '\\u2060'; it has no visible character"),
        ("ballots", [VOTE | {"rater": "\ufffdva"}], "a letter was lost when it was saved (U+FFFD)"),
        ("ballots", [VOTE | {"majority": "most"}], "majority is 'most'; allowed: at_least_half, more_than_half"),
        ("ratings", [SCORE, SCORE | {"score": "1"}], "line 3: given twice"),
        ("ratings", [SCORE | {"score": "inf"}], "score is 'inf'; a whole number is needed"),
        ("verdicts", [RULED, RULED], "line 3: given twice"),
        ("verdicts", [RULED | {"outcome": "win"}], "outcome is 'win'; allowed: a, tie, b"),
        ("talks", [TALK, TALK | {"rater": "r2"}], "line 3: given twice"),
        ("talks", [TALK | {"intensity_after": "9"}], "intensity_after is '9'; allowed: 1 to 5"),
        ("gold", [{"item_id": "i", "criterion": "Overall", "outcome": "a"}] * 2, "line 3: given twice"),
    ],
)
def test_rows_that_would_count_wrongly_are_refused(
    kind: str, rows: list[dict[str, str]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=rf"(?s)ballots\.CSV: . bad row\(s\).*{re.escape(message)}"):
        read_values(table(tmp_path, *({"turn": ""} | row if kind == "ballots" else row for row in rows)), kind)


def test_a_pair_in_the_other_order_is_the_same_pair(tmp_path: Path) -> None:
    plain = VOTE | {"strategy_a": "Question", "strategy_b": "Others"}
    turned = plain | {"system_a": " misc", "system_b": "joint", "outcome": "b", "strategy_a": "Others"}
    turned |= {"strategy_b": "Question", "item_id": "j"}
    (first, second), other_way = (lambda found: (found.found, found.turned))(
        read_values(table(tmp_path, plain, turned), "ballots")
    )
    assert second == replace(first, item_id="j")
    assert other_way == {"j"}
    assert read_values(table(tmp_path, turned | {"outcome": "tie"}), "ballots").found[0].outcome == "tie"


def test_answers_of_a_turned_item_that_may_mean_either_system_are_refused(tmp_path: Path) -> None:
    ballots = table(tmp_path, VOTE | {"system_a": "misc", "system_b": "joint"})
    files = {"ballots": ballots, "verdicts": table(tmp_path, RULED, name="verdicts.csv")}
    with pytest.raises(ValueError, match=r"unclear whom an answer a or b in .*verdicts\.csv means"):
        read_study_data(files)
    assert read_study_data(files | {"ballots": table(tmp_path, VOTE)}).verdicts
    several = table(tmp_path, VOTE, VOTE | {"system_b": "star", "first_shown": "star"})
    with pytest.raises(ValueError, match=r"rows of item i are of several pairs, so it is unclear .*its own item_id"):
        read_study_data(files | {"ballots": several})
    assert len(read_study_data({"ballots": several}).ballots) == 2


def test_a_report_is_of_one_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path, VOTE, VOTE | {"study": "t"}, VOTE | {"study": "t", "rater": "r2"})
    with pytest.raises(ValueError, match=r"ballots\.CSV: rows of 2 studies: s \(1 rows\), t \(2 rows\).*--study"):
        read_study_data({"ballots": path})
    assert len(read_study_data({"ballots": path}, study="t").ballots) == 2
    assert main(["results", "--ballots", str(path), "--study", "u"]) == 2
    assert "no row of the study 'u'; there are: s (1 rows)" in capsys.readouterr().err


def test_the_majority_of_the_study_travels_with_its_rows(
    sessions: sessionmaker[Session], database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of four raters two prefer net-x: at least half, but no more, as this study's rubric demands."""
    plan = StudyPlan("pilot", SYSTEMS, raters=4, raters_per_item=4, rubric=RUBRICS["esconv-2021"], review_share=0)
    room = StudyRoom(sessions, plan, tuple(item(number, systems=SYSTEMS) for number in range(3)), raters=4)
    for rater, wanted in zip(room.people, ("r0", "r0", "tie", "r1"), strict=True):
        while room.judge(rater, lambda task, wanted=wanted: _side_of(task, wanted)) is not None:
            pass
    named = ["--database", database_url, "--study", "pilot"]
    assert main(["results", *named]) == 0
    expected = capsys.readouterr().out
    assert "No item was won by either system (ties: 0, without a majority: 3)" in expected
    assert main(["results", *named, "--rubric", "admisc-2024"]) == 2  # it was ignored, and the study's own counted
    assert "judged by its own rubric 'esconv-2021' (version 2), and 'admisc-2024'" in capsys.readouterr().err
    assert main(["results", *named, "--rubric", "esconv-2021"]) == 0
    assert capsys.readouterr().out == expected
    for form in FILE_FORMATS:
        out = str(tmp_path / f"ballots.{form}")
        assert main(["export", *named, "--table", "ballots", "--format", form, "--output", out]) == 0
        capsys.readouterr()
        assert main(["results", "--ballots", out]) == 0
        read = capsys.readouterr()
        assert (read.out, read.err) == (expected, "")
    assert main(["results", "--ballots", out, "--rubric", "admisc-2024"]) == 2
    assert "count if more than half of their raters agree" in capsys.readouterr().err


def _side_of(task: TaskView, wanted: str) -> str:
    """The answer for the system whose replies begin with this text, or a tie."""
    places = [place for place, reply in zip("ab", task.replies, strict=True) if f" {wanted} " in reply[0].text]
    return places[0] if places else "tie"


def test_rows_without_a_majority_are_counted_by_a_rule_that_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = table(tmp_path, VOTE, VOTE | {"rater": "r2", "outcome": "tie"}, VOTE | {"rater": "r3", "outcome": "b"})
    assert main(["results", "--ballots", str(path)]) == 0
    assert "an item counts if at least half of them do" in capsys.readouterr().err
    assert main(["results", "--ballots", str(path), "--rubric", "esconv-2021"]) == 0
    assert capsys.readouterr().err == ""
    rows = [VOTE | {"majority": "more_than_half"}, VOTE | {"majority": "at_least_half", "rater": "r2"}]
    with pytest.raises(ValueError, match="two majorities, at_least_half and more_than_half; a study has one"):
        read_study_data({"ballots": table(tmp_path, *rows)})


def test_scores_are_those_of_the_rubric(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path, SCORE | {"score": "5"})
    assert main(["results", "--ratings", str(path), "--rubric", "misc-2022"]) == 2
    assert "item i, rater r1, Empathy, misc is 5; misc-2022 goes from 0 to 2" in capsys.readouterr().err


def test_a_spreadsheet_with_semicolons_gives_the_same_ballots(tmp_path: Path) -> None:
    plain = read_values(table(tmp_path, VOTE | {"seconds": "12.5"}), "ballots")
    text = (tmp_path / "ballots.CSV").read_text().replace(",", ";").replace("12.5", "12,5")
    (tmp_path / "ballots.CSV").write_text(f"\ufeff{text}{';' * 8}\n", encoding="utf-16")
    assert read_values(tmp_path / "ballots.CSV", "ballots") == plain


def test_what_is_wrong_in_every_row_is_told_once(tmp_path: Path) -> None:
    renamed = {("Seconds" if name == "seconds" else name): cell for name, cell in VOTE.items()}
    with pytest.raises(ValueError, match=r"3 bad row\(s\), nothing read") as refused:
        read_values(table(tmp_path, *[renamed | {"item_id": f"i{at}"} for at in range(3)]), "ballots")
    (told,) = str(refused.value).splitlines()[1:]
    assert told.startswith("  line 2 and 2 more: missing columns: ['seconds'], unknown columns: ['Seconds']; known are")


def test_an_apostrophe_that_protects_nothing_stays(tmp_path: Path) -> None:
    (vote,) = read_values(table(tmp_path, VOTE | {"item_id": "'tis"}), "ballots").found
    assert vote.item_id == "'tis"


def test_a_parquet_file_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table([[1], [2]], names=["turn", "turn"]), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="the column 'turn' stands twice"):
        read_values(tmp_path / "t.parquet", "ballots")


def test_the_report_has_the_papers_tables(study: StudyData) -> None:
    tables = {table.title: table for table in report_tables(analyse(study, resamples=20))}
    wins = tables["Win, lose and tie by items"]
    assert [row[:2] for row in wins.rows[:2]] == [("cold vs. plain", "Empathy"), ("cold vs. plain", "Overall")]
    assert [row[6] for row in wins.rows] == ["20", "20", "20", "19", "20", "20"]  # one item discarded on Overall
    scores = tables["Mean scores"]
    assert [row[0] for row in scores.rows] == ["cold", "plain", "warm", "Fleiss kappa"]
    assert [row[0] for row in tables["Bradley-Terry strengths"].rows[:3]] == ["cold", "plain", "warm"]
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
