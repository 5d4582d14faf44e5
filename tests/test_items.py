"""`python -m models items`: a file that a study imports as it is, made once, whatever interrupts it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from annotation.files.item_files import read_items
from annotation.statistics.explanations import AGREES, ENTROPY, features_of
from annotation.studies.stored_replies import read_stored
from escdemo.role_cards import CARDS_PATH
from models.__main__ import main
from models.commands import items
from models.data.dialogue import Dialogue
from models.serving.responder import OnText
from models.serving.trace import DecodeOptions, Reply
from tests.fakes import EchoResponder
from tests.test_contexts import talk

ASKED: list[str] = []


class Counted(EchoResponder):
    """Notes whom it answers; the third answer of a run can be the last."""

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        ASKED.append(f"{self.name}:{dialogue.id}")
        if ASKED.count("stop") and len(ASKED) > 6:
            raise KeyboardInterrupt
        return super().respond(dialogue, options, seed, on_text)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Five items of two fake nets."""
    ASKED.clear()

    def opened(names: Sequence[str], *_: Any, **__: Any) -> dict[str, EchoResponder]:
        return {name: Counted(name, f"sha-{name}") for name in names}

    monkeypatch.setattr(items, "open_responders", opened)
    monkeypatch.setattr(items, "read_esconv", lambda path: [talk(number, f"type {number % 2}") for number in range(9)])
    return ["items", "joint", "misc", "--count", "5", "--out", str(tmp_path / "items.jsonl")]


CARDS = ["--cards", str(CARDS_PATH)]


def test_the_file_is_imported_as_it_is(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--esconv", "x", "--part", "all"]) == 0
    assert "5 items with 10 replies" in capsys.readouterr().out
    found = read_items(tmp_path / "items.jsonl")
    assert len({item.dialogue for item in found}) == 5
    assert {item.problem_type for item in found} == {"type 0", "type 1"}
    for item in found:
        assert (item.strategy, item.turn) == ("Question", len(item.context))
        assert [(reply.system, reply.checkpoint) for reply in item.replies] == [
            ("joint", "sha-joint"),
            ("misc", "sha-misc"),
        ]
        for reply in item.replies:
            (stored,) = read_stored(reply.replies_json)
            assert Reply.from_dict(stored).text == reply.turns[0].text
            assert {ENTROPY, AGREES} <= dict(features_of(stored, item.strategy)).keys()


def test_an_interrupted_run_goes_on(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ASKED.append("stop")
    out, part = tmp_path / "items.jsonl", tmp_path / "items.part.jsonl"
    assert main([*command, *CARDS]) == 130
    assert not out.exists()
    lines = part.read_text("utf-8").splitlines()
    assert len(lines) == 2  # the third lacked a reply
    part.write_text("\n".join(lines) + '\n{"id": "cut of', encoding="utf-8")
    ASKED.clear()
    assert main([*command, *CARDS]) == 0
    assert len(ASKED) == 3 * 2
    assert "2 of 5 items are in" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["items.jsonl", "items.run.json"]
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [json.loads(line)["id"] for line in lines] == [row["id"] for row in rows[:2]]
    again = tmp_path / "again.jsonl"
    assert main([*command[:-1], str(again), *CARDS]) == 0

    def said(path: Path) -> list[Any]:
        return [(item.key, item.context, [reply.turns for reply in item.replies]) for item in read_items(path)]

    assert said(again) == said(out)  # as if it had not been interrupted


def test_nothing_is_lost_unasked(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "items.jsonl"
    ASKED.append("stop")
    assert main([*command, *CARDS]) == 130
    ASKED.clear()
    capsys.readouterr()
    other = [*command, *CARDS, "--seed", "2"]
    assert main(other) == 2
    assert "holds items.part.jsonl, made with other settings (seed 1 there, 2 now)" in capsys.readouterr().err
    assert main([*other, "--overwrite"]) == 0
    made = out.read_text("utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["items.jsonl", "items.run.json"]
    assert main([*command, *CARDS]) == 2
    assert "holds items.jsonl, made with other settings (seed 2 there, 1 now)" in capsys.readouterr().err
    ASKED.clear()
    assert main(other) == 0
    assert (ASKED, out.read_text("utf-8")) == ([], made), "what is whole is not made again"
    (tmp_path / "items.run.json").unlink()
    assert main(other) == 2
    assert "items.run.json, which would name them, is not there" in capsys.readouterr().err
    assert out.read_text("utf-8") == made


def test_too_many_are_refused_before_a_net_is_loaded(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--count", "900", *CARDS]) == 2
    assert "900 contexts are asked for; allowed: 1 to" in capsys.readouterr().err
    assert ASKED == []
