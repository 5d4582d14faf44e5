"""`python -m models evaluate` on tiny nets: it goes on where it stopped, and loses nothing unasked."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from models.__main__ import main
from models.commands import evaluate
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv import Target
from models.data.examples import make_example
from models.data.strategies import STRATEGIES
from models.evaluation import predicting
from models.evaluation.predicting import finished, prediction_journal
from models.evaluation.predictions import Prediction, read_predictions
from models.knowledge import shipped_or_hub
from models.knowledge.comet import NoComet
from models.serving.trace import DecodeOptions
from models.training import provenance
from tests.tiny import MadeUpComet, tiny_net

TALKS = tuple(
    Dialogue(
        tuple(
            Turn(Speaker.SUPPORTER, "i am sorry to hear that.", STRATEGIES[(number + turn) % 8])
            if turn % 2
            else Turn(Speaker.SEEKER, "i am sad " * (1 + number % 3))
            for turn in range(6)
        ),
        id=f"talk-{number}",
    )
    for number in range(20)
)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Six test turns, in batches of two."""
    monkeypatch.setattr(evaluate, "read_esconv", lambda path: TALKS)
    monkeypatch.setattr(evaluate, "comet_for", lambda *_: MadeUpComet())
    monkeypatch.setattr(evaluate, "load_net", lambda folder, bases=None: tiny_net(folder.name))
    for module in (provenance, shipped_or_hub):
        monkeypatch.setattr(module, "fingerprint", lambda folder: f"{folder.name}-weights")
    told = [
        "--esconv",
        "x",
        "--out",
        str(tmp_path),
        "--limit",
        "6",
        "--batch",
        "2",
        "--rounds",
        "100",
        "--max-tokens",
        "8",
    ]
    return ["evaluate", *told]


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_tokens_are_those_that_the_likelihoods_run_over() -> None:
    """A character that the vocabulary does not have is in neither: else a reference full of them would look likely."""
    net, texts = tiny_net("joint"), ("i am sorry.", "i am sorry \u2603 \u2603.")
    talks = [Dialogue((TALKS[0].turns[0], Turn(Speaker.SUPPORTER, text, "Question")), id=text) for text in texts]
    targets = [Target(talk, 1) for talk in talks]
    examples = [make_example(t.context, t.gold, ((), ()), net.tokenizer, net.shape) for t in targets]
    assert [example.target.count(net.tokenizer.unk) for example in examples] == [0, 2]
    with torch.inference_mode():
        made = predicting._predict(net, targets, examples, DecodeOptions(max_tokens=5), [1, 2])
    assert [prediction.tokens for prediction in made] == [5, 5]


def test_nets_share_the_papers_tables(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "joint", "misc"]) == 0
    out = capsys.readouterr().out
    blocks = out[out.index("Tu et al. 2022 (MISC), table 2") :].split("\n\n")
    for block in blocks[:6]:
        names = [line.split("  D test")[0].strip().removeprefix("ours: ") for line in block.splitlines()]
        assert {"joint", "misc"} <= set(names), block
    assert "not the papers'; see --bpe" in out
    assert "  bpe (own), legacy D-n" in out
    assert "  D test (6 turns)  " in out, "a sample"
    assert "joint, misc: given the annotated strategies of earlier supporter turns" in out
    assert "decoding: {'method': 'sample', 'top_p': 0.3" in out
    assert "leaky" not in out
    for name in ("joint", "misc"):
        assert files(tmp_path / name) == {"run.json", "predictions.jsonl", "metrics.json"}
        saved = json.loads((tmp_path / name / "metrics.json").read_text())
        assert (saved["net"], saved["split"], saved["part"], saved["turns"]) == (name, "D", "test", 6)
        assert saved["checkpoint"] == f"{name}-weights"
        assert [r["definition"] for r in saved["reports"]] == [
            {"tokens": "words", "legacy_distinct": False},
            {"tokens": "bpe", "legacy_distinct": True},
            {"tokens": "words", "legacy_distinct": True},
            {"tokens": "emstremo", "legacy_distinct": True},
        ]
        assert len(read_predictions(tmp_path / name / "predictions.jsonl")) == 6


def test_an_interrupted_evaluation_goes_on(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = command.copy()
    whole[whole.index(str(tmp_path))] = str(tmp_path / "whole")
    assert main([*whole, "misc"]) == 0
    made = []
    real = predicting._predict

    def counted(net, targets, *rest):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN002, ANN202
        if len(made) == 1:
            raise KeyboardInterrupt
        made.append(len(targets))
        return real(net, targets, *rest)

    monkeypatch.setattr(predicting, "_predict", counted)
    assert main([*command, "misc"]) == 130
    folder = tmp_path / "misc"
    assert files(folder) == {"run.json", "predictions.part.jsonl"}
    with (folder / "predictions.part.jsonl").open("a") as file:
        file.write('{"hypothesis": "cut')  # a crash within a line
    monkeypatch.setattr(predicting, "_predict", lambda net, targets, *rest: made.append(9) or real(net, targets, *rest))
    capsys.readouterr()
    assert main([*command, "misc"]) == 0
    assert made == [2, 9, 9]
    assert "2 of 6 predictions are in" in capsys.readouterr().out
    assert files(folder) == {"run.json", "predictions.jsonl", "metrics.json"}
    assert (folder / "predictions.jsonl").read_text() == (tmp_path / "whole/misc/predictions.jsonl").read_text()
    assert main([*command, "misc", "--tokens", "ws"]) == 0
    out = capsys.readouterr().out
    assert made == [2, 9, 9]
    assert "6 of 6 predictions are in" in out
    assert "metrics.json: replaced" in out
    lines = (folder / "predictions.jsonl").read_text().splitlines(keepends=True)
    (folder / "predictions.jsonl").write_text("".join(lines[:4]))
    assert main([*command, "misc"]) == 0
    assert (folder / "predictions.jsonl").read_text() == "".join(lines)


def test_other_settings_do_not_touch_what_is_there(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "joint"]) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "joint").iterdir()}
    capsys.readouterr()
    assert main([*command, "joint", "--seed", "2"]) == 2
    error = capsys.readouterr().err
    assert "holds predictions.jsonl, metrics.json, made with other settings (seed 1 there, 2 now); give ano" in error
    assert {path.name: path.read_bytes() for path in (tmp_path / "joint").iterdir()} == before
    assert main([*command, "joint", "--seed", "2", "--overwrite"]) == 0
    assert json.loads((tmp_path / "joint" / "run.json").read_text())["seed"] == 2


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--batch", "0", "--batch is 0; want at least 1"),
        ("--limit", "-1", "--limit is -1; want at least 0"),
        ("--dialogues", "-1", "--dialogues is -1; want at least 0"),
        ("--rounds", "50", "50 rounds are too few for a 95 % interval"),
        ("--papers", "mics", "no published row of 'mics'; allowed: all, none, or a part of one of "),
    ],
)
def test_flags_that_will_not_do_are_named_before_the_first_prediction(
    flag: str, value: str, message: str, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "joint", flag, value]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "joint").exists()


