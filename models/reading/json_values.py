"""JSON that all readers understand in the same way: no repeated key, no NaN or Infinity, no excessive number or depth,
and no half of a character, which could be neither written to a file nor sent to a page."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from models.reading.text_files import read_text

MAX_DIGITS = 19
"""maximum number of digits of a whole number: more do not fit into 64 bits"""
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""escape of one half (surrogate) of a character that JSON writes as two; the other half should be next to it"""


def parse_json(text: str) -> Any:
    """The JSON value in a text. Raises ValueError with a readable message, and the place if the JSON is malformed."""
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_int=_whole, parse_float=_finite, parse_constant=_no_number
        )
        if _HALF.search(text):
            _refuse_halves(value)
    except json.JSONDecodeError as error:
        place = f"column {error.colno}" if "\n" not in text else f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"not valid JSON ({error.msg}, {place})") from error
    except RecursionError as error:
        raise ValueError("JSON nested too deeply; want objects and lists a few levels deep") from error
    return value


def read_json(path: Path) -> Any:
    """The value in a JSON file. Raises OSError, and ValueError naming the file."""
    text = read_text(path)
    try:
        return parse_json(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _refuse_halves(value: Any) -> None:
    whole = json.dumps(value, ensure_ascii=False)
    try:
        whole.encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(whole[error.start]):04x}"
        raise ValueError(f"{half} is half of a character; write both halves, or the character itself") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r:.80} stands twice in one object; keep one of them")
    return found


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise ValueError(f"the number {digits:.24}... has {len(digits.lstrip('-'))} digits; at most {MAX_DIGITS}")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"the number {digits:.24} is too large; want finite numbers")
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number; want finite numbers (null where there is none)")
