"""The talks that every contender answers: each has the same number of turns, and no two are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from models.backbones.causal import Causal
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.examples import context_ids
from models.data.prompts import read_prompts
from models.nets.net import Net

SAID = "That sounds hard, and I am glad that you tell me. What would help you most right now?"


@dataclass(frozen=True)
class Answered:
    """One reply; seconds count from the moment at which all were requested."""

    first_s: float | None
    """until its first word; None if the contender does not report it"""
    total_s: float
    tokens: int
    decode_s: float | None = None
    """the part in which tokens were written; None if the contender does not report it"""


def made_up_talks(count: int, turns: int) -> list[Dialogue]:
    """Talks made from our fixed prompts in turn; each ends with a seeker's message after `turns` - 1 exchanges."""
    prompts, talks = read_prompts(), list[Dialogue]()
    for number in range(count):
        situation, posts = prompts[number % len(prompts)]
        said = list[Turn]()
        for turn in range(turns):
            said.append(Turn(Speaker.SEEKER, f"{posts[turn % len(posts)]} It is day {number + turn + 1} of this."))
            said.append(Turn(Speaker.SUPPORTER, SAID, "Question"))
        talks.append(Dialogue(tuple(said[:-1]), f"{situation} I am visitor {number + 1}."))
    return talks


def a_turn_before(talk: Dialogue) -> Dialogue:
    """The talk as it was before its last exchange, ending with the message before; a first message stays."""
    return Dialogue(talk.turns[:-2] or talk.turns, talk.situation)


def base_ids(talks: Sequence[Dialogue], net: Net) -> list[list[int]]:
    """The contexts as ids of the causal base itself, without the tokens that the net added to its vocabulary."""
    known = cast(Causal, net.backbone).shape.vocabulary
    return [[i for i in context_ids(talk, net.tokenizer, net.shape) if i < known] for talk in talks]
