"""Items from a file: contexts with each system's reply, as JSON Lines or CSV.

JSON Lines: one object per line. `id`, `context` and `replies` are required.

    {"id": "d12-t4", "dialogue": "d12", "situation": "I lost my job.", "problem_type": "job crisis",
     "emotion_type": "sadness", "strategy": "Question", "turn": 4, "purpose": "main",
     "context": [{"speaker": "seeker", "text": "I was fired."}],
     "replies": {"misc": "I am sorry.", "joint": {"text": "When was that?", "strategy": "Question",
                 "checkpoint": "ab12"}}}

A reply may also be `{"turns": [{"speaker": ..., "text": ...}, ...]}`, one system's side of a whole conversation. A text
may come with its `trace`, which says how it came about (see `stored_replies`); with traces the results say whether an
explanation predicts the vote. `python -m models items` writes such files. A turn in `turns` may have `strategy` and
`trace`, too.
`dialogue` (default: the id) says which contexts belong together: no rater sees a dialogue twice. `purpose` is main,
gold or onboarding; the last two need `gold`: the better system ("misc" or "tie") for all criteria, or per criterion
{"Overall": "misc"}, and for scores {"Fluency": {"misc": 2, "joint": 0}}.

CSV (without traces): the same names as columns; `context` has one turn per line, "seeker: ..." or "supporter: ...";
one column `reply:SYSTEM` per system and optionally `strategy:SYSTEM` and `checkpoint:SYSTEM`; an empty cell means no
reply; `gold` is a name or JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from annotation.choices import Purpose
from annotation.store.texts import MAX_POST_CHARS, MAX_SITUATION_CHARS, accept_name, accept_text, as_read
from annotation.studies.stored_replies import stored_form
from annotation.studies.study_views import Line
from models.reading.json_values import parse_json
from models.reading.rows import Row, csv_rows, json_rows

SPEAKERS = ("seeker", "supporter")
MAX_TURNS = 400
MAX_TURN_NUMBER = 100_000
"""highest value of `turn`, the number of turns before the replies"""
NEEDED = ("id", "context")
MAX_ITEMS = 100_000
"""maximum number of items in one file"""
MAX_UPLOADED = 20_000
"""maximum number of items in a file that is uploaded"""
MAX_PROBLEMS = 1_000
"""number of bad rows after which the rest is not read"""
_PROBLEM_CHARS = 400
_FIELDS = {
    "id",
    "dialogue",
    "situation",
    "context",
    "problem_type",
    "emotion_type",
    "strategy",
    "turn",
    "purpose",
    "gold",
    "replies",
}
Gold = Mapping[str, Any]


class ItemFileError(ValueError):
    """Bad items. `problems` has (line in the file or 0, what is wrong) for each; nothing was imported."""

    def __init__(self, problems: Iterable[tuple[int, str]], file: str = "", shown: int = 20) -> None:
        self.problems = tuple(problems)
        lines = [f"  line {line}: {what}" if line else f"  {what}" for line, what in self.problems[:shown]]
        rest = len(self.problems) - len(lines)
        more = [f"  ... and {rest} more"] if rest else []
        where = f"{file}: " if file else ""
        super().__init__("\n".join([f"{where}{len(self.problems)} bad row(s), nothing was imported:", *lines, *more]))


@dataclass(frozen=True)
class ImportedReply:
    """One system's reply."""

    system: str
    turns: tuple[Line, ...]
    strategy: str | None = None
    checkpoint: str | None = None
    replies_json: str | None = None
    """its turns with their traces, in the form of `stored_replies`; None when no trace is known"""


@dataclass(frozen=True)
class ImportedItem:
    """One context with all replies to it."""

    key: str
    dialogue: str
    context: tuple[Line, ...]
    replies: tuple[ImportedReply, ...]
    situation: str = ""
    problem_type: str | None = None
    emotion_type: str | None = None
    strategy: str | None = None
    turn: int | None = None
    purpose: Purpose = Purpose.MAIN
    gold_json: str | None = None
    """as in the file, checked against the rubric when it is stored"""
    encounter_id: str | None = None
    line: int = field(default=0, compare=False)
    """line where it begins in its file; 0 when it comes from no file"""


