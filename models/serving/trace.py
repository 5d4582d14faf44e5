"""How a reply came about, as plain values that go unchanged to the screen, the database and a JSON file.

Only str, int, float, bool, None and tuples of frozen dataclasses, no tensors: comparable, hashable, and equal after a
trip through JSON.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self, get_args

from models.data.strategies import STRATEGIES

Method = Literal["sample", "guided", "greedy", "beam", "rerank"]


@dataclass(frozen=True)
class DecodeOptions:
    """How tokens are chosen. The defaults are those of MISC, section 5.3, and STAR's ban on repeated trigrams."""

    method: Method = "sample"
    """sample (top-k, then top-p); guided: sample what fits this dialogue rather than any (`models.serving.guidance`);
    greedy; beam; or rerank: the best of several samples (`models.serving.rerank`)"""
    top_p: float = 0.3
    """nucleus mass kept when sampling, 0 < p <= 1"""
    top_k: int = 30
    """candidates kept when sampling; 0 keeps all"""
    temperature: float = 0.7
    """divides the logits when sampling, > 0"""
    repetition_penalty: float = 1.03
    """divides positive and multiplies negative logits of tokens already in the reply, >= 1"""
    no_repeat_ngram: int = 3
    """no run of this many tokens occurs twice in a reply (3: STAR's setting); 0 allows it"""
    no_copy_ngram: int = 0
    """no run of this many tokens is copied from what the seeker wrote (situation and last message); 0 allows it. As
    transformers' encoder_no_repeat_ngram_size; the papers have no such ban"""
    beams: int = 4
    """beam width for method "beam", >= 1"""
    candidates: int = 16
    """samples drawn for method "rerank", >= 1"""
    topicality: float = 0.3
    """methods "rerank" and "guided": how much words lose for being likely whatever the seeker said, 0 to 1"""
    min_tokens: int = 5
    """no end of reply before this many tokens"""
    max_tokens: int = 40
    """the reply is cut after this many tokens"""
    lone_sentence: bool = True
    """a reply may be a single sentence that asks nothing; else it goes on after one"""
    fresh_questions: int = 0
    """no sentence begins with the two tokens that a question of the supporter's so many latest turns began with; 0
    allows it, as the papers do"""
    voice: bool = False
    """answer in the manner of `models.data.own_talks`; nets that read a situation know it"""

    def __post_init__(self) -> None:
        checks = {
            "method": (self.method in get_args(Method), f"one of {', '.join(get_args(Method))}"),
            "top_p": (0 < self.top_p <= 1, "in (0, 1]"),
            "top_k": (self.top_k >= 0, "0 (keep all) or more"),
            "temperature": (self.temperature > 0, "greater than 0"),
            "repetition_penalty": (self.repetition_penalty >= 1, "1 or more"),
            "no_repeat_ngram": (self.no_repeat_ngram >= 0, "0 (repeats allowed) or more"),
            "no_copy_ngram": (self.no_copy_ngram >= 0, "0 (copies allowed) or more"),
            "beams": (1 <= self.beams <= 32, "1 to 32"),
            "candidates": (1 <= self.candidates <= 64, "1 to 64"),
            "fresh_questions": (self.fresh_questions >= 0, "0 (any question) or more"),
            "topicality": (0 <= self.topicality <= 1, "0 to 1"),
            "max_tokens": (1 <= self.max_tokens <= 128, "1 to 128"),
            "min_tokens": (0 <= self.min_tokens <= self.max_tokens, f"0 to max_tokens ({self.max_tokens})"),
        }
        for name, (ok, allowed) in checks.items():
            if not ok:
                raise ValueError(f"{name} is {getattr(self, name)!r}; allowed: {allowed}")

    @property
    def draws(self) -> bool:
        """Whether tokens are drawn at random."""
        return self.method in ("sample", "guided")

    def freer(self, times: int) -> DecodeOptions:
        """Settings for drawing a reply again for the `times`-th time, since the same ones mostly draw it as before."""
        if not (times and self.draws):
            return self
        return replace(self, top_p=min(1.0, self.top_p + 0.2 * times), temperature=1.0)


