"""Training from scratch: the vocabulary that a net learns, keeps and goes on with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.__main__ import main
from models.nets.stored import load_net
from tests.test_train import SMALL, base, esconv, flags

__all__ = ["base", "esconv", "flags"]  # fixtures


def test_a_net_from_scratch_learns_its_own_vocabulary_and_goes_on_with_it(
    flags: list[str], esconv: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "weights"
    run = ["train", "transformer", *flags, "--set", SMALL, "--steps", "1", "--weights", str(weights), "--release"]
    assert main([*run, "--out", str(tmp_path / "one")]) == 0
    assert "transformer from scratch, rank 0, rate 0.001" in capsys.readouterr().out
    folder = weights / "transformer"
    words = load_net(folder).tokenizer
    assert {"sorry", "tired", "[Question]", "##a"} <= set(words.fast.get_vocab())
    assert json.loads((folder / "card.json").read_text())["vocabulary"] == words.digest()
    other = esconv.read_text().replace("tired", "exhausted")
    esconv.write_text(other)
    assert main([*run, "--out", str(tmp_path / "two"), "--start", str(folder)]) == 0, "not those of the new texts"
    assert load_net(folder).tokenizer.digest() == words.digest()
    assert main([*run, "--out", str(tmp_path / "three"), "--base", str(base)]) == 2
    assert "transformer is trained from scratch and stands on no base; leave --base out" in capsys.readouterr().err
    assert main([*run, "--out", str(tmp_path / "three"), "--start", str(tmp_path)]) == 2
    assert "tokenizer.json is missing; give the folder of a net trained from scratch" in capsys.readouterr().err
    assert main([*run, "--out", str(tmp_path / "three"), "--set", "depth=2", "--esconv", "none.json"]) == 2
    assert "has no setting ['depth']" in capsys.readouterr().err, "said before the data are read"
