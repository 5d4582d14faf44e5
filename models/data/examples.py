"""Dialogue -> Example: what a net reads and writes for one supporter turn, as ids. Second stop of the flow.

An encoder reads `[CLS] u1 [EOS] u2 [EOS] ...` (MISC, eq. 1), by default with a speaker mark before each utterance and,
for supporter turns, the strategy they followed (known in a live chat; BlenderBot-Joint does the same). A causal base
reads its own chat format (`chat_tokenizer.py`), in which the turns of a dialogue share one reading (`Whole`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv_labels import emotion_type_id, problem_type_id
from models.data.outcome import Outcome
from models.data.own_talks import unvoiced
from models.data.strategies import STRATEGIES, strategy_id
from models.data.strategy_history import FEATURES, course_of
from models.data.tokenizer import Tokenizer
from models.knowledge.emotion import Reading

POST_BLOCKS = 30
"""maximum number of COMET blocks of the last post"""
SITUATION_BLOCKS = 20
"""maximum number of COMET blocks of the situation"""
EMOTION_TURNS = 8
"""number of latest seeker turns whose emotion is read"""
CASE_TOKENS = 24
"""maximum number of tokens of a reply from a similar talk, without its strategy"""
SITUATION_TOKENS = 64
"""maximum number of tokens of a situation that is read apart from the talk"""

CASES, REPLY_EMOTION, OUTCOME, SITUATION_TEXT = "cases", "reply_emotion", "outcome", "situation"
"""fields of an `Example` that are filled only for the nets that want them (`Net.wants`)"""

SEEKER_TURN, OTHER_TURN = 0, 1 + len(STRATEGIES)
"""kinds of turns: the seeker's; supporter turns of unknown strategy. Between them: 1 + the index of a known strategy"""
TURN_KINDS = OTHER_TURN + 1


class Answered(Protocol):
    """A reply that was given in a similar talk: any object with these two attributes."""

    @property
    def strategy(self) -> str: ...
    @property
    def reply(self) -> str: ...


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
    """maximum number of encoder tokens"""
    turns: int = 0
    """how many of the latest utterances are read (MISC: 9 before the reply); 0 = as many as fit"""
    speakers: bool = True
    """put a speaker mark before each utterance"""
    strategies: bool = True
    """put the strategy token before supporter utterances whose strategy is known"""
    reply_tokens: int = 40
    """maximum number of tokens of a target reply, including the end mark"""
    situation: bool = False
    """read what the seeker wrote about their situation beforehand; only in a chat format"""


@dataclass(frozen=True)
class Example:
    """One supporter turn to predict; to generate a reply only, `target` is (), `strategy` and `emotion_label` -1."""

    context: tuple[int, ...]
    target: tuple[int, ...] = ()
    strategy: int = -1
    situation_blocks: tuple[tuple[int, ...], ...] = ()
    post_blocks: tuple[tuple[int, ...], ...] = ()
    emotion_ids: tuple[int, ...] = ()
    """`[CLS] anxiety [EOS] sadness [EOS] ...`: emotions detected in the seeker's turns; () = no detector was run"""
    course: tuple[float, ...] = (0.0,) * FEATURES
    """how the whole talk has gone so far (`models.data.strategy_history`), however little of it the encoder reads"""
    emotion_label: int = -1
    """gold emotion of the dialogue, an index of `models.data.esconv_labels.EMOTION_TYPES`; a target, not an input"""
    # Only some nets use the following. They are not in the repr; the hash of a run's data includes those a net wants.
    turns: tuple[tuple[int, int], ...] = field(default=(), repr=False)
    """for each turn in the context, oldest first: the number of tokens up to its end, and its kind (`turn_kind`)"""
    problem_label: int = field(default=-1, repr=False)
    """problem of the dialogue, an index of `models.data.esconv_labels.PROBLEM_TYPES`; a target, not an input"""
    situation: tuple[int, ...] = field(default=(), repr=False)
    """what the seeker wrote beforehand, read apart from the talk"""
    cases: tuple[tuple[int, ...], ...] = field(default=(), repr=False)
    """replies from similar talks, `[strategy] reply`, nearest first"""
    reply_emotion: tuple[float, ...] = field(default=(), repr=False)
    """shares of GoEmotions' 28 labels in the reply; a target, not an input"""
    outcome: Outcome = field(default=Outcome(), repr=False)
    """a target, not an input"""


