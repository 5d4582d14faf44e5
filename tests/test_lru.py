"""The bounded cache."""

from __future__ import annotations

import pytest

from models.files.lru import Lru


def test_the_entry_unused_for_longest_goes_first() -> None:
    cache: Lru[str, int] = Lru(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c"), len(cache)) == (1, None, 3, 2)


def test_a_cache_needs_room() -> None:
    with pytest.raises(ValueError, match="0 entries; allowed: 1 or more"):
        Lru(0)


def test_entries_may_count_by_their_size() -> None:
    cache: Lru[str, str] = Lru(5, len)
    cache.put("a", "xx")
    cache.put("b", "xxx")
    assert (cache.get("a"), cache.total) == ("xx", 5)
    cache.put("c", "x")
    assert (cache.get("b"), cache.total) == (None, 3)
    cache.put("a", "x")
    cache.drop("c")
    assert cache.total == 1
    cache.put("d", "x" * 6)
    assert (len(cache), cache.total) == (0, 0)
