"""Starting the app: flags, and one clear line on stderr when something is in the way."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import app
from escdemo.settings import Settings
from models.serving.trace import DECODING, USUAL, DecodeOptions
from tests.running import free_port

ROOT = Path(app.__file__).parent


def test_the_flags_become_settings() -> None:
    flags = "--host 0.0.0.0 --port 80 --nets a,b --study pilot-1 --database sqlite:///x.db --decode published"
    settings = app.parse(flags.split())
    asked = Settings("0.0.0.0", 80, "sqlite:///x.db", ("a", "b"), "pilot-1", "auto", "published", settings.create_key)
    assert settings == asked
    assert len(settings.create_key) > 20
    assert settings.create_key != app.parse([]).create_key
    assert settings.mode == "study"
    assert settings.options == DecodeOptions()
    assert app.parse([]).mode == "demo"
    assert app.parse([]).options == DECODING[USUAL]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ("--nets misc", "at least two different names"),
        ("--nets misc,misc", "at least two different names"),
        ("--port 70000", "1 to 65535"),
        ("--study a/b", "1 to 60 letters"),
        ("--database x.db", "sqlite:///"),
    ],
)
def test_a_bad_flag_is_one_line_without_a_traceback(
    flags: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(flags.split()) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


def test_a_busy_port_is_told_before_anything_is_loaded(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert app.main(["--port", str(port), "--database", f"sqlite:///{tmp_path / 'x.db'}"]) == 2
    told = capsys.readouterr().err
    assert f"cannot listen on 127.0.0.1:{port}" in told
    assert "--port" in told
    assert not (tmp_path / "x.db").exists()


def test_a_bad_database_folder_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert app.main(["--port", "0", "--database", f"sqlite:///{tmp_path / 'file' / 'x.db'}"]) == 2
    assert app.main(["--port", "18341", "--database", f"sqlite:///{tmp_path / 'file' / 'x.db'}"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert "--port" in told[0]
    assert "cannot be made" in told[1]


FAKE_APP = """
import sys
import models.serving.hosting as hosting
from tests.fakes import EchoResponder
hosting.open_responders = lambda names, *_, **__: {name: EchoResponder(name) for name in names}
import app
sys.exit(app.main(sys.argv[1:]))
"""


def test_a_terminated_app_folds_its_log_into_the_database(tmp_path: Path) -> None:
    """Another connection stays open, so SQLite does not do it by itself when the app's last one is closed."""
    database, log = tmp_path / "x.db", tmp_path / "x.db-wal"
    command = [sys.executable, "-c", FAKE_APP, "--port", str(free_port()), "--database", f"sqlite:///{database}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("ready"):
            assert process.poll() is None
        with closing(sqlite3.connect(database)) as other:
            other.execute("CREATE TABLE kept (text)")
            other.commit()
            assert log.stat().st_size > 0
            process.terminate()
            assert process.wait(30) == 0
            assert log.stat().st_size == 0
            assert b"CREATE TABLE kept" in database.read_bytes()


def test_help_is_instant_and_explains_every_flag() -> None:
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "app.py", "--help"],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "torch" not in run.stderr
    assert "gradio" not in run.stderr
    for flag in ("--host", "--port", "--database", "--nets", "--study", "--device"):
        assert flag in run.stdout
