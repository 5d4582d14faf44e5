"""`python -m annotation study` and `benchmark`, from plan file to replay; the write queue behind them."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from annotation.__main__ import main
from annotation.commands import study
from annotation.commands.benchmark import Figures, Load, measure, quantile
from annotation.store.database import open_sessions
from annotation.store.write_queue import WriteQueue
from tests.postgres import empty

PLAN = {"name": "pilot", "systems": ["x", "y"], "raters": 2, "raters_per_item": 2, "seed": 3}


def _files(tmp_path: Path, rows: int = 3) -> tuple[str, str]:
    plan, items = tmp_path / "plan.json", tmp_path / "items.jsonl"
    plan.write_text(json.dumps(PLAN), encoding="utf-8")
    context = [{"speaker": "seeker", "text": "Hello."}]
    lines = [{"id": str(number), "context": context, "replies": {"x": "A.", "y": "B."}} for number in range(rows)]
    items.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return str(plan), str(items)


def test_a_study_from_plan_to_end(tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    plan, items = _files(tmp_path)

    def study(action: str, *flags: str) -> str:
        named = [] if action in ("create", "list") else ["--study", "pilot"]
        assert main(["study", action, "--database", database_url, *named, *flags]) == 0
        return capsys.readouterr().out

    assert "lead1\t" in study("create", "--file", plan)
    assert "3 contexts with 6 replies" in study("import", "--items", items)
    assert "open with 3 items" in study("open")
    links = study("invite", "--count", "2").splitlines()
    assert [line.split("\t")[0] for line in links] == ["r1", "r2"]
    assert "no longer works" in study("revoke", "--member", "r2")
    assert "judgments   0 of 6" in study("status")
    assert "paused" in study("pause")
    assert "open" in study("resume")
    assert "exactly the stored items" in study("replay")
    assert "pilot\tfrozen\topen" in study("list")
    assert "closed" in study("close")


def test_what_reads_keeps_no_writer_waiting(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A talk is saved while a file of items is read, while a draft is searched for faults, while a plan is checked."""
    monkeypatch.setattr("annotation.store.engine.BUSY_TIMEOUT_MS", 20)
    plan, items = _files(tmp_path)
    named = ["--database", database_url, "--study", "pilot"]
    assert main(["study", "create", "--database", database_url, "--file", plan]) == 0
    talks, saved = open_sessions(database_url), []

    def meanwhile(name: str) -> None:
        found = getattr(study, name)

        def saving(*arguments: object, **more: object) -> object:
            with talks.begin() as other:  # of another process, as far as the database knows
                other.execute(text("UPDATE encounter SET situation = situation"))
            saved.append(name)
            return found(*arguments, **more)

        monkeypatch.setattr(study, name, saving)

    for name in ("read_items", "draft_warnings", "team_progress", "plan_opening"):
        meanwhile(name)
    for flags in (["import", "--items", items], ["status"], ["open"], ["status"], ["replay"]):
        assert main(["study", flags[0], *named, *flags[1:]]) == 0, capsys.readouterr().err
    seen = ["team_progress", "draft_warnings"]
    assert saved == ["read_items", *seen, "draft_warnings", "plan_opening", *seen]
    talks.kw["bind"].dispose()


