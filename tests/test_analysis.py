"""Stages, labels, top k and the file that holds them: by hand, and through the command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from models.__main__ import main
from models.analysis.analysis import Analysis, Interference, Source, analysis_of
from models.analysis.analysis_file import SHIPPED, AnalysisError, path_of, read_analysis, write_analysis
from models.analysis.cosine import Cosine
from models.analysis.labels import labels_of
from models.analysis.stages import STAGES, stage_of, stages_of
from models.analysis.strategy_turns import StrategyTurn, turns_of_file
from models.analysis.top_k import top_k_of
from models.commands import analyse
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.strategies import STRATEGIES
from models.evaluation.predictions import Prediction, write_predictions
from models.files.checkpoint import WEIGHTS, fingerprint, read_card
from models.knowledge.comet import NoComet
from models.nets.registry import CAUSAL
from models.nets.stored import load_net, new_net, save_net
from tests.analyses import SOURCE, made_up, turn
from tests.tiny import Moved, tiny_causal


def test_a_turn_belongs_to_the_fifth_in_which_it_stands() -> None:
    assert [stage_of(turn(at / 10)) for at in range(10)] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert stage_of(turn(0.999)) == STAGES - 1


def test_shares_of_a_stage_by_hand() -> None:
    """Two dialogues, four turns a fifth: three questions annotated, one predicted; the fourth is Others both times."""
    turns = [
        StrategyTurn(name, place / 5, gold, tuple(float(at == best) for at in range(8)))
        for name in ("one", "two")
        for place in range(5)
        for gold, best in ((0, 0 if name == "one" else 1), (0 if name == "one" else 7, 7))
    ]
    stage = stages_of(turns, 200, seed=1)[2]
    assert stage.turns == 4
    assert [round(share.value) for share in stage.gold] == [75, 0, 0, 0, 0, 0, 0, 25]
    assert [round(share.value) for share in stage.predicted] == [25, 25, 0, 0, 0, 0, 0, 50]
    assert [round(share.value) for share in stage.difference] == [-50, 25, 0, 0, 0, 0, 0, 25]
    question = stage.difference[0]
    assert (question.low, question.high) == (-50, -50), "it is the same in both dialogues, so no draw changes it"
    assert (stage.gold[0].low, stage.gold[0].high) == (50, 100)


def test_a_stage_of_one_dialogue_has_no_intervals_and_is_refused() -> None:
    turns = [turn(place / 5, name) for name in ("one", "two") for place in range(4)] + [turn(0.9, "one")]
    with pytest.raises(ValueError, match="part 5 of 5 of the conversations has turns in 1 dialogues"):
        stages_of(turns, 200, seed=1)


def test_labels_and_top_k_by_hand() -> None:
    chances = (0.4, 0.3, 0.2, 0.1, 0.0, 0.0, 0.0, 0.0)
    turns = [StrategyTurn(name, 0.0, gold, chances) for name in ("one", "two") for gold in (0, 0, 1, 7)]
    labels, top = labels_of(turns, 200, seed=1), top_k_of(turns, 200, seed=1)
    assert [share.value for share in labels.gold] == [50, 25, 0, 0, 0, 0, 0, 25]
    assert [share.value for share in labels.predicted] == [100, 0, 0, 0, 0, 0, 0, 0]
    assert labels.confusion[0] == (4, 0, 0, 0, 0, 0, 0, 0)
    assert labels.confusion[7] == (2, 0, 0, 0, 0, 0, 0, 0)
    assert (labels.accuracy.value, labels.recall[0].value, labels.precision[0].value) == (50, 100, 50)
    assert [one.value for one in top.accuracy] == [50, 75, 75, 75, 75, 75, 75, 100]
    assert top.most_frequent[:3] == (50, 75, 100)


def test_draws_without_a_strategy_say_nothing_of_its_recall_or_precision() -> None:
    """Only one of two dialogues has Questions, always right: a quarter of the draws has none, which is no recall."""
    right = {0: (1.0, *[0.0] * 7), 7: (*[0.0] * 7, 1.0)}
    turns = [StrategyTurn(name, 0.0, gold, right[gold]) for name, gold in (("one", 0), ("one", 7), ("two", 7))]
    labels = labels_of(turns, 200, seed=1)
    for question in (labels.recall[0], labels.precision[0]):
        assert (question.value, question.low, question.high) == (100, 100, 100)
    for never in (labels.recall[3], labels.precision[3]):
        assert (never.value, never.low, never.high) == (0, 0, 0)


def test_predictions_of_another_esconv_are_refused() -> None:
    talk = Dialogue((Turn(Speaker.SEEKER, "hi"), Turn(Speaker.SUPPORTER, "why?", "Question")), id="d1")
    said = Prediction("x", "why?", "Others", "Question", (0.125,) * 8, dialogue="d1", turn=1)
    assert turns_of_file([said], [talk]) == (StrategyTurn("d1", 0.5, 0, (0.125,) * 8),)
    for other, problem in (
        (replace(said, dialogue="d2"), "which --esconv does not have"),
        (replace(said, turn=2), "which --esconv does not have"),
        (replace(said, gold="Others"), "is annotated 'Question'"),
        (replace(said, strategies=()), "has no strategies"),
    ):
        with pytest.raises(ValueError, match=problem):
            turns_of_file([other], [talk])


def test_the_interval_of_a_cosine() -> None:
    """Deviation 0.2 over 5 batches: 2.776 * 0.2 / sqrt(4)."""
    assert Cosine("all", "reply", "strategy", 0.5, 0.2, 5).interval() == pytest.approx((0.2224, 0.7776), abs=1e-3)
    assert Cosine("all", "reply", "strategy", 0.5, 0.0, 1).interval() == (0.5, 0.5)


WEIGHTS_OF = (SOURCE.checkpoint, SOURCE.base, SOURCE.vocabulary)


def test_an_analysis_comes_back_from_its_file(tmp_path: Path) -> None:
    analysis = made_up()
    assert write_analysis(tmp_path, analysis) == path_of("joint", tmp_path)
    found = read_analysis(tmp_path, "joint", *WEIGHTS_OF)
    assert write_analysis(tmp_path / "again", found).read_text() == path_of("joint", tmp_path).read_text()
    assert (found.source, found.turns, found.labels.confusion) == (SOURCE, analysis.turns, analysis.labels.confusion)
    assert read_analysis(tmp_path, "joint", *WEIGHTS_OF) == found


def _changed(change: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    def of(text: str) -> str:
        content = json.loads(text)
        change(content)
        return json.dumps(content)

    return of


FAULTS: dict[str, tuple[Callable[[str], str], str]] = {
    "cut off": (lambda text: text[: len(text) // 2], "damaged or no analysis"),
    "a picture": (lambda _: "\x00\x01", "damaged or no analysis"),
    "a list": (lambda _: "[1, 2]", "is no analysis"),
    "other JSON": (lambda _: '{"net": "joint"}', "is no analysis"),
    "no number": (lambda text: text.replace('"turns":', '"turns":NaN,"turn":', 1), "damaged or no analysis"),
    "another schema": (_changed(lambda c: c.update(schema=2)), "another version"),
    "another order": (_changed(lambda c: c["strategies"].reverse()), "another order"),
    "a field gone": (_changed(lambda c: c["analysis"].pop("top_k")), "damaged (analysis has"),
    "a field more": (_changed(lambda c: c["analysis"].update(text="hi")), "damaged (analysis has"),
    "a word for a number": (_changed(lambda c: c["analysis"].update(turns="many")), "analysis.turns is 'many'"),
    "a truth for a number": (_changed(lambda c: c["analysis"].update(turns=True)), "analysis.turns is True"),
    "a short row": (_changed(lambda c: c["analysis"]["labels"]["confusion"][0].pop()), "8 figures in each list"),
    "a stage gone": (_changed(lambda c: c["analysis"]["stages"].pop()), "5 stages"),
    "a figure that swapped": (
        _changed(lambda c: c["analysis"]["labels"]["gold"].reverse()),
        "figures are not in the order of the strategies",
    ),
    "an interval upside down": (
        _changed(lambda c: c["analysis"]["labels"]["gold"][0].update(low=99.0, high=1.0)),
        "from 99.0 to 1.0, cannot be",
    ),
    "a share below nothing": (
        _changed(lambda c: c["analysis"]["labels"]["gold"][0].update(value=-1.0, low=-2.0)),
        "-1.0 percent, from -2.0 to",
    ),
    "a floor beyond all": (
        _changed(lambda c: c["analysis"]["top_k"]["most_frequent"].__setitem__(0, 1e300)),
        "most_frequent: want shares of 0 to 100 percent",
    ),
    "a cosine beyond one": (
        _changed(lambda c: c["analysis"]["interference"]["cosines"][0].update(mean=1.5)),
        "a cosine of 1.5",
    ),
    "no rounds": (_changed(lambda c: c["analysis"].update(rounds=0)), "and bootstrap rounds"),
    "a long text": (
        _changed(lambda c: c["analysis"]["source"].update(measured_on="x" * 5000)),
        "measured_on has 5,000 characters; at most 200",
    ),
    "half of a character": (_changed(lambda c: c["analysis"]["source"].update(split="\ud800")), "half of a character"),
    "other counts": (_changed(lambda c: c["analysis"].update(turns=7)), "7 turns of"),
    "other weights": (
        _changed(lambda c: c["analysis"]["source"].update(checkpoint="0123")),
        "of other weights than those of joint here (checkpoint '0123' there",
    ),
    "another tokenizer": (
        _changed(lambda c: c["analysis"]["source"].update(vocabulary="x")),
        "of other weights than those of joint here (vocabulary 'x' there",
    ),
    "another net": (
        _changed(lambda c: c["analysis"]["source"].update(net="misc")),
        "of other weights than those of joint here (net 'misc' there",
    ),
}


@pytest.mark.parametrize(("change", "sentence"), FAULTS.values(), ids=FAULTS.keys())
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(
    change: Callable[[str], str], sentence: str, tmp_path: Path
) -> None:
    path = write_analysis(tmp_path, made_up())
    path.write_text(change(path.read_text()))
    with pytest.raises(AnalysisError) as refused:
        read_analysis(tmp_path, "joint", *WEIGHTS_OF)
    told = str(refused.value)
    assert sentence in told
    assert "python -m models analyse joint" in told
    assert str(tmp_path) not in told, "where a server keeps its files is not for visitors"


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"no analysis of joint \(joint.json\); make it with `python -m models"):
        read_analysis(tmp_path, "joint", *WEIGHTS_OF)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.json")), ids=lambda path: path.stem)
def test_the_shipped_files_are_small_and_of_the_shipped_weights(path: Path) -> None:
    assert path.stat().st_size < 60_000
    card = read_card(WEIGHTS / path.stem)
    made_for = fingerprint(WEIGHTS / path.stem), card["base"], card["vocabulary"]
    found = read_analysis(SHIPPED, path.stem, *made_for)
    assert found.turns > 300


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Twenty talks of ten turns, a tiny Joint, files in `out`."""
    source = tiny_causal()
    save_net(new_net("joint", CAUSAL["joint"], 2, source), "joint", 2, {}, tmp_path / "weights" / "joint", source)
    monkeypatch.setattr(analyse, "load_net", lambda folder, bases=None: load_net(folder, Moved(source)))
    monkeypatch.setattr(analyse, "comet_for", lambda *_: NoComet())
    about = {"emotion_type": "sadness", "problem_type": "job crisis", "situation": "i lost my job"}
    talks = []
    for number in range(20):
        turns = []
        for at in range(5):
            strategy = STRATEGIES[(number + at) % 8]
            turns.append({"speaker": "seeker", "annotation": {}, "content": f"i am sad {'x' * at}"})
            turns.append({"speaker": "supporter", "annotation": {"strategy": strategy}, "content": "sorry to hear"})
        talks.append(json.dumps(about | {"dialog": turns}))
    (tmp_path / "esconv.jsonl").write_text("\n".join(talks))
    told = ["--esconv", str(tmp_path / "esconv.jsonl"), "--weights", str(tmp_path / "weights"), "--batch", "4"]
    return ["analyse", "joint", *told, "--part", "train", "--batches", "2", "--out", str(tmp_path / "out")]


