"""Figures and tables of a study's results: what is drawn, in which order, and that nothing typed becomes markup."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from annotation.rubric import find_rubric
from annotation.statistics.explanations import ReplyFeature
from annotation.statistics.intervals import Estimate, undefined
from annotation.statistics.pairwise import pair_results
from annotation.statistics.pointwise import means
from annotation.statistics.raters import rater_table
from annotation.statistics.report_tables import raters_table
from annotation.statistics.strength import rankings
from annotation.statistics.study_data import StudyData
from annotation.studies.live_views import TurnVote
from annotation.studies.study_views import Ballot, Verdict
from escdemo.look import figures, render, study_figures
from escdemo.look.study_figures import ForestRow
from escdemo.study import results
from tests.simulated_study import CARELESS, CRITERIA, rated, simulated


def test_strengths_are_a_forest_in_the_order_of_the_table() -> None:
    figure = study_figures.ranking_figure(rankings(simulated().ballots))
    assert [trace.name for trace in figure.data] == list(CRITERIA)
    assert list(figure.layout.yaxis.ticktext) == ["cold", "plain", "warm"] * 2
    assert figure.layout.title.text == "<b>Bradley-Terry strengths</b>"
    first = figure.data[0]
    assert list(first.x) == sorted(first.x)
    assert list(first.y) == [0, 1, 2]
    assert all(width > 0 for width in (*first.error_x.array, *first.error_x.arrayminus))
    assert figure.data[0].marker.symbol != figure.data[1].marker.symbol
    assert figure.layout.shapes[0].x0 == 0


def test_a_row_without_a_figure_keeps_its_line_and_says_so() -> None:
    rows = [ForestRow("a<b>", "g", undefined("no votes")), ForestRow("c", "g", Estimate(1.0))]
    figure = study_figures.forest_figure(rows, "title", "axis")
    assert list(figure.data[0].y) == [1]
    assert list(figure.data[0].error_x.array) == [0]
    assert list(figure.data[0].customdata) == ["c: 1.00"]
    assert [note.text for note in figure.layout.annotations] == ["no figure"]
    assert list(figure.layout.yaxis.range) == [1.5, -0.5]
    assert "<b>" not in figure.to_json()
    assert study_figures.forest_figure([], "title", "axis").layout.height >= 150


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


def _page(ballots: tuple[Ballot, ...], features: tuple[ReplyFeature, ...] = ()) -> list[Any]:
    return results.fill(StudyData(ballots=ballots, features=features), None)


def test_what_the_table_calls_too_few_is_not_drawn() -> None:
    """Four decided votes on three items: the table has no figure, so the page has no plot but the reason."""
    votes = [Ballot("s", f"i{at}", "r1", "Overall", "m1", "m2", "ab"[at % 2], "m1", 9.0) for at in range(3)]
    values = tuple(ReplyFeature(f"i{at}", name, "x", at * len(name)) for at in range(3) for name in ("m1", "m2"))
    varied = (*values[:-1], replace(values[-1], value=9.0))
    *_, plot, note, tables = _page((*votes, replace(votes[0], rater="r2")), varied)
    assert not plot["visible"]
    assert "Only 4 decided votes on 3 items: too few." in note
    assert "Only 4 decided votes on 3 items: too few." in tables


def test_no_plot_is_empty() -> None:
    """One system never lost: no strengths on any criterion, so their place says why."""
    votes = tuple(Ballot("s", f"i{at}", "r1", "Overall", "m1", "m2", "a", "m1", 9.0) for at in range(3))
    _, _, outcomes, _, strengths, why, relations, _, _ = _page(votes)
    assert [plot["visible"] for plot in (outcomes, strengths, relations)] == [True, False, False]
    assert "m1 never lost or tied against the others" in why
    discarded = tuple(Verdict("s", vote.item_id, "Overall", "discard", "a", None, None) for vote in votes)
    page = results.fill(StudyData(ballots=votes, verdicts=discarded), None)
    assert not page[2]["visible"]
    assert "discarded every item" in page[3]


def test_where_every_score_is_discarded_the_page_says_so() -> None:
    scores = tuple(replace(one, discard_cause="both alike") for one in rated())
    page = results.fill(StudyData(ratings=scores, rubric=find_rubric("misc-2022")), None)
    assert not page[2]["visible"]
    assert "discarded every item" in page[3]


def test_what_is_drawn_of_live_talks_stands_in_their_table() -> None:
    votes = [Ballot("s", f"i{at}", "r1", "Overall", "m1", "m2", "a", "m1", 9.0) for at in range(3)]
    turns = [TurnVote("s", f"i{at}", "r1", f"t{at}", 0, "m1", "m2", "a" if at else "b", "m1") for at in range(3)]
    *_, tables = results.fill(StudyData(ballots=tuple(votes), preferences=tuple(turns)), None)
    assert ">2 / 1 / 0 / 0<" in tables
    assert "Talks won / lost / tied / neither" in tables


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
