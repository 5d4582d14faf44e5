"""`python -m models benchmark train` on tiny bases: one row a net, the base itself at 100 %."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from models.__main__ import main
from models.training.speed import MadeUp
from tests.tiny import tiny_chat_tokenizer, tiny_checkpoint, tiny_llama_folder, tiny_tokenizer


@pytest.mark.parametrize("base", [tiny_llama_folder, tiny_checkpoint])
def test_every_net_is_measured_beside_the_base(
    base: Callable[[Path], object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--base", str(base(tmp_path / "base")), "--rank", "2", "--rounds", "2", "--batch", "4"]
    flags += ["--whole-tokens", "900"]
    told = ["benchmark", "train", "--nets", "joint,misc", "--device", "cpu", *flags]
    assert main([*told, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["base alone"]["ratio"] == 1.0
    apart = "base alone, one example a turn"
    assert (apart in figures) == (base is tiny_llama_folder), "an encoder-decoder knows no other way"
    assert all(figures[name]["turns_s"] > 0 and figures[name]["ratio"] > 0 for name in ("joint", "misc"))
    assert main(told) == 0
    assert "| base alone |" in capsys.readouterr().out


@pytest.mark.parametrize("what", [["train"], []], ids=["train", "replies"])
@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--nets", "joint,mics", "unknown net 'mics'; allowed: joint, misc"),
        ("--rounds", "0", "--rounds is 0; want at least 1"),
        ("--batch", "0", "--batch is 0; want at least 1"),
        ("--whole-tokens", "0", "--whole-tokens is 0; want at least 1"),
        ("--rank", "-1", "--rank is -1; want at least 0"),
    ],
)
def test_what_cannot_be_measured_is_named(
    what: list[str], flag: str, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["benchmark", *what, flag, value]) == 2
    assert message in capsys.readouterr().err


def test_made_up_examples_are_the_same_each_time_and_repeat_tails() -> None:
    tokenizer = tiny_tokenizer()
    examples = MadeUp(tokenizer).examples()
    assert examples == MadeUp(tokenizer).examples()
    assert all(len(e.context) <= 128 and 2 <= len(e.target) <= 40 for e in examples)
    blocks = [block for e in examples[:32] for block in (*e.situation_blocks, *e.post_blocks)]
    assert len(set(blocks)) < 0.8 * len(blocks)


def test_in_made_up_dialogues_each_reply_stands_where_its_turn_says() -> None:
    tokenizer = tiny_chat_tokenizer()
    dialogues = MadeUp(tokenizer).dialogues()
    assert dialogues == MadeUp(tokenizer).dialogues()
    assert sum(len(d.turns) for d in dialogues) >= 512
    for dialogue in dialogues:
        assert len(dialogue.ids) <= 500
        for turn in dialogue.turns:
            at = len(turn.context)
            assert dialogue.ids[:at] == turn.context
            said = (tokenizer.bos, tokenizer.strategies[turn.strategy], *turn.target)
            assert dialogue.ids[at : at + len(said)] == said


def test_a_net_from_scratch_stands_on_no_base_to_be_measured_beside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--base", str(tiny_llama_folder(tmp_path / "base")), "--device", "cpu"]
    assert main(["benchmark", "train", "--nets", "joint,moel", *flags]) == 2
    assert "moel is trained from scratch and stands on no base" in capsys.readouterr().err
