"""`python -m models benchmark train` on a tiny base: one row a net, the backbone itself at 100 %."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.__main__ import main
from models.training.speed import made_up_examples
from tests.tiny import tiny_base, tiny_tokenizer


def test_every_net_is_measured_beside_the_backbone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--base", str(tiny_base(tmp_path / "base")), "--rank", "2", "--rounds", "2", "--batch", "4"]
    told = ["benchmark", "train", "--nets", "joint,misc", "--device", "cpu", *flags]
    assert main([*told, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["backbone alone"]["ratio"] == 1.0
    assert all(figures[name]["examples_s"] > 0 and figures[name]["ratio"] > 0 for name in ("joint", "misc"))
    assert main(told) == 0
    assert "| backbone alone |" in capsys.readouterr().out


@pytest.mark.parametrize("what", [["train"], []], ids=["train", "replies"])
@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--nets", "joint,mics", "unknown net 'mics'; allowed: joint, misc"),
        ("--rounds", "0", "--rounds is 0; want at least 1"),
        ("--batch", "0", "--batch is 0; want at least 1"),
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
    examples = made_up_examples(tokenizer)
    assert examples == made_up_examples(tokenizer)
    assert all(len(e.context) <= 128 and 2 <= len(e.target) <= 40 for e in examples)
    blocks = [block for e in examples[:32] for block in (*e.situation_blocks, *e.post_blocks)]
    assert len(set(blocks)) < 0.8 * len(blocks)
