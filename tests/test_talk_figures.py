"""The strategies of a talk, message by message: figure, words and data, and when they may be seen."""

from __future__ import annotations

import csv
import io
from typing import Any

from escdemo import texts
from escdemo.look.strategy_looks import LOOKS
from escdemo.look.talk_figures import SideStrategies, timeline_csv, timeline_figure, timeline_says
from models.data.strategies import STRATEGIES
from tests.visitor import OWN, TOKEN, Visitor

SIDES = (
    SideStrategies("joint (A)", ("Question", "Information", "Question")),
    SideStrategies("misc (B)", ("Question", None, "Others")),
)


def test_each_point_has_the_look_of_its_strategy_in_its_row() -> None:
    first, second = timeline_figure(SIDES).data
    assert list(first.x) == [1, 2, 3]
    assert list(second.x) == [1, 3]  # no point where there is no reply
    assert list(first.marker.color) == [LOOKS[name].colour for name in SIDES[0].strategies if name]
    assert [STRATEGIES[round(y)] for y in first.y] == ["Question", "Information", "Question"]
    assert first.y[0] != second.y[0]  # two equal choices stand beside each other


def test_what_is_said_of_it() -> None:
    assert timeline_says(SIDES) == (
        "joint (A) chose Question most often (2 of 3). misc (B) never repeated a strategy."
        " Both chose the same for 1 of 2 messages."
    )


def test_equal_counts_are_said_to_be_equal() -> None:
    one = SideStrategies("joint (A)", ("Question", "Others", "Question", "Others", "Information"))
    assert timeline_says((one, SideStrategies("misc (B)", (None,) * 5))) == (
        "joint (A) chose Question and Others most often (2 of 5 each)."
    )


def test_the_data_has_a_row_for_each_message_and_side() -> None:
    rows = list(csv.DictReader(io.StringIO(timeline_csv(SIDES))))
    assert [row["strategy"] for row in rows] == ["Question", "Question", "Information", "", "Question", "Others"]
    assert [row["message"] for row in rows] == ["1", "1", "2", "2", "3", "3"]


def test_the_figure_of_a_talk(make_page: Any) -> None:
    page = make_page()
    says, column, plot, bar = page.parts.figures.talk
    assert texts.NO_TALK_FIGURE in page.show_figures(TOKEN, "")[says]
    visitor = Visitor(page).start().say("I feel alone.").say("And now?")
    shown = page.show_figures(TOKEN, visitor.talk)
    assert shown[column]["visible"]
    assert "n = 2" in shown[plot]["value"].plot
    assert "BlenderBot-Joint (" in shown[says]
    assert "CSV" in shown[bar]


def test_a_blind_talk_has_no_figure_before_the_vote(make_page: Any) -> None:
    page = make_page()
    visitor = Visitor(page).start((*OWN[:-1], True)).say("I feel alone.")
    says, column, *_ = page.parts.figures.talk
    assert page.show_figures(TOKEN, visitor.talk)[says].count(texts.BLIND_TALK_FIGURE) == 1
    visitor.take(page.finish(TOKEN, visitor.talk))
    visitor.vote(*"aaaaa")
    assert page.show_figures(TOKEN, visitor.talk)[column]["visible"]
