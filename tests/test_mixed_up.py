"""Replies that say a message back with its persons mixed up."""

from __future__ import annotations

from typing import Any

import pytest

from models.data.mixed_up import mixes_up_persons
from models.data.own_talks import own_talks, warm_answers
from tests.test_page_held_back import Sayings
from tests.visitor import TOKEN, Visitor

BOY = "My boy is at a new school. He is ten and spends every break alone."
RIGHT, WRONG = "So he is ten and spends every break alone.", "So you are ten and spend every break alone."


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (WRONG, BOY),
        ("I lost my job last week. That is hard.", "I lost my job last week."),
        ("Your mother told her that you are ill.", "My mother told me that she is ill."),
        ("It sounds like your boss shouts at him.", "My boss shouts at me in front of everyone"),
        ("So you don’t sleep at night any more.", "She doesn't sleep at night any more."),
    ],
)
def test_another_person_is_noticed(reply: str, message: str) -> None:
    assert mixes_up_persons(reply, message)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (RIGHT, BOY),
        ("You lost your job last week.", "I lost my job last week."),
        (
            "You lost your job. I know how hard it is to lose a job after ten years.",
            "I lost my job after ten years.",
        ),
        ("Your mother told you that she is ill.", "My mother told me that she is ill."),
        ("I am sorry that you feel so alone in this city.", "I feel so alone in this city"),
        ("What hurts most about it?", BOY),
        ("", BOY),
        (RIGHT, ""),
    ],
)
def test_the_same_persons_and_what_is_not_said_back_are_left_alone(reply: str, message: str) -> None:
    assert not mixes_up_persons(reply, message)


def test_our_own_answers_hardly_ever_seem_to_mix_persons_up() -> None:
    talks = [*own_talks(), *warm_answers()]
    pairs = [
        (answer.text, message.text)
        for talk in talks
        for message, answer in zip(talk.turns, talk.turns[1:], strict=False)
        if answer.speaker.value != message.speaker.value
    ]
    assert len(pairs) > 2000
    assert sum(mixes_up_persons(*pair) for pair in pairs) <= len(pairs) // 1000


def test_such_a_reply_is_made_again(make_page: Any) -> None:
    misc, joint = Sayings("misc", said=(WRONG, RIGHT)), Sayings("joint", said=("That sounds lonely.",))
    page = make_page(misc=misc, joint=joint)
    Visitor(page).start().say(BOY)
    (turn,) = page.talks.find(TOKEN).turns
    assert {turn.a.text, turn.b.text} == {RIGHT, "That sounds lonely."}
    assert (turn.a.held_back, turn.b.held_back) == (None, None)


def test_it_is_kept_when_nothing_better_comes(make_page: Any) -> None:
    page = make_page(misc=Sayings("misc", said=(WRONG,)), joint=Sayings("joint", said=("That sounds lonely.",)))
    Visitor(page).start().say(BOY)
    (turn,) = page.talks.find(TOKEN).turns
    assert WRONG in {turn.a.text, turn.b.text}