def test_predictions_of_other_data_or_another_comet_are_not_taken(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*nets: str) -> str:
        assert main([*command, *nets]) == 2
        return capsys.readouterr().err

    assert main([*command, "joint", "misc"]) == 0
    told = json.loads((tmp_path / "joint" / "run.json").read_text())
    assert (told["comet"], told["emotion"]) == ("", ""), "Joint reads neither"
    monkeypatch.setattr(evaluate, "read_esconv", lambda path: (replace(TALKS[0], situation="other"), *TALKS[1:]))
    assert "joint holds predictions.jsonl, metrics.json, made with other settings (data '" in refused("joint")
    monkeypatch.setattr(evaluate, "read_esconv", lambda path: TALKS)
    monkeypatch.setattr(shipped_or_hub, "fingerprint", lambda folder: f"{folder.name}-new")
    assert main([*command, "joint"]) == 0
    assert "(comet 'comet-weights' there, 'comet-new' now)" in refused("misc")


def test_tails_of_another_comet_and_a_missing_gpu_are_refused(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluate, "comet_for", lambda *_: NoComet())
    assert main([*command, "misc"]) == 2
    assert "only 0 of 6 turns have COMET tails" in capsys.readouterr().err
    assert not (tmp_path / "misc" / "metrics.json").exists()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main([*command, "joint", "--device", "cuda"]) == 2
    assert "torch finds no GPU here" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*command, "joint", "--device", "gpu"])
    assert "invalid choice: 'gpu'" in capsys.readouterr().err


def test_tails_that_will_not_do_lose_nothing(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor does anything else that stops an evaluation before it has a reply, although it may replace what is there."""
    assert main([*command, "misc"]) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "misc").iterdir()}
    other = [*command, "misc", "--seed", "2", "--overwrite"]
    assert main([*other, "--tails", str(tmp_path / "none.jsonl")]) == 2
    with monkeypatch.context() as changed:
        changed.setattr(evaluate, "comet_for", lambda *_: NoComet())
        assert main(other) == 2
    assert "only 0 of 6 turns have COMET tails" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (tmp_path / "misc").iterdir()} == before
    assert main(other) == 0
    assert json.loads((tmp_path / "misc" / "metrics.json").read_text())["seed"] == 2


def test_weights_of_another_split_are_told_in_tables_and_metrics(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "joint", "--split", "E"]) == 0
    out, label = capsys.readouterr().out, "E test, trained on split D: leaky"
    assert out.splitlines()[0] == f"joint, {label}, 6 turns"
    assert len(re.findall(rf"\n(?:  ours: )?joint +{re.escape(label)} \(6 turns\) ", out)) == 9, (
        "in the papers' tables, once for each way in which their rows count"
    )
    assert "leaky: the train part of the other split holds turns that are measured here" in out
    assert json.loads((tmp_path / "joint" / "metrics.json").read_text())["measured_on"] == label


def test_predictions_of_unknown_settings_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "predictions.jsonl").write_text('{"hypothesis": "a", "reference": "b"}\n')
    with pytest.raises(ValueError, match=r"run\.json, which would name them, is not there"):
        prediction_journal(tmp_path, {"seed": 1})
    assert files(tmp_path) == {"predictions.jsonl"}


def test_a_journal_keeps_batches_and_orders_them_at_the_end(tmp_path: Path) -> None:
    one, other = (Prediction("a\u2028", "b", dialogue=TALKS[0].id, turn=turn) for turn in (1, 3))
    prediction_journal(tmp_path, {"seed": 1}).add([asdict(other)])
    again = prediction_journal(tmp_path, {"seed": 1})
    assert again.made.keys() == {("talk-0", 3)}
    again.add([asdict(one), asdict(other)])  # a batch that was kept in part is made again as a whole
    again = prediction_journal(tmp_path, {"seed": 1})
    assert finished(again, [Target(TALKS[0], 1), Target(TALKS[0], 3)]) == (one, other)
    assert read_predictions(tmp_path / "predictions.jsonl") == (one, other)


def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    prediction_journal(tmp_path, {}).add([asdict(Prediction("a", "b", dialogue="d", turn=turn)) for turn in (1, 3)])
    part = tmp_path / "predictions.part.jsonl"
    part.write_text("{}\n" + part.read_text())
    with pytest.raises(ValueError, match=r"part\.jsonl, line 1: not a row of this command \(KeyError\('dialogue'\)\)"):
        prediction_journal(tmp_path, {})
