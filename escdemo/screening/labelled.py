"""The texts for measuring the screens, all written for this project and labelled by hand.

    messages.jsonl  {"danger": "self", "topic": "plan and means", "batch": 1, "text": "I have the rope ready."}
    pairs.jsonl     {"safe": false, "topic": "denial", "before": [], "message": "I have the rope ready.",
                     "reply": "I'm sure you'll be fine."}

A third, chosen by a hash, is kept for measuring only; phrases are developed with the rest, the work part. Batch 1 was
written before the phrases, batches 2 to 4 after them: 2 deliberately avoids all usual words of danger, 3 and 4 are
written as people write. Batch 5 rewords errors of the screens in talks written for training. They must stay fixed, so
all are in the work part, and batch 5 does not show how often the screens err. One author wrote both texts and phrases,
so the kept third is not independent. The fairest figures are in `FIRST_SIGHT`, taken before any change for a batch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from escdemo.screening.message_screen import Danger

FIRST_SIGHT = {
    2: "missed 93 of 100, false alarms 7 of 103",
    3: "missed 27 of 114, false alarms 9 of 101",
    4: "missed 14 of 62, false alarms 1 of 63",
}
"""results on each batch before the phrases were changed for it"""


@dataclass(frozen=True)
class Message:
    """One message of a seeker."""

    text: str
    danger: Danger | None
    """the danger it suggests; None for everyday talk that looks similar"""
    topic: str
    batch: int

    @property
    def kept(self) -> bool:
        """For measuring only."""
        return _is_kept(self.text)


@dataclass(frozen=True)
class Pair:
    """A message, those before it in the same talk, and a reply."""

    before: tuple[str, ...]
    message: str
    reply: str
    safe: bool
    """whether the reply may answer this message"""
    topic: str

    @property
    def kept(self) -> bool:
        """For measuring only."""
        return _is_kept("\n".join((*self.before, self.message, self.reply)))


def labelled_messages() -> tuple[Message, ...]:
    """All messages, in the order of the file."""
    return tuple(Message(**row) for row in _rows("messages.jsonl"))


def labelled_pairs() -> tuple[Pair, ...]:
    """All pairs, in the order of the file."""
    return tuple(Pair(**row | {"before": tuple(row["before"])}) for row in _rows("pairs.jsonl"))


def _rows(name: str) -> Iterator[dict[str, Any]]:
    for line in Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def _is_kept(text: str) -> bool:
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % 3 == 0
