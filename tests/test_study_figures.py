"""Figures and tables of a study's results: what is drawn, in which order, and that nothing typed becomes markup."""

from __future__ import annotations

import json

import pytest

from annotation.statistics.intervals import Estimate, undefined
from annotation.statistics.pairwise import pair_results
from annotation.statistics.pointwise import means
from annotation.statistics.raters import rater_table
from annotation.statistics.report_tables import raters_table
from annotation.statistics.strength import rankings
from escdemo.look import figures, render, study_figures
from escdemo.look.study_figures import ForestRow
from tests.simulated_study import CARELESS, CRITERIA, rated, simulated


def test_strengths_are_a_forest_strongest_first() -> None:
    figure = study_figures.ranking_figure(rankings(simulated().ballots))
    assert [trace.name for trace in figure.data] == list(CRITERIA)
    assert list(figure.layout.yaxis.ticktext) == ["warm", "plain", "cold"] * 2
    first = figure.data[0]
    assert list(first.x) == sorted(first.x, reverse=True)
    assert list(first.y) == [0, 1, 2]
    assert all(width > 0 for width in (*first.error_x.array, *first.error_x.arrayminus))
    assert figure.data[0].marker.symbol != figure.data[1].marker.symbol
    assert figure.layout.shapes[0].x0 == 0


def test_a_row_without_a_figure_keeps_its_line_and_says_so() -> None:
    rows = [ForestRow("a<b>", "g", undefined("no votes")), ForestRow("c", "g", Estimate(1.0))]
    figure = study_figures.forest_figure(rows, "axis")
    assert list(figure.data[0].y) == [1]
    assert list(figure.data[0].error_x.array) == [0]
    assert [note.text for note in figure.layout.annotations] == ["no figure"]
    assert list(figure.layout.yaxis.range) == [1.5, -0.5]
    assert "<b>" not in figure.to_json()
    assert study_figures.forest_figure([], "axis").layout.height >= 150


def test_items_without_a_majority_are_a_part_of_their_own() -> None:
    results = pair_results(simulated().ballots)
    one_pair = [one for one in results if (one.system_a, one.system_b) == ("cold", "plain")]
    figure = study_figures.pair_figure(one_pair)
    assert [bar.name for bar in figure.data] == ["cold better", "about the same", "plain better", "no majority"]
    assert list(figure.data[0].y) == list(CRITERIA)
    assert sum(bar.x[0] for bar in figure.data) == pytest.approx(100)
    assert figure.data[3].text[0] == str(one_pair[0].items.none)
    with pytest.raises(ValueError, match="one figure for each"):
        study_figures.pair_figure(results)


def test_means_have_a_line_each_and_a_save_button() -> None:
    figure = study_figures.mean_figure(means(rated()))
    assert list(figure.layout.yaxis.ticktext) == ["cold", "plain", "warm"]
    assert json.loads(figures.plot_value(figure, "means").plot)["config"]["displaylogo"] is False


def test_the_rater_table_shows_the_flags_as_text() -> None:
    study = simulated()
    page = render.study_table(raters_table(rater_table(study.ballots, gold=study.known_answers())))
    rows = page.split("<tr>")
    (careless,) = [row for row in rows if f">{CARELESS}<" in row]
    assert "one side: the first one in" in careless
    assert sum("one side" in row for row in rows) == 1
    assert "With the others&#x27; majority %" in page
