"""What a browser keeps after signing in by password, to return after a reload: member, expiry time, and a proof.

The proof is an HMAC (RFC 2104) over the rest, with the key of this run of the server and the member's password hash. So
no ticket can be made from a stolen database, and a new password, a restart or its expiry make a ticket invalid.
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
    """Whether `text` has the form of a ticket; an invitation's token never has."""
    return text.startswith(f"{_MARK}.") and text.count(".") == 3


def holder_of(ticket: str) -> str:
    """The id of the member whom the ticket names; `is_genuine` checks whether that is true."""
    return ticket.split(".")[1]


def is_genuine(ticket: str, password_hash: str, key: bytes, now: datetime) -> bool:
    """Whether this server issued the ticket after the password was set, and it has not expired."""
    claim, _, proof = ticket.rpartition(".")
    if not hmac.compare_digest(proof.encode(), _proof(claim, password_hash, key).encode()):
        return False
    return now.timestamp() < int(claim.rpartition(".")[2])


def _proof(claim: str, password_hash: str, key: bytes) -> str:
    return hmac.new(key + password_hash.encode(), claim.encode(), hashlib.sha256).hexdigest()
