"""Which text is accepted from people and nets: any Unicode that can be stored and shown, within a length.

Silently removed: NUL and the other control characters (databases and browsers disagree about them) and lone surrogates
(not encodable). Line breaks become "\\n"; so do form feeds and the like, since they separate words. Everything else
stays exactly as it was entered.
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
_ALIKE = str.maketrans(
    "\u0430\u0435\u0455\u0456\u0458\u043e\u0440\u0441\u0501\u0443\u0445\u04bb\u051b\u051d\u04cf\u0475\u043a"
    "\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u051a\u051c"
    "\u04c0\u03b1\u03bf\u03bd\u03b9\u03c1\u03c5\u03ba\u03c7\u03f2\u03f3\u0391\u0392\u0395\u0396\u0397\u0399"
    "\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u0131\u0251\u0261\u0585\u057d\u0570\u0578\u2010\u2011"
    "\u2012\u2013\u2014\u2212\u2018\u2019\u02bc",
    "aesijopcdyxhqwlvkABESIJKMHOPCTYXQWIaovipukxcjABEZHIKMNOPTYXiagouhn------'''",
)
"""characters of other scripts that look like Latin ones, and all dashes and apostrophes"""
_BLANK_SIGNS = "\u115f\u1160\u2800\u3164\uffa0"
"""fillers and the empty Braille cell: Unicode letters and symbols that look blank"""
# All of category Cc except tab and line feed, and the surrogate range.
_UNWANTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def clean_text(text: str) -> str:
    """`text` without control characters and lone surrogates, line breaks as "\\n"; idempotent."""
    return _UNWANTED.sub("", _BREAKS.sub("\n", text))


def is_visible(text: str) -> bool:
    """Whether there is anything to see: a text of blanks and zero-width characters looks empty."""
    return any(unicodedata.category(sign)[0] in "LNPS" and sign not in _BLANK_SIGNS for sign in text)


def as_seen(text: str) -> str:
    """`text` with look-alike characters made equal and zero-width ones removed; to compare, not to show."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKC", text).translate(_ALIKE)
    return "".join(sign for sign in plain if unicodedata.category(sign) != "Cf")


def as_read(text: str) -> str:
    """`text` without differences that the eye may miss: blanks, zero-width characters, letters of other scripts."""
    return "".join(sign for sign in as_seen(text) if not sign.isspace() and unicodedata.category(sign) != "Cc")


def accept_name(text: str, *, what: str, required: bool = False) -> str:
    """`text` without outer blanks if it is one line of at most `MAX_LABEL_CHARS`, "" if it is empty.

    Raises ValueError, whose message makes invisible characters visible.
    """
    name = text.strip()
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in name):
        raise ValueError(f"{what} is {name!r:.60}; it has a line break or a control character, take it out")
    return accept_text(name, what=what, limit=MAX_LABEL_CHARS, required=required)


def accept_text(text: str, *, what: str, limit: int, required: bool = False) -> str:
    """`clean_text(text)` if it has at most `limit` characters and, if `required`, something to see.

    Raises ValueError; its message names `what`, the length found and the length allowed, never the text itself.
    """
    cleaned = clean_text(text)
    if required and not is_visible(cleaned):
        raise ValueError(f"The {what} is empty; write at least one word.")
    if len(cleaned) > limit:
        raise ValueError(
            f"The {what} has {len(cleaned):,} characters; at most {limit:,} are allowed. Shorten it and send it again."
        )
    return cleaned
