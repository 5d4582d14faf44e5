"""Passwords as scrypt hashes (RFC 7914), with the standard library's implementation.

The stored text includes its cost, so that the cost can be raised later and old hashes can still be checked.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Collection

MIN_CHARS = 10
MAX_CHARS = 200
MIN_DIFFERENT = 5
"""minimum number of different characters, not counting blanks"""
_LIST = (
    "0123456789 1234567890 12345678910 123456789012 0987654321 1234512345 123123123123 1q2w3e4r5t 1q2w3e4r5t6y "
    "q1w2e3r4t5 1qaz2wsx3edc qazwsxedcrfv qwertyuiop qwertyuiop123 qwertzuiop azertyuiop qwerty12345 qwerty123456 "
    "qwerty1234 asdfghjkl1 asdfghjkl123 zxcvbnm123 abcdefghij abcdefghijk abcd123456 abc1234567 abcde12345 "
    "password12 password123 password1234 password12345 passw0rd123 mypassword mypassword1 passwordpassword "
    "iloveyou12 iloveyou123 iloveyou1234 letmein123 letmein1234 welcome123 welcome1234 admin12345 administrator "
    "changeme123 football123 baseball123 princess123 sunshine123 superman123 liverpool1 manchester computer123 "
    "basketball chocolate1 jennifer123 alexander1 michael123 starwars123 whatever123 trustno1234 dragon1234"
)
_COMMON = frozenset(_LIST.split())
"""common passwords with ten characters or more, as `_letters` writes them"""
_COST = (2**14, 8, 1)
"""n, r, p: 16 MiB and about 50 ms"""


def hash_password(password: str, names: Collection[str] = ()) -> str:
    """`scrypt$n$r$p$salt$hash` with a fresh salt. Raises ValueError for a password that is too easy to guess.

    `names` are those of the member and the study.
    """
    if not MIN_CHARS <= len(password) <= MAX_CHARS:
        raise ValueError(f"The password has {len(password)} characters; allowed: {MIN_CHARS} to {MAX_CHARS}.")
    reason = _too_easy(password, names)
    if reason:
        raise ValueError(f"The password {reason}, so it is easy to guess. Choose another, such as four unusual words.")
    salt = secrets.token_bytes(16)
    n, r, p = _COST
    return f"scrypt${n}${r}${p}${salt.hex()}${_digest(password, salt, n, r, p).hex()}"


def _too_easy(password: str, names: Collection[str]) -> str:
    """Why this is one of the first passwords that somebody would try; "" when it is not."""
    plain = _letters(password)
    if len(set(password.casefold()) - {" "}) < MIN_DIFFERENT:
        return f"has fewer than {MIN_DIFFERENT} different characters"
    if plain in _COMMON:
        return "is one of the most common ones"
    known = {_letters(name) for name in names} - {""}
    parts = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    if known and re.fullmatch(f"(?>{parts}|password)++[0-9]*", plain):  # no backtracking: names may overlap
        return "is made of your name and the study's"
    return ""


def _letters(text: str) -> str:
    """Only letters and digits, in lower case: "Pilot-1 !" becomes "pilot1"."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())


def check_password(password: str, stored: str | None) -> bool:
    """Whether `password` matches `stored`; takes as long without a stored one (None) as for a wrong password."""
    if stored is None:
        _digest(password[:MAX_CHARS], b"nobody", *_COST)
        return False
    _, n, r, p, salt, digest = stored.split("$")
    found = _digest(password[:MAX_CHARS], bytes.fromhex(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, bytes.fromhex(digest)) and len(password) <= MAX_CHARS


def _digest(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # Composed, since keyboards write the same letter in more than one way; accepts any text, even half a character.
    plain = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(plain, salt=salt, n=n, r=r, p=p, maxmem=2**26, dklen=32)
