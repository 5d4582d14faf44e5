"""The report of a run and its tables, on three made-up predictions."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from models.evaluation.definitions import MISC, Definition
from models.evaluation.predictions import Prediction
from models.evaluation.published import DEFINITIONS, PUBLISHED, TAKEN_OVER, counted, published
from models.evaluation.report import Bootstrap, measure, write_metrics
from models.evaluation.tables import System, confusion, figures, paper_tables

LEGACY = Definition(legacy_distinct=True)
SURE = (0.65,) + (0.05,) * 7
PREDICTIONS = (
    Prediction("what happened ?", "since when ?", "Question", "Question", SURE, 8.0, 9.0, 4),
    Prediction("i see .", "i see .", "Question", "Others", SURE, 4.0, 6.0, 4),
    Prediction("how are you ?", "that is hard .", "Question", "Question", SURE, 12.0, 15.0, 4),
)


def test_all_figures_of_full_predictions() -> None:
    report = measure(PREDICTIONS)
    assert report.n == 3
    assert report.figures["accuracy"] == pytest.approx(200 / 3)
    assert report.figures["top_1"] == pytest.approx(200 / 3)
    assert report.figures["ppl_token_gold"] == pytest.approx(math.exp(24 / 12))
    assert report.figures["ppl_word_gold"] == pytest.approx(math.exp(24 / 10))
    assert report.figures["ppl_token_predicted"] == pytest.approx(math.exp(30 / 12))
    assert report.figures["ppl_word_predicted"] == pytest.approx(math.exp(30 / 10))


def test_texts_alone_give_the_text_figures() -> None:
    report = measure([Prediction(p.hypothesis, p.reference) for p in PREDICTIONS])
    assert report.strategies is None
    texts = {name: value for name, value in measure(PREDICTIONS).figures.items() if name in report.figures}
    assert report.figures == texts
    assert {"distinct_1", "bleu_4", "rouge_l"} <= texts.keys()
    assert not [name for name in texts if name.startswith(("ppl", "top", "accuracy"))]


@pytest.mark.parametrize("field", ["gold", "strategy", "nll_gold"])
def test_a_field_in_some_predictions_only_is_refused(field: str) -> None:
    partly = (replace(PREDICTIONS[0], **{field: None}), *PREDICTIONS[1:])
    with pytest.raises(ValueError, match=rf"of 3 predictions .*{field} in 2.* in all or in none"):
        measure(partly)


def test_the_definition_reaches_the_figures() -> None:
    pieces = measure(PREDICTIONS, MISC, bpe=list)
    assert pieces.definition == MISC
    assert pieces.figures["distinct_1"] != measure(PREDICTIONS).figures["distinct_1"]
    with pytest.raises(ValueError, match="bpe needs the tokenizer of a net"):
        measure(PREDICTIONS, MISC)


def test_the_papers_tables_name_every_split_and_what_was_counted() -> None:
    reports = (measure(PREDICTIONS), measure(PREDICTIONS, MISC, bpe=list), measure(PREDICTIONS, LEGACY))
    system = System("ours", "D test", reports)
    blocks = paper_tables([system, replace(system, name="other")], PUBLISHED).split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == list(DEFINITIONS)
    misc, star = blocks[0].splitlines(), blocks[4].splitlines()
    head = ["system", "split", "ACC", "PPL", "D-1", "D-2", "B-2", "B-4", "R-L", "METEOR", "counted"]
    assert misc[1].split() == head
    row = next(line.split() for line in misc if line.startswith("MISC"))
    assert " ".join(row[1:]) == "E 31.63 16.16 4.41 19.71 7.31 2.20 17.91 11.05 bpe, legacy D-n"
    ours = next(line.split() for line in misc if line.startswith("ours"))
    assert ours[1:5] == ["D", "test", "66.67", "7.39"]
    assert float(ours[5]) == pytest.approx(reports[1].figures["distinct_1"], abs=0.006)
    assert ours[-3:] == ["bpe,", "legacy", "D-n"]
    assert misc[-1].startswith("other")
    assert star[1].split() == ["system", "split", "F1", "PPL", "B-2", "B-4", "R-L", "counted"]
    assert next(line.split() for line in star if line.startswith("ours"))[3] == "10.00"
    assert {line.split()[-1] for line in blocks[5].splitlines()[2:]} == {"D-n"}
    assert paper_tables([system], ()) == ""


def test_rows_taken_over_keep_their_split_and_count_and_ours_stand_under_them_so() -> None:
    """GLHG's row in AdMISC's table is of 2,801 turns of split D, in words: B-4 and R-L are those of STAR's table."""
    glhg = {row.source: row for row in published("GLHG")}
    assert {(row.split, row.bleu_4, row.rouge_l) for row in glhg.values()} == {("D", 2.13, 16.37)}
    assert {counted(row) for row in glhg.values()} == {LEGACY}
    assert glhg["AdMISC 2024, table 4"].distinct_1 == 3.50
    assert TAKEN_OVER.keys() <= {(row.source, row.system) for row in PUBLISHED}
    reports = (measure(PREDICTIONS), measure(PREDICTIONS, MISC, bpe=list), measure(PREDICTIONS, LEGACY))
    lines = paper_tables([System("ours", "D test", reports)], PUBLISHED).split("\n\n")[2].splitlines()
    assert lines[0] == "AdMISC 2024, table 4"
    assert [line.split("  ")[-1].strip() for line in lines if line.startswith(("GLHG", "MISC"))] == [
        "bpe, legacy D-n",
        "words, legacy D-n",
    ]
    ours = [line.split("  ")[-1].strip() for line in lines if line.startswith("ours")]
    assert ours == ["bpe, legacy D-n", "words, legacy D-n"]


