"""Pauses before attempts to sign in: they grow, end, and never keep the owner of an account out."""

from __future__ import annotations

import pytest

from annotation.studies import pace
from annotation.studies.pace import AT_ONCE_ADDRESS, CAPACITY, FORGET_S, FREE_ADDRESS, LONGEST_S, Pace
from annotation.studies.passwords import check_password, hash_password


class Clock:
    """Stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def attempt(paced: Pace, account: str, address: str, right: bool | None = False) -> float | None:
    wait = paced.begin(account, address)
    if wait is not None:
        paced.end(account, address, right)
    return wait


def test_failures_of_an_account_count_wherever_they_come_from() -> None:
    clock = Clock()
    paced = Pace(clock)
    waits = [attempt(paced, "r1", f"1.2.3.{number}") for number in range(20)]
    assert waits[:8] == [0, 0, 0, 0.5, 1, 2, 4, 8]
    assert set(waits[8:]) == {LONGEST_S}
    assert attempt(paced, "r2", "1.2.3.1") == 0
    clock.now = FORGET_S
    assert attempt(paced, "r1", "9.9.9.9") == 0


def test_failures_of_an_address_count_over_all_accounts() -> None:
    paced = Pace(Clock())
    for number in range(FREE_ADDRESS):
        assert attempt(paced, f"r{number}", "1.2.3.4") == 0
    assert attempt(paced, "r99", "1.2.3.4") == 0.5
    assert attempt(paced, "r98", "1.2.3.4", right=True) == 1
    assert attempt(paced, "r97", "1.2.3.4") == 1  # a right one of an own account clears nothing
    assert attempt(paced, "r96", "5.6.7.8") == 0


def test_an_ipv6_network_is_one_address() -> None:
    paced = Pace(Clock())
    for number in range(FREE_ADDRESS):
        attempt(paced, f"r{number}", f"2001:db8:1:2::{number:x}")
    assert attempt(paced, "r99", "2001:db8:1:2:ffff::1") == 0.5
    assert attempt(paced, "r98", "2001:db8:1:3::1") == 0


def test_only_so_many_wait_at_once_and_places_are_given_back() -> None:
    paced = Pace(Clock())
    waits = [paced.begin(f"r{number}", "1.2.3.4") for number in range(AT_ONCE_ADDRESS + 2)]
    assert waits == [0] * AT_ONCE_ADDRESS + [None, None]
    assert [paced.begin("r1", "5.6.7.8") for _ in range(4)] == [0, 0, 0, None]
    paced.end("r0", "1.2.3.4", None)
    assert paced.begin("r50", "1.2.3.4") == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "CAPACITY", 50)
    paced = Pace(Clock())
    for number in range(200):
        attempt(paced, f"r{number}" * 1000, f"10.0.{number}.1")
    assert len(paced._failures) == 50
    assert len(paced._waiting) == 0
    assert CAPACITY <= 10_000


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        (" " * 10, "different characters"),
        ("1" * 12, "different characters"),
        ("abababababab", "different characters"),
        ("a a a a a a a", "different characters"),
        ("1234567890", "most common"),
        ("Password-1234", "most common"),
        ("QWERTZUIOP", "most common"),
        ("support pilot", "your name and the study's"),
        ("Support-Pilot 2026!", "your name and the study's"),
        ("r3 support-pilot", "your name and the study's"),
        ("support-pilot-password1", "your name and the study's"),
        ("short", "10 to 200"),
    ],
)
def test_easy_passwords_are_refused(password: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        hash_password(password, names=("support-pilot", "r3"))


@pytest.mark.parametrize("password", ["a long password", "my support-pilot is late", "caf\u00e9 au lait", "9pq#Lw2!zR"])
def test_others_are_taken(password: str) -> None:
    assert check_password(password, hash_password(password, names=("support-pilot", "r3")))


def test_overlapping_names_cost_no_time() -> None:
    """(r1r1|r1)+ would try a number of ways that doubles with each letter."""
    assert hash_password("r1" * 60 + "xyz", names=("r1r1", "r1"))