def test_a_file_that_does_not_go_with_the_study_is_named(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, items = _files(tmp_path, rows=1)
    Path(items).write_text(Path(items).read_text(encoding="utf-8").replace('"x":', '"z":'), encoding="utf-8")

    def told(action: str, *flags: str) -> str:
        main(["study", action, "--database", database_url, *flags])
        return capsys.readouterr().err

    told("create", "--file", plan)
    assert f"error: {items}: 1 bad row(s), nothing was imported:\n  line 1: " in told(
        "import", "--study", "pilot", "--items", items
    )
    gone = f"error: {items}: No such file or directory; check the name"
    Path(items).unlink()
    assert gone in told("import", "--study", "pilot", "--items", items)
    Path(plan).write_text(json.dumps(PLAN | {"name": ["other"], "instructions": 5}), encoding="utf-8")
    assert f"error: {plan}: plan: name is ['other']; a text is needed" in told("create", "--file", plan)


def test_a_live_study_takes_role_cards(tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    plan, cards = tmp_path / "plan.json", "escdemo/role_cards.json"
    plan.write_text(json.dumps(PLAN | {"kind": "live", "min_turns": 2, "turn_preference": "own"}), encoding="utf-8")

    def study(action: str, *flags: str, code: int = 0) -> str:
        assert main(["study", action, "--database", database_url, *flags]) == code
        told = capsys.readouterr()
        return told.out if code == 0 else told.err

    named = ("--study", "pilot")
    study("create", "--file", str(plan))
    assert "name their file with --cards" in study("import", *named, "--encounters", "--card", "x", code=2)
    assert "no such problem type: x" in study("import", *named, "--cards", cards, "--problem", "x", code=2)
    assert "1 of 1 role cards added" in study("import", *named, "--cards", cards, "--card", "grey-winter")
    told = study("import", *named, "--cards", cards, "--card", "grey-winter", "--problem", "Sleep Problems")
    assert re.fullmatch(r"(\d+) of (\d+) role cards added\n", told)
    assert "--nets x,y" in study("open", *named)
    assert "live" in study("status", *named)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["open", "--study", "pilot"], "import items first"),
        (["invite", "--study", "pilot"], "Open it first"),
        (["invite", "--study", "pilot", "--count", "0"], "--count is 0"),
        (["status", "--study", "other"], "no study 'other'.*studies: pilot"),
        (["create", "--file", "nowhere.json"], "nowhere.json"),
        (["import", "--study", "pilot", "--items", "nowhere.jsonl"], "nowhere.jsonl"),
        (["revoke", "--study", "pilot", "--member", "r9"], "no member 'r9'"),
    ],
)
def test_a_refusal_says_why(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    plan, _ = _files(tmp_path)
    assert main(["study", "create", "--database", database_url, "--file", plan]) == 0
    capsys.readouterr()
    assert main(["study", flags[0], "--database", database_url, *flags[1:]]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert re.search(message, error)


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_the_benchmark_loses_and_doubles_nothing(
    request: pytest.FixtureRequest, database_url: str, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    monkeypatch.setattr("annotation.store.engine.BUSY_TIMEOUT_MS", 60_000)  # the machine may be busy with other things
    if store == "postgresql":
        database_url = request.getfixturevalue("postgresql_url")
        empty(open_sessions(database_url).kw["bind"])
    sessions = open_sessions(database_url)
    figures = measure(sessions, Load(raters=10, items_each=1, pause_s=0.0, raters_per_item=5))
    assert figures.faultless()
    assert figures.sent == 10 * 5
    assert len(figures.opens) == 10
    with pytest.raises(ValueError, match="holds studies"):
        measure(sessions, Load(raters=1, raters_per_item=1))
    sessions.kw["bind"].dispose()


def test_the_benchmark_prints_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "--raters", "2", "--items", "1", "--pause", "0"]) == 0
    out = capsys.readouterr().out
    assert "sqlite: 2 raters at once, 10 answers" in out
    assert "p95" in out
    assert "nothing lost, nothing doubled" in out
    assert main(["benchmark", "--raters", "0"]) == 2


def test_a_lost_or_doubled_answer_is_a_fault() -> None:
    good = Figures((0.1,), (), sent=5, stored=5, doubled=0, events=5, wall=1.0)
    assert good.faultless()
    for change in ({"stored": 4}, {"doubled": 1}, {"events": 6}):
        assert not Figures(**(vars(good) | change)).faultless()
    assert quantile(tuple(number / 100 for number in range(100)), 0.95) == 0.95


def test_writers_come_in_order_of_arrival() -> None:
    queue, order = WriteQueue(), []
    assert queue.enter(0)
    threads = []

    def write(number: int) -> None:
        assert queue.enter(30)
        order.append(number)
        queue.leave()

    for number in range(6):
        thread = threading.Thread(target=write, args=(number,))
        thread.start()
        threads.append(thread)
        while len(queue._waiting) <= number:
            time.sleep(0.001)
    assert not queue.enter(0.01)  # gave up, and is out of the queue
    queue.leave()
    for thread in threads:
        thread.join()
    assert order == list(range(6))
    assert queue.enter(0)
