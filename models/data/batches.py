"""list[Example] -> Batch of tensors. Third stop of the flow.

COMET blocks repeat a lot ("sad", "upset"), so a batch holds each distinct block once, and examples point at rows.
Likewise, contexts that are parts of one dialogue point at one row.
Shapes: B examples, R contexts, S context tokens, T reply tokens, U distinct blocks, L block tokens, N blocks (or
turns, or cases) per example.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from models.data.examples import Example, Whole
from models.data.outcome import LATER
from models.knowledge.emotion import GO_EMOTIONS


@dataclass(frozen=True)
class Batch:
    """Tensors of a list of examples."""

    ids: Tensor
    """(R, S) int64 contexts, padded with 0; R = B unless contexts share rows"""
    mask: Tensor
    """(R, S) bool, True = token"""
    rows: Tensor
    """(B,) int64 row of each example's context in `ids`"""
    lengths: Tensor
    """(B,) int64 how many tokens of that row precede the reply"""
    follows: Tensor
    """(B,) bool whether the reply follows in that row, so that the reading contains its states"""
    labels: Tensor
    """(B, T) int64 reply with its end mark, -100 = none; T is 0 when there is no reply to learn"""
    strategies: Tensor
    """(B,) int64 gold strategy, -1 = unknown"""
    blocks: Tensor
    """(U, L) int64 distinct COMET blocks, padded with 0; U >= 1"""
    situation: Tensor
    """(B, N) int64 rows of `blocks`, -1 = none; N >= 1"""
    post: Tensor
    """(B, N) int64 rows of `blocks`, -1 = none; N >= 1"""
    emotion_ids: Tensor
    """(B, E) int64 emotion words of the seeker's turns, padded with 0; E >= 1"""
    course: Tensor
    """(B, F) float32 features of how each talk has gone so far, see `models.data.strategy_history`"""
    emotion_labels: Tensor
    """(B,) int64 gold emotion of the dialogue, -1 = unknown"""
    turn_ends: Tensor
    """(B, N) int64 number of context tokens up to the end of each turn, 0 = no turn; N >= 1"""
    turn_kinds: Tensor
    """(B, N) int64 kinds of the turns (`models.data.examples.turn_kind`), 0 where there is none"""
    problem_labels: Tensor
    """(B,) int64 problem of the dialogue, -1 = unknown"""
    situations: Tensor
    """(C, W) int64 distinct situations, read apart from the talk, padded with 0; the first is empty"""
    situation_rows: Tensor
    """(B,) int64 rows of `situations`"""
    cases: Tensor
    """(C, L) int64 distinct replies from similar talks, padded with 0; the first is empty"""
    case_rows: Tensor
    """(B, N) int64 rows of `cases`, -1 = none; N >= 1"""
    reply_emotions: Tensor
    """(B, 28) float32 shares of GoEmotions' labels in the reply, all 0 = unknown"""
    ratings: Tensor
    """(B,) float32 stars that the seeker gave next, 1 to 5; 0 = unknown"""
    reliefs: Tensor
    """(B,) float32 how much less intense the seeker's emotion became, -4 to 4; 0 also where unknown"""
    later: Tensor
    """(B, LATER) int64 strategies of the supporter's next turns, -1 = none or unknown"""

    def to(self, device: torch.device | str) -> Self:
        """This batch on a device."""
        return type(self)(*(getattr(self, f.name).to(device) for f in fields(self)))

    def __len__(self) -> int:
        return self.rows.shape[0]


def make_batch(examples: Sequence[Example], *, share: bool = False) -> Batch:
    """Pad and stack examples. Raises ValueError on an empty list.

    With `share`, a context that is the beginning of another one gets no row of its own: turns of a dialogue on a causal
    base are read once.
    """
    contexts = [e.context for e in examples]
    if not share:
        return _batch(contexts, list(range(len(examples))), examples, follows=False)
    read: list[tuple[int, ...]] = []
    for context in sorted(set(contexts), key=len, reverse=True):
        if not any(longer[: len(context)] == context for longer in read):
            read.append(context)
    rows = [next(n for n, longer in enumerate(read) if longer[: len(c)] == c) for c in contexts]
    return _batch(read, rows, examples, follows=False)


def make_whole_batch(dialogues: Sequence[Whole]) -> Batch:
    """All turns to learn from whole dialogues, one row per dialogue. Raises ValueError when there is no turn."""
    rows = [row for row, dialogue in enumerate(dialogues) for _ in dialogue.turns]
    return _batch([d.ids for d in dialogues], rows, [e for d in dialogues for e in d.turns], follows=True)


def _batch(
    contexts: Sequence[tuple[int, ...]], places: Sequence[int], examples: Sequence[Example], *, follows: bool
) -> Batch:
    if not examples:
        raise ValueError("a batch needs at least one example")
    # an empty block comes first, so that a batch without knowledge still has a row to point at
    rows = _distinct((*e.situation_blocks, *e.post_blocks) for e in examples)
    cases, situations = _distinct(e.cases for e in examples), _distinct([e.situation or (0,)] for e in examples)
    return Batch(
        pad(contexts, 0),
        pad([(1,) * len(ids) for ids in contexts], 0).bool(),
        torch.tensor(places),
        torch.tensor([len(e.context) for e in examples]),
        torch.full((len(examples),), follows),
        pad([e.target for e in examples], -100),
        torch.tensor([e.strategy for e in examples]),
        pad(list(rows), 0),
        pad([tuple(rows[b] for b in e.situation_blocks) for e in examples], -1, least=1),
        pad([tuple(rows[b] for b in e.post_blocks) for e in examples], -1, least=1),
        pad([e.emotion_ids for e in examples], 0, least=1),
        torch.tensor([e.course for e in examples]),
        torch.tensor([e.emotion_label for e in examples]),
        pad([[end for end, _ in e.turns] for e in examples], 0, least=1),
        pad([[kind for _, kind in e.turns] for e in examples], 0, least=1),
        torch.tensor([e.problem_label for e in examples]),
        pad(list(situations), 0),
        torch.tensor([situations[e.situation or (0,)] for e in examples]),
        pad(list(cases), 0),
        pad([tuple(cases[c] for c in e.cases) for e in examples], -1, least=1),
        torch.tensor([e.reply_emotion or _UNKNOWN for e in examples]),
        torch.tensor([float(e.outcome.rating) for e in examples]),
        torch.tensor([float(e.outcome.relief or 0) for e in examples]),
        pad([e.outcome.later for e in examples], -1, least=LATER),
    )


_UNKNOWN = (0.0,) * len(GO_EMOTIONS)


def _distinct(texts: Iterable[Sequence[tuple[int, ...]]]) -> dict[tuple[int, ...], int]:
    """Distinct texts and their rows; the first one is empty."""
    rows: dict[tuple[int, ...], int] = {(0,): 0}
    for own in texts:
        for ids in own:
            rows.setdefault(ids, len(rows))
    return rows


def pad(rows: Sequence[Sequence[int]], value: int, least: int = 0) -> Tensor:
    """Rows of ids as (B, S) int64, padded with `value` to the longest row and to at least `least` columns."""
    width = max(least, max(len(row) for row in rows))
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows], dtype=torch.int64).view(
        len(rows), width
    )


def pad_with_mask(rows: Sequence[Sequence[int]], value: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows of ids as (B, S) with their mask, True = token."""
    mask = pad([(1,) * len(row) for row in rows], 0).bool()
    return pad(rows, value).to(device), mask.to(device)
