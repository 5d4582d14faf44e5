"""Finding the browser, and refusing a run that had none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import browser


def _executable(folder: Path, name: str) -> str:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_the_variable_wins_over_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = _executable(tmp_path, "google-chrome")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert browser.find_chromium() == on_path
    chosen = _executable(tmp_path, "my-browser")
    monkeypatch.setenv("CHROMIUM", chosen)
    assert browser.find_chromium() == chosen


def test_no_browser_and_no_apt_get_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert browser.install_chromium() is None


def test_a_run_that_requires_the_browser_fails_without_browser_tests() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_fakes.py", "--require-e2e"]
    run = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "--require-e2e: 0 browser tests skipped, 0 passed" in run.stdout
    assert run.stdout.strip().splitlines()[-1].split()[1] == "passed"
