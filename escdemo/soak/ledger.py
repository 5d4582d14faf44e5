"""Compares what a seeker sent in a talk with what the page shows, and counts errors. No network here.

    lost      a message or reply that was accepted or shown, and is missing (now) without an explanation
    late      a reply that is still being made when the talk is closed
    doubled   a message that appears twice, two replies to one message, or a reply that was there and was made again
    strange   a message that this seeker never sent

What never came can be judged only when the talk is closed; everything else is checked at every look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from escdemo.soak.panels import MISSING, WHOLE, Bubble, Exchange

SIDES = ("a", "b")
Shown = Mapping[str, tuple[Exchange, ...]]
"""side -> what its panel shows"""


@dataclass
class Tally:
    """Counts of one seeker, or of all."""

    turns: int = 0
    """messages that the app accepted"""
    received: int = 0
    """replies that are there at the end; every turn should get two"""
    excused: int = 0
    """replies that are missing at the end, with an explanation in their place"""
    late: int = 0
    lost: int = 0
    doubled: int = 0
    strange: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """message of the app when it refused something -> how often"""
    bad: Counter[str] = field(default_factory=Counter)
    """answer that was not a page -> how often"""
    done: Counter[str] = field(default_factory=Counter)
    """how messages were sent, see `seeker.WAYS` -> how often"""
    waits_s: list[float] = field(default_factory=list)
    """seconds from a message to both of its replies"""

    def add(self, other: Tally) -> None:
        """Add the counts of `other`."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def holds(self) -> bool:
        """Whether there were replies, and nothing was late, lost, doubled or strange."""
        return bool(self.turns and self.received) and not (self.late or self.lost or self.doubled or self.strange)


class TalkLedger:
    """The record of one talk."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self._whole: dict[tuple[int, str], str] = {}
        self._lost: set[tuple[int, str]] = set()
        self._doubled: set[tuple[int, str]] = set()
        self._strange: set[str] = set()

    def took(self, post: str) -> None:
        """The app accepted a message."""
        self.sent.append(post)

    def look(self, shown: Shown) -> None:
        """Compare what the page shows with what was sent and shown before."""
        for side in SIDES:
            posts = Counter(exchange.post for exchange in shown[side])
            self._strange |= posts.keys() - set(self.sent)
            for at, post in enumerate(self.sent):
                place = (at, side)
                replies = replies_to(shown, side, post)
                if posts[post] > 1 or len(replies) > 1:
                    self._doubled.add(place)
                whole = next((reply.text for reply in replies if reply.state in WHOLE), None)
                before = self._whole.get(place)
                if whole is None and before is not None:
                    self._lost.add(place)
                elif whole is not None and before not in (None, whole):
                    self._doubled.add(place)
                elif whole is not None:
                    self._whole[place] = whole

    def close(self, shown: Shown | None, tally: Tally) -> None:
        """Count the talk as the page shows it at the end; None: the page could not be opened any more."""
        if shown is not None:
            self.look(shown)
        for side in SIDES:
            for at, post in enumerate(self.sent):
                replies = replies_to(shown, side, post) if shown is not None else ()
                if not replies:
                    self._lost.add((at, side))
                elif replies[-1].state in MISSING and (at, side) not in self._whole:
                    tally.excused += 1
                elif all(reply.state not in WHOLE for reply in replies) and (at, side) not in self._whole:
                    tally.late += 1
        tally.turns += len(self.sent)
        tally.received += len(self._whole.keys() - self._lost)
        tally.lost += len(self._lost)
        tally.doubled += len(self._doubled)
        tally.strange += len(self._strange)


def replies_to(shown: Shown, side: str, post: str) -> tuple[Bubble, ...]:
    """The replies that a panel shows below a message, wherever that message appears."""
    return tuple(reply for exchange in shown[side] if exchange.post == post for reply in exchange.replies)
