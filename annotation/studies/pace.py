"""Slows down password guessing without locking anybody out: a pause before each attempt, longer after each failure.

    wait = pace.begin(account, address)         # seconds to wait, or None: too many attempts are waiting already
    ...                                         # wait without holding a thread, then check the password
    pace.end(account, address, right=True)

An account with failed attempts gets a pause wherever the next one comes from, so many addresses do not help; its owner
waits LONGEST_S at most. The number of attempts that may wait at once is limited per account and address, per address,
and in all; otherwise a thousand attempts at once would all be checked after one pause. With the longest pause, one
address has 3 guesses in 8 s at one account, and 8 in 8 s at all of them. Kept in memory only, at most CAPACITY entries.
"""

from __future__ import annotations

import hashlib
import ipaddress
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

FREE_ACCOUNT, FREE_ADDRESS = 3, 20
"""failures allowed without a pause, for one account and for one address (which whole offices may share)"""
LONGEST_S = 8.0
FORGET_S = 900.0
"""time without a failure after which earlier ones are forgotten"""
AT_ONCE_ACCOUNT, AT_ONCE_ADDRESS, AT_ONCE = 3, 8, 128
"""attempts that may wait at once: at one account from one address, from one address, in all"""
CAPACITY = 4096


class Pace:
    """Remembers failed attempts; thread-safe. `clock` returns seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._failures: OrderedDict[bytes, tuple[int, float]] = OrderedDict()
        self._waiting: Counter[bytes] = Counter()

    def begin(self, account: str, address: str) -> float | None:
        """Seconds until this attempt may be checked; None when it may not wait. Unless None, `end` must be called."""
        places = _places(account, address)
        with self._guard:
            if any(self._waiting[place] >= limit for place, limit in places.items()):
                return None
            self._waiting.update(places.keys())
            by_account, by_address = _key("account", account), _key("address", _network(address))
            return max(self._pause(by_account, FREE_ACCOUNT), self._pause(by_address, FREE_ADDRESS))

    def end(self, account: str, address: str, right: bool | None) -> None:
        """Record that the attempt was `right` or wrong, or (None) was never checked."""
        by_account, by_address = _key("account", account), _key("address", _network(address))
        with self._guard:
            self._waiting.subtract(_places(account, address).keys())
            self._waiting = +self._waiting
            if right:  # but not of the address, which somebody with an account could clear again and again
                self._failures.pop(by_account, None)
            elif right is False:
                for key in (by_account, by_address):
                    self._failures[key] = (self._count(key) + 1, self._clock())
                    self._failures.move_to_end(key)
                while len(self._failures) > CAPACITY:
                    self._failures.popitem(last=False)

    def _count(self, key: bytes) -> int:
        failures, last = self._failures.get(key, (0, 0.0))
        return failures if self._clock() - last < FORGET_S else 0

    def _pause(self, key: bytes, free: int) -> float:
        failures = self._count(key)
        return 0.0 if failures < free else min(0.5 * 2 ** min(failures - free, 10), LONGEST_S)


def _places(account: str, address: str) -> dict[bytes, int]:
    """The waiting places that the attempt takes, each with its limit."""
    network = _network(address)
    return {
        _key("both", f"{account}\n{network}"): AT_ONCE_ACCOUNT,
        _key("address", network): AT_ONCE_ADDRESS,
        _key("all", ""): AT_ONCE,
    }


def _network(address: str) -> str:
    """The address; for IPv6 its network, since whoever has one address has 2 ** 64."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((known, 64), strict=False)) if known.version == 6 else str(known)


def _key(kind: str, text: str) -> bytes:
    """A key of fixed length, however long the text."""
    return hashlib.sha256(f"{kind}:{text}".encode("utf-8", "surrogatepass")).digest()