FRESH = 4
"""Turns whose questions the usual settings do not ask again. Without it nets ask the same question in every turn of a
talk (`models/EXPERIMENTS.md`); with more of them little is left to ask in a long one."""
DECODING = {
    "published": DecodeOptions(),
    "careful": DecodeOptions(max_tokens=60, no_copy_ngram=5),
    "warm": DecodeOptions(top_p=0.5, max_tokens=60, lone_sentence=False, fresh_questions=FRESH, voice=True),
    "guided": DecodeOptions(method="guided", top_p=0.5, topicality=0.5, max_tokens=60, no_copy_ngram=5),
    "topical": DecodeOptions(method="rerank", top_p=0.7, no_copy_ngram=5),
}
"""settings by name: those of the papers; the same without copies from the seeker; in the manner of our own talks, which
says back what was said; and two that keep a small net on topic, word by word or by the best of several"""
USUAL = "warm"
"""the default settings"""


@dataclass(frozen=True)
class CometBlock:
    """One commonsense tail fed to the net, and how much the reply attended to it."""

    source: Literal["situation", "post"]
    relation: str
    text: str
    weight: float
    """mean attention over layers and reply tokens; the weights of one source sum to 1"""
    token_weights: tuple[float, ...]
    """the same for each reply token, in the order of Trace.tokens"""


@dataclass(frozen=True)
class TokenStep:
    """One sampled word piece, as shown (a leading blank marks a new word), and its probability under the net."""

    text: str
    probability: float


@dataclass(frozen=True)
class EmotionReading:
    """The emotion of one seeker turn; `turn` is its index in the dialogue."""

    turn: int
    scores: tuple[tuple[str, float], ...]
    """(label, probability) pairs, highest first"""


@dataclass(frozen=True)
class NamedRow:
    """Something a net reports about its reply: one value per label, e.g. its strategies before refinement."""

    name: str
    labels: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Timings:
    """Wall-clock seconds. `first_token_s` counts from the start of the reply, the others are durations."""

    comet_s: float = 0.0
    emotion_s: float = 0.0
    encode_s: float = 0.0
    first_token_s: float = 0.0
    decode_s: float = 0.0
    total_s: float = 0.0


@dataclass(frozen=True)
class Trace:
    """Everything the "why" panel shows about one reply."""

    net: str
    checkpoint: str
    seed: int
    strategies: tuple[float, ...]
    """probability of each strategy, in the order of `models.data.strategies.STRATEGIES`; they sum to 1, and are all
    equal when the net predicts no strategy"""
    options: DecodeOptions = DecodeOptions()
    tokens: tuple[TokenStep, ...] = ()
    blocks: tuple[CometBlock, ...] = ()
    emotions: tuple[EmotionReading, ...] = ()
    extras: tuple[NamedRow, ...] = ()
    """what only some nets have: gates, strategies before refinement, listener weights"""
    timings: Timings = field(default=Timings(), compare=False)
    """not compared: the same input, seed and checkpoint give an equal trace on any day"""

    def strategy(self) -> str:
        """Name of the most probable strategy; "" when all are equal, as for a net that predicts none."""
        if len(set(self.strategies)) == 1:
            return ""
        return STRATEGIES[max(range(len(self.strategies)), key=self.strategies.__getitem__)]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `from_dict` gives the equal trace back, also after a trip through json."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of `to_dict`. Raises TypeError or ValueError when a field is missing or unknown."""
        values = dict(data)
        values["strategies"] = tuple(values["strategies"])
        values["options"] = DecodeOptions(**values["options"])
        values["tokens"] = tuple(TokenStep(**t) for t in values["tokens"])
        values["blocks"] = tuple(
            CometBlock(**b | {"token_weights": tuple(b["token_weights"])}) for b in values["blocks"]
        )
        values["emotions"] = tuple(
            EmotionReading(e["turn"], tuple((label, p) for label, p in e["scores"])) for e in values["emotions"]
        )
        values["extras"] = tuple(  # traces stored before there were extras have none
            NamedRow(row["name"], tuple(row["labels"]), tuple(row["values"])) for row in values.get("extras", ())
        )
        values["timings"] = Timings(**values["timings"])
        return cls(**values)


@dataclass(frozen=True)
class Reply:
    """What the supporter says next, the strategy it follows ("" = the net predicts none), and how it came about."""

    text: str
    strategy: str
    trace: Trace

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `from_dict` gives the equal reply back."""
        return {"text": self.text, "strategy": self.strategy, "trace": self.trace.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(data["text"], data["strategy"], Trace.from_dict(data["trace"]))
