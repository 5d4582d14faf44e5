"""Figures: what is drawn, with a second cue beside colour, a fixed height and a file name to save it under."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import plotly.graph_objects as go
import pytest

from escdemo.inside import explain
from escdemo.look import figures
from escdemo.look.figures import Outcome, Sided
from models.data.dialogue import Dialogue
from models.data.strategies import STRATEGIES
from models.serving.trace import CometBlock, DecodeOptions, NamedRow, TokenStep, Trace
from tests.fakes import EchoResponder


@pytest.fixture
def sides(dialogue: Dialogue) -> tuple[Sided, Sided]:
    """Two traces of the same turn with every field filled."""
    nets = (EchoResponder("joint", "sha1"), EchoResponder("misc", "sha2"))
    one, two = (Sided(net.name, net.respond(dialogue, DecodeOptions(), 1).trace) for net in nets)
    return one, two


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_blocks_of_both_sources_apart_and_heaviest_first(sides: tuple[Sided, Sided]) -> None:
    figure = go.Figure(figures.comet_figure(sides[0]))
    situation, post = figure.data
    assert situation.marker.color != post.marker.color
    assert list(situation.x) == sorted(situation.x, reverse=True)
    assert sorted([*situation.y, *post.y]) == list(range(8))  # an inference of both sources keeps two rows


def test_the_heat_map_has_a_cell_per_block_and_token(sides: tuple[Sided, Sided]) -> None:
    figure = go.Figure(figures.heat_figure(sides[0]))
    assert len(figure.data[0].z) == 8
    assert {len(row) for row in figure.data[0].z} == {len(sides[0].trace.tokens)}
    assert figure.data[0].colorscale[0][1] == "#00224e"  # Cividis


def test_outcomes_are_shares_with_their_counts() -> None:
    figure = figures.outcome_figure(
        "joint", "misc", [Outcome("Fluency", 3, 1, 0), Outcome("Overall", 0, 0, 0)], "Results"
    )
    assert [bar.x[0] for bar in figure.data] == [75, 25, 0]
    assert [bar.text[0] for bar in figure.data] == ["3", "1", ""]
    for bar in figure.data:
        assert bar.marker.pattern.shape == "" or bar.marker.pattern.fgcolor != bar.textfont.color  # the count is read


def test_patterns_lie_over_the_colour_of_their_bar() -> None:
    figure = figures.outcome_figure("a", "b", [Outcome("Fluency", 1, 1, 1)], "Results")
    # Plotly's own way draws the lines alone: white ones are not seen.
    assert figure.layout.template.data.bar[0].marker.pattern.fillmode == "overlay"


def test_every_figure_has_a_height_and_one_button_that_saves_it(sides: tuple[Sided, Sided]) -> None:
    drawn = [go.Figure(figures.comet_figure(sides[0])), go.Figure(figures.heat_figure(sides[0]))]
    drawn += [figures.outcome_figure("a", "b", [Outcome("Fluency", 1, 0, 0)], "Results")]
    for figure in drawn:
        assert figure.layout.height >= 150
        config = json.loads(figures.plot_value(figure, "name").plot)["config"]
        assert config["toImageButtonOptions"]["filename"] == "name"
        assert config["displaylogo"] is False


def test_a_figure_made_in_one_step_looks_as_one_that_is_styled() -> None:
    bar = {"type": "bar", "x": [1, 2], "y": [3, 4]}
    styled = figures.titled(figures.styled(go.Figure([bar, bar]), height=300, bargap=0.3), "Bars <of>")
    assert go.Figure(figures.made([bar, bar], "Bars <of>", height=300, bargap=0.3)) == styled
    own = go.Figure(figures.made([bar], "Bars", height=300, yaxis={"title": {"text": "n"}})).layout.yaxis
    assert (own.automargin, own.title.text, own.title.font.size) == (True, "n", 13)


def test_a_long_piece_of_commonsense_stands_on_two_lines(sides: tuple[Sided, Sided]) -> None:
    block = CometBlock("post", "xNeed", "to have a good relationship with everybody", 1.0, (1.0,))
    trace = replace(sides[0].trace, tokens=(TokenStep("hi", 0.5),), blocks=(block, replace(block, text="sad")))
    for draw in (figures.heat_figure, figures.comet_figure):
        drawn = draw(Sided("n", trace))
        assert drawn["layout"]["yaxis"]["ticktext"] == [
            "needed · to have a good<br>relationship with …",
            "needed · sad",
        ]


def test_labels_cannot_hold_markup(sides: tuple[Sided, Sided]) -> None:
    block = CometBlock("post", "xReact", "<b>sad</b><a href='x'>y</a>", 1.0, (1.0,))
    trace = replace(sides[0].trace, tokens=(TokenStep("<i>hi</i>", 0.5),), blocks=(block,))
    side = Sided("<b>n</b>", trace)
    text = str((figures.heat_figure(side), figures.comet_figure(side)))
    assert text.count("<b>") == 2  # of the titles
    assert "<a href" not in text
    assert "<i>" not in text
    odd = replace(trace, extras=(NamedRow("<i>gate</i>", ("<u>x</u>",), (0.5,)),))
    told = explain.extras(Sided("A", odd))
    assert "<i>" not in told
    assert "<u>" not in told
    strip = explain.token_strip(Sided("<u>n</u>", trace))
    assert "<i>" not in strip
    assert "<u>" not in strip


def test_a_side_that_predicts_no_strategy_says_so(sides: tuple[Sided, Sided]) -> None:
    silent = Sided("B", replace(sides[1].trace, strategies=(0.125,) * 8))
    assert "predicts no strategy" in explain.settings_table((sides[0], silent))


def test_a_trace_with_nothing_in_it_breaks_no_figure() -> None:
    empty = Sided("joint", Trace("joint", "sha", 1, (0.125,) * 8))
    for draw in (figures.comet_figure, figures.heat_figure):
        assert go.Figure(draw(empty)).layout.height >= 150


def test_what_only_one_net_tells_is_listed_and_nothing_is_shown_for_others(sides: tuple[Sided, Sided]) -> None:
    told = explain.extras(sides[0])
    assert told.count("strategies before refinement") == 1
    assert all(name in told for name in STRATEGIES)
    assert f"{sides[0].trace.extras[0].values[0]:.3f}" in told
    assert explain.extras(Sided("A", replace(sides[0].trace, extras=()))) == ""


def test_a_drawn_reply_that_must_not_be_shown_is_not_listed(sides: tuple[Sided, Sided]) -> None:
    drawn = NamedRow("best of the replies drawn", ("I hear you.", "You should kill yourself."), (0.5, 0.25))
    told = explain.extras(Sided("A", replace(sides[0].trace, extras=(drawn,))))
    assert "I hear you." in told
    assert "kill" not in told


def test_the_data_behind_each_figure(sides: tuple[Sided, Sided]) -> None:
    trace = sides[0].trace
    strategies = rows_of(explain.strategy_csv(sides))
    assert strategies[0] == ["strategy", "joint", "misc"]
    assert sum(float(row[1]) for row in strategies[1:]) == pytest.approx(1)
    assert len(rows_of(explain.blocks_csv(trace))) == 1 + len(trace.blocks)
    heat = rows_of(explain.heat_csv(trace))
    assert len(heat[0]) == 3 + len(trace.tokens)
    assert len(rows_of(explain.emotion_csv(trace))) == 1 + 2 * 7
    settings = {row[0]: row[1:] for row in rows_of(explain.settings_csv(sides))}
    assert settings["checkpoint"] == ["sha1", "sha2"]
    assert settings["top-p"] == ["0.3", "0.3"]