def read_items(path: Path, most: int = MAX_ITEMS) -> tuple[ImportedItem, ...]:
    """The items of a .jsonl or .csv file.

    Raises ItemFileError listing every bad row, OSError, and ValueError naming file and line if it is no such file.
    """
    form = path.suffix.lower()
    if form not in (".jsonl", ".csv"):
        raise ValueError(f"{path} has the ending {path.suffix!r}; allowed: .jsonl, .csv")
    rows = json_rows(path) if form == ".jsonl" else map(_from_csv, csv_rows(path, needed=NEEDED))
    return parse_rows(rows, str(path), most)


def read_uploaded(path: Path) -> tuple[ImportedItem, ...]:
    """The same for an uploaded file."""
    return read_items(path, MAX_UPLOADED)


def parse_rows(rows: Iterable[Row], file: str = "", most: int = MAX_ITEMS) -> tuple[ImportedItem, ...]:
    """Items from rows in the form of JSON Lines. Raises ItemFileError, which names `file`."""
    items: list[ImportedItem] = []
    problems: list[tuple[int, str]] = []
    ids: dict[str, tuple[str, int]] = {}
    dialogues: dict[str, tuple[str, int]] = {}
    for row in rows:
        try:
            if row.problem:
                raise ValueError(row.problem)
            item = replace(_item(row.cells), line=row.line)
            known, line = ids.setdefault(as_read(item.key), (item.key, row.line))
            if line != row.line:
                alike = "was used" if known == item.key else f"reads like {known!r}"
                raise ValueError(f"id {item.key!r} {alike} in line {line} already; give each item an id of its own")
            known, line = dialogues.setdefault(as_read(item.dialogue), (item.dialogue, row.line))
            if known != item.dialogue:
                raise ValueError(f"dialogue {item.dialogue!r} looks like {known!r} in line {line}; use one spelling")
            items.append(item)
        except ValueError as error:
            problems.append((row.line, str(error)[:_PROBLEM_CHARS]))
        except RecursionError:
            problems.append((row.line, "objects and lists are nested too deeply; a few levels are needed"))
        if len(items) > most:
            raise ItemFileError([(row.line, f"more than {most:,} items; split the file and import its parts")], file)
        if len(problems) == MAX_PROBLEMS:
            break
    if problems:
        raise ItemFileError(problems, file)
    if not items:
        raise ItemFileError([(1, "the file holds no item")], file)
    return tuple(items)


def _from_csv(row: Row) -> Row:
    """One CSV row in the form of a JSON Lines row."""
    try:
        return row if row.problem else replace(row, cells=_json_form(row.cells))
    except ValueError as error:
        return replace(row, problem=str(error))


