"""Replies that say a message back with its persons mixed up."""

from __future__ import annotations

from typing import Any, cast

import pytest

from escdemo.replies import DRAFTS, MIXED_UP, NONE, REPEATS, _Draft
from models.data.mixed_up import mixes_up_persons
from models.serving.trace import DecodeOptions, Reply
from tests.answers import answer_pairs, said_back_pairs
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
        ("Your boss shouts at me every day.", "My boss shouts at me every day!"),
        ("He'd been alone every break all year.", "I'd been alone every break all year."),
        ("She goes to work and cries there.", "I go to work and cry there"),
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
        ("So your boss shouts at you.", "My boss shouts at me."),
        ("You are afraid that he will leave you.", 'I am afraid "that he will leave me".'),
        ('It stings when they say "your turn is next".', "when they say \u2018your turn is next\u2019"),
        ("You don't know what to tell her.", "I don't know what to tell my mother."),
        ("You don't know how to help your son.", "I don't know how to help him"),
        ("You miss your mother every day.", "I miss my mother every day"),
        ("", BOY),
        (RIGHT, ""),
    ],
)
def test_the_same_persons_and_what_is_not_said_back_are_left_alone(reply: str, message: str) -> None:
    assert not mixes_up_persons(reply, message)


def test_a_message_said_back_rightly_is_left_alone() -> None:
    pairs = said_back_pairs()
    assert len(pairs) > 500
    assert sum(mixes_up_persons(*pair) for pair in pairs) <= len(pairs) // 100  # a few quote what somebody said


def test_our_own_answers_hardly_ever_seem_to_mix_persons_up() -> None:
    pairs = answer_pairs()
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
    misc = Sayings("misc", said=(WRONG,))
    page = make_page(misc=misc, joint=Sayings("joint", said=("That sounds lonely.",)))
    Visitor(page).start().say(BOY)
    (turn,) = page.talks.find(TOKEN).turns
    assert WRONG in {turn.a.text, turn.b.text}
    assert len(misc.seeds) == DRAFTS
    first = misc.options[0]
    assert misc.options == [first.freer(number) for number in range(DRAFTS)]
    assert first.top_p < misc.options[1].top_p < misc.options[2].top_p


def test_a_greedy_net_is_not_asked_again(make_page: Any) -> None:
    misc = Sayings("misc", said=(WRONG, RIGHT))
    page = make_page(misc=misc, joint=Sayings("joint", said=("That sounds lonely.",)))
    page.talks.options = DecodeOptions(method="greedy")
    Visitor(page).start().say(BOY)
    assert len(misc.seeds) == 1


def test_of_drafts_that_may_be_shown_the_better_one_is_kept() -> None:
    draft = _Draft(cast(Any, None), None, 0.0)
    repeats, mixed, good = (cast(Reply, text) for text in ("the same", WRONG, RIGHT))
    first = draft.with_spare(repeats, REPEATS)
    assert first.next().with_spare(mixed, MIXED_UP).spare is repeats
    assert draft.with_spare(mixed, MIXED_UP).next().with_spare(repeats, REPEATS).spare is repeats
    assert first.next().with_spare(good, NONE).spare is good