@dataclass(frozen=True)
class Whole:
    """A dialogue that is read once for all of its supporter turns."""

    ids: tuple[int, ...]
    """the dialogue in chat format"""
    turns: tuple[Example, ...]
    """the turns to learn; the `context` of each is what precedes it, a part of `ids`"""


def context_ids(dialogue: Dialogue, tokenizer: Tokenizer, shape: ContextShape) -> tuple[int, ...]:
    """Ids of the turns; the oldest are dropped if not all fit into `shape.tokens`.

    The last utterance is always included; if it alone is too long, its end is kept.
    """
    return _context(dialogue, tokenizer, shape)[0]


def _context(
    dialogue: Dialogue, tokenizer: Tokenizer, shape: ContextShape
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """`context_ids` and the turns in them, see `Example.turns`."""
    opening, closing = tokenizer.opening(dialogue.situation if shape.situation else ""), tokenizer.closing()
    room = shape.tokens - len(opening) - len(closing)
    if room < shape.tokens // 2:  # a long situation must not push the talk out
        opening, room = opening[: shape.tokens // 2], shape.tokens - shape.tokens // 2 - len(closing)
    context, turns = [*opening], []
    for turn, ids in _read(dialogue.turns[-shape.turns :] if shape.turns else dialogue.turns, tokenizer, shape, room):
        context += ids
        turns.append((len(context), turn_kind(turn)))
    return (*context, *closing), tuple(turns)


def _read(
    turns: Sequence[Turn], tokenizer: Tokenizer, shape: ContextShape, room: int
) -> list[tuple[Turn, Sequence[int]]]:
    """The turns that are read, with their ids, at most `room` ids in total.

    A causal base continues from what it has already read. Dropping the oldest turn at every new one would make it read
    all the rest again, so a talk that outgrows the room drops all but its latest half at once and grows from there.
    """
    if not tokenizer.chat:
        kept, left = list[tuple[Turn, Sequence[int]]](), room
        for turn in reversed(turns):
            ids = turn_ids(turn, tokenizer, shape)
            if kept and len(ids) > left:
                break
            kept.append((turn, ids[-left:]))
            left -= len(kept[-1][1])
        return kept[::-1]
    kept, taken = [], 0
    for turn in turns:
        ids = turn_ids(turn, tokenizer, shape)[-room:]
        kept.append((turn, ids))
        taken += len(ids)
        if taken > room:
            while len(kept) > 1 and taken > room // 2:
                taken -= len(kept.pop(0)[1])
    return kept


def turn_kind(turn: Turn) -> int:
    """SEEKER_TURN, 1 + the index of the supporter's strategy, or OTHER_TURN."""
    if turn.speaker is Speaker.SEEKER:
        return SEEKER_TURN
    return 1 + strategy_id(turn.strategy) if turn.strategy else OTHER_TURN


def turn_ids(turn: Turn, tokenizer: Tokenizer, shape: ContextShape) -> list[int]:
    """Ids of a turn with the marks that `shape` asks for."""
    known = strategy_id(turn.strategy) if shape.strategies and turn.strategy else None
    return tokenizer.turn_ids(turn, known, shape.speakers)


def emotion_ids(readings: Sequence[Reading], tokenizer: Tokenizer) -> tuple[int, ...]:
    """The strongest emotion of each of the latest seeker turns as a word (AdMISC, eq. 6-7), oldest first."""
    words = [reading[0][0] for reading in readings[-EMOTION_TURNS:]]
    return (tokenizer.cls, *(i for w in words for i in (*tokenizer.encode(w), tokenizer.eos))) if words else ()


def make_example(
    dialogue: Dialogue,
    answer: Turn | None,
    tails: tuple[Sequence[Tail], Sequence[Tail]],
    tokenizer: Tokenizer,
    shape: ContextShape,
    readings: Sequence[Reading] = (),
    *,
    wants: Collection[str] = (),
    cases: Sequence[Answered] = (),
) -> Example:
    """The example for answering `dialogue`; `tails` are those of (situation, last post).

    `readings` are the emotions of its seeker turns, in order, and `cases` replies from similar talks, for nets that
    want them; `wants` as in `Net.wants`.

    Raises ValueError when the dialogue has no turn.
    """
    if not dialogue.turns:
        raise ValueError("the dialogue has no turn to answer; give at least one seeker turn")
    target: tuple[int, ...] = ()
    if answer is not None:
        target = (*tokenizer.encode(answer.text)[: shape.reply_tokens - 1], tokenizer.eos)
    situation, post = tails
    context, turns = _context(dialogue, tokenizer, shape)
    apart = tokenizer.encode(unvoiced(dialogue.situation))[:SITUATION_TOKENS] if SITUATION_TEXT in wants else ()
    return Example(
        context,
        target,
        strategy_id(answer.strategy) if answer is not None and answer.strategy else -1,
        tuple(tokenizer.block_ids(t.relation, t.text) for t in situation[:SITUATION_BLOCKS]),
        tuple(tokenizer.block_ids(t.relation, t.text) for t in post[:POST_BLOCKS]),
        emotion_ids(readings, tokenizer),
        course_of(dialogue.turns),
        emotion_type_id(dialogue.emotion_type) if answer is not None else -1,
        turns,
        problem_type_id(dialogue.problem_type) if answer is not None else -1,
        tuple(apart),
        tuple(case_ids(case, tokenizer) for case in cases),
    )


class Said(NamedTuple):
    """What was said before a reply, which decoding may keep it from repeating."""

    by_seeker: tuple[tuple[int, ...], ...] = ()
    """ids of the situation and of the seeker's last message"""
    asked: tuple[frozenset[tuple[int, int]], ...] = ()
    """for each supporter turn, oldest first, the first two ids of its questions"""


def said_before(dialogue: Dialogue, tokenizer: Tokenizer) -> Said:
    """What was said in a dialogue whose next turn is a reply."""
    texts = dialogue.situation, dialogue.last_post()
    asked = (tokenizer.asked(turn.text) for turn in dialogue.turns if turn.speaker is Speaker.SUPPORTER)
    return Said(tuple(ids for text in texts if (ids := tuple(tokenizer.encode(text)))), tuple(asked))


def case_ids(case: Answered, tokenizer: Tokenizer) -> tuple[int, ...]:
    """Ids of `[strategy] reply` from a similar talk."""
    return (tokenizer.strategies[strategy_id(case.strategy)], *tokenizer.encode(case.reply)[:CASE_TOKENS])


def case_read(case: Answered, tokenizer: Tokenizer) -> str:
    """The part of a reply from a similar talk that `case_ids` holds; an ellipsis where the reply goes on."""
    ids = tokenizer.encode(case.reply)
    return case.reply if len(ids) <= CASE_TOKENS else f"{tokenizer.decode(ids[:CASE_TOKENS])}…"


def whole_dialogues(
    dialogue: Dialogue, examples: Mapping[int, Example], tokenizer: Tokenizer, shape: ContextShape
) -> list[Whole]:
    """A dialogue with its turns to learn; `examples`, made with `shape`, by the index of the answering turn.

    A long dialogue gives several parts, each going on as long as its contexts begin alike; every turn is learnt once.
    Raises ValueError for a tokenizer without a chat format, whose contexts are not parts of one another.
    """
    if not tokenizer.chat:
        raise ValueError("whole dialogues need a causal base; use one example a turn")
    closing, parts = len(tokenizer.closing()), list[Whole]()
    for index in sorted(examples):
        example = examples[index]
        before = example.context[: len(example.context) - closing]
        ids = (*before, *turn_ids(dialogue.turns[index], tokenizer, shape))
        if parts and parts[-1].ids == before[: len(parts[-1].ids)]:
            parts[-1] = Whole(ids, (*parts[-1].turns, example))
        else:
            parts.append(Whole(ids, (example,)))
    return parts
