"""The report of a run and `python -m models score`, on three made-up predictions."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from models.__main__ import main
from models.metrics import MISC, Definition
from models.predictions import Prediction, write_predictions
from models.published import PUBLISHED, published
from models.report import measure, table, write_metrics

SURE = (0.65,) + (0.05,) * 7
PREDICTIONS = (
    Prediction("what happened ?", "since when ?", "Question", "Question", SURE, 8.0, 9.0, 4),
    Prediction("i see .", "i see .", "Question", "Others", SURE, 4.0, 6.0, 4),
    Prediction("how are you ?", "that is hard .", "Question", "Question", SURE, 12.0, 15.0, 4),
)


def test_all_figures_of_full_predictions() -> None:
    report = measure(PREDICTIONS)
    assert report.n == 3
    assert report.strategy is not None
    assert report.strategy.accuracy == pytest.approx(200 / 3)
    assert report.strategy.top_k[0] == (1, pytest.approx(200 / 3))
    assert report.perplexity is not None
    assert report.perplexity.token_gold == pytest.approx(math.exp(24 / 12))
    assert report.perplexity.word_gold == pytest.approx(math.exp(24 / 10))
    assert report.perplexity.token_predicted == pytest.approx(math.exp(30 / 12))
    assert report.perplexity.word_predicted == pytest.approx(math.exp(30 / 10))


def test_texts_alone_give_the_text_figures() -> None:
    report = measure([Prediction(p.hypothesis, p.reference) for p in PREDICTIONS])
    assert (report.strategy, report.perplexity) == (None, None)
    assert report.text == measure(PREDICTIONS).text


@pytest.mark.parametrize("field", ["gold", "strategy", "nll_gold"])
def test_a_field_in_some_predictions_only_is_refused(field: str) -> None:
    partly = (replace(PREDICTIONS[0], **{field: None}), *PREDICTIONS[1:])
    with pytest.raises(ValueError, match=rf"of 3 predictions .*{field} in 2.* in all or in none"):
        measure(partly)


def test_the_definition_reaches_the_figures() -> None:
    pieces = measure(PREDICTIONS, MISC, bpe=list)
    assert pieces.definition == MISC
    assert pieces.text != measure(PREDICTIONS).text
    with pytest.raises(ValueError, match="bpe needs the tokenizer of a net"):
        measure(PREDICTIONS, MISC)


def test_the_table_names_every_split_and_what_was_counted() -> None:
    lines = table("misc", "D test", measure(PREDICTIONS), published("misc")).splitlines()
    assert lines[0].split() == ["system", "split", "ACC", "F1", "PPL", "D-1", "D-2", "B-2", "B-4", "R-L", "source"]
    rows = [line.split() for line in lines[1:6]]
    assert [row[0] for row in rows[:3]] == ["MISC", "MISC", "MISC"]
    assert {row[1] for row in rows[:3]} == {"E", "D"}
    assert rows[0][2:10] == ["31.63", "-", "16.16", "4.41", "19.71", "7.31", "2.20", "17.91"]
    ours = next(line for line in lines if line.startswith("misc "))
    assert ours.split()[1:6] == ["D", "test", "66.67", "10.00", "7.39"]
    notes = "\n".join(lines[-3:])
    assert "tokens words; D-n over all n-grams" in notes
    assert "ACC 66.67, macro F1 10.00, weighted F1 53.33, top-1 66.67" in notes
    assert "PPL per token, gold strategy given 7.39; word, gold 11.02; token, predicted strategy 12.18" in notes


def test_the_table_without_strategies_shows_dashes() -> None:
    text = table("x", "?", measure([Prediction("a", "a")], Definition(legacy_distinct=True)))
    assert text.splitlines()[1].split()[:5] == ["x", "?", "-", "-", "-"]
    assert "without the last n-gram of each reply (legacy)" in text


def test_published_rows_are_found_by_name() -> None:
    assert published("all") == PUBLISHED
    assert published("none") == published("") == published("nobody") == ()
    assert {row.split for row in PUBLISHED} == {"D", "E", "?"}
    assert len(set(PUBLISHED)) == len(PUBLISHED)


def test_metrics_json_keeps_the_definition_and_the_run(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "metrics.json"
    write_metrics(path, [measure(PREDICTIONS), measure(PREDICTIONS, Definition("ws"))], {"net": "misc", "split": "D"})
    saved = json.loads(path.read_text())
    assert (saved["net"], saved["split"], saved["strategies"][0]) == ("misc", "D", "Question")
    assert [report["definition"]["tokens"] for report in saved["reports"]] == ["words", "ws"]
    assert saved["reports"][0]["strategy"]["confusion"][0][0] == 2


def test_score_prints_a_table_and_writes_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_predictions(tmp_path / "p.jsonl", PREDICTIONS)
    arguments = ["score", str(tmp_path / "p.jsonl"), "--name", "mine", "--split", "D", "--papers", "joint"]
    assert main([*arguments, "--distinct", "legacy", "--out", str(tmp_path / "m.json")]) == 0
    out = capsys.readouterr().out
    assert "BlenderBot-Joint" in out
    assert "mine" in out
    saved = json.loads((tmp_path / "m.json").read_text())
    assert (saved["name"], saved["split"], saved["file"]) == ("mine", "D", "p.jsonl")
    assert saved["reports"][0]["definition"] == {"tokens": "words", "legacy_distinct": True}


def test_score_of_a_bad_file_is_an_error_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err.startswith("error: no predictions at ")
    (tmp_path / "bad").write_text('{"hypothesis": "a"}')
    assert main(["score", str(tmp_path / "bad")]) == 2
    assert "line 1: reference missing" in capsys.readouterr().err
