"""The papers' figures of a net: what is drawn from an analysis, what is said of it, and the data to save."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from escdemo.hosted import NetCard
from escdemo.look import analysis_figures as draw
from escdemo.look import analysis_words as say
from escdemo.look import net_cards
from escdemo.look.analysis_figures import Analysed
from escdemo.look.net_cards import NetShown
from escdemo.look.strategy_looks import LOOKS
from models.analysis.analysis import Interference
from models.analysis.cosine import Cosine
from models.data.strategies import STRATEGIES
from models.evaluation.published import published
from models.evaluation.uncertainty import Interval
from tests.analyses import made_up

JOINT = Analysed("BlenderBot-Joint", made_up())
MISC = Analysed("MISC", made_up("misc", asks=2))


def matrices(net: Analysed) -> draw.go.Figure:
    figure = draw.interference_figure(net)
    assert figure is not None
    return figure


def all_figures() -> list[draw.go.Figure]:
    both = [JOINT, MISC]
    return [
        draw.stage_figure([JOINT], "gold"),
        draw.stage_figure([JOINT], "predicted"),
        draw.difference_figure(JOINT),
        draw.top_k_figure(both),
        draw.distribution_figure(both),
        draw.confusion_figure(JOINT),
        matrices(JOINT),
    ]


def test_every_figure_has_a_title_units_and_its_turns() -> None:
    for figure in all_figures():
        assert figure.layout.title.text.startswith("<b>")
        note = figure.layout.title.subtitle.text.replace("<br>", " ")
        assert "60 turns of 6 dialogues" in note or "4 batches of 16 turns" in note
        assert "split D test" in note
        assert figure.layout.height >= 300
        assert figure.layout.paper_bgcolor == "#FFFFFF", "saved pictures are for a light page"
        assert all(len(line) <= draw.NOTE_WIDTH for line in figure.layout.title.subtitle.text.split("<br>"))


def test_stages_add_up_and_strategies_have_their_looks() -> None:
    figure = draw.stage_figure([JOINT], "predicted")
    assert [bar.name for bar in figure.data] == [LOOKS[name].short for name in STRATEGIES]
    assert [bar.marker.color for bar in figure.data] == [look.colour for look in LOOKS.values()]
    assert [bar.marker.pattern.shape for bar in figure.data] == [look.pattern for look in LOOKS.values()]
    for at in range(5):
        assert sum(bar.y[at] for bar in figure.data) == pytest.approx(100)
    assert figure.data[0].x[0] == "1<br>n=12"


def test_a_difference_beyond_chance_is_marked() -> None:
    stages = JOINT.analysis.stages
    figure = draw.difference_figure(JOINT)
    for at in range(len(STRATEGIES)):
        for place, stage in enumerate(stages):
            cell = stage.difference[at]
            assert figure.data[0].z[at][place] == cell.value
            assert figure.data[0].text[at][place].endswith("*") == (cell.low > 0 or cell.high < 0)
    assert any(text.endswith("*") for row in figure.data[0].text for text in row)


def test_top_k_has_intervals_and_a_floor() -> None:
    joint, misc, floor = draw.top_k_figure([JOINT, MISC]).data
    first = JOINT.analysis.top_k.accuracy[0]
    assert (joint.y[0], joint.y[7]) == (first.value, 100)
    assert joint.error_y.array[0] == pytest.approx(first.high - first.value)
    assert joint.error_y.arrayminus[0] == pytest.approx(first.value - first.low)
    assert joint.marker.symbol != misc.marker.symbol
    assert list(floor.y) == list(JOINT.analysis.top_k.most_frequent)


def test_shares_and_confusion_are_those_of_the_file() -> None:
    annotators, joint, misc = draw.distribution_figure([JOINT, MISC]).data
    assert sum(annotators.x) == pytest.approx(100)
    assert list(joint.x) == [one.value for one in JOINT.analysis.labels.predicted]
    assert joint.marker.pattern.shape != misc.marker.pattern.shape
    heat = draw.confusion_figure(JOINT).data[0]
    assert [round(sum(row)) for row in heat.z] == [100] * 8
    none = replace(JOINT.analysis.labels, confusion=((0,) * 8, *JOINT.analysis.labels.confusion[1:]))
    empty = Analysed("x", replace(JOINT.analysis, labels=none))
    assert set(draw.confusion_figure(empty).data[0].z[0]) == {None}


def with_cosines(*cosines: Cosine) -> Analysed:
    return Analysed("MISC", replace(MISC.analysis, interference=Interference(4, 16, cosines)))


def test_a_matrix_of_cosines_for_each_group_of_parameters() -> None:
    whole, encoder = matrices(JOINT).data
    assert [one.text for one in matrices(JOINT).layout.annotations] == ["<b>all parameters</b>", "<b>encoder</b>"]
    assert list(whole.x) == list(whole.y) == ["reply", "strategy"]
    assert [list(row) for row in whole.z] == [[1, -0.3], [-0.3, 1]], "a pair stands on both sides of the diagonal"
    assert [list(row) for row in encoder.z] == [[1, 0.2], [0.2, 1]]
    assert list(whole.text[0]) == ["1", "-0.30*"]
    assert "-0.300 (-0.484 to -0.116)" in whole.customdata[0][1]
    assert "over 4 batches" in whole.customdata[1][0]
    assert {(one.zmin, one.zmax) for one in (whole, encoder)} == {(-1, 1)}, "one scale, with 0 in the middle"


def test_a_group_shows_the_losses_that_reach_it() -> None:
    three = with_cosines(
        Cosine("all", "reply", "strategy", 0.05, 0.1, 4),
        Cosine("all", "reply", "<b>emotion", 0.4, 0.1, 3),
        Cosine("heads", "strategy", "<b>emotion", -0.2, 0.0, 1),
    )
    whole, heads = matrices(three).data
    assert list(whole.x) == ["reply", "strategy", "&lt;b&gt;emotion"]
    assert whole.text[0][1] == "+0.05", "not beyond chance"
    assert (whole.z[1][2], whole.text[1][2]) == (None, ""), "strategy and emotion came in no batch together"
    assert list(heads.x) == ["strategy", "&lt;b&gt;emotion"]
    assert list(heads.z[0]) == [1, -0.2]


def test_no_matrix_without_two_losses() -> None:
    assert draw.interference_figure(with_cosines()) is None
    assert draw.interference_figure(Analysed("MISC", replace(MISC.analysis, interference=None))) is None


def test_a_name_cannot_hold_markup_and_a_long_one_is_cut() -> None:
    odd = Analysed("<i>net</i> " * 8, made_up())
    for figure in (draw.stage_figure([odd], "predicted"), draw.top_k_figure([odd]), draw.confusion_figure(odd)):
        assert "<i>" not in figure.to_json()
    assert "…" in draw.confusion_figure(odd).layout.title.text


def test_sentences_name_only_what_is_beyond_chance() -> None:
    assert "cells; the largest differences: Question" in say.stages_say(JOINT)
    assert "more often: Question" in say.distribution_says(JOINT)
    same = tuple(
        replace(stage, difference=tuple(Interval(one.name, 3.0, -1.0, 7.0) for one in stage.difference))
        for stage in JOINT.analysis.stages
    )
    calm = Analysed("MISC", replace(JOINT.analysis, stages=same))
    assert say.stages_say(calm) == "MISC follows the annotators in every part: no difference is beyond chance."
    labels = JOINT.analysis.labels
    alike = Analysed("MISC", replace(JOINT.analysis, labels=replace(labels, predicted=labels.gold)))
    assert "about as often" in say.distribution_says(alike)
    assert "names the annotated strategy first in" in say.top_k_says(JOINT)
    assert "Question best (100.0 %" in say.confusion_says(JOINT)
    assert "most frequent mistake is Question for" in say.confusion_says(JOINT)


def test_the_sentence_of_the_losses_follows_the_interval() -> None:
    said = say.interference_says(JOINT)
    assert "reply and strategy pull against each other (-0.30, -0.48 to -0.12)" in said
    found = JOINT.analysis.interference
    assert found is not None
    for mean, how in ((0.3, "pull together"), (0.1, "neither way beyond chance")):
        one = replace(found, cosines=(replace(found.cosines[0], mean=mean),))
        assert how in say.interference_says(Analysed("x", replace(JOINT.analysis, interference=one)))
    single = replace(found, cosines=())
    assert "one loss only" in say.interference_says(Analysed("x", replace(JOINT.analysis, interference=single)))
    assert "not measured" in say.interference_says(Analysed("x", replace(JOINT.analysis, interference=None)))


def test_the_data_behind_each_figure() -> None:
    def rows(text: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(text)))

    both = [JOINT, MISC]
    stages = rows(say.stages_csv(both))
    assert len(stages) == 2 * 5 * 8
    assert float(stages[0]["difference"]) == pytest.approx(float(stages[0]["predicted"]) - float(stages[0]["gold"]))
    assert {"gold low", "gold high", "turns of the part", "split"} <= stages[0].keys()
    assert len(rows(say.top_k_csv(both))) == 2 * 8
    assert len(rows(say.distribution_csv(both))) == 2 * 8
    assert sum(int(row[name]) for row in rows(say.confusion_csv(JOINT)) for name in STRATEGIES) == 60
    pairs = rows(say.interference_csv(MISC))
    assert [(row["net"], row["group"], row["cosine"]) for row in pairs] == [
        ("misc", "all", "-0.3"),
        ("misc", "encoder", "0.2"),
    ]


def test_a_card_in_plain_words_escaped() -> None:
    card = {
        "data": "<b>ESConv</b>",
        "licence": "MIT",
        "base": "smollm2@b95bb59af109",
        "run": {"split": "D"},
        "minutes": 25.0,
    }
    card |= {"date": "2026-11-21", "metrics": {"valid_accuracy": 0.37}}
    known = NetShown("joint", NetCard("joint", card, "c0ffee", 2_300_000), JOINT.analysis)
    told = net_cards.cards([known, NetShown("mine", None, None)], "cpu")
    for part in ("BlenderBot-Joint", "&lt;b&gt;ESConv", "smollm2@b95bb59af109", "c0ffee, 2.3 MB", "37.0 %"):
        assert part in told
    assert "Strategy accuracy (D test, 60 turns)" in told
    assert "D: dialogue level, 910/195/195 dialogues" in told
    assert "Strategy macro F1" in told
    assert "A model added by whoever runs this server." in told
    assert told.count("not measured") == 1
    assert "<b>ESConv" not in told
    assert "2026-11-21, 25 minutes<" in told
    more = {"data": "ESConv, split D train: 12271 supporter turns; 5201 more", "hardware": "1 x cpu, 1 threads"}
    changes = more | {"minutes": 0.3, "run": {"split": "D", "only": "strategies"}}
    last = NetCard("joint", card | changes, "c0ffee", 2_300_000)
    told = net_cards.cards([NetShown("joint", last, None)], "cpu")
    assert "12,271 supporter turns; 5,201 more" in told
    assert "1 x cpu, 1 thread<" in told
    assert "2026-11-21, last its choice of strategies alone, under a minute, 1 x cpu" in told


def test_our_rows_stand_below_the_published_ones() -> None:
    tables = net_cards.paper_tables([NetShown("joint", None, JOINT.analysis), NetShown("misc", None, None)])
    assert "<summary>STAR, table 1: 12 rows as published, 2 from here</summary>" in tables
    known = tables.split("<details")[0]
    assert all(f"{row.split.removeprefix('D, ')}: " in known for row in published("all")), "a split without words"
    star = tables.split("<caption>STAR, table 1")[1].split("</table>")[0]
    before, ours = star.split("here: BlenderBot-Joint")
    assert before.rindex("<tr") > before.rindex("BlenderBot-Joint") > before.rindex("MultiESC"), "below its own row"
    ours, other = ours.split("here: MISC")
    accuracy = JOINT.analysis.labels.macro_f1
    assert f"{accuracy.value:.2f} ({accuracy.low:.2f} to {accuracy.high:.2f})" in ours
    assert "6.10 (5.80 to 6.50)" in ours, "STAR counts words, as this report does"
    assert "not measured" in ours, "no perplexity is in the file"
    assert other.count("not measured") == 5
    misc = (
        tables.split("<caption>Tu et al. 2022 (MISC), table 2")[1]
        .split("</table>")[0]
        .split("here: BlenderBot-Joint")[1]
    )
    assert "6.10" not in misc, "MISC counts word pieces: another figure"
    assert "24.81" in star
