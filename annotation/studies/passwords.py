"""Passwords as scrypt hashes (RFC 7914), with the standard library's implementation.

The stored text names its own cost, so that the cost can be raised later and old hashes still be checked.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata

MIN_CHARS = 10
MAX_CHARS = 200
_COST = (2**14, 8, 1)
"""n, r, p: 16 MiB and about 50 ms"""


def hash_password(password: str) -> str:
    """`scrypt$n$r$p$salt$hash` with a fresh salt. Raises ValueError when the password is too short or too long."""
    if not MIN_CHARS <= len(password) <= MAX_CHARS:
        raise ValueError(f"The password has {len(password)} characters; allowed: {MIN_CHARS} to {MAX_CHARS}.")
    salt = secrets.token_bytes(16)
    n, r, p = _COST
    return f"scrypt${n}${r}${p}${salt.hex()}${_digest(password, salt, n, r, p).hex()}"


def check_password(password: str, stored: str | None) -> bool:
    """Whether `password` is the one behind `stored`; takes as long for nobody's (None) as for a wrong one."""
    if stored is None:
        _digest(password[:MAX_CHARS], b"nobody", *_COST)
        return False
    _, n, r, p, salt, digest = stored.split("$")
    found = _digest(password[:MAX_CHARS], bytes.fromhex(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, bytes.fromhex(digest)) and len(password) <= MAX_CHARS


def _digest(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # Composed, since keyboards write the same letter in more than one way; any text will do, half a character too.
    plain = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(plain, salt=salt, n=n, r=r, p=p, maxmem=2**26, dklen=32)
