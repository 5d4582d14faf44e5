"""Reads what the two panels of a page show, from their HTML as `escdemo.look.render.panel` draws it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

BUBBLE = re.compile(
    r'<div class="esc-msg esc-(?P<who>seeker|supporter)(?: esc-(?P<state>\w+))?"[^>]*>(?P<inside>.*?)</div>', re.DOTALL
)
WORDS = re.compile(r"<bdi[^>]*>(.*?)</bdi>", re.DOTALL)
PROBLEM = re.compile(r'<p class="esc-notice esc-problem"[^>]*>(.*?)</p>', re.DOTALL)

WHOLE = ("done", "replaced")
"""states of a complete reply"""
MISSING = ("failed", "stopped")
"""states of a reply that will not come by itself; the panel says so"""


@dataclass(frozen=True)
class Bubble:
    """A reply as one panel shows it."""

    state: str
    text: str


@dataclass(frozen=True)
class Exchange:
    """A message and the replies below it; there should be one."""

    post: str
    replies: tuple[Bubble, ...]


def read_panel(html: str) -> tuple[Exchange, ...]:
    """The talk as one panel shows it."""
    found: list[Exchange] = []
    for bubble in BUBBLE.finditer(html):
        words = WORDS.search(bubble["inside"])
        text = unescape(words[1]) if words else ""
        if bubble["who"] == "seeker":
            found.append(Exchange(text, ()))
        elif found:
            last = found.pop()
            found.append(Exchange(last.post, (*last.replies, Bubble(bubble["state"] or "", text))))
    return tuple(found)


def problem_in(html: object) -> str | None:
    """The sentence of a notice that refuses something; None for any other notice or none."""
    found = PROBLEM.search(html) if isinstance(html, str) else None
    return unescape(found[1]) if found else None
