"""The shipped cards cover ESConv's labels, differ from each other, and are short; a bad file is refused clearly."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from escdemo.role_cards import CARDS_PATH, load_role_cards
from models.data.esconv_labels import EMOTION_TYPES, EMOTION_TYPES_BY_COUNT, PROBLEM_TYPES

GOOD = {
    "id": "lost-keys",
    "emotion_type": "anxiety",
    "problem_type": "job crisis",
    "intensity": 3,
    "situation": "I lost the keys to the whole building.",
    "opening": "hello",
}


def test_cards_cover_every_label() -> None:
    cards = load_role_cards()
    assert len(cards) >= 48
    assert set(PROBLEM_TYPES) == {card.problem_type for card in cards}
    assert set(EMOTION_TYPES) == set(EMOTION_TYPES_BY_COUNT) == {card.emotion_type for card in cards}
    assert min(Counter(card.problem_type for card in cards).values()) >= 3
    assert {card.intensity for card in cards} >= {2, 3, 4, 5}


def test_cards_differ() -> None:
    cards = load_role_cards()
    for field in ("id", "situation", "opening"):
        assert len({getattr(card, field) for card in cards}) == len(cards), field
    shingles = Counter(
        shingle for card in cards for text in (card.situation, card.opening) for shingle in _shingles(text, size=6)
    )
    assert [shingle for shingle, count in shingles.items() if count > 1] == []


def test_cards_are_short_and_clean() -> None:
    for card in load_role_cards():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", card.id), card.id
        assert 60 <= len(card.situation) <= 300, card.id
        assert 20 <= len(card.opening) <= 140, card.id
        assert 1 <= _sentences(card.situation) <= 3, card.id
        assert 1 <= _sentences(card.opening) <= 2, card.id
        for text in (card.situation, card.opening):
            assert text == " ".join(text.split()), card.id


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"intensity": 6}, "intensity is 6; allowed: a whole number from 1 to 5"),
        ({"intensity": "3"}, "intensity is '3'"),
        ({"intensity": True}, "intensity is True"),
        ({"emotion_type": "joy"}, "emotion_type is 'joy'; allowed: anxiety, "),
        ({"problem_type": "sleep problems"}, "problem_type is 'sleep problems'; allowed: .*Sleep Problems"),
        ({"situation": " "}, "situation is ' '"),
        ({"opening": None}, "opening is None"),
        ({"mood": "grim"}, "unknown fields: mood"),
    ],
)
def test_a_bad_value_names_card_and_field(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = _write(tmp_path, [GOOD, GOOD | {"id": "second"} | change])
    with pytest.raises(ValueError, match=rf"cards\.json: card 2 \(second\): .*{message}"):
        load_role_cards(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{name: GOOD[name] for name in GOOD if name != "opening"}], "missing fields: opening"),
        ([GOOD, GOOD], "id used more than once: lost-keys"),
        (["lost-keys"], "card 1: must be an object with fields, got str"),
        ([], "at least one role card"),
        ({"cards": [GOOD]}, "must hold a list of at least one role card, got dict"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_role_cards(_write(tmp_path, content))


def test_a_file_that_is_no_json_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "cards.json"
    with pytest.raises(FileNotFoundError):
        load_role_cards(path)
    path.write_bytes(b"\xff{")
    with pytest.raises(ValueError, match="not a JSON file"):
        load_role_cards(path)
    assert CARDS_PATH.name == "role_cards.json"


def _write(folder: Path, content: Any) -> Path:
    path = folder / "cards.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _sentences(text: str) -> int:
    return len(re.findall(r"[.?!]+['\"]?(?=\s|$)", text)) or 1


def _shingles(text: str, size: int) -> set[tuple[str, ...]]:
    words = re.findall(r"[\w']+", text.lower())
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)}
