"""From an ESConv file to a released net through the real commands, on tiny bases and on none."""

from __future__ import annotations

import json
import shlex
import shutil
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from models.__main__ import main
from models.backbones.causal_base import open_causal
from models.commands import evaluate, train
from models.data.batches import Batch
from models.data.esconv import read_esconv, split_dialogues
from models.data.examples import ContextShape
from models.data.own_talks import own_talks
from models.data.strategies import STRATEGIES
from models.files.checkpoint import fingerprint
from models.knowledge.comet import NoComet
from models.nets.stored import load_net
from models.training import turn_examples
from models.training.sampler import Batches, WholeBatches
from models.training.turn_examples import examples_of
from models.training.validation import turn_batches, validate
from tests.tiny import (
    MadeUpComet,
    MadeUpEmotions,
    Moved,
    tiny_batch,
    tiny_checkpoint,
    tiny_examples,
    tiny_llama_folder,
    tiny_net,
    tiny_tokenizer,
)


@pytest.fixture
def esconv(tmp_path: Path) -> Path:
    """Twenty made-up dialogues in ESConv's form."""
    lines = []
    for number in range(20):
        talk = []
        for turn in range(6):
            strategy = STRATEGIES[(number + turn) % 8]
            said = {"annotation": {"strategy": strategy}, "content": "i am sorry to hear that."}
            supporter = {"speaker": "supporter", **said}
            seeker = {"speaker": "seeker", "annotation": {}, "content": f"i am sad {number} and tired"}
            talk.append(supporter if turn % 2 else seeker)
        record = {"emotion_type": "sadness", "problem_type": "job crisis", "situation": "i lost my job", "dialog": talk}
        lines.append(json.dumps(record))
    path = tmp_path / "esconv.jsonl"
    path.write_text("\n".join(lines))
    return path


SCRATCH = ["transformer", "mt-transformer", "moel", "mime"]
SMALL = 'size={"width": 16, "heads": 2, "ffn": 8}'


@pytest.fixture(autouse=True)
def few_talks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handful of the project's own talks: reading all of them would take most of the time here."""
    monkeypatch.setattr(train, "voiced_talks", lambda _esconv, _seed, times, _rules: own_talks()[: 5 * times])


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny_llama_folder(tmp_path / "llama")


@pytest.fixture
def opened(base: Path, monkeypatch: pytest.MonkeyPatch) -> Moved:
    """What a card calls `base` is found there, by `evaluate` too."""
    found = Moved(open_causal(str(base)))
    monkeypatch.setattr(evaluate, "load_net", lambda folder, bases: load_net(folder, found))
    monkeypatch.setattr(evaluate, "comet_for", lambda *_: MadeUpComet())
    monkeypatch.setattr(turn_examples, "open_emotion", lambda *_: MadeUpEmotions())
    return found


