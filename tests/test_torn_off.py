"""Replies that say back what makes no sense alone."""

from __future__ import annotations

from typing import Any

import pytest

from models.data.torn_off import is_torn_off
from tests.answers import answer_pairs, said_back_pairs
from tests.test_page_held_back import Sayings
from tests.visitor import TOKEN, Visitor

DAD = "my dad hasn't said a word to me since i told him about art school"
GIRL = "They keep hurting my little girl and nobody at the school does anything."
FINE = "ok so this is about online friends, i hope that's fine. they mean a lot to me"


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("You told him about art school. What has that been like for you?", DAD),
        ("So your little girl and nobody at the school does anything.", GIRL),
        ("That's a lot to carry. You hope that's fine.", FINE),
        ("I hear that you were alone with it all. What helps?", "I only noticed when I was alone with it all."),
        ("It sounds like you could go back to her.", "I wish I could go back to her"),
        ("You are lazy and cold.", "She says I am lazy and cold"),
        ("So your best friend all day.", "I am missing my best friend all day"),
    ],
)
def test_a_piece_that_needs_the_rest_is_noticed(reply: str, message: str) -> None:
    assert is_torn_off(reply, message)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("Your dad hasn't said a word to you since you told him about art school.", DAD),
        ("So they keep hurting your little girl.", GIRL),
        ("Nobody at the school does anything. What is the hardest part of it?", GIRL),
        ("They mean a lot to you.", FINE),
        ("You lost your job and the flat.", "Last week I lost my job and the flat."),
        ("I hear that you feel like you're losing her.", "I feel like I'm losing her now"),
        ("You're losing her. That hurts.", "I feel like I'm losing her"),
        ("What happened when you told him about art school?", DAD),
        ("You don't sleep at all.", "I don't sleep at all when I don't sleep at all."),
        ("You are very tired.", "when I am tired"),
        ("You had a panic attack at work.", "This morning I had a panic attack at work."),
        ("You lost your job and your flat.", "Last spring I lost my job and my flat."),
        ("You found out he was cheating.", "At the wedding I found out he was cheating."),
        ("Your mom died last month.", "i don't know who to turn to my mom died last month"),
        ("You feel so empty inside.", "I don't know why I feel so empty inside"),
        ("Your dad left you all.", "This is the one my dad left us all"),
        ("You just feel flat most of the day.", "I'm not sure what to say, I just feel flat most of the day."),
        ("You lost your brother and it hurts.", "It’s been almost a year since I lost my brother and it hurts."),
        ("", DAD),
        ("You told him about art school.", ""),
    ],
)
def test_what_makes_sense_alone_is_left_alone(reply: str, message: str) -> None:
    assert not is_torn_off(reply, message)


def test_what_rules_say_back_and_our_own_answers_are_left_alone() -> None:
    pairs = [(f"So {said}.", message) for said, message in said_back_pairs()] + answer_pairs()
    assert len(pairs) > 2500
    assert sum(is_torn_off(*pair) for pair in pairs) <= len(pairs) // 500


def test_such_a_reply_is_made_again(make_page: Any) -> None:
    right = "So they keep hurting your little girl."
    misc = Sayings("misc", said=("So your little girl and nobody at the school does anything.", right))
    page = make_page(misc=misc, joint=Sayings("joint", said=("That sounds hard.",)))
    Visitor(page).start().say(GIRL)
    (turn,) = page.talks.find(TOKEN).turns
    assert {turn.a.text, turn.b.text} == {right, "That sounds hard."}
