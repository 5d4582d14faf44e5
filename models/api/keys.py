"""API keys of those who may use the server, held as hashes, compared in constant time, and never logged or shown."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from fastapi import Request

from models.api.faults import Fault

VARIABLE = "ESCDEMO_API_KEYS"
"""environment variable with keys, separated by commas"""
SHORTEST = 16
"""minimum length of a key in characters: shorter ones can be guessed"""


class Keys:
    """The keys of this run; without any, everybody who can reach the server may use it."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Raises ValueError when a key is too short; the message does not repeat it."""
        known = list(keys)
        if any(len(key) < SHORTEST for key in known):
            raise ValueError(f"an API key is too short; want at least {SHORTEST} characters, drawn at random")
        self._hashes = [_hash(key) for key in known]

    def __len__(self) -> int:
        return len(self._hashes)

    def check(self, request: Request) -> None:
        """Raises Fault unless the request carries a key. The time it takes does not depend on what was sent."""
        if not self._hashes:
            return
        kind, _, sent = request.headers.get("authorization", "").partition(" ")
        given = _hash(sent.strip())
        same = [hmac.compare_digest(given, known) for known in self._hashes]  # compares all, even after a match
        if kind.lower() != "bearer" or not any(same):
            message = "missing or unknown API key; send the header `Authorization: Bearer KEY`"
            raise Fault(401, message, "invalid_api_key", headers={"WWW-Authenticate": "Bearer"})


def read_keys(file: Path | None, environment: Mapping[str, str] = os.environ) -> Keys:
    """The keys in the environment and in a file, one per line; lines that begin with # are comments.

    Raises FileNotFoundError, or ValueError for a file that others may read or a key that is too short.
    """
    found = [key.strip() for key in environment.get(VARIABLE, "").split(",") if key.strip()]
    if file is not None:
        if not file.is_file():
            raise FileNotFoundError(f"no file of API keys at {file}; write one key a line")
        if file.stat().st_mode & 0o077:
            raise ValueError(f"others may read the API keys in {file}; run `chmod 600 {file}`")
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
        found += [line for line in lines if line and not line.startswith("#")]
        if not found:
            raise ValueError(f"there is no API key in {file}; write one key a line")
    return Keys(found)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()
