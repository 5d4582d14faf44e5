"""Blocks in MISC's order and within its caps; what the cache asks for and keeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from models.data.relations import RELATIONS
from models.knowledge.comet import (
    SITUATION_RELATIONS,
    Block,
    CachedComet,
    Comet,
    NoComet,
    Query,
    blocks_for,
    check_relations,
    clean,
    normalise,
)


class CountingComet(Comet):
    """Answers `per_query` tails that spell their query; keeps every call."""

    version = "counting-1"

    def __init__(self, per_query: int = 2) -> None:
        self.per_query = per_query
        self.calls: list[list[Query]] = []

    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        self.calls.append(list(queries))
        return [tuple(f"{event} {relation} {n}" for n in range(self.per_query)) for event, relation in queries]


def test_no_comet_gives_no_block() -> None:
    assert blocks_for(NoComet(), "i moved", "i am sad") == ((), ())
    assert NoComet().tails(["i am sad"]) == [dict.fromkeys(RELATIONS, ())]


def test_blocks_come_in_the_order_of_misc_from_one_batch() -> None:
    comet = CountingComet()
    situation, post = blocks_for(comet, "s", "p")
    assert [block.relation for block in post] == [r for r in RELATIONS for _ in range(2)]
    assert [block.relation for block in situation] == [r for r in SITUATION_RELATIONS for _ in range(2)]
    assert all(relation.startswith("x") for relation in SITUATION_RELATIONS)
    assert post[0] == Block("post", "xAttr", "p xAttr 0")
    assert situation[1] == Block("situation", "xAttr", "s xAttr 1")
    assert [len(call) for call in comet.calls] == [15]


def test_over_the_cap_the_last_tails_of_each_relation_go_first() -> None:
    situation, post = blocks_for(CountingComet(5), "s", "p")
    assert (len(situation), len(post)) == (20, 30)
    assert {block.relation for block in post} == set(RELATIONS)
    assert [block.text for block in post[:4]] == ["p xAttr 0", "p xAttr 1", "p xAttr 2", "p xAttr 3"]
    assert [block.text for block in post[-3:]] == ["p oReact 0", "p oReact 1", "p oReact 2"]


@pytest.mark.parametrize(("situation", "post", "asked"), [("", "p", 9), ("s", " \n", 6), ("", "", 0)])
def test_an_empty_text_has_no_blocks(situation: str, post: str, asked: int) -> None:
    comet = CountingComet()
    found = blocks_for(comet, situation, post)
    assert sum(len(call) for call in comet.calls) == asked
    assert [bool(blocks) for blocks in found] == [bool(situation.strip()), bool(post.strip())]


def test_clean_drops_none_doubles_and_blanks() -> None:
    assert clean([" to  rest.", "None", "To rest", "", "sad", "SAD", "a", "b", "c", "d"]) == (
        *("to rest", "sad", "a", "b", "c"),
    )


def test_an_unknown_relation_is_named() -> None:
    with pytest.raises(ValueError, match="unknown relation 'xCause'; allowed: xAttr"):
        check_relations(["xReact", "xCause"])
    with pytest.raises(ValueError, match="xCause"):
        NoComet().tails(["i am sad"], ["xCause"])


def test_the_cache_asks_only_for_what_it_does_not_know() -> None:
    source = CountingComet()
    comet = CachedComet(source)
    first = comet.tails(["I am  sad", "i moved"], ["xReact"])
    assert comet.tails(["i am sad"], ["xReact", "xWant"])[0]["xReact"] == first[0]["xReact"]
    assert source.calls == [[("i am sad", "xReact"), ("i moved", "xReact")], [("i am sad", "xWant")]]
    comet.tails(["i moved"], ["xReact"])
    assert len(source.calls) == 2
    assert comet.version == source.version


def test_the_cache_answers_even_when_it_is_too_small_for_the_batch() -> None:
    comet = CachedComet(CountingComet(), entries=1)
    assert all(len(tails) == 2 for tails in comet.tails(["a", "b"])[1].values())


def test_two_threads_with_the_same_post_ask_once() -> None:
    source = CountingComet()
    comet = CachedComet(source)
    threads = [threading.Thread(target=comet.tails, args=(["i am sad"],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(source.calls) == 1


class SlowComet(CountingComet):
    """Answers when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may = threading.Semaphore(0), threading.Semaphore(0)

    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        self.begun.release()
        assert self.may.acquire(timeout=30)
        if any(event == "bad" for event, _ in queries):
            self.calls.append(list(queries))
            raise RuntimeError("out of memory")
        return super().answer(queries)


