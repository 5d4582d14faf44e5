"""What a browser that signed in by password keeps, to come back after a reload: who, until when, and a proof.

The proof is an HMAC (RFC 2104) over the rest, under the key of this run of the server and the member's password hash.
So a stolen database makes no ticket, and a new password, a restart or the end of its time make old ones worthless.
Pure; nothing is stored.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

LIFE = timedelta(hours=12)
_MARK = "ticket"


def make_ticket(member_id: str, password_hash: str, key: bytes, now: datetime) -> str:
    """`ticket.MEMBER.EXPIRES.PROOF`, valid for LIFE; EXPIRES in seconds since the epoch."""
    claim = f"{_MARK}.{member_id}.{int((now + LIFE).timestamp())}"
    return f"{claim}.{_proof(claim, password_hash, key)}"


def is_ticket(text: str) -> bool:
    """Whether `text` wants to be a ticket; an invitation's token never does."""
    return text.startswith(f"{_MARK}.") and text.count(".") == 3


def holder_of(ticket: str) -> str:
    """The id of the member whom the ticket names; `is_genuine` says whether that is true."""
    return ticket.split(".")[1]


def is_genuine(ticket: str, password_hash: str, key: bytes, now: datetime) -> bool:
    """Whether this server gave out the ticket since the password was set, and its time is not over."""
    claim, _, proof = ticket.rpartition(".")
    if not hmac.compare_digest(proof.encode(), _proof(claim, password_hash, key).encode()):
        return False
    return now.timestamp() < int(claim.rpartition(".")[2])


def _proof(claim: str, password_hash: str, key: bytes) -> str:
    return hmac.new(key + password_hash.encode(), claim.encode(), hashlib.sha256).hexdigest()
