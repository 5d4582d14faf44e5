"""Openings: what a talk in a browser begins with."""

from __future__ import annotations

from dataclasses import replace

from models.data.dialogue import Dialogue, Feedback, Speaker, Turn
from models.data.esconv import targets
from models.data.outcome import outcome_of
from models.data.support_corpora import openings

PROBLEM = "I had to leave my flat and sleep at my sister's"


def said(*turns: tuple[str, str]) -> Dialogue:
    speakers = {"s": Speaker.SEEKER, "h": Speaker.SUPPORTER}
    return Dialogue(tuple(Turn(speakers[who], text) for who, text in turns), situation="my flat")


def test_greetings_before_the_problem_and_what_follows_the_answer_are_left_out() -> None:
    talk = said(
        ("h", "hello"), ("s", "hi"), ("s", PROBLEM), ("h", "oh"), ("h", "since when?"), ("s", "may"), ("h", "ok")
    )
    assert [turn.text for turn in openings([talk], 1)[0].turns] == [PROBLEM, "oh", "since when?"]


def test_the_stars_of_an_opening_are_those_given_after_its_answer() -> None:
    talk = said(("s", "hi"), ("h", "hello"), ("s", "hm"), ("s", PROBLEM), ("h", "oh"), ("s", "may"), ("h", "ok"))
    for ratings, given in (((0, 0, 5, 0, 0, 2, 0), 2), ((0, 0, 5, 0, 0, 0, 0), 0), ((), 0)):
        (opening,) = targets(openings([replace(talk, feedback=Feedback(ratings, 1))], 1))
        assert (opening.gold.text, outcome_of(opening).rating) == ("oh", given)


def test_a_dialogue_that_states_nothing_or_is_not_answered_has_none() -> None:
    assert openings([said(("s", "hi"), ("h", "hello")), said(("s", "hi"), ("s", PROBLEM))], 1) == []


def test_some_lose_their_situation_the_same_for_the_same_seed() -> None:
    talks = [said(("s", PROBLEM), ("h", "oh"))] * 40
    told = [bool(found.situation) for found in openings(talks, 1)]
    assert 10 < sum(told) < 35
    assert told == [bool(found.situation) for found in openings(talks, 1)]
