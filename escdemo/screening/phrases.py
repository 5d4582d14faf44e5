"""Tables of phrases: TOML files of regular expressions over the normal form of a text, with macros written <name>."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Patterns = tuple[re.Pattern[str], ...]
_MACRO = re.compile(r"<(\w+)>")


class PhraseTable:
    """One TOML file. Raises ValueError for an undefined macro or an invalid regular expression."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """The [[kind]] entries, each with its phrases compiled under "find"."""
        return [entry | {"find": self.compiled(entry["find"])} for entry in self._values[kind]]

    def lists(self, kind: str) -> dict[str, Patterns]:
        """The [kind] table with every list of phrases compiled."""
        return {name: self.compiled(phrases) for name, phrases in self._values[kind].items()}

    def compiled(self, phrases: Iterable[str]) -> Patterns:
        """The phrases as regular expressions, with macros filled in."""
        return tuple(self._compile(phrase) for phrase in phrases)

    def _compile(self, phrase: str) -> re.Pattern[str]:
        filled = phrase
        try:
            while _MACRO.search(filled):
                filled = _MACRO.sub(lambda found: self._values["macro"][found[1]], filled)
            return re.compile(filled)
        except (KeyError, re.error) as error:
            raise ValueError(f"{self._name}: {error} in the phrase {phrase!r}") from error


def found_in(patterns: Patterns, text: str) -> bool:
    """Whether one of the patterns occurs in the text."""
    return any(pattern.search(text) for pattern in patterns)
