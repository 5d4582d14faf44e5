"""What leaves the database: rows, masks, files, and the command line over all of it."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from annotation.__main__ import COMMANDS, main
from annotation.choices import Mode
from annotation.commands.backup import back_up
from annotation.commands.export import FORMATS, TABLES, export_rows, write_rows
from annotation.files.masking import LIMITS, mask
from annotation.store.database import for_reading
from annotation.talks.encounters import EncounterSetup, visitor_of
from annotation.talks.judgments import Vote
from tests.encounters import CRITERIA, SYSTEMS, Story


@pytest.fixture
def stories(sessions: sessionmaker[Session]) -> list[Story]:
    """Two visitors, one in a study; one of them writes what must be masked and what a spreadsheet would run."""
    study = Story(sessions, visitor=visitor_of("one")).told_until("revealed")
    demo = Story(sessions, EncounterSetup(SYSTEMS, situation="Mail ann@example.org"), visitor=visitor_of("two"))
    demo.post("=1+1 or call +49 30 1234567 \U0001f642")
    demo.reply()
    demo.freeze()
    demo.judge(Vote(dict.fromkeys(CRITERIA, "tie"), reason="see https://example.org/me?x=1"))
    return [study, demo]


def test_judgments_are_one_row_per_criterion(sessions: sessionmaker[Session], stories: list[Story]) -> None:
    with for_reading(sessions)() as session:
        rows = list(export_rows(session=session, table="judgments"))
        pilot = list(export_rows(session=session, table="judgments", study="pilot"))
        demo = list(export_rows(session=session, table="judgments", mode=Mode.DEMO))
    assert rows == pilot + demo
    assert [row["criterion"] for row in rows] == [*CRITERIA, *CRITERIA]
    assert [row["encounter"] for row in rows] == [story.id for story in stories for _ in CRITERIA]
    assert {row["rater"] for row in pilot} == {"r1"}
    assert {(row["rater"], row["outcome"], row["reason"]) for row in demo} == {("r2", "tie", "see [link]")}


def test_conversations_are_one_row_per_reply(sessions: sessionmaker[Session], stories: list[Story]) -> None:
    with for_reading(sessions)() as session:
        rows = list(export_rows(session=session, table="conversations", mode=Mode.DEMO))
    assert [(row["turn"], row["side"], row["attempt"], row["state"]) for row in rows] == [
        (0, "a", 0, "done"),
        (0, "b", 0, "done"),
    ]
    assert rows[0]["post"] == "=1+1 or call [number] \U0001f642"
    assert rows[0]["situation"] == "Mail [email]"
    assert [row["system"] for row in rows] == list(stories[1].view().systems)
    assert json.loads(rows[0]["options"])["top_p"] == 0.3


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("form", FORMATS)
def test_both_formats_hold_the_same_and_name_nobody(
    sessions: sessionmaker[Session], stories: list[Story], table: str, form: str
) -> None:
    out = io.StringIO()
    with for_reading(sessions)() as session:
        rows = list(export_rows(session=session, table=table))
        assert write_rows(iter(rows), out, form) == len(rows) > 0
    text = out.getvalue()
    for private in ("ann@", "1234567", "example.org/me", *(story.visitor for story in stories)):
        assert private not in text
    if form == "jsonl":
        assert [json.loads(line) for line in text.splitlines()] == rows
        return
    read = list(csv.DictReader(io.StringIO(text)))
    assert [row["encounter"] for row in read] == [row["encounter"] for row in rows]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in read for cell in row.values())


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to ann.b+c@mail.example.org!", "Write to [email]!"),
        ("see http://x.org/a?b=1 or www.example.org now", "see [link] or [link] now"),
        ("I am @lonely_one there", "I am [handle] there"),
        ("call (030) 123-45 67 or 0049301234567", "call [number] or [number]"),
        ("card 4111 1111 1111 1111.", "card [number]."),
        ("I am 34, since 2019, 24/7, 3.5 hours, on 1.2.2020", "I am 34, since 2019, 24/7, 3.5 hours, on 1.2.2020"),
        ("Hi, my name is Ann Lee and people call me Annie.", "Hi, my name is [name] and people call me [name]."),
        ("my name is on the list, call me later", "my name is on the list, call me later"),
        ("", ""),
    ],
)
def test_masks(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert mask(masked) == masked


def test_an_unknown_table_or_format_lists_the_known(sessions: sessionmaker[Session]) -> None:
    with sessions() as session, pytest.raises(ValueError, match="allowed: judgments, conversations"):
        list(export_rows(session=session, table="votes"))
    with pytest.raises(ValueError, match="allowed: csv, jsonl"):
        write_rows(iter([]), io.StringIO(), "xml")


def test_a_backup_is_a_whole_database(
    sessions: sessionmaker[Session], stories: list[Story], database_url: str, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    assert back_up(database_url, copy) == copy.stat().st_size
    connection = sqlite3.connect(copy)
    assert connection.execute("SELECT count(*) FROM judgment").fetchone() == (10,)
    connection.close()
    with pytest.raises(FileExistsError, match="name a new file"):
        back_up(database_url, copy)
    with pytest.raises(ValueError, match="pg_dump"):
        back_up("postgresql://host/name", tmp_path / "other.db")


def test_the_commands_work_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert main(["migrate", "--database", url]) == 0
    assert main(["migrate", "--database", url]) == 0
    assert "none -> 0011" in capsys.readouterr().out
    assert main(["results", "--database", url]) == 0
    assert "No judgments yet." in capsys.readouterr().out
    target = tmp_path / "rows.jsonl"
    assert main(["export", "--database", url, "--format", "jsonl", "--output", str(target)]) == 0
    assert target.read_text() == ""
    assert "0 rows written to" in capsys.readouterr().err
    assert main(["backup", "--database", url, "--output", str(tmp_path / "copy.db")]) == 0


def test_export_to_the_screen(database_url: str, stories: list[Story], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--database", database_url, "--study", "pilot"]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1 + len(CRITERIA)
    assert captured.err == f"5 rows\n{LIMITS}\n"


@pytest.mark.parametrize("command", ["export", "results", "backup"])
def test_a_misspelt_database_is_not_made(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = ["--output", str(tmp_path / "out")] if command == "backup" else []
    assert main([command, "--database", f"sqlite:///{tmp_path}/nothing.db", *output]) == 2
    assert "error: there is no database" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_help_and_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in COMMANDS)
    assert main([]) == 2
    assert main(["exprot"]) == 2
    assert "allowed: migrate, export" in capsys.readouterr().err
