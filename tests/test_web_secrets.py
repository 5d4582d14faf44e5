"""What the app writes and prints is for who runs it: modes of files, spreadsheets, the log."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

import app
from annotation.__main__ import main as annotation
from annotation.files.study_files import save_rows, spreadsheet_safe
from annotation.store.database import open_sessions
from annotation.store.schema import Encounter
from annotation.talks.encounters import EncounterSetup, start_encounter, visitor_of
from escdemo.look import render
from escdemo.server import serve
from escdemo.settings import Settings
from tests.running import free_port

ROOT = Path(app.__file__).parent
STORED = EncounterSetup(
    systems=("joint", "misc"), mode="demo", seed=1, situation="I moved.", emotion_type="sadness", problem_type="other"
)


@pytest.fixture(autouse=True)
def open_mask() -> Iterator[None]:
    """As on most machines: others may read what is not closed to them."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077]


def test_the_database_and_its_journals_are_private(tmp_path: Path) -> None:
    sessions = open_sessions(f"sqlite:///{tmp_path / 'talks.db'}")
    with sessions.begin() as session:
        session.query(Encounter).all()
    assert {"talks.db", "talks.db-wal", "talks.db-shm"} <= {path.name for path in tmp_path.iterdir()}
    assert open_to_others(tmp_path) == []
    sessions.kw["bind"].dispose()


def test_a_database_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'talks.db'}"
    open_sessions(url).kw["bind"].dispose()
    (tmp_path / "talks.db").chmod(0o644)
    open_sessions(url).kw["bind"].dispose()
    assert open_to_others(tmp_path) == []


def test_backups_and_exports_are_private(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'talks.db'}"
    sessions = open_sessions(url)
    with sessions.begin() as session:
        start_encounter(session=session, visitor=visitor_of("somebody"), setup=STORED)
    sessions.kw["bind"].dispose()
    out = tmp_path / "out"
    out.mkdir()
    assert annotation(["backup", "--database", url, "--output", str(out / "copy.db")]) == 0
    rows = ["export", "--database", url, "--table", "conversations", "--format", "csv"]
    assert annotation([*rows, "--output", str(out / "rows.csv")]) == 0
    assert {path.name for path in out.iterdir()} == {"copy.db", "rows.csv"}
    assert open_to_others(out) == []


RISKY = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "'=1", "\n=1"]


@pytest.mark.parametrize("text", RISKY)
def test_no_cell_of_any_download_is_a_formula(text: str, tmp_path: Path) -> None:
    downloaded = next(csv.reader(io.StringIO(render.csv_text(["word"], [[text]]).split("\r\n", 1)[1], newline="")))
    save_rows([{"word": text}], tmp_path / "rows.csv", "csv")
    with (tmp_path / "rows.csv").open(newline="") as lines:
        exported = list(csv.reader(lines))[1]
    for cell in (downloaded[0], exported[0], spreadsheet_safe(text)):
        assert cell == f"'{text}"


def test_numbers_stay_numbers() -> None:
    assert render.csv_text(["a"], [[-1.5], [None]]) == 'a\r\n-1.5\r\n""\r\n'


def test_no_address_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold an invitation."""
    made: list[Any] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: made.append(self.config))
    serve(lambda scope, receive, send: None, None)  # type: ignore[arg-type,return-value]
    assert made[0].access_log is False
    assert made[0].log_level == "warning"


def test_further_names_come_from_the_flag() -> None:
    assert app.parse(["--trusted-host", "a.example", "--trusted-host", "b.example"]).trusted_hosts == (
        "a.example",
        "b.example",
    )
    assert app.parse([]).trusted_hosts == ()
    assert "upload_key" not in repr(Settings())
    assert Settings().upload_key != Settings().upload_key


def test_the_app_opens_its_mask_to_nobody(tmp_path: Path) -> None:
    program = "import app, os; app.main(['--nets', 'one']); print(oct(os.umask(0)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == "0o77"


def test_a_stop_leaves_no_upload_and_one_whole_database(tmp_path: Path) -> None:
    """By the signal of a service manager, not by Ctrl+C alone: the write-ahead log is folded in before the end."""
    program = (
        "import models.serving.hosting as hosting; from tests.fakes import EchoResponder; import app\n"
        "hosting.open_responders = lambda names, *_, **__: {name: EchoResponder(name, name) for name in names}\n"
        f"app.main(['--port', '{free_port()}', '--nets', 'one,two', '--database', 'sqlite:///{tmp_path / 'a.db'}'])"
    )
    environment = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path / "uploads")}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as run:
        assert run.stdout is not None
        assert any("ready" in line for line in run.stdout)
        (folder,) = (tmp_path / "uploads").glob("escdemo-uploads-*")
        (folder / "left.csv").write_text("what somebody uploaded")
        with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as other:
            other.execute("CREATE TABLE beside (number INTEGER)")
        grown = (tmp_path / "a.db-wal").stat().st_size
        time.sleep(1)  # the server begins to listen for the signal after the line
        run.send_signal(signal.SIGTERM)
        assert run.wait(60) == 0
    assert not folder.exists()
    assert grown > 0
    assert [path.name for path in tmp_path.glob("a.db*")] == ["a.db"]
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as alone:
        assert alone.execute("SELECT count(*) FROM beside").fetchone() == (0,)
