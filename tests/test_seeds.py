"""`python -m models seeds`: figures of several trainings of a net."""

from __future__ import annotations

import json
import math
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch

from models.__main__ import main
from models.commands import seeds
from models.commands.seeds import Training, summary
from models.data.batches import make_batch
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.strategies import STRATEGIES
from models.knowledge.comet import NoComet
from models.nets.net import Net
from models.training import validation
from tests.tiny import CAUSAL, MadeUpComet, tiny_examples, tiny_net

TALKS = tuple(
    Dialogue(
        tuple(
            Turn(Speaker.SUPPORTER, "i am sorry to hear that.", STRATEGIES[(number * 3 + turn) % 8])
            if turn % 2
            else Turn(Speaker.SEEKER, "i am sad")
            for turn in range(6)
        ),
        id=f"talk-{number}",
    )
    for number in range(20)
)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Trainings whose seed is the name of their folder's parent."""

    def loaded(folder: Path, bases: object = None) -> Net:
        net = tiny_net(folder.name)
        torch.manual_seed(int(folder.parent.name))
        torch.nn.init.normal_(net.backbone.model.shared.weight, std=0.5)
        return net

    monkeypatch.setattr(seeds, "read_esconv", lambda path: TALKS)
    monkeypatch.setattr(seeds, "comet_for", lambda *_: NoComet())
    monkeypatch.setattr(seeds, "net_folder", lambda name, root: root / name)
    monkeypatch.setattr(seeds, "load_net", loaded)
    monkeypatch.setattr(seeds, "fingerprint", lambda folder: f"{folder.name}-{int(folder.parent.name) % 10}")
    monkeypatch.setattr(seeds, "read_card", lambda folder: {"run": {"seed": int(folder.parent.name)}})
    return ["seeds", "--esconv", "x"]


def test_figures_of_each_training_and_of_each_net(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "seeds.json"
    assert main([*command, "joint", "moel", "--weights", "1", "2", "--out", str(out)]) == 0
    saved: dict[str, Any] = json.loads(out.read_text())
    made = [Training(**row) for row in saved["trainings"]]
    assert [(t.net, t.seed) for t in made] == [("joint", 1), ("joint", 2), ("moel", 1), ("moel", 2)]
    joint = [t.figures for t in made[:2]]
    assert joint[0] != joint[1]
    assert all(0 <= f["accuracy"] <= 100 and 0 <= f["macro_f1"] <= 100 and f["perplexity"] > 1 for f in joint)
    assert all(list(t.figures) == ["perplexity"] for t in made[2:]), "MoEL predicts no strategy"
    assert saved["turns"] == 9  # three dialogues of the test part, three supporter turns each
    printed = capsys.readouterr().out
    mean = (joint[0]["perplexity"] + joint[1]["perplexity"]) / 2
    assert f"{mean:.2f} +- " in printed


def test_weights_of_another_split_and_missing_tails_are_told(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(seeds, "read_card", lambda folder: {"run": {"seed": 1, "split": "E"}})
    assert main([*command, "joint", "--weights", "1", "--out", str(tmp_path / "s.json")]) == 0
    out, label = capsys.readouterr().out, "D test, trained on split E: leaky"
    assert out.splitlines()[0].endswith(label)
    assert "leaky: the train part of the other split" in out
    assert json.loads((tmp_path / "s.json").read_text())["trainings"][0]["measured_on"] == label
    assert main([*command, "misc", "--weights", "1"]) == 2
    assert "only 0 of 9 turns have COMET tails" in capsys.readouterr().err


def test_mean_and_deviation() -> None:
    made = [Training("joint", "", s, "", {"accuracy": 30.0 + s, "perplexity": math.e}) for s in (0, 1, 2)]
    assert summary([*made, Training("moel", "", 1, "", {"perplexity": 2.0})])[1:] == [
        ["joint", "3", "31.00 +- 1.00", "", "2.72 +- 0.00"],
        ["moel", "1", "", "", "2.00"],
    ]


def test_the_same_weights_twice_are_no_two_seeds(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "joint", "--weights", "1", "11"]) == 2
    assert "hold the same weights" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["transesc", "misc", "joint"])
def test_perplexity_is_given_the_gold_strategy_however_a_net_was_trained(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `evaluate` counts it: the two stand in one cell of the papers' tables."""
    net = tiny_net(CAUSAL + name)
    if name == "transesc":
        assert net.config.strategy_train == "mixture"  # type: ignore[attr-defined]
    examples = tiny_examples(net)
    monkeypatch.setattr(seeds, "comet_for", lambda *_: MadeUpComet())
    monkeypatch.setattr(seeds, "besides_for", lambda *_: None)
    monkeypatch.setattr(seeds, "examples_of", lambda *_: examples)
    monkeypatch.setattr(validation, "is_quick_in_bfloat16", lambda kind: False)
    batch = make_batch(examples)
    with torch.inference_mode():
        nll = net.reply_nll(net.follow(net.plan(batch), batch, batch.strategies), batch.labels).sum()
    per_token = nll / net.counted(batch.labels).sum()
    assert seeds.figures_of(Namespace(tails=None, comet=None), net, [])["perplexity"] == pytest.approx(
        math.exp(per_token), rel=1e-5
    )
