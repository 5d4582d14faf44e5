"""From an ESConv file to a released net through the real commands, on a tiny base."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from models import evaluate, train
from models.__main__ import main
from models.base import load_net, save_base
from models.checkpoint import fingerprint
from models.comet import NoComet
from models.esconv import read_esconv, split_dialogues
from models.pretrain import Mix, Shape, tokenise
from models.strategies import STRATEGIES
from tests.tiny import MadeUpEmotions, tiny_backbone, tiny_tokenizer


@pytest.fixture
def esconv(tmp_path: Path) -> Path:
    """Twenty made-up dialogues in ESConv's form."""
    lines = []
    for number in range(20):
        talk = []
        for turn in range(6):
            strategy = STRATEGIES[(number + turn) % 8]
            supporter = {
                "speaker": "supporter",
                "annotation": {"strategy": strategy},
                "content": "i am sorry to hear that.",
            }
            seeker = {"speaker": "seeker", "annotation": {}, "content": f"i am sad {number} and tired"}
            talk.append(supporter if turn % 2 else seeker)
        record = {"emotion_type": "sadness", "problem_type": "job crisis", "situation": "i lost my job", "dialog": talk}
        lines.append(json.dumps(record))
    path = tmp_path / "esconv.jsonl"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def base(tmp_path: Path) -> Path:
    save_base(tiny_backbone(), tiny_tokenizer(), {}, tmp_path / "weights" / "compact")
    return tmp_path / "weights" / "compact"


def test_star_starts_from_the_net_below_that_is_shipped(
    esconv: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "weights"
    monkeypatch.setattr(train, "WEIGHTS", weights)
    run = ["--esconv", str(esconv), "--base", str(base), "--steps", "2", "--batch", "8", "--release"]
    assert main(["train", "star", *run, "--out", str(tmp_path / "early")]) == 2
    assert str(weights / "joint") in capsys.readouterr().err
    assert main(["train", "joint", *run, "--out", str(tmp_path / "joint"), "--rank", "2"]) == 0
    assert main(["train", "star", *run, "--out", str(tmp_path / "star")]) == 0
    card = json.loads((weights / "star" / "card.json").read_text())
    assert (card["start"], card["rank"]) == (fingerprint(weights / "joint"), 2)
    joint, star = load_net(weights / "joint", base), load_net(weights / "star", base)
    layer = "backbone.model.decoder.layers.0.fc1.weight"
    assert torch.equal(joint.get_parameter(layer), star.get_parameter(layer))


@pytest.mark.parametrize("name", ["joint", "misc", "admisc", "moel"])
def test_train_release_evaluate_score(
    name: str,
    esconv: Path,
    base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(train, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(train, "comet_for", lambda net, tails: NoComet())
    monkeypatch.setattr(evaluate, "comet_for", lambda net, tails: NoComet())
    monkeypatch.setattr(train, "load_emotion", MadeUpEmotions)
    monkeypatch.setattr(evaluate, "load_net", lambda folder: load_net(folder, base))
    run = ["train", name, "--esconv", str(esconv), "--base", str(base), "--out", str(tmp_path / "run"), "--rank", "2"]
    run += ["--set", 'size={"width": 16}'] if name == "moel" else []
    assert main([*run, "--steps", "4", "--batch", "8", "--minutes", "5", "--release"]) == 0
    card = json.loads((tmp_path / "weights" / name / "card.json").read_text())
    assert card["steps"] == 4
    strategy = set() if name == "moel" else {"valid_strategy", "valid_accuracy"}
    assert card["metrics"].keys() == {"valid_reply"} | strategy
    assert str(tmp_path) not in card["command"]
    capsys.readouterr()
    out = tmp_path / "evaluation"
    told = ["evaluate", name, "--esconv", str(esconv), "--weights", str(tmp_path / "weights"), "--out", str(out)]
    assert main([*told, "--max-tokens", "8"]) == 0
    assert "D test" in capsys.readouterr().out
    metrics = json.loads((out / name / "metrics.json").read_text())
    assert metrics["split"] == "D"
    assert metrics["turns"] == len((out / name / "predictions.jsonl").read_text().splitlines())
    assert main(["score", str(out / name / "predictions.jsonl")]) == 0


def test_batches_are_the_same_when_asked_again(esconv: Path) -> None:
    tokenizer = tiny_tokenizer()
    targets = split_dialogues(read_esconv(esconv)).train
    examples = train.examples_of(targets, NoComet(), tokenizer, train.ContextShape())
    one, other = (train.Batches(examples, 4, 13) for _ in range(2))
    one.at(0)
    for step in (0, 3, 9, 30, 2):
        assert torch.equal(one.at(step).ids, other.at(step).ids)
    epoch = [row for step in range(-(-len(examples) // 4)) for row in one.at(step).ids.tolist()]
    seen = sorted(tuple(i for i in row if i) for row in epoch)
    assert seen == sorted(example.context for example in examples)


def test_the_pretraining_mix_cuts_dialogues_at_answers(esconv: Path) -> None:
    tokenizer = tiny_tokenizer()
    sets = {"esconv": tokenise(read_esconv(esconv), tokenizer)}
    batch = Mix(sets, {"esconv": 1.0}, tokenizer).batch(5, 6, Shape(32, 16, 1), 1)
    again = Mix(sets, {"esconv": 1.0}, tokenizer).batch(5, 6, Shape(32, 16, 1), 1)
    assert torch.equal(batch.ids, again.ids)
    assert torch.equal(batch.inputs[:, 1:][batch.labels[:, :-1] >= 0], batch.labels[:, :-1][batch.labels[:, :-1] >= 0])
    first = {int(i) for i in batch.labels[:, 0]}
    assert first <= {*tokenizer.strategies, tokenizer.encode("i")[0]}
    assert batch.ids.shape[1] <= 32


def test_missing_data_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "joint", "--esconv", str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err
