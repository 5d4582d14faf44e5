"""A text in the spelling of the phrases: lower case, short forms written out, disguises undone.

    "I'm gonna k!ll mys\u200belf" -> "i am going to kill myself"

The tables are in `spelling.toml`. The time is proportional to the length of the text.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

_TABLES: dict[str, Any] = tomllib.loads(Path(__file__).with_name("spelling.toml").read_text(encoding="utf-8"))
_SHORT: dict[str, str] = _TABLES["short"]
_DISGUISED: list[str] = _TABLES["disguised"]["words"]
_SPELLED_OUT: dict[str, str] = _TABLES["spelled_out"]

_LOOKALIKES = str.maketrans(
    # Cyrillic and Greek letters that look like Latin ones, replaced only in words that also have Latin letters.
    "аеорсухіјѕԁһӏкмтвнгпѵԛԝзαεορτυικνχ",
    "aeopcyxijsdhlkmtbhrnvqwsaeoptuiknx",
)
_QUOTES = str.maketrans("’‘`´ʼ“”„«»", "'''''" + '"' * 5)
_SIGNS = {
    "0": "o", "1": "il", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g", "!": "i", "|": "il", "@": "a",
    "$": "s", "+": "t", "€": "e", "*": "*", "#": "*", "_": "*", "-": "*", ".": "*", "%": "*",
}  # fmt: skip
"""sign -> the letters it may stand for; *: any single letter"""

_WORD = re.compile(r"\S+")
_ONE_BY_ONE = re.compile(r"(?<!\w)\w(?:(?:[ .\-_*/]{1,3})\w){2,}(?!\w)")
_TIMES_THREE = re.compile(r"(\w)\1{2,}")
_EDGES = re.compile(r"^[^\w@$!*|]*|[^\w$|]*$")


def _squeezed(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word)


def _slips(word: str) -> set[str]:
    """All forms of the word with one letter dropped or two neighbours swapped."""
    dropped = {word[:at] + word[at + 1 :] for at in range(1, len(word))}
    swapped = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)}
    return (dropped | swapped) - {word}


_SQUEEZED = {_squeezed(word): word for word in reversed(_DISGUISED)}
_SLIPPED: dict[str, str] = {slip: word for word in _TABLES["mistyped"]["words"] for slip in _slips(word)}


def normal_form(text: str) -> str:
    """The text in lower case with single blanks, short forms written out and disguised words in plain letters."""
    shown = "".join(sign for sign in unicodedata.normalize("NFKD", text) if _is_visible(sign))
    lower = shown.lower().translate(_QUOTES)
    joined = _ONE_BY_ONE.sub(_join, lower)
    return " ".join(part for word in _WORD.findall(joined) for part in _word(word).split())


def _is_visible(sign: str) -> bool:
    """False for accents, direction marks, joiners and other characters without width."""
    return unicodedata.category(sign) not in ("Mn", "Me", "Cf") or sign in "\n\t"


def _join(found: re.Match[str]) -> str:
    """Letters written one by one, joined if they contain a known word; otherwise unchanged."""
    letters = re.sub(r"\W|_", "", found[0])
    for hidden, words in _SPELLED_OUT.items():
        if hidden in letters:
            return f" {words} "
    return f" {letters} " if letters in _DISGUISED else found[0]


def _word(word: str) -> str:
    """One word without its disguise; the signs around it stay."""
    if not word.isascii() and re.search("[a-z]", word):
        word = word.translate(_LOOKALIKES)
    core = _EDGES.sub("", word)
    if not core:
        return word
    plain = _SHORT.get(core) or _undisguised(core)
    if plain is None and core.endswith("'s"):
        plain = _SHORT.get(core[:-2])
    return word if plain is None else word.replace(core, plain, 1)


def _undisguised(core: str) -> str | None:
    """The word behind digits, signs, repeated, dropped or swapped letters; None when there is none."""
    if core in _SLIPPED:
        return _SLIPPED[core]
    if core.isalpha():
        return _SQUEEZED.get(_squeezed(core), _TIMES_THREE.sub(r"\1", core)) if _TIMES_THREE.search(core) else None
    if len(core) > 2 * max(map(len, _DISGUISED)) or not re.search("[a-z]", core) or core.isdecimal():
        return None
    pattern = re.compile(
        "".join(f"[{_SIGNS[sign]}]" if sign in _SIGNS else re.escape(sign) for sign in core).replace("[*]", ".")
    )
    return next((word for word in _DISGUISED if pattern.fullmatch(word)), None)