def asked_at_once(comet: CachedComet, source: SlowComet, events: Sequence[str]) -> dict[str, object]:
    """What each event is answered, or the fault, where all but the first ask while the first is being answered."""
    found: dict[str, object] = {}

    def ask(event: str) -> None:
        try:
            found[event] = comet.tails([event], ["xReact"])[0]["xReact"]
        except RuntimeError as fault:
            found[event] = str(fault)

    threads = [threading.Thread(target=ask, args=(event,)) for event in events]
    for number, thread in enumerate(threads):
        thread.start()
        if not number:
            assert source.begun.acquire(timeout=30)
    while len(comet._wanted) < len(events):
        time.sleep(0.001)
    for _ in events:
        source.may.release()
    for thread in threads:
        thread.join(30)
    return found


def test_what_several_threads_ask_while_one_is_answered_is_one_batch() -> None:
    source = SlowComet()
    found = asked_at_once(CachedComet(source), source, ["a", "b", "c", "d"])
    assert [len(call) for call in source.calls] == [1, 3]
    assert found.keys() == {"a", "b", "c", "d"}
    assert all(found.values())


def test_who_has_the_answer_does_not_wait_for_the_next_batch() -> None:
    source = SlowComet()
    comet = CachedComet(source)
    found = dict[str, object]()
    ask = {
        name: threading.Thread(target=lambda name=name, event=event: found.update({name: comet.tails([event])}))
        for name, event in (("a", "a"), ("b", "b"), ("a again", "a"))
    }
    ask["a"].start()
    assert source.begun.acquire(timeout=30)
    ask["b"].start()
    while len(comet._wanted) < 2 * len(RELATIONS):
        time.sleep(0.001)
    ask["a again"].start()
    source.may.release()
    ask["a again"].join(30)
    assert "a again" in found
    assert "b" not in found
    source.may.release()
    ask["b"].join(30)
    assert "b" in found


def test_a_batch_is_no_larger_than_is_worth_waiting_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.knowledge.comet.TOGETHER", 2)
    source = SlowComet()
    found = asked_at_once(CachedComet(source), source, list("abcdef"))
    assert [len(call) for call in source.calls] == [1, 2, 2, 1]
    assert len(found) == 6


def test_who_asked_in_a_batch_that_failed_hears_of_it_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.knowledge.comet.TOGETHER", 1)
    source = SlowComet()
    comet = CachedComet(source)
    found = asked_at_once(comet, source, ["a", "bad", "c"])
    assert found["bad"] == "out of memory"
    assert isinstance(found["a"], tuple)
    assert isinstance(found["c"], tuple)
    source.may.release()
    assert comet.tails(["a"], ["xReact"])[0]["xReact"] == found["a"], "nothing is left that waits"


def test_saved_tails_come_back_for_the_same_version_only(tmp_path: Path) -> None:
    path = tmp_path / "tails.jsonl"
    comet = CachedComet(CountingComet())
    expected = comet.tails(["I moved"])
    comet.save(path, ["I moved"])
    again = CachedComet(CountingComet())
    assert again.load(path) == len(RELATIONS)
    assert again.tails(["i moved"]) == expected
    assert again.source.calls == []  # type: ignore[attr-defined]
    other = CountingComet()
    other.version = "counting-2"
    assert CachedComet(other).load(path) == 0


def test_nothing_is_written_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    CachedComet(CountingComet()).tails(["i am sad"])
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_of_tails_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tails.jsonl"
    with pytest.raises(FileNotFoundError, match=r"tails\.jsonl is missing"):
        CachedComet(NoComet()).load(path)
    path.write_text('{"version": "none", "event": "a", "tails": {}}\n{"event": "a"}\n')
    with pytest.raises(ValueError, match=r"tails\.jsonl, line 2: not a line of tails"):
        CachedComet(NoComet()).load(path)


def test_normalise() -> None:
    assert normalise("  I  AM\nsad ") == "i am sad"
