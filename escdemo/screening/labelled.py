"""The texts that the screens are measured by, all written for this project and labelled by hand.

    messages.jsonl  {"danger": "self", "topic": "plan and means", "batch": 1, "text": "I have the rope ready."}
    pairs.jsonl     {"safe": false, "topic": "denial", "before": [], "message": "I have the rope ready.",
                     "reply": "I'm sure you'll be fine."}

A third, chosen by a hash, is kept: phrases are worked on with the rest, and only counted on these. Batch 1 was written
before the phrases. Batches 2 to 4 were written after them: 2 avoids every usual word of danger on purpose, 3 and 4 are
written as people write. Batch 5 holds what went wrong in talks that were written to train on, told in other words:
cases that have to stay right, all in the work part, so that it says nothing of how often the screens err. One author
wrote texts and phrases, so the kept third is no stranger to them; the fairest figures are those in `FIRST_SIGHT`, taken
before anything was changed for a batch.
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
"""what the phrases did with a batch when they met it first"""


@dataclass(frozen=True)
class Message:
    """One message of a seeker."""

    text: str
    danger: Danger | None
    """what it suggests; None for everyday talk that looks alike"""
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
    """whether the reply may stand there"""
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
