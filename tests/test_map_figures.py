"""Maps as figures: what is drawn, what points carry, and the path of a talk."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from escdemo.chat.map_tab import Choices, NetMap, closed, fill
from escdemo.look import render
from escdemo.look.map_figures import SVG_LIMIT, PathStep, Told, category_of, colours_of, map_figure, map_rows
from escdemo.look.strategy_looks import LOOKS
from models.analysis.state_map import VERDICTS
from models.data.strategies import STRATEGIES
from tests.maps import made_up_map

LOOK = {"plane": "tsne", "colour": "gold", "shape": "strategy", "place": "0"}
STEPS = (
    PathStep(1, "I <b>cannot</b> sleep", "What keeps you awake?", "Question", 0.5, 1.5),
    PathStep(2, "My job", "I see.", "Others", -1.0, 0.0),
)


def test_every_turn_is_drawn_once_in_its_strategy_s_colour_and_shape() -> None:
    found = made_up_map()
    figure = map_figure(found, LOOK)
    assert [trace.name for trace in figure.data] == [f"{name} (5)" for name in STRATEGIES]
    keys = [row[0] for trace in figure.data for row in trace.customdata]
    assert len(keys) == len(set(keys)) == 40
    for trace, name in zip(figure.data, STRATEGIES, strict=True):
        assert (trace.marker.color, trace.marker.symbol) == (LOOKS[name].colour, LOOKS[name].symbol)
        assert {row[3] for row in trace.customdata} == {name}
        at = found.turns.index(next(turn for turn in found.turns if turn.gold == name))
        assert (trace.x[0], trace.y[0]) == pytest.approx(tuple(found.plane[at]), abs=1e-3)


def test_the_title_says_what_and_how_many_and_a_screen_reader_hears_it() -> None:
    figure = map_figure(made_up_map(), LOOK | {"plane": "pca", "colour": "cluster"}, STEPS, "your talk")
    assert figure.layout.title.text == "<b>BlenderBot-Joint: states, PCA</b>"
    assert figure.layout.title.subtitle.text == "n = 40 turns of 5 dialogues (ESConv D test)"
    assert "40 turns" in figure.layout.meta["alt"]
    assert "K-means cluster" in figure.layout.meta["alt"]
    assert "path of 2 replies" in figure.layout.meta["alt"]
    assert figure.layout.xaxis.title.text == "first principal component"
    plain = map_figure(made_up_map(), LOOK | {"plane": "tsne"}, STEPS, "your talk")
    assert figure.layout.legend.y < plain.layout.legend.y, "the title of the axis stands between plot and legend"
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"


def test_the_planes_differ_and_pca_is_that_of_the_coordinates() -> None:
    found = made_up_map()
    figure = map_figure(found, LOOK | {"plane": "pca"})
    assert figure.data[0].x[0] == pytest.approx(found.coordinates[0, 0], abs=1e-3)
    assert figure.data[0].x[0] != pytest.approx(found.plane[0, 0], abs=1e-3)


def test_colours_by_every_class_and_shapes_by_net() -> None:
    found = made_up_map()
    assert category_of(found, 0, "predicted") == STRATEGIES[1]
    assert category_of(found, 9, "emotion") == "anger"
    assert category_of(found, 0, "verdict") == "not known"
    for colour in ("predicted", "cluster", "emotion"):
        figure = map_figure(found, LOOK | {"colour": colour})
        assert sum(len(trace.x) for trace in figure.data) == 40
        assert len({trace.marker.color for trace in figure.data}) == len(figure.data)
    figure = map_figure(found, LOOK | {"colour": "cluster", "shape": "net", "place": "1"})
    assert {symbol for trace in figure.data for symbol in trace.marker.symbol} == {"diamond"}
    figure = map_figure(found, LOOK | {"colour": "cluster"})
    assert {symbol for trace in figure.data for symbol in trace.marker.symbol} == {
        look.symbol for look in LOOKS.values()
    }


def test_only_colours_that_say_something_are_offered() -> None:
    found = made_up_map()
    assert colours_of([found]) == ["gold", "predicted", "cluster", "emotion"]
    silent = replace(found, turns=tuple(replace(turn, predicted="") for turn in found.turns))
    assert colours_of([found, silent]) == ["gold", "cluster", "emotion"]
    judged = replace(found, turns=tuple(replace(turn, verdict=VERDICTS[0]) for turn in found.turns))
    assert "verdict" in colours_of([judged])
    assert [trace.name for trace in map_figure(judged, LOOK | {"colour": "verdict"}).data] == ["better (40)"]


def test_a_talk_is_a_numbered_path_on_top_of_the_turns() -> None:
    figure = map_figure(made_up_map(), LOOK, STEPS, "your talk (side A)")
    path = figure.data[-1]
    assert (path.name, path.meta["kind"]) == ("your talk (side A)", "path")
    assert (list(path.x), list(path.text)) == ([0.5, -1.0], ["1", "2"])
    assert path.customdata[0][0] == "talk:1"
    assert path.customdata[0][8:] == ["I <b>cannot</b> sleep", "What keeps you awake?"]
    assert "<b>cannot" not in json.dumps([path.hovertemplate, path.name, *path.text])


def test_texts_are_carried_only_where_they_are_the_visitor_s_own() -> None:
    found = made_up_map()
    assert {tuple(row[8:]) for trace in map_figure(found, LOOK).data for row in trace.customdata} == {("", "")}
    told = map_figure(found, LOOK, texts={(1, 2): Told("hello", "hi there")})
    rows = {row[0]: row[8:] for trace in told.data for row in trace.customdata}
    assert rows["1:2"] == ["hello", "hi there"]
    assert rows["1:4"] == ["", ""]


def test_many_turns_are_drawn_with_webgl() -> None:
    found = made_up_map()
    many = replace(found, turns=found.turns * 80, clusters=found.clusters.repeat(80), plane=found.plane.repeat(80, 0))
    assert len(many.turns) > SVG_LIMIT
    assert {trace.type for trace in map_figure(many, LOOK).data} == {"scattergl"}
    assert {trace.type for trace in map_figure(found, LOOK).data} == {"scatter"}


def test_the_data_behind_the_figure() -> None:
    found = made_up_map()
    rows = list(csv.DictReader(io.StringIO(render.csv_text(*map_rows(found, STEPS, "pca")))))
    assert len(rows) == 42
    assert (rows[0]["dialogue"], rows[0]["turn"], rows[0]["strategy_given"]) == ("1", "2", "Question")
    assert float(rows[0]["x"]) == pytest.approx(found.coordinates[0, 0], abs=1e-3)
    assert (rows[-1]["dialogue"], rows[-1]["turn"], rows[-1]["strategy_predicted"]) == ("talk", "2", "Others")
    assert "sleep" not in render.csv_text(*map_rows(found, STEPS, "pca"))


CHOICES = Choices("esconv", ("joint", "misc"), "tsne", "verdict", "strategy")


def test_the_tab_shows_a_map_beside_a_net_that_has_none() -> None:
    maps = [NetMap("joint", made_up_map()), NetMap("misc", None, "joint.json is no map")]
    values = fill(("joint", "misc", "star"), CHOICES, maps, "", may_make=False)
    first, second = values[6], values[9]
    assert (first["visible"], second["visible"]) == (True, False)
    assert "is no map" in values[8]
    assert 'role="alert"' in values[8]
    assert values[4]["value"] == "gold", "no map has verdicts"
    assert [value for _, value in values[3]["choices"]] == ["", "misc", "star"]
    table = values[11]
    assert table.count("<tr>") == 2
    assert f"{maps[0].found.figures.nmi:.3f}" in table  # type: ignore[union-attr]


def test_maps_of_different_turns_say_so() -> None:
    one, other = made_up_map(), made_up_map("misc")
    other = replace(other, about=replace(other.about, data="e" * 64))
    shown = [[NetMap("joint", one), NetMap("misc", second)] for second in (other, made_up_map("misc"))]
    notes = [fill(("joint", "misc"), CHOICES, maps, "", may_make=False)[0] for maps in shown]
    assert "different turns" in notes[0]
    assert notes[1] == ""


def test_a_closed_tab_holds_nothing_but_the_reason() -> None:
    values = closed("The map opens later.")
    assert "The map opens later." in values[0]
    assert values[1]["visible"] is False
    assert values[2]["choices"] == values[3]["choices"] == []
    maps = [NetMap("joint", made_up_map())]
    assert len(values) == len(fill(("joint", "misc"), CHOICES, maps, "", may_make=False)) + 2
