"""Both sides never say the same, word for word, when one of them finds anything else to say."""

from __future__ import annotations

from typing import Any

from escdemo.replies import DRAFTS
from models.serving.trace import DecodeOptions
from tests.test_page_held_back import Sayings
from tests.visitor import TOKEN, Visitor

SAME, OTHER = "How long have you felt that way?", "That sounds lonely."


def said(page: Any) -> set[str]:
    (turn,) = page.talks.find(TOKEN).turns
    return {turn.a.text, turn.b.text}


def test_the_second_to_say_it_says_something_else(make_page: Any) -> None:
    misc, joint = Sayings("misc", said=(SAME, OTHER)), Sayings("joint", said=("how long have you  felt That way?",))
    page = make_page(misc=misc, joint=joint)
    Visitor(page).start().say("I moved here and know nobody")
    assert OTHER in said(page) or len(joint.seeds) > 1
    assert len(misc.seeds) + len(joint.seeds) > 2


def test_it_is_kept_when_nothing_else_comes(make_page: Any) -> None:
    nets = [Sayings(name, said=(SAME,)) for name in ("misc", "joint")]
    page = make_page(misc=nets[0], joint=nets[1])
    Visitor(page).start().say("I moved here and know nobody")
    (turn,) = page.talks.find(TOKEN).turns
    assert (turn.a.text, turn.b.text) == (SAME, SAME)
    assert (turn.a.held_back, turn.b.held_back) == (None, None)
    assert sorted(len(net.seeds) for net in nets) == [1, DRAFTS]


def test_greedy_replies_are_not_asked_for_again(make_page: Any) -> None:
    nets = [Sayings(name, said=(SAME,)) for name in ("misc", "joint")]
    page = make_page(misc=nets[0], joint=nets[1])
    page.talks.options = DecodeOptions(method="greedy")
    Visitor(page).start().say("I moved here and know nobody")
    assert [len(net.seeds) for net in nets] == [1, 1]
