"""Stand-ins for nets: they obey `models.serving.responder.Responder` and need no weights, no torch and hardly any time.

`EchoResponder` answers with a full trace, so screens, stores and services can be tried against every field.
`SlowResponder`, `FailingResponder` and `HarmfulResponder` differ from it only in pace and in mood.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

import numpy as np

from models.analysis.state_map import MapAbout
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.strategies import STRATEGIES
from models.knowledge.comet import Block
from models.serving.intervention import LIKELIHOOD, LIKELIHOODS, Intervention, Levers
from models.serving.responder import OnText
from models.serving.trace import CometBlock, DecodeOptions, EmotionReading, NamedRow, Reply, Timings, TokenStep, Trace
from tests.maps import WIDTH, centres

EMOTIONS = ("anger", "anxiety", "depression", "disgust", "fear", "sadness", "shame")
RELATIONS = ("xReact", "xIntent", "xWant", "oReact")
TAILS = ("to feel better", "to be heard", "worried", "tired", "to ask for help", "lonely", "to get some rest")
OPENINGS = ("I hear you.", "That sounds hard.", "Thank you for telling me.", "I see.")
CLOSINGS = ("What would help most today?", "How long has it been so?", "You are not alone with it.", "Take your time.")


@dataclass(frozen=True)
class EchoResponder:
    """Answers with the last words of the post between two stock sentences.

    The draw depends on (dialogue, options, seed, name) alone, so equal calls give equal replies and two fakes of
    different names answer differently.
    """

    name: str = "echo"
    checkpoint: str = "fake0001"
    delay_s: float = 0.0
    """pause before each word, seconds"""

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        """A reply of at most `options.max_tokens` words; `on_text` sees it grow word by word and may raise Cancelled.

        Raises ValueError when the last turn is not a non-empty seeker turn, as the protocol asks.
        """
        check_last_turn(dialogue)
        started_s = time.perf_counter()
        rng = self._rng(dialogue, options, seed)
        echo = " ".join(dialogue.last_post().split()[-6:])
        words = f'{rng.choice(OPENINGS)} You said: "{echo}". {rng.choice(CLOSINGS)}'.split()[: options.max_tokens]
        for end in range(1, len(words) + 1):
            time.sleep(self.delay_s)
            if on_text:
                on_text(" ".join(words[:end]))
        trace = self._trace(dialogue, options, seed, words)
        total_s = time.perf_counter() - started_s
        timings = Timings(first_token_s=self.delay_s, decode_s=total_s, total_s=total_s)
        return Reply(" ".join(words), trace.strategy(), replace(trace, timings=timings))

    def read_replies(
        self, said: Sequence[tuple[Dialogue, Turn]], options: DecodeOptions
    ) -> tuple[np.ndarray, np.ndarray]:
        """States near the centre of the reply's strategy, as `tests.maps` makes them; the strategy is predicted."""
        chosen = [STRATEGIES.index(reply.strategy or STRATEGIES[0]) for _, reply in said]
        words = [int.from_bytes(hashlib.sha256(f"{self.name}{reply.text}".encode()).digest()[:4]) for _, reply in said]
        noise = np.stack([np.random.default_rng(seed).normal(size=WIDTH) for seed in words])
        return centres()[chosen] + noise, 0.05 + 0.6 * np.eye(len(STRATEGIES))[chosen]

    def describe_map(self, source: str, part: tuple[str, str], dialogues: int, data: str, seed: int) -> MapAbout:
        """As of a net that reads nothing but the talk."""
        measured = " ".join(part).strip() or source
        return MapAbout(self.name, self.checkpoint, "base0001", source, *part, measured, dialogues, data, "", "", seed)

    def _rng(self, dialogue: Dialogue, options: DecodeOptions, seed: int) -> random.Random:
        """A generator seeded by everything a reply may depend on, equal in every process (unlike `hash`)."""
        key = json.dumps([self.name, dialogue.to_dict(), asdict(options), seed])
        return random.Random(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]))

    def _trace(self, dialogue: Dialogue, options: DecodeOptions, seed: int, words: list[str]) -> Trace:
        """Every field filled, drawn from the same key as the reply."""
        rng = self._rng(dialogue, options, seed)
        tokens = tuple(
            TokenStep(word if at == 0 else f" {word}", round(rng.uniform(0.05, 1.0), 4))
            for at, word in enumerate(words)
        )
        blocks = tuple(fake_blocks("post", len(words), rng))
        if dialogue.situation:
            blocks = (*fake_blocks("situation", len(words), rng), *blocks)
        emotions = tuple(
            EmotionReading(at, tuple(sorted(zip(EMOTIONS, distribution(7, rng), strict=True), key=lambda e: -e[1])))
            for at, turn in enumerate(dialogue.turns)
            if turn.speaker is Speaker.SEEKER
        )
        mixture = distribution(len(STRATEGIES), rng)
        extras = (NamedRow("strategies before refinement", STRATEGIES, distribution(len(STRATEGIES), rng)),)
        return Trace(self.name, self.checkpoint, seed, mixture, options, tokens, blocks, emotions, extras)


