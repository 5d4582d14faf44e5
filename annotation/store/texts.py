"""Which text is accepted from people and nets: any Unicode that can be stored and shown, within a length.

Removed without asking: NUL and the other control characters (databases and browsers disagree about them) and lone
surrogates (not encodable). Line breaks become "\\n", form feeds and the like too, since they part two words.
Everything else comes back exactly as it was given.
"""

from __future__ import annotations

import re
import unicodedata

MAX_POST_CHARS = 4_000
"""longest message of a seeker, in characters"""
MAX_SITUATION_CHARS = 4_000
"""longest description of a situation, in characters"""
MAX_LABEL_CHARS = 200
"""longest emotion or problem type, in characters"""
MAX_REASON_CHARS = 4_000
"""longest reason given with a vote, in characters"""
MAX_POSTS = 200
"""most messages of a seeker in one conversation"""

_BREAKS = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85]")
_BLANK_SIGNS = "\u115f\u1160\u2800\u3164\uffa0"
"""fillers and the empty Braille cell: letters and symbols to Unicode, blank to the eye"""
# All of category Cc but tab and line feed, and the surrogate range.
_UNWANTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def clean_text(text: str) -> str:
    """`text` without control characters and lone surrogates, line breaks as "\\n"; idempotent."""
    return _UNWANTED.sub("", _BREAKS.sub("\n", text))


def is_visible(text: str) -> bool:
    """Whether there is anything to see: a text of blanks and zero-width characters is empty to everyone."""
    return any(unicodedata.category(sign)[0] in "LNPS" and sign not in _BLANK_SIGNS for sign in text)


def accept_text(text: str, *, what: str, limit: int, required: bool = False) -> str:
    """`clean_text(text)` when it holds at most `limit` characters and, if `required`, something to see.

    Raises ValueError whose message names `what`, the length found and the length allowed, never the text itself.
    """
    cleaned = clean_text(text)
    if required and not is_visible(cleaned):
        raise ValueError(f"The {what} is empty; write at least one word.")
    if len(cleaned) > limit:
        raise ValueError(
            f"The {what} has {len(cleaned):,} characters; at most {limit:,} are allowed. Shorten it and send it again."
        )
    return cleaned