def test_a_run_goes_on_from_trained_weights_with_settings_told(
    esconv: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "weights"
    monkeypatch.setattr(train, "WEIGHTS", weights)
    run = ["train", "joint", "--esconv", str(esconv), "--base", str(base), "--support", "none", "--steps", "1"]
    run += ["--release"]
    assert main([*run, "--out", str(tmp_path / "first"), "--rank", "2"]) == 0
    first = fingerprint(weights / "joint")
    told = ["--start", str(weights / "joint"), "--set", "strategy_weight=2.0", "--balance", "0.5", "--overwrite"]
    assert main([*run, "--out", str(tmp_path / "second"), *told]) == 0
    card = json.loads((weights / "joint" / "card.json").read_text())
    assert (card["start"], card["rank"], card["settings"]["strategy_weight"]) == (first, 2, 2.0)
    assert (card["run"]["balance"], card["run"]["rank"]) == (0.5, 2)
    assert "--rank 2 " in card["command"]
    assert "--base BASE --start START" in card["command"]
    used = f"joint on {base}, rank 2, rate 0.001, settings {json.dumps(card['settings'])}"
    assert used in capsys.readouterr().out.splitlines(), "a training says with which settings it goes"


def test_strategies_are_trained_alone_and_released_with_the_rest_as_it_was(
    esconv: Path, base: Path, opened: Moved, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, only = tmp_path / "weights", ["--only", "strategies"]
    run = ["train", "joint", "--esconv", str(esconv), "--base", str(base), "--support", "none", "--steps", "2"]
    run += ["--release", "--weights", str(weights)]
    assert main([*run, "--out", str(tmp_path / "none"), *only]) == 2
    assert "--only strategies goes on from trained weights; name their folder with --start" in capsys.readouterr().err
    assert main([*run, "--out", str(tmp_path / "first"), "--rank", "2"]) == 0
    first = dict(load_net(weights / "joint", opened).named_parameters())
    assert main([*run, "--out", str(tmp_path / "second"), "--start", str(weights / "joint"), *only]) == 0
    second = dict(load_net(weights / "joint", opened).named_parameters())
    assert first.keys() == second.keys()
    changed = {name for name in first if not torch.equal(first[name], second[name])}
    assert {name.split(".")[0] for name in changed} <= {"state_head", "course"}
    assert any(name.startswith("state_head.") for name in changed)
    assert "--only strategies" in json.loads((weights / "joint" / "card.json").read_text())["command"]


def test_star_starts_from_the_net_below_that_is_shipped(
    esconv: Path,
    base: Path,
    opened: Moved,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights = tmp_path / "weights"
    monkeypatch.setattr(train, "WEIGHTS", weights)
    run = ["--esconv", str(esconv), "--base", str(base), "--support", "none", "--steps", "2", "--release"]
    assert main(["train", "star", *run, "--out", str(tmp_path / "early")]) == 2
    assert str(weights / "joint") in capsys.readouterr().err
    assert main(["train", "joint", *run, "--out", str(tmp_path / "joint"), "--rank", "2"]) == 0
    assert main(["train", "star", *run, "--out", str(tmp_path / "star")]) == 0
    card = json.loads((weights / "star" / "card.json").read_text())
    assert (card["start"], card["rank"], card["run"]["splits"]) == (fingerprint(weights / "joint"), 2, ["D"])
    joint, star = (dict(load_net(weights / name, opened).named_parameters()) for name in ("joint", "star"))
    changes = [name for name in joint if name.startswith("backbone.") and name.endswith(".a")]
    assert changes
    assert all(torch.equal(joint[name], star[name]) for name in changes)


def test_what_the_weights_to_start_from_decide_cannot_be_told(
    esconv: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "WEIGHTS", tmp_path / "weights")
    run = ["--esconv", str(esconv), "--base", str(base), "--support", "none", "--steps", "1", "--release"]
    assert main(["train", "joint", *run, "--out", str(tmp_path / "joint"), "--rank", "2", "--split", "E"]) == 0
    for told, message in (
        (["--rank", "4"], "--rank is 4, but the weights in"),
        (["--set", 'below={"strategy_weight": 2}'], "star takes its below from the joint"),
    ):
        assert main(["train", "star", *run, "--out", str(tmp_path / "star"), *told]) == 2
        assert message in capsys.readouterr().err
    assert main(["train", "star", *run, "--out", str(tmp_path / "star")]) == 0
    card = json.loads((tmp_path / "weights" / "star" / "card.json").read_text())
    assert card["run"]["splits"] == ["D", "E"], "what the net below has learned from counts too"


@pytest.fixture
def flags(esconv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A short training on the CPU, its results under `tmp_path`."""
    monkeypatch.setattr(train, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(train, "comet_for", lambda *_: MadeUpComet())
    (tmp_path / "tails.jsonl").touch()
    known = ["--esconv", str(esconv), "--tails", str(tmp_path / "tails.jsonl"), "--batch", "8"]
    return [*known, "--minutes", "5", "--device", "cpu"]


@pytest.fixture
def on(base: Path, tmp_path: Path) -> Callable[[str, str], list[str]]:
    """Flags that name the base of a net: the causal one, or the papers'; of one from scratch its size instead."""

    def flags(name: str, kind: str = "causal") -> list[str]:
        if name in SCRATCH:
            return ["--set", SMALL]
        if kind == "causal":
            return ["--base", str(base), "--support", "none", "--rank", "2"]
        return ["--base", tiny_checkpoint(tmp_path / "checkpoint"), "--rank", "2"]

    return flags


@pytest.mark.parametrize("name", ["joint", "misc", "admisc", "moel"])
def test_train_release_evaluate_score(
    name: str,
    flags: list[str],
    on: Callable[..., list[str]],
    opened: Moved,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = ["train", name, *flags, *on(name), "--out", str(tmp_path / "run")]
    assert main([*run, "--steps", "4", "--grad-accumulation", "2", "--release"]) == 0
    card = json.loads((tmp_path / "weights" / name / "card.json").read_text())
    assert card["steps"] == 4
    strategy = set() if name == "moel" else {"valid_strategy", "valid_accuracy", "valid_macro_f1"}
    assert card["metrics"].keys() == {"valid_loss", "valid_reply"} | strategy
    assert card["run"]["data"] == json.loads((tmp_path / "run" / "run.json").read_text())["data"]
    assert str(tmp_path) not in json.dumps(card)
    parser = ArgumentParser()
    train.add_arguments(parser)
    again = parser.parse_args(shlex.split(card["command"])[4:])
    assert (again.net, again.steps, again.grad_accumulation, again.release) == (name, 4, 2, True)
    assert again.set == ([SMALL] if name == "moel" else [])
    assert (card["base"], again.base) == ((None, None) if name == "moel" else (opened.base.label, "BASE"))
    capsys.readouterr()
    out = tmp_path / "evaluation"
    esconv = flags[flags.index("--esconv") + 1]
    told = ["evaluate", name, "--esconv", esconv, "--weights", str(tmp_path / "weights"), "--out", str(out)]
    assert main([*told, "--max-tokens", "8"]) == 0
    assert "D test" in capsys.readouterr().out
    metrics = json.loads((out / name / "metrics.json").read_text())
    assert metrics["split"] == "D"
    assert metrics["turns"] == len((out / name / "predictions.jsonl").read_text().splitlines())
    assert main(["score", str(out / name / "predictions.jsonl")]) == 0


@pytest.mark.parametrize(("name", "needs"), [("misc", False), ("admisc", True)])
def test_strategies_alone_need_tails_where_tails_choose(
    name: str, needs: bool, flags: list[str], on: Callable[..., list[str]], tmp_path: Path
) -> None:
    run = ["train", name, *flags, *on(name), "--steps", "2", "--release", "--out"]
    assert main([*run, str(tmp_path / "whole")]) == 0
    again = ["--start", str(tmp_path / "weights" / name), "--only", "strategies", "--tails", ""]
    assert main([*run, str(tmp_path / "choice"), *again]) == (2 if needs else 0)
    card = json.loads((tmp_path / "weights" / name / "card.json").read_text())
    assert ("only" in card["run"], "valid_reply" in card["metrics"]) == (not needs, needs)


@pytest.mark.parametrize(("name", "kind"), [("joint", "causal"), ("misc", "full"), ("moel", "none")])
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(
    name: str,
    kind: str,
    flags: list[str],
    on: Callable[[str, str], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To the bit, with dropout, changed matrices, bfloat16 and the choice of the best weights."""
    run = ["train", name, *flags, *on(name, kind), "--steps", "4", "--check-steps", "2", "--out"]
    assert main([*run, str(tmp_path / "whole")]) == 0
    batches = WholeBatches if kind == "causal" else Batches
    at = batches.at

    def stop(self: Any, step: int) -> Batch:
        if step == 3:
            raise KeyboardInterrupt
        return at(self, step)

    with monkeypatch.context() as stopped:
        stopped.setattr(batches, "at", stop)
        assert main([*run, str(tmp_path / "parts")]) == 130
    assert torch.load(tmp_path / "parts" / "fit.pt")["step"] == 2
    assert main([*run, str(tmp_path / "parts")]) == 0
    for file in ("fit.pt", "best.pt"):
        whole, parts = (torch.load(tmp_path / folder / file) for folder in ("whole", "parts"))
        assert whole["step"] == parts["step"]
        assert whole["weights"].keys() == parts["weights"].keys()
        assert all(torch.equal(value, parts["weights"][n]) for n, value in whole["weights"].items()), file


def test_what_does_not_suffice_is_said_before_the_first_step(
    flags: list[str],
    on: Callable[[str, str], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags += on("misc", "full")

    def told(*more: str) -> str:
        assert main(["train", "misc", *flags, "--out", str(tmp_path / "run"), *more]) == 2
        return capsys.readouterr().err

    assert "misc reads COMET tails: give --tails FILE" in told("--tails", "")
    assert "none.jsonl is missing; make it by" in told("--tails", str(tmp_path / "none.jsonl"))
    assert "42 supporter turns with a strategy to train on, a batch takes 64" in told("--batch", "64")
    monkeypatch.setattr(train, "comet_for", lambda *_: NoComet())
    assert "only 0 of 42 training turns have COMET tails" in told()
    assert "only 0 of 42 training turns have COMET tails" in told("--known-only")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "torch finds no GPU here" in told("--device", "cuda")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2**20))
    assert "has 1 MiB free, this training needs 16 MiB; make room" in told()
    assert not (tmp_path / "run" / "fit.pt").exists()


@pytest.mark.parametrize(
    ("flag", "value", "allowed"),
    [
        *((flag, "0", "1 or more") for flag in ("--steps", "--batch", "--grad-accumulation")),
        *((flag, "-1", "0 or more") for flag in ("--minutes", "--rank", "--warmup", "--check-steps", "--patience")),
        ("--check-seconds", "-1.0", "0 or more"),
        ("--minutes", "nan", "0 or more"),
        ("--dropout", "1.0", "0 (none) to below 1"),
        ("--dropout", "-0.1", "0 (none) to below 1"),
        ("--lr", "0.0", "above 0"),
        ("--lr", "nan", "above 0"),
    ],
)
def test_a_flag_out_of_range_is_named(flag: str, value: str, allowed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "joint", "--esconv", "none.json", flag, value]) == 2
    error = capsys.readouterr().err
    assert f"error: {flag} is " in error
    assert f"; allowed: {allowed}" in error


def test_settings_that_cannot_be_read_or_trained_are_named_before_the_data_are_read(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*settings: str) -> str:
        on = ["--base", str(base), "--support", "none"]
        assert main(["train", "joint", "--esconv", "none.json", *on, *settings]) == 2
        return capsys.readouterr().err

    assert "--set refine=last cannot be read; allowed: NAME=JSON, e.g." in told("--set", "refine=last")
    assert "--set course cannot be read" in told("--set", "course")
    assert "setting 'course' is 1; allowed: true or false" in told("--set", "course=1")
    assert "has no setting ['curse']" in told("--set", "curse=true", "--set", "strategy_weight=1")
    assert "the course does not train" in told("--set", "strategy_weight=0")
    assert "none.json" in told("--set", "strategy_weight=0", "course=false", "state_head=false")


def test_weights_of_another_kind_are_replaced_only_when_told(
    esconv: Path, base: Path, opened: Moved, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, another = tmp_path / "w" / "joint", tiny_llama_folder(tmp_path / "another", seed=2)
    run = ["train", "joint", "--esconv", str(esconv), "--base", str(base), "--support", "none", "--steps", "1"]
    run += ["--release"]
    run += ["--weights", str(tmp_path / "w"), "--rank", "2", "--out"]
    assert main([*run, str(tmp_path / "first")]) == 0
    kept = fingerprint(folder)
    for told, message in (
        (["--split", "E"], "split 'D' there, 'E' now"),
        (["--rank", "3"], "rank 2 there, 3 now"),
        (["--base", str(another)], f"base '{opened.base.label}' there, '{open_causal(str(another)).label}' now"),
        (["--set", "strategy_weight=2.0"], "setting strategy_weight 1.0 there, 2.0 now"),
    ):
        assert main([*run, str(tmp_path / "other"), *told]) == 2
        error = capsys.readouterr().err
        assert f"joint has other weights than this training would put in their place ({message}); train with" in error
    assert fingerprint(folder) == kept
    assert not (tmp_path / "other").exists(), "said before any training"
    assert main([*run, str(tmp_path / "E"), "--split", "E", "--overwrite"]) == 0
    assert json.loads((folder / "card.json").read_text())["run"]["split"] == "E"
    assert main([*run, str(tmp_path / "seed"), "--split", "E", "--seed", "14", "--lr", "1e-4"]) == 0
    (folder / "card.json").write_text("{}")
    assert main([*run, str(tmp_path / "seed"), "--split", "E", "--seed", "14", "--lr", "1e-4"]) == 0, "no card, no loss"


def test_a_run_of_another_net_is_not_overwritten(
    flags: list[str], on: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = [*flags, *on("joint"), "--steps", "1", "--out", str(tmp_path / "run")]
    assert main(["train", "joint", *run]) == 0
    kept = {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.*")}
    assert main(["train", "misc", *run]) == 2
    assert "net was 'joint', is 'misc'" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.*")} == kept


def test_batches_are_the_same_when_asked_again(esconv: Path) -> None:
    tokenizer = tiny_tokenizer()
    targets = split_dialogues(read_esconv(esconv)).train
    examples = examples_of(targets, NoComet(), tokenizer, ContextShape())
    one, other = (Batches(examples, 4, 13) for _ in range(2))
    one.at(0)
    for step in (0, 3, 9, 30, 2):
        assert torch.equal(one.at(step).ids, other.at(step).ids)
    epoch = [row for step in range(-(-len(examples) // 4)) for row in one.at(step).ids.tolist()]
    seen = sorted(tuple(i for i in row if i) for row in epoch)
    assert seen == sorted(example.context for example in examples)


def test_missing_data_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "joint", "--support", "none", "--esconv", str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err


@torch.no_grad()
def test_weights_are_chosen_by_what_is_trained() -> None:
    """Without L_g the strategies are no reason to keep weights, and replies are measured on the mixture they see."""
    free, told = (tiny_net(name, weights="fixed") for name in ("admisc-wo-u", "admisc"))
    batch = tiny_batch(free)
    for net, plan in ((free, free.plan(batch)), (told, told.plan(batch, gold=batch.strategies))):
        found = net.reply_nll(net.training_plan(batch), batch.labels)
        torch.testing.assert_close(found, net.reply_nll(plan, batch.labels))
    one, other = (validate(net, turn_batches(tiny_examples(net))) for net in (free, told))
    assert one["valid_loss"] == one["valid_reply"]
    assert other["valid_loss"] == pytest.approx(other["valid_reply"] + other["valid_strategy"])
    assert "valid_accuracy" in one
