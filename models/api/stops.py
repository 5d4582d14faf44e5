"""How much of a growing reply may be sent already.

What is sent cannot be taken back, so the last word waits until another follows: a net may still change its spelling
("i" -> "I'm"), and a letter of several bytes may be incomplete. Text that may be the start of a stop text waits too.
"""

from __future__ import annotations

from collections.abc import Sequence


def cut(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The text before the first of `stops`, and whether one was found."""
    found = [at for at in (text.find(stop) for stop in stops) if at >= 0]
    return (text[: min(found)], True) if found else (text, False)


def settled(text: str, stops: Sequence[str]) -> str:
    """The start of `text` that stays the same, however the reply goes on."""
    kept, found = cut(text, stops)
    if found:
        return kept
    end = max(text.rfind(" "), 0)
    for stop in stops:
        begun = next((size for size in range(len(stop) - 1, 0, -1) if text.endswith(stop[:size])), 0)
        end = min(end, len(text) - begun)
    return text[:end]