def test_the_command_writes_a_file_without_a_word_of_the_data(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--dialogues", "6"]) == 0
    assert "30 turns of 6 dialogues, strategy accuracy" in capsys.readouterr().out
    card = read_card(tmp_path / "weights" / "joint")
    made_for = fingerprint(tmp_path / "weights" / "joint"), card["base"], card["vocabulary"]
    found = read_analysis(tmp_path / "out", "joint", *made_for)
    assert (found.turns, found.dialogues, found.source.measured_on, found.replies) == (30, 6, "D train", ())
    assert [stage.turns for stage in found.stages] == [6] * 5
    assert {one.group for one in found.interference.cosines} >= {"all", "embedding"}
    written = (tmp_path / "out" / "joint.json").read_text()
    assert not any(word in written for word in ("sad", "sorry", "lost"))
    assert main(command) == 2
    assert "would be replaced; give another --out, or --overwrite" in capsys.readouterr().err
    assert (tmp_path / "out" / "joint.json").read_text() == written


def test_predictions_give_the_figures_of_the_replies_too(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--batches", "0"]) == 0
    asked = json.loads((tmp_path / "out" / "joint.json").read_text())["analysis"]
    predictions = [
        Prediction("sorry to hear", "sorry to hear", "Question", STRATEGIES[(number + at) % 8],
                   (0.3, *(0.1,) * 7), 3.0, 3.5, 3, f"esconv_{number:04d}", 2 * at + 1)
        for number in range(20) for at in range(5)
    ]  # fmt: skip
    path = tmp_path / "made" / "joint" / "predictions.jsonl"
    write_predictions(path, predictions)
    given = [*command, "--batches", "0", "--overwrite", "--predictions", str(tmp_path / "made")]
    assert main(given) == 2
    assert "was made with net None (as run.json beside it says)" in capsys.readouterr().err
    run = {name: asked["source"][name] for name in ("net", "checkpoint", "data", "split", "part")}
    path.with_name("run.json").write_text(json.dumps(run | {"checkpoint": "other"}))
    assert main(given) == 2
    assert "was made with checkpoint 'other'" in capsys.readouterr().err
    path.with_name("run.json").write_text(json.dumps(run))
    assert main([*given, "--dialogues", "3"]) == 2
    assert "leave --dialogues out" in capsys.readouterr().err
    assert main(given) == 0
    found = json.loads((tmp_path / "out" / "joint.json").read_text())["analysis"]
    assert found["turns"] == 100
    assert {one["tokens"] for one in found["replies"]} == {"bpe", "words"}
    assert {"bleu_2", "rouge_l", "ppl_token_gold"} <= {one["name"] for one in found["replies"][0]["figures"]}
    assert found["labels"]["predicted"][0]["value"] == 100


def test_flags_that_cannot_be_are_refused_first(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*flags: str) -> str:
        assert main([*command, *flags]) == 2
        return capsys.readouterr().err

    assert "--batch is 0; want at least 1" in refused("--batch", "0")
    assert "--dialogues is -1; want at least 0" in refused("--dialogues", "-1")
    assert "no predictions at" in refused("--predictions", str(tmp_path / "none.jsonl"))
    shutil.copytree(tmp_path / "weights" / "joint", tmp_path / "weights" / "misc")
    command.insert(1, "misc")
    assert "misc holds weights of 'joint'" in refused()
    assert not (tmp_path / "out").exists()


def test_turns_of_one_dialogue_have_no_intervals() -> None:
    turns = [turn(place / 5) for place in range(5)]
    with pytest.raises(ValueError, match="at least 2"):
        analysis_of(SOURCE, turns, None, (), seed=1)


def test_what_an_analysis_holds_is_its_fields() -> None:
    assert set(asdict(made_up())) == set(Analysis.__dataclass_fields__)
    assert isinstance(made_up().interference, Interference)
    assert isinstance(made_up().source, Source)