def _json_form(cells: Mapping[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {name: cell for name, cell in cells.items() if ":" not in name and cell.strip()}
    # Only at line breaks: str.splitlines would also split a turn at form feeds and Unicode's separators.
    row["context"] = [_csv_turn(line) for line in cells.get("context", "").split("\n") if line.strip()]
    row["replies"] = {}
    for name, cell in cells.items():
        part, colon, system = name.partition(":")
        if colon and part not in ("reply", "strategy", "checkpoint"):
            raise ValueError(f"unknown column {name!r}; allowed: reply:SYSTEM, strategy:SYSTEM, checkpoint:SYSTEM")
        if part == "reply" and colon and cell.strip():
            extra = {key: cells.get(f"{key}:{system}") or None for key in ("strategy", "checkpoint")}
            row["replies"][system] = {"text": cell, **extra}
    if "turn" in row:
        digits = row["turn"].strip()
        if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            raise ValueError(f"turn is {row['turn']!r:.40}; want a whole number from 0 to {MAX_TURN_NUMBER:,}")
        row["turn"] = int(digits)
    if str(row.get("gold", "")).lstrip().startswith("{"):
        try:
            row["gold"] = parse_json(row["gold"])
        except ValueError as error:
            raise ValueError(f"gold: {error}") from error
    return row


def _csv_turn(line: str) -> dict[str, str]:
    speaker, _, text = line.partition(":")
    return {"speaker": speaker.strip().lower(), "text": text.strip()}


def _item(row: Mapping[str, Any]) -> ImportedItem:
    unknown = row.keys() - _FIELDS
    if unknown:
        raise ValueError(f"unknown field(s) {sorted(unknown)}; allowed: {sorted(_FIELDS)}")
    key = _label(row, "id", required=True)
    assert key is not None
    purpose = row.get("purpose", Purpose.MAIN)
    purpose = purpose.strip() if isinstance(purpose, str) else purpose
    if purpose not in tuple(Purpose):
        raise ValueError(f"purpose is {purpose!r}; allowed: {', '.join(Purpose)}")
    gold = row.get("gold")
    if (purpose != Purpose.MAIN) != (gold is not None):
        raise ValueError("gold goes with purpose gold or onboarding: give both, or neither")
    turn = row.get("turn")
    if turn is not None and (type(turn) is not int or not 0 <= turn <= MAX_TURN_NUMBER):
        raise ValueError(f"turn is {turn!r:.40}; want a whole number from 0 to {MAX_TURN_NUMBER:,}")
    return ImportedItem(
        key=key,
        dialogue=_label(row, "dialogue") or key,
        context=_lines(row.get("context"), "context"),
        replies=_replies(row.get("replies")),
        situation=accept_text(_text(row, "situation") or "", what="situation", limit=MAX_SITUATION_CHARS),
        problem_type=_label(row, "problem_type"),
        emotion_type=_label(row, "emotion_type"),
        strategy=_label(row, "strategy"),
        turn=turn,
        purpose=Purpose(purpose),
        gold_json=None if gold is None else json.dumps(gold, ensure_ascii=False, sort_keys=True),
    )


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is a {type(value).__name__}; text is needed")
    return value


def _label(row: Mapping[str, Any], name: str, required: bool = False) -> str | None:
    return accept_name(_text(row, name) or "", what=name, required=required) or None


def _lines(value: Any, what: str) -> tuple[Line, ...]:
    if not isinstance(value, list) or not value or len(value) > MAX_TURNS:
        raise ValueError(f"{what} must be a list of 1 to {MAX_TURNS} turns")
    lines = []
    for number, turn in enumerate(value, start=1):
        if not isinstance(turn, Mapping):
            raise ValueError(f"{what}, turn {number} is a {type(turn).__name__}; want an object with speaker and text")
        if turn.get("speaker") not in SPEAKERS:
            raise ValueError(
                f"{what}, turn {number}: speaker is {turn.get('speaker')!r:.40}; want {' or '.join(SPEAKERS)}"
            )
        place = f"{what}, turn {number}"
        text = accept_text(_text(turn, "text") or "", what=place, limit=MAX_POST_CHARS, required=True)
        lines.append(Line(turn["speaker"], text))
    return tuple(lines)


def _replies(value: Any) -> tuple[ImportedReply, ...]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError("replies must be an object with at least one system and its reply")
    replies = [_reply(system, entry) for system, entry in value.items()]
    names = [reply.system for reply in replies]
    if len(set(names)) < len(names):
        raise ValueError(f"replies: two systems have the same name: {sorted(names)}")
    return tuple(sorted(replies, key=lambda reply: reply.system))


def _reply(system: str, entry: Any) -> ImportedReply:
    name = accept_name(system, what="name of a system", required=True)
    what = f"reply of {name}"
    if isinstance(entry, str):
        entry = {"text": entry}
    if not isinstance(entry, Mapping) or entry.keys() - {"text", "turns", "strategy", "checkpoint", "trace"}:
        raise ValueError(f"{what}: text, or an object with text (or turns), strategy, checkpoint and trace, is needed")
    if ("text" in entry) == ("turns" in entry):
        raise ValueError(f"{what}: give either text or turns")
    if "turns" in entry and "trace" in entry:
        raise ValueError(f"{what}: give each turn its own trace, inside turns")
    strategy, checkpoint = _label(entry, "strategy"), _label(entry, "checkpoint")
    turns = entry.get("turns", [{**entry, "speaker": "supporter"}])
    return ImportedReply(name, _lines(turns, what), strategy, checkpoint, stored_form(turns, what))
