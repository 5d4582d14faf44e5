"""One row of a study's file -> one checked value: types, ranges, names, and the order of the two systems.

Everywhere in the analysis the two systems are in sorted order. A row that names them the other way round is turned: its
outcome and strategies change sides, so that its meaning stays the same.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, replace
from typing import Any

from annotation.choices import Decision, Majority
from annotation.statistics.explanations import ReplyFeature
from annotation.statistics.study_data import GoldAnswer
from annotation.statistics.win_tie_lose import OUTCOMES
from annotation.store.texts import MAX_LABEL_CHARS, as_read, is_visible
from annotation.studies.live_views import StarRow, TalkRow, TurnVote
from annotation.studies.study_views import Ballot, Rating, Verdict

KINDS: dict[str, type] = {
    "ballots": Ballot,
    "ratings": Rating,
    "verdicts": Verdict,
    "gold": GoldAnswer,
    "talks": TalkRow,
    "preferences": TurnVote,
    "stars": StarRow,
    "features": ReplyFeature,
}
KEYS: dict[str, tuple[str, ...]] = {
    "ballots": ("study", "item_id", "rater", "criterion", "system_a", "system_b"),
    "ratings": ("study", "item_id", "rater", "criterion", "system"),
    "verdicts": ("study", "item_id", "criterion", "system"),
    "gold": ("item_id", "criterion"),
    "talks": ("study", "talk"),
    "preferences": ("study", "talk", "turn"),
    "stars": ("study", "talk", "turn", "system"),
    "features": ("item_id", "system", "feature"),
}
"""kind -> the columns that together identify a row"""
NAMES = ("study", "rater", "criterion", "system", "system_a", "system_b")
"""columns in which two spellings of one name would count as two names"""
IDS = ("item_id", "talk")
"""the same, but upper and lower case differ: ids are often made by machines"""
RANGES: dict[str, tuple[float, float]] = {
    "seconds": (0, 1e9),
    "turn": (0, 100_000),
    "turns": (0, 100_000),
    "position": (0, 1_000),
    "score": (-1_000, 1_000),
    "stars": (1, 5),
    "intensity_before": (1, 5),
    "intensity_after": (1, 5),
}
_TURNED = {"a": "b", "tie": "tie", "b": "a"}


def to_value(kind: str, row: Mapping[str, Any]) -> tuple[Any, bool]:
    """One frozen value of KINDS and whether its pair was turned, from a row of texts (CSV) or typed cells.

    Raises ValueError with a message for the user.
    """
    made = KINDS[kind]
    known = {field.name: field for field in fields(made)}
    unknown = [str(name) for name in row if name not in known]
    missing = [name for name, field in known.items() if field.default is MISSING and name not in row]
    if unknown or missing:
        raise ValueError(
            f"missing columns: {missing or 'none'}, unknown columns: {unknown or 'none'}; known are {', '.join(known)}"
        )
    value = made(**{name: _cell(name, str(known[name].type), cell) for name, cell in row.items()})
    if isinstance(value, Verdict):
        _check_verdict(value)
    if isinstance(value, Ballot | GoldAnswer | TurnVote) and value.outcome not in OUTCOMES:
        raise ValueError(f"outcome is {value.outcome!r:.40}; allowed: {', '.join(OUTCOMES)}")
    if isinstance(value, Ballot | TurnVote) and value.majority not in (None, *Majority):
        raise ValueError(f"majority is {value.majority!r:.40}; allowed: {', '.join(Majority)} or nothing")
    if isinstance(value, Ballot | TurnVote | TalkRow):
        return _in_order(value)
    return value, False


def check_rows(kind: str, rows: Iterable[tuple[int, Any]]) -> list[str]:
    """Problems among the (line, value) pairs of one file: a vote given twice, a name spelled in two ways."""
    first: dict[tuple[Any, ...], int] = {}
    spelled: dict[tuple[str, str], tuple[str, int]] = {}
    problems = []
    for line, value in rows:
        key = tuple(getattr(value, name) for name in KEYS[kind])
        before = first.setdefault(key, line)
        if before != line:
            told = ", ".join(f"{name} {part}" for name, part in zip(KEYS[kind], key, strict=True) if part is not None)
            problems.append(f"  line {line}: given twice, in line {before} already ({told}); keep one of them")
        for column in (*NAMES, *IDS):
            name = getattr(value, column, None)
            if name is None:
                continue
            read = as_read(name) if column in IDS else as_read(name).casefold()
            known, at = spelled.setdefault((column.split("_")[0], read), (name, line))
            if known != name:
                problems.append(f"  line {line}: {column} is {name!r}, but {known!r} in line {at}; use one spelling")
    return problems


def _in_order(value: Any) -> tuple[Any, bool]:
    """The value with its two systems in sorted order, and whether it had to be turned."""
    first, second = value.system_a, value.system_b
    if first == second:
        raise ValueError(f"system_a and system_b are both {first!r}; a system is not compared with itself")
    if value.first_shown not in (first, second):
        raise ValueError(f"first_shown is {value.first_shown!r:.40}; allowed: {first}, {second}")
    if isinstance(value, TurnVote) and value.continued not in (first, second, None):
        raise ValueError(f"continued is {value.continued!r:.40}; allowed: {first}, {second} or nothing")
    if first < second:
        return value, False
    changes = {"system_a": second, "system_b": first}
    if isinstance(value, Ballot):
        changes |= {"strategy_a": value.strategy_b, "strategy_b": value.strategy_a}
    if not isinstance(value, TalkRow):
        changes["outcome"] = _TURNED[value.outcome]
    return replace(value, **changes), True


def _check_verdict(value: Verdict) -> None:
    """Raises ValueError for an invalid decision or answer. A correction without an outcome is of another question."""
    if value.decision not in list(Decision):
        raise ValueError(f"decision is {value.decision!r:.40}; allowed: {', '.join(Decision)}")
    answers = "a whole number (the score)" if value.system else ", ".join(OUTCOMES)
    for name in ("blind_outcome", "outcome"):
        given = getattr(value, name)
        good = given in OUTCOMES if value.system is None else _is_whole(given)
        if given is not None and not good:
            raise ValueError(f"{name} is {given!r:.40}; allowed: {answers}")


def _is_whole(text: str | None) -> bool:
    try:
        return text is not None and isinstance(_whole(text), int)
    except ValueError:
        return False


def _cell(name: str, kind: str, cell: Any) -> Any:
    """A cell in the type of its field, texts without outer blanks."""
    base, optional = kind.removesuffix(" | None"), kind.endswith(" | None")
    cell = cell.strip() if isinstance(cell, str) else cell
    if cell is None or cell == "":
        if optional or name == "study":  # talks outside of studies have none
            return None if optional else ""
        raise ValueError(f"{name} is empty; a value is needed ({base})")
    if name in (*NAMES, *IDS) and isinstance(cell, str) and (why := _unreadable(cell)):
        raise ValueError(f"{name} is {cell!r:.60}; {why}")
    try:
        value = _CONVERT[base](cell)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{name} is {cell!r:.60}; {_ALLOWED[base]} is needed") from error
    low, high = RANGES.get(name, (-math.inf, math.inf))
    if name in RANGES and not low <= value <= high:
        raise ValueError(f"{name} is {cell!r:.60}; allowed: {low:g} to {high:g}")
    return value


def _unreadable(name: str) -> str:
    """Why two such names could look like one, or one like two, without anybody noticing."""
    if not is_visible(name):
        return "it has no visible character"
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in name):
        return "it has a line break or a control character; does a quote stay open in the row?"
    if "\ufffd" in name:
        return "a letter was lost when it was saved (U+FFFD); save the original as UTF-8"
    if len(name) > MAX_LABEL_CHARS:
        return f"it has {len(name):,} characters; at most {MAX_LABEL_CHARS} are allowed"
    return ""


def _truth(cell: Any) -> bool:
    return {"true": True, "false": False}[str(cell).lower()]


def _text(cell: Any) -> str:
    if not isinstance(cell, str):
        raise TypeError
    return cell


def _whole(cell: Any) -> int:
    """A whole number; texts only in plain digits, although `int` also accepts 1_000 and other scripts' digits."""
    number = _real(cell)
    if not number.is_integer() or abs(number) > 2**53:
        raise ValueError
    return int(number)


def _real(cell: Any) -> float:
    if isinstance(cell, bool) or (isinstance(cell, str) and not (cell.isascii() and "_" not in cell)):
        raise TypeError
    number = float(cell)
    if not math.isfinite(number):
        raise ValueError
    return number


_CONVERT: dict[str, Callable[[Any], Any]] = {"str": _text, "int": _whole, "float": _real, "bool": _truth}
_ALLOWED = {"str": "a text", "int": "a whole number", "float": "a finite number", "bool": "true or false"}
