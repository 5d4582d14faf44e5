"""What a seeker feels, utterance by utterance: GoEmotions' 28 labels mapped to ESConv's 7 emotions and neutral.

Place in the flow: seeker turns -> readings -> trace, and the emotion stream of AdMISC. Sources:
`models.knowledge.emotion_shipped` (shipped) and `models.knowledge.emotion_hub` (a GoEmotions RoBERTa). A reading sums
to 1, highest first:
    "i am so worried about my exam" -> (("anxiety", 0.55), ("neutral", 0.2), ("fear", 0.12), ...)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor

from models.files.lru import Lru

GO_EMOTIONS: tuple[str, ...] = (
    *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire"),
    *("disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy"),
    *("love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral"),
)
"""the labels of GoEmotions (Demszky et al. 2020) in the order of its files"""

NEUTRAL = "neutral"
EMOTIONS: tuple[str, ...] = ("anxiety", "depression", "sadness", "anger", "fear", "shame", "disgust", NEUTRAL)
"""the 7 emotions of ESConv and neutral"""

TABLE: dict[str, tuple[str, ...]] = {
    "anxiety": ("nervousness",),
    "depression": (),  # a lasting state: no label of a single comment stands for it, so it is never detected
    "sadness": ("sadness", "grief", "disappointment", "remorse"),
    "anger": ("anger", "annoyance", "disapproval"),
    "fear": ("fear",),
    "shame": ("embarrassment",),
    "disgust": ("disgust",),
}
"""ESConv emotion -> the GoEmotions labels mapped to it; all other labels, including positive ones, count as neutral.

AdMISC (section 3) integrates the 28 labels "to the 7 of the dataset" without giving a table; this one is ours.
"""

Reading = tuple[tuple[str, float], ...]
"""(emotion, share) pairs, highest share first"""


class EmotionDetector(Protocol):
    """A source of readings. `version` names the detector and its weights."""

    version: str

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """One reading per text; the 8 shares of `EMOTIONS` sum to 1."""
        ...


class EmotionLabels(EmotionDetector, Protocol):
    """A detector that also returns the probabilities behind its readings."""

    def probabilities(self, texts: Sequence[str]) -> Tensor:
        """(N, 28) probability of each label of GoEmotions."""
        ...


class CachedEmotion:
    """Caches readings in memory, since the earlier turns of a conversation are needed again and again."""

    def __init__(self, source: EmotionDetector, entries: int = 20_000) -> None:
        self.source, self.version = source, source.version
        self._known: Lru[str, Reading] = Lru(entries)

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Readings from memory where known; `source` reads the other texts, once each and in one batch."""
        known = {text: found for text in texts if (found := self._known.get(text)) is not None}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        for text, found in zip(missing, self.source.read(missing) if missing else [], strict=True):
            known[text] = found
            self._known.put(text, found)
        return [known[text] for text in texts]

    def clear(self) -> None:
        """Forget all readings."""
        self._known.clear()


def to_reading(scores: Mapping[str, float]) -> Reading:
    """Scores (0 or more) of the GoEmotions labels, added up by `TABLE` and normalised.

    Raises ValueError naming a label that is missing or unknown.
    """
    odd = set(scores) ^ set(GO_EMOTIONS)
    if odd:
        raise ValueError(f"the labels are not GoEmotions' 28: {sorted(odd)[0]!r} is missing or unknown")
    mapped = {emotion: sum(scores[label] for label in labels) for emotion, labels in TABLE.items()}
    negative = {label for labels in TABLE.values() for label in labels}
    mapped[NEUTRAL] = sum(score for label, score in scores.items() if label not in negative)
    total = sum(mapped.values())
    if total <= 0:
        return ((NEUTRAL, 1.0), *((emotion, 0.0) for emotion in EMOTIONS if emotion != NEUTRAL))
    return tuple(sorted(((e, mapped[e] / total) for e in EMOTIONS), key=lambda pair: -pair[1]))
