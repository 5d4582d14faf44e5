"""Role cards: invented people whom a visitor can play as a seeker, so that nobody needs a problem of their own.

All cards were written for this project; none comes from a data set. They ship as `escdemo/role_cards.json`, a list of

    {"id": "three-am", "emotion_type": "anxiety", "problem_type": "Sleep Problems", "intensity": 3,
     "situation": "I wake at three every night, ...", "opening": "It's the middle of the night again ..."}

Emotion and problem types are the labels of ESConv (Liu et al. 2021), spelt as there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from models.data.esconv_labels import EMOTION_TYPES_BY_COUNT, PROBLEM_TYPES

CARDS_PATH = Path(__file__).with_name("role_cards.json")


@dataclass(frozen=True)
class RoleCard:
    """One person to play."""

    id: str
    """lower-case words joined by hyphens; stored with every talk played from the card"""
    emotion_type: str
    """one of `models.data.esconv_labels.EMOTION_TYPES`"""
    problem_type: str
    """one of `models.data.esconv_labels.PROBLEM_TYPES`"""
    intensity: int
    """how strong the emotion is before the talk, 1 (weak) to 5 (strong), as in ESConv's survey"""
    situation: str
    """one to three sentences in the seeker's own voice"""
    opening: str
    """a first message, to send or to change"""

    def __post_init__(self) -> None:
        if type(self.intensity) is not int or not 1 <= self.intensity <= 5:
            raise ValueError(f"intensity is {self.intensity!r}; allowed: a whole number from 1 to 5")
        for name, allowed in (("emotion_type", EMOTION_TYPES_BY_COUNT), ("problem_type", PROBLEM_TYPES)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}; allowed: {', '.join(allowed)}")
        for name in ("id", "situation", "opening"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"{name} is {value!r}; allowed: a text that is not empty")


def load_role_cards(path: Path = CARDS_PATH) -> tuple[RoleCard, ...]:
    """All cards of a file, in order.

    Raises FileNotFoundError when there is no such file, and ValueError naming the file and the card or field when it is
    not a JSON list, or when a card has missing or unknown fields, a value that is not allowed, or a repeated id.
    """
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a JSON file ({error}); it must hold a list of role cards") from error
    if not isinstance(records, list) or not records:
        raise ValueError(f"{path}: must hold a list of at least one role card, got {type(records).__name__}")
    cards = tuple(_read_card(record, f"{path}: card {number}") for number, record in enumerate(records, start=1))
    ids = [card.id for card in cards]
    doubled = sorted({id_ for id_ in ids if ids.count(id_) > 1})
    if doubled:
        raise ValueError(f"{path}: id used more than once: {', '.join(doubled)}; give each card its own")
    return cards


def _read_card(record: Any, place: str) -> RoleCard:
    """One checked card; every error message starts with `place`."""
    if not isinstance(record, Mapping):
        raise ValueError(f"{place}: must be an object with fields, got {type(record).__name__}")
    place = f"{place} ({record['id']})" if "id" in record else place
    names = [field.name for field in fields(RoleCard)]
    missing = [name for name in names if name not in record]
    unknown = sorted(set(record) - set(names))
    if missing or unknown:
        raise ValueError(
            f"{place}: missing fields: {', '.join(missing) or 'none'}; unknown fields: {', '.join(unknown) or 'none'}; "
            f"a card has exactly {', '.join(names)}"
        )
    try:
        return RoleCard(**record)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error
