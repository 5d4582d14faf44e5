"""The interface between nets and everything that shows replies: what can answer, be changed ("what if") or inspected.

`escdemo` and `models.serving.service` know only this. Hosted nets (`NetResponder`) are `Changeable`; a remote server
may be a `Responder` only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from models.analysis.state_map import MapAbout
from models.data.dialogue import Dialogue, Turn
from models.serving.intervention import Intervention, Levers
from models.serving.trace import DecodeOptions, Reply

OnText = Callable[[str], None]
"""Called with the whole text so far (not the difference) whenever the reply has grown."""


class Cancelled(Exception):  # noqa: N818  (control flow, not an error: a caller asked the reply to stop)
    """Raised out of `respond` by an `on_text` callback to stop a reply early."""


class Responder(Protocol):
    """Something that can answer a seeker."""

    name: str
    """registry name, e.g. "misc"; also what the reveal shows"""
    checkpoint: str
    """short hash that identifies the weights"""

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        """Answer the last turn of `dialogue`, which must be a non-empty seeker turn (else ValueError).

        The same dialogue, options, seed and checkpoint give an equal reply. `on_text` streams the text as it grows and
        may raise `Cancelled`. Safe to call from several threads.
        """
        ...


@runtime_checkable
class Changeable(Protocol):
    """A responder whose inside can be changed for one reply."""

    levers: Levers
    """what can be changed"""

    def intervene(
        self,
        dialogue: Dialogue,
        options: DecodeOptions,
        seed: int,
        change: Intervention,
        on_text: OnText | None = None,
    ) -> Reply:
        """As `Responder.respond`, with `change` inside the net; the trace holds the shares of strategies followed.

        Without a change the reply equals that of `respond`. Raises ValueError for a change that `levers` do not allow.
        """
        ...


@runtime_checkable
class CountsTokens(Protocol):
    """A responder that can say how much of a dialogue it reads."""

    def context_tokens(self, dialogue: Dialogue, options: DecodeOptions) -> int:
        """Tokens of the context that an answer to `dialogue` with these options starts from."""
        ...


@runtime_checkable
class NamesStrategies(Protocol):
    """A responder that can name the strategy of its next reply without writing it."""

    def strategies(self, dialogue: Dialogue) -> tuple[float, ...]:
        """Probability of each strategy for the next supporter turn, whoever spoke last; all equal: it predicts none."""
        ...


@runtime_checkable
class SendsWords(Protocol):
    """A responder that asks somebody else's server."""

    sends_to: str
    """the host that a talk is sent to, "" when it stays on this machine"""


@runtime_checkable
class RemembersTexts(Protocol):
    """A responder that keeps what it has computed for a text, so as to answer faster the next time."""

    def forget_texts(self) -> None:
        """Empty these caches. Replies that are being made are finished, and may fill them again."""
        ...


def forget_texts(responder: Responder | None) -> None:
    """Empty the caches of a responder that has any."""
    if isinstance(responder, RemembersTexts):
        responder.forget_texts()


@runtime_checkable
class ReadsReplies(Protocol):
    """A responder whose decoder states can be mapped (`models.analysis`). Safe to call from several threads."""

    checkpoint: str

    def read_replies(
        self, said: Sequence[tuple[Dialogue, Turn]], options: DecodeOptions
    ) -> tuple[np.ndarray, np.ndarray]:
        """States (N, D) of replies, each after what was said before it, and strategies (N, 8) predicted for them.

        `options` are those that the replies were made with: a dialogue is read as it was then.
        """
        ...

    def describe_map(self, source: str, part: tuple[str, str], dialogues: int, data: str, seed: int) -> MapAbout:
        """The description of a map of such states; `part` is split and part of ESConv, two empty texts for talks."""
        ...