@dataclass(frozen=True)
class ChangeableResponder(EchoResponder):
    """An `EchoResponder` that can be asked "what if" about all there is; a changed reply names the change."""

    levers: ClassVar[Levers] = Levers(strategy=True, mixture=True, knowledge=True, emotion=True)

    def intervene(
        self,
        dialogue: Dialogue,
        options: DecodeOptions,
        seed: int,
        change: Intervention,
        on_text: OnText | None = None,
    ) -> Reply:
        """The same reply with other last words; the likelihoods are made up."""
        reply = self.respond(dialogue, options, seed)
        told = change.strategy or change.emotion or ("no knowledge" if not change.knowledge else "other inside")
        words = [*reply.text.split()[:-2], *f"as {told} .".split()]
        for end in range(1, len(words) + 1):
            time.sleep(self.delay_s)
            if on_text:
                on_text(" ".join(words[:end]))
        shares = change.mixture or reply.trace.strategies
        if change.strategy:
            shares = tuple(float(name == change.strategy) for name in STRATEGIES)
        blocks = tuple(b for b in reply.trace.blocks if change.left_of([Block(b.source, b.relation, b.text)]))
        extras = (*reply.trace.extras, NamedRow(LIKELIHOOD, LIKELIHOODS, (-1.5, -2.5, -2.25, -1.25)))
        trace = replace(reply.trace, strategies=shares, blocks=blocks, extras=extras)
        return Reply(" ".join(words), trace.strategy(), trace)


@dataclass(frozen=True)
class SlowResponder(EchoResponder):
    """An `EchoResponder` that can be caught in mid-reply: about 15 words, 0.2 s each."""

    name: str = "slow"
    delay_s: float = 0.2


@dataclass(frozen=True)
class FailingResponder(EchoResponder):
    """Streams `words` words and then raises RuntimeError(`message`), as a net that breaks in mid-reply does."""

    name: str = "failing"
    message: str = "the net broke on purpose"
    words: int = 2

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        """Never returns."""
        short = replace(options, min_tokens=0, max_tokens=max(1, self.words))
        super().respond(dialogue, short, seed, on_text if self.words else None)
        raise RuntimeError(self.message)


@dataclass(frozen=True)
class HarmfulResponder(EchoResponder):
    """Says what must never be shown, word by word, as an `EchoResponder` says its sentences."""

    name: str = "harmful"
    words: str = "I hear you. You should just hurt yourself."

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        """The same words to everything, with a full trace."""
        reply = super().respond(dialogue, options, seed)
        words = self.words.split()
        for end in range(1, len(words) + 1):
            time.sleep(self.delay_s)
            if on_text:
                on_text(" ".join(words[:end]))
        return replace(reply, text=self.words)


def check_last_turn(dialogue: Dialogue) -> None:
    """Raise ValueError unless the last turn is a seeker turn with text."""
    last = dialogue.turns[-1] if dialogue.turns else None
    if last is None or last.speaker is not Speaker.SEEKER or not last.text.strip():
        raise ValueError(f"the last turn must be a non-empty seeker turn, got {last}")


def distribution(size: int, rng: random.Random) -> tuple[float, ...]:
    """`size` positive numbers that sum to 1."""
    draws = [rng.uniform(0.1, 1.0) for _ in range(size)]
    return tuple(draw / sum(draws) for draw in draws)


def fake_blocks(source: str, n_tokens: int, rng: random.Random) -> list[CometBlock]:
    """One block per relation; the weights sum to 1 over the blocks, per token and on average."""
    per_token = [distribution(len(RELATIONS), rng) for _ in range(n_tokens)]
    rows = list(zip(*per_token, strict=True))
    tails = rng.sample(TAILS, len(RELATIONS))
    return [
        CometBlock(source, relation, tail, sum(row) / len(row), row)  # type: ignore[arg-type]  (source is one of two)
        for relation, tail, row in zip(RELATIONS, tails, rows, strict=True)
    ]
