"""The report of a run and its tables, on three made-up predictions."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from models.evaluation.bertscore import BertScores
from models.evaluation.definitions import MISC, OWN, Definition, Pieces
from models.evaluation.paper_tables import NOT_MEASURED, paper_tables
from models.evaluation.predictions import Prediction
from models.evaluation.published import DEFINITIONS, PUBLISHED, STANDS_FOR, TAKEN_OVER, counted, published
from models.evaluation.report import Bootstrap, measure, read_metrics, write_metrics
from models.evaluation.spreads import Spread
from models.evaluation.tables import System, confusion, figures
from models.nets.registry import net_names

LEGACY = Definition(legacy_distinct=True)
LETTERS = Pieces(OWN, list)
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
    pieces = measure(PREDICTIONS, MISC, bpe=LETTERS)
    assert pieces.definition == MISC
    assert pieces.figures["distinct_1"] != measure(PREDICTIONS).figures["distinct_1"]
    with pytest.raises(ValueError, match="bpe needs the tokenizer of a net"):
        measure(PREDICTIONS, MISC)


def test_the_papers_tables_name_every_split_and_what_was_counted() -> None:
    reports = (measure(PREDICTIONS), measure(PREDICTIONS, MISC, bpe=LETTERS), measure(PREDICTIONS, LEGACY))
    system = System("ours", "D test", reports)
    tables = paper_tables([system, replace(system, name="other")], PUBLISHED)
    assert [table.title for table in tables] == list(DEFINITIONS)
    misc, star = tables[0], tables[4]
    assert misc.head == ("system", "split", "ACC", "PPL", "D-1", "D-2", "B-2", "B-4", "R-L", "METEOR", "counted")
    row = next(row for row in misc.rows if row[0] == "MISC")
    assert " ".join(row[1:]) == "E 31.63 16.16 4.41 19.71 7.31 2.20 17.91 11.05 bpe, legacy D-n"
    ours = next(row for row in misc.rows if row[0] == "ours")
    assert ours[1:4] == ("D test", "66.67", "7.39")
    assert float(ours[4]) == pytest.approx(reports[1].figures["distinct_1"], abs=0.006)
    assert ours[-1] == "bpe (own), legacy D-n"
    assert misc.rows[-1][0] == "other"
    assert star.head == ("system", "split", "F1", "PPL", "B-2", "B-4", "R-L", "counted")
    assert next(row for row in star.rows if row[0] == "ours")[2] == "10.00"
    assert {row[-1] for row in tables[5].rows} == {"words, legacy D-n"}
    assert paper_tables([system], ()) == []


def test_rows_taken_over_keep_their_split_and_count_and_ours_stand_under_them_so() -> None:
    """GLHG's row in AdMISC's table is of 2,801 turns of split D, in words: B-4 and R-L are those of STAR's table."""
    glhg = {row.source: row for row in published("GLHG")}
    assert {(row.split, row.bleu_4, row.rouge_l) for row in glhg.values()} == {("D", 2.13, 16.37)}
    assert {counted(row) for row in glhg.values()} == {LEGACY}
    assert glhg["AdMISC 2024, table 4"].distinct_1 == 3.50
    assert TAKEN_OVER.keys() <= {(row.source, row.system) for row in PUBLISHED}
    reports = (measure(PREDICTIONS), measure(PREDICTIONS, MISC, bpe=LETTERS), measure(PREDICTIONS, LEGACY))
    table = paper_tables([System("ours", "D test", reports)], PUBLISHED)[2]
    assert table.title == "AdMISC 2024, table 4"
    counts = [row[-1] for row in table.rows if row[0] in ("GLHG", "MISC")]
    assert counts == ["bpe, legacy D-n", "words, legacy D-n"]
    ours = [row[-1] for row in table.rows if row[0] == "ours"]
    assert ours == ["bpe (own), legacy D-n", "words, legacy D-n"]


def test_a_paper_whose_tokens_are_not_at_hand_gets_our_count_by_name() -> None:
    (table, *_) = paper_tables([System("ours", "?", (measure(PREDICTIONS),))], published("misc"))
    assert next(row for row in table.rows if row[0] == "ours")[-1] == "words"


def test_a_net_stands_under_the_row_it_stands_for_with_intervals_and_seeds() -> None:
    report = measure(PREDICTIONS, LEGACY, bootstrap=Bootstrap(100, 1))
    systems = [System("star", "D test", (report,)), System("somebody", "?", (report,))]
    spreads = {"star": {"macro_f1": Spread(11.0, 0.5, 3), "accuracy": Spread(60.0, 1.0, 3)}}
    tables = paper_tables(systems, PUBLISHED, intervals=True, spreads=spreads, missing=True)
    table = next(table for table in tables if table.title == "STAR, table 1")
    names = [row[0] for row in table.rows]
    assert names[names.index("BB-Joint + STAR") + 1] == "  ours: star"
    assert names[-1] == "somebody"
    assert "  ours: misc" in names
    assert table.rows[names.index("  ours: misc")][1] == NOT_MEASURED
    f1 = next(one for one in report.intervals if one.name == "macro_f1")
    cell = table.rows[names.index("  ours: star")][table.head.index("F1")]
    assert cell == f"10.00 [{f1.low:.2f}, {f1.high:.2f}]; 3 seeds 11.00 ± 0.50"
    assert names.count("BlenderBot-Joint") == 1
    plain = paper_tables(systems, PUBLISHED)
    assert not any(NOT_MEASURED in row or "[" in "".join(row) for table in plain for row in table.rows)


def test_the_model_of_bertscore_is_named_beside_its_columns() -> None:
    scores = (0.5,) * len(PREDICTIONS)
    report = measure(PREDICTIONS, LEGACY, bert=BertScores("roberta-large", scores, scores, scores))
    systems = [System("ours", "D test", (report,)), System("other", "D test", (measure(PREDICTIONS, LEGACY),))]
    counts = {
        table.title: {row[0]: row[-1] for row in table.rows if row[0] in ("ours", "other")}
        for table in paper_tables(systems, PUBLISHED)
    }
    plain = {"ours": "words, legacy D-n", "other": "words, legacy D-n"}
    assert counts["STAR, table 2"] == plain | {"ours": "words, legacy D-n; BERTScore under roberta-large"}
    assert counts["STAR, table 1"] == plain  # it has no such column


def test_every_net_stands_for_a_published_system_or_is_known_not_to() -> None:
    assert set(STANDS_FOR.values()) <= {row.system for row in PUBLISHED}
    assert set(net_names()) - set(STANDS_FOR) == {"star-misc", "star-admisc"}


def test_figures_come_back_from_their_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    report = measure(PREDICTIONS, MISC, bpe=LETTERS, bootstrap=Bootstrap(100, 1))
    write_metrics(path, [report], {"net": "misc"})
    about, (found,) = read_metrics(path)
    assert about["net"] == "misc"
    assert found == replace(report, strategies=None)
    assert found.tokens == "bpe (own)"
    before = json.loads(path.read_text())
    del before["reports"][0]["pieces"]
    path.write_text(json.dumps(before))
    assert read_metrics(path)[1][0].tokens == "bpe (whose is not known)"
    path.write_text('{"reports": [{}]}')
    with pytest.raises(ValueError, match=r"metrics\.json: not the figures of a system"):
        read_metrics(path)
    with pytest.raises(FileNotFoundError, match="evaluate"):
        read_metrics(tmp_path / "none.json")


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
