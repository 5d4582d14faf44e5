"""The items of a live study: scenes, which are role cards to be played. Read from a JSON file:

    [{"id": "three-am", "emotion_type": "anxiety", "problem_type": "Sleep Problems", "intensity": 3,
      "situation": "I wake at three every night, ...", "opening": "It's the middle of the night again ..."}]

`opening` is a first message that the rater may send or change; `intensity` is unused, since the rater is asked for it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.choices import Purpose, Role, StudyEventKind, StudyKind, StudyState
from annotation.store.study_events import record_study
from annotation.store.study_schema import Context
from annotation.store.texts import (
    MAX_LABEL_CHARS,
    MAX_POST_CHARS,
    MAX_SITUATION_CHARS,
    accept_name,
    accept_text,
    as_read,
)
from annotation.studies.members import NotAllowed, require
from annotation.studies.study_views import Access
from models.reading.json_values import read_json

_LIMITS = {
    "emotion_type": MAX_LABEL_CHARS,
    "problem_type": MAX_LABEL_CHARS,
    "situation": MAX_SITUATION_CHARS,
    "opening": MAX_POST_CHARS,
}


@dataclass(frozen=True)
class Scene:
    """The seeker that a rater plays. Checked on creation; raises ValueError."""

    key: str
    """the card's id; a rater plays each scene once"""
    situation: str
    emotion_type: str
    problem_type: str
    opening: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", accept_name(self.key, what="id", required=True))
        for name, limit in _LIMITS.items():
            text = accept_text(getattr(self, name), what=name, limit=limit, required=name != "opening")
            object.__setattr__(self, name, text.strip())


def read_scenes(path: Path, *, problems: Sequence[str] = (), ids: Sequence[str] = ()) -> tuple[Scene, ...]:
    """The role cards in a JSON file; with `problems` or `ids`, only those with these problem types or these ids.

    Raises OSError, and ValueError naming the file and the bad card, or a problem type or id that no card has.
    """
    cards = read_json(path)
    try:
        if not isinstance(cards, list):
            raise ValueError(f"the file holds a JSON {type(cards).__name__}; a list of role cards is needed")
        scenes = [_scene(card, number) for number, card in enumerate(cards, start=1)]
        _check_ids(scenes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return choose_scenes(scenes, problems=problems, ids=ids)


def _scene(card: object, number: int) -> Scene:
    needed = ("id", "situation", "emotion_type", "problem_type")
    if not isinstance(card, dict) or not all(isinstance(card.get(name), str) for name in needed):
        raise ValueError(f"card {number} needs the texts {', '.join(needed)}")
    opening = card.get("opening", "")
    if not isinstance(opening, str):
        raise ValueError(f"card {number}: opening is {opening!r:.40}; a text is needed")
    try:
        return Scene(card["id"], card["situation"], card["emotion_type"], card["problem_type"], opening)
    except ValueError as error:
        raise ValueError(f"card {number}: {error}") from error


def _check_ids(scenes: Sequence[Scene]) -> None:
    if not scenes:
        raise ValueError("the list holds no role card; write at least one")
    first: dict[str, int] = {}
    for number, scene in enumerate(scenes, start=1):
        before = first.setdefault(as_read(scene.key), number)
        if before != number:
            raise ValueError(
                f"card {number}: id {scene.key!r} is that of card {before} already; give it one of its own"
            )


def choose_scenes(
    scenes: Sequence[Scene], *, problems: Sequence[str] = (), ids: Sequence[str] = ()
) -> tuple[Scene, ...]:
    """The scenes with these problem types or these ids; without either, all. Raises ValueError."""
    for what, wanted, known in (
        ("problem type", problems, {scene.problem_type for scene in scenes}),
        ("role card", ids, {scene.key for scene in scenes}),
    ):
        missing = [name for name in wanted if name not in known]
        if missing:
            raise ValueError(f"no such {what}: {', '.join(missing)}; there are: {', '.join(sorted(known))}")
    if not problems and not ids:
        return tuple(scenes)
    return tuple(scene for scene in scenes if scene.problem_type in problems or scene.key in ids)


def add_scenes(*, session: Session, access: Access, scenes: Sequence[Scene]) -> int:
    """By a lead: store those scenes that are not yet in the draft of a live study; returns their number."""
    study, lead = require(session, access, Role.LEAD, lock=True)
    if study.kind is not StudyKind.LIVE:
        raise NotAllowed("Role cards are for live studies; this one judges imported replies. Upload items instead.")
    if study.state is not StudyState.DRAFT:
        raise NotAllowed(f"Role cards are added to a draft; this study is {study.state.value}.")
    known = set(session.scalars(select(Context.key).where(Context.study_id == study.id)))
    new = [scene for scene in scenes if scene.key not in known]
    for scene in new:
        session.add(
            Context(
                id=secrets.token_hex(16),
                study_id=study.id,
                key=scene.key,
                dialogue=scene.key,
                purpose=Purpose.MAIN,
                situation=scene.situation,
                turns_json=json.dumps([{"speaker": "seeker", "text": scene.opening}], ensure_ascii=False),
                problem_type=scene.problem_type,
                emotion_type=scene.emotion_type,
            )
        )
    if new:
        record_study(session, study.id, StudyEventKind.IMPORTED, actor=lead.pseudonym(), new_value=str(len(new)))
    session.flush()
    return len(new)
