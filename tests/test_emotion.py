"""The table from GoEmotions to ESConv, readings, and what the cache asks for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data.batches import make_batch
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv_labels import EMOTION_TYPES, emotion_type_id
from models.data.examples import ContextShape, make_example
from models.knowledge.emotion import (
    EMOTIONS,
    GO_EMOTIONS,
    TABLE,
    CachedEmotion,
    Reading,
    to_reading,
)
from tests.tiny import tiny_tokenizer


def test_the_table_names_each_label_once_and_all_seven_emotions() -> None:
    used = [label for labels in TABLE.values() for label in labels]
    assert len(used) == len(set(used))
    assert set(used) <= set(GO_EMOTIONS)
    assert (*TABLE, "neutral") == EMOTIONS
    assert len(GO_EMOTIONS) == len(set(GO_EMOTIONS)) == 28


def test_a_reading_adds_up_what_the_table_puts_together() -> None:
    scores = dict.fromkeys(GO_EMOTIONS, 0.0) | {"nervousness": 0.5, "grief": 0.25, "sadness": 0.5, "joy": 0.75}
    assert to_reading(scores)[:3] == (("sadness", 0.375), ("neutral", 0.375), ("anxiety", 0.25))


@given(st.lists(st.floats(0, 1), min_size=28, max_size=28))
def test_a_reading_is_a_distribution_highest_first(scores: list[float]) -> None:
    reading = to_reading(dict(zip(GO_EMOTIONS, scores, strict=True)))
    shares = [share for _, share in reading]
    assert {emotion for emotion, _ in reading} == set(EMOTIONS)
    assert sum(shares) == pytest.approx(1)
    assert shares == sorted(shares, reverse=True)


def test_other_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="'boredom' is missing or unknown"):
        to_reading(dict.fromkeys(GO_EMOTIONS, 0.1) | {"boredom": 0.1})


class CountingDetector:
    """Reads everything as neutral; keeps every call."""

    version = "counting"

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def read(self, texts: Sequence[str]) -> list[Reading]:
        self.calls.append(list(texts))
        return [(("neutral", 1.0),) for _ in texts]


def test_earlier_turns_are_not_read_again() -> None:
    source = CountingDetector()
    detector = CachedEmotion(source)
    detector.read(["a", "b", "a"])
    assert len(detector.read(["a", "b", "c"])) == 3
    assert source.calls == [["a", "b"], ["c"]]
    assert detector.read([]) == []
    assert detector.version == "counting"


def test_the_emotion_of_a_dialogue_is_a_label_of_a_turn_to_learn_and_of_no_turn_to_answer() -> None:
    assert [EMOTION_TYPES[emotion_type_id(name)] for name in (" Guilt", "anxiety")] == ["guilt", "anxiety"]
    assert emotion_type_id("") == emotion_type_id("bored to death") == -1
    dialogue = Dialogue((Turn(Speaker.SEEKER, "hello"),), "i lost my job", "sadness")
    answers = (Turn(Speaker.SUPPORTER, "hello", "Others"), None)
    examples = [make_example(dialogue, answer, ((), ()), tiny_tokenizer(), ContextShape()) for answer in answers]
    assert make_batch(examples).emotion_labels.tolist() == [EMOTION_TYPES.index("sadness"), -1]