def test_a_paper_whose_tokens_are_not_at_hand_gets_our_count_by_name() -> None:
    lines = paper_tables([System("ours", "?", (measure(PREDICTIONS),))], published("misc")).splitlines()
    assert next(line for line in lines if line.startswith("ours")).endswith("  words")


def test_all_figures_are_shown_with_their_intervals() -> None:
    report = measure(PREDICTIONS, bootstrap=Bootstrap(200, 3))
    assert {one.name for one in report.intervals} == report.figures.keys()
    for one in report.intervals:
        assert one.low - 1e-9 <= one.value <= one.high + 1e-9, one
    text = figures(System("misc", "D test", (report,)))
    assert text.startswith("misc, D test, 3 turns\n")
    assert "tokens words; D-n over all n-grams" in text
    assert "intervals: 3 turns drawn 200 times, seed 3; D-n by jackknife" in text
    rows = {" ".join(line.split()[:-4]): line.split()[-4:] for line in text.splitlines() if " - " in line}
    accuracy = next(one for one in report.intervals if one.name == "accuracy")
    assert rows["strategy accuracy"] == ["66.67", f"{accuracy.low:.2f}", "-", f"{accuracy.high:.2f}"]
    assert rows["PPL per token, gold strategy given"][0] == "7.39"


def test_the_confusion_matrix_is_shown_by_strategy() -> None:
    lines = confusion(measure(PREDICTIONS)).splitlines()
    assert lines[1].split() == ["1", "Question", "2", *["0"] * 7, "66.7", "100.0", "80.0"]
    assert lines[8].split() == ["8", "Others", "1", *["0"] * 7, "0.0", "0.0", "0.0"]


def test_figures_without_strategies_and_intervals() -> None:
    report = measure([Prediction("a", "a")], LEGACY)
    text = figures(System("x", "?", (report,)))
    assert "strategy" not in text
    assert "interval" not in text
    assert "without the last n-gram of each reply (legacy)" in text
    assert confusion(report) == ""


def test_published_rows_are_found_by_name() -> None:
    assert published("all") == PUBLISHED
    assert published("none") == published("") == ()
    with pytest.raises(ValueError, match=r"no published row of 'nobody'; allowed: all, none, or a part of .*MISC"):
        published("nobody")
    assert {row.split for row in PUBLISHED} == {"D", "D, merged", "E", "?"}
    assert len(set(PUBLISHED)) == len(PUBLISHED)
    assert {row.source for row in PUBLISHED} == DEFINITIONS.keys()


def test_metrics_json_keeps_the_definition_and_the_run(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "metrics.json"
    write_metrics(path, [measure(PREDICTIONS), measure(PREDICTIONS, Definition("ws"))], {"net": "misc", "split": "D"})
    saved = json.loads(path.read_text())
    assert (saved["net"], saved["split"], saved["strategies"][0]) == ("misc", "D", "Question")
    assert [report["definition"]["tokens"] for report in saved["reports"]] == ["words", "ws"]
    assert saved["reports"][0]["strategies"]["confusion"][0][0] == 2
