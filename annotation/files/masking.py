"""Take out of a text what may identify a person by pattern: addresses, links, numbers, handles, introductions.

A name is found where somebody introduces themselves ("my name is Ann") and nowhere else: read before you publish.

>>> mask("Write to ann@example.org or call +49 30 1234567!")
'Write to [email] or call [number]!'
"""

from __future__ import annotations

import re

# In this order: an address holds an @, a link may hold digits.
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("[email]", re.compile(r"[^\s@<>(),;:]+@[^\s@<>(),;:]+\.\w{2,}")),
    ("[link]", re.compile(r"(?:https?://|www\.)[^\s<>\"]+", re.IGNORECASE)),
    ("[handle]", re.compile(r"(?<!\w)@\w{2,}")),
    # Seven digits or more, as in phone, account and card numbers; dates and ages are shorter.
    ("[number]", re.compile(r"(?<![\w.])\+?\(?\d(?:[ ()./-]{0,2}\d){6,}")),
    # One or two capitalised words: "my name is Ann Lee", but not "my name is on the list".
    (r"\1[name]", re.compile(r"\b((?i:my name is|my name's|i am called|i'm called|call me) )[A-Z]\w+(?: [A-Z]\w+)?")),
)


def mask(text: str) -> str:
    """`text` with e-mail addresses, links, @handles, long numbers and introduced names replaced by what they were."""
    for name, pattern in _PATTERNS:
        text = pattern.sub(name, text)
    return text
