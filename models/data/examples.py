"""Dialogue -> Example: what a net reads and writes for one supporter turn, as ids. Second stop of the flow.

The encoder reads `[CLS] u1 [EOS] u2 [EOS] ...` (MISC, eq. 1), by default with a speaker mark before each utterance and,
for supporter turns, the strategy they followed (known in a live chat; BlenderBot-Joint does the same).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from models.data.dialogue import Dialogue, Turn
from models.data.esconv_labels import emotion_type_id
from models.data.strategies import strategy_id
from models.data.strategy_history import FEATURES, course_of
from models.data.tokenizer import Tokenizer
from models.knowledge.emotion import Reading

BLOCK_TOKENS = 10
"""tokens of a COMET block at most, its relation token included (MISC's "10 words")"""
POST_BLOCKS = 30
"""COMET blocks of the last post at most"""
SITUATION_BLOCKS = 20
"""COMET blocks of the situation at most"""
EMOTION_TURNS = 8
"""latest seeker turns whose emotion is read"""


class Tail(Protocol):
    """A commonsense tail as text: any object with these two attributes."""

    @property
    def relation(self) -> str: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class ContextShape:
    """How much of a dialogue the encoder reads, and with which marks."""

    tokens: int = 128
    """encoder tokens at most"""
    turns: int = 0
    """latest utterances read (MISC: 9 before the reply); 0 = as many as fit"""
    speakers: bool = True
    """put a speaker mark before each utterance"""
    strategies: bool = True
    """put the strategy token before supporter utterances whose strategy is known"""
    reply_tokens: int = 40
    """tokens of a target reply at most, end mark included"""


@dataclass(frozen=True)
class Example:
    """One supporter turn to predict; `target` is (), `strategy` and `emotion_label` -1 when only a reply is wanted."""

    context: tuple[int, ...]
    target: tuple[int, ...] = ()
    strategy: int = -1
    situation_blocks: tuple[tuple[int, ...], ...] = ()
    post_blocks: tuple[tuple[int, ...], ...] = ()
    emotion_ids: tuple[int, ...] = ()
    """`[CLS] anxiety [EOS] sadness [EOS] ...`: what a detector heard in the seeker's turns; () = nobody listened"""
    course: tuple[float, ...] = (0.0,) * FEATURES
    """how the talk has gone so far (`models.data.strategy_history`), all of it, however little the encoder reads"""
    emotion_label: int = -1
    """gold emotion of the dialogue, an index of `models.data.esconv_labels.EMOTION_TYPES`; a target, no input"""


def context_ids(turns: Sequence[Turn], tokenizer: Tokenizer, shape: ContextShape) -> tuple[int, ...]:
    """Encoder ids of the turns, cut on the left at an utterance boundary to fit `shape.tokens`.

    The last utterance is always there; when it alone is too long, its end is kept.
    """
    room = shape.tokens - 1
    kept: list[int] = []
    for turn in reversed(turns[-shape.turns :] if shape.turns else turns):
        ids = _turn_ids(turn, tokenizer, shape)
        if kept and len(kept) + len(ids) > room:
            break
        kept = ids[-room:] + kept
    return (tokenizer.cls, *kept)


def _turn_ids(turn: Turn, tokenizer: Tokenizer, shape: ContextShape) -> list[int]:
    marks = [tokenizer.speakers[turn.speaker]] if shape.speakers else []
    if shape.strategies and turn.strategy:
        marks.append(tokenizer.strategies[strategy_id(turn.strategy)])
    return [*marks, *tokenizer.encode(turn.text), tokenizer.eos]


def block_ids(tail: Tail, tokenizer: Tokenizer) -> tuple[int, ...]:
    """`[relation] tail`, at most BLOCK_TOKENS ids; the first one's state stands for the block (MISC, eq. 3)."""
    return (tokenizer.relations[tail.relation], *tokenizer.encode(tail.text))[:BLOCK_TOKENS]


def emotion_ids(readings: Sequence[Reading], tokenizer: Tokenizer) -> tuple[int, ...]:
    """The strongest emotion of the latest seeker turns as words (AdMISC, eq. 6-7), oldest first."""
    words = [reading[0][0] for reading in readings[-EMOTION_TURNS:]]
    return (tokenizer.cls, *(i for w in words for i in (*tokenizer.encode(w), tokenizer.eos))) if words else ()


def make_example(
    dialogue: Dialogue,
    answer: Turn | None,
    tails: tuple[Sequence[Tail], Sequence[Tail]],
    tokenizer: Tokenizer,
    shape: ContextShape,
    readings: Sequence[Reading] = (),
) -> Example:
    """The example of answering `dialogue`; `tails` are those of (situation, last post).

    `readings` are the emotions of its seeker turns, in order, for the nets that want them.

    Raises ValueError when the dialogue has no turn.
    """
    if not dialogue.turns:
        raise ValueError("the dialogue has no turn to answer; give at least one seeker turn")
    target: tuple[int, ...] = ()
    if answer is not None:
        target = (*tokenizer.encode(answer.text)[: shape.reply_tokens - 1], tokenizer.eos)
    situation, post = tails
    return Example(
        context_ids(dialogue.turns, tokenizer, shape),
        target,
        strategy_id(answer.strategy) if answer is not None and answer.strategy else -1,
        tuple(block_ids(t, tokenizer) for t in situation[:SITUATION_BLOCKS]),
        tuple(block_ids(t, tokenizer) for t in post[:POST_BLOCKS]),
        emotion_ids(readings, tokenizer),
        course_of(dialogue.turns),
        emotion_type_id(dialogue.emotion_type) if answer is not None else -1,
    )
