"""The engine writes what the plain path writes, token for token: alone, among others, from cached starts."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from models.backbones.causal import Causal
from models.data.batches import make_batch
from models.data.examples import Said
from models.nets import registry
from models.nets.net import Net, Plan
from models.nets.registry import VARIANTS
from models.serving.decoding import Decoded, decode
from models.serving.engine.engine import ROWS, Engine
from models.serving.engine.lanes import FIRST_ROWS
from models.serving.engine.prefill import in_a_piece
from models.serving.engine.writing import Writing
from models.serving.rerank import rank
from models.serving.trace import DecodeOptions
from tests.tiny import CAUSAL, settled_nets, tiny_examples, tiny_net

NETS = sorted(registry.CAUSAL)
GREEDY = DecodeOptions("greedy", min_tokens=3, max_tokens=12)
GUIDED = DecodeOptions(
    "guided", top_p=0.9, min_tokens=3, max_tokens=12, topicality=0.5, temperature=1.5, no_copy_ngram=1
)
SAMPLED = DecodeOptions(
    "sample", top_p=1.0, top_k=0, min_tokens=3, max_tokens=12, temperature=2.0, lone_sentence=False, fresh_questions=1
)


def plans_of(net: Net) -> list[Plan]:
    """Four dialogues of different lengths, each read alone; the third without emotions, the last without situation."""
    with torch.inference_mode():
        plans = [(net.plan(make_batch([example])), example) for example in tiny_examples(net)]
        texts = [tuple(i for i in example.context if i not in net.tokenizer.special) for _, example in plans]
        asked = frozenset((i, i + 1) for i in range(200))  # so of most sentences the second id is barred
        said = [Said((text,), (asked,)) for text in texts]
        return [replace(plan, said=(one,)) for (plan, _), one in zip(plans, said, strict=True)]


def same(found: Decoded, expected: Decoded) -> None:
    assert found.ids == expected.ids
    assert found.probabilities == pytest.approx(expected.probabilities, abs=1e-4)
    assert found.attention.keys() == expected.attention.keys()
    for name, weights in expected.attention.items():
        torch.testing.assert_close(found.attention[name], weights, atol=1e-4, rtol=1e-3)
    assert found.traced.keys() == expected.traced.keys()
    for name, values in expected.traced.items():
        assert found.traced[name] == pytest.approx(values, abs=1e-4)


@pytest.mark.parametrize("options", [GREEDY, GUIDED, SAMPLED], ids=lambda o: o.method)
@pytest.mark.parametrize("name", [*NETS, *sorted(n for n in VARIANTS if registry.base_name(n) in registry.CAUSAL)])
def test_alone_it_writes_what_the_plain_path_writes(name: str, options: DecodeOptions) -> None:
    (net,) = settled_nets(name)
    engine = Engine()
    for plan in plans_of(net):
        same(engine.decode(net, plan, options, 3), decode(net, plan, options, 3))


@pytest.mark.parametrize("rows", [64, 5])
def test_among_all_nets_it_writes_what_the_plain_path_writes(rows: int) -> None:
    """Of different lengths, options and ends; with five rows most of them wait and join as others leave."""
    nets = settled_nets(*NETS)
    asked = [
        (net, plan, replace(options, max_tokens=5 + 3 * at), at)
        for net in nets
        for at, plan in enumerate(plans_of(net))
        for options in (GREEDY, GUIDED, SAMPLED)
    ]
    engine = Engine(rows)
    with ThreadPoolExecutor(len(asked)) as pool:
        found = list(pool.map(lambda one: engine.decode(*one), asked))
    for one, reply in zip(asked, found, strict=True):
        same(reply, decode(*one))


def test_what_many_replies_needed_at_a_time_is_given_up_with_the_last_of_them() -> None:
    (net,) = settled_nets("joint")
    plan, engine, rows = plans_of(net)[0], Engine(), list[int]()

    def look(_: object) -> None:
        rows.extend(lane.talk.shape[1] for batch in engine._batches.values() for lane in batch.lanes.values())

    for replies in (3 * FIRST_ROWS, 1, 3 * FIRST_ROWS):
        rows.clear()
        asked = [Writing(net, [plan], GREEDY, seed, look) for seed in range(replies)]
        for decoded in engine._write(asked):
            same(decoded, decode(net, plan, GREEDY, 0))
        assert max(rows) >= replies
        rows.clear()
        engine.call(lambda: look(None))  # by the engine's own thread
        assert max(rows, default=0) <= FIRST_ROWS


@pytest.mark.parametrize("name", NETS)
def test_a_plan_read_in_pieces_is_the_plan(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.serving.engine.prefill.PIECE_TOKENS", 7)
    monkeypatch.setattr("models.serving.engine.prefill.PIECE_TEXTS", 1)
    (net,) = settled_nets(name)
    fresh = tiny_net(CAUSAL + name)
    fresh.load_state_dict(net.state_dict(), strict=False)
    engine = Engine()
    for example in tiny_examples(net):
        batch = make_batch([example])
        for _ in range(2):  # the second time from the cache
            plan = engine.plan(net, batch, lambda batch=batch: net.plan(batch))
            with torch.inference_mode():
                expected = fresh.plan(batch)
            torch.testing.assert_close(plan.strategies, expected.strategies, atol=1e-5, rtol=1e-4)
            assert engine.decode(net, plan, GREEDY, 1).ids == decode(fresh, expected, GREEDY, 1).ids


@pytest.mark.parametrize(("dtype", "size"), [(torch.float32, 64), (torch.bfloat16, 128)])
def test_pieces_are_twice_as_long_where_a_piece_waits_for_the_weights(dtype: torch.dtype, size: int) -> None:
    assert in_a_piece(cast(Causal, SimpleNamespace(weights=SimpleNamespace(dtype=dtype))), 64) == size


def test_what_is_read_ahead_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    (net,) = settled_nets("misc")
    batch, read, engine = make_batch([tiny_examples(net)[1]]), list[int](), Engine()
    backbone = cast(Causal, net.backbone)
    once = backbone._read

    def counted(ids: torch.Tensor, changed: bool, **more: Any) -> Any:
        read.append(ids.shape[1] * changed)
        return once(ids, changed, **more)

    monkeypatch.setattr(backbone, "_read", counted)
    engine.read_ahead(net, batch.ids).result()
    assert sum(read) == batch.ids.shape[1]
    engine.plan(net, batch, lambda: net.plan(batch))
    assert sum(read) == batch.ids.shape[1]


def test_the_best_of_several_is_ranked_the_same() -> None:
    (net,) = settled_nets("misc")
    options = DecodeOptions("rerank", top_p=1.0, temperature=2.0, min_tokens=2, max_tokens=8, candidates=6)
    plan = plans_of(net)[1]
    found, expected = Engine().rank(net, plan, options, 5), rank(net, plan, options, 5)
    assert [c.ids for c in found] == [c.ids for c in expected]
    assert [c.score for c in found] == pytest.approx([c.score for c in expected], abs=1e-4)


def test_a_start_may_be_barred_and_a_beam_searched() -> None:
    (net,) = settled_nets("joint")
    plan, engine = plans_of(net)[0], Engine()
    usual = decode(net, plan, GREEDY, 1).ids[0]
    same(engine.decode(net, plan, GREEDY, 1, first_banned=[usual]), decode(net, plan, GREEDY, 1, first_banned=[usual]))
    beam = DecodeOptions("beam", beams=2, min_tokens=3, max_tokens=6)
    same(engine.decode(net, plan, beam, 1), decode(net, plan, beam, 1))


class Stopped(Exception):  # noqa: N818
    """What a listener raises."""


def test_a_reply_that_is_stopped_leaves_at_once_and_the_others_go_on() -> None:
    (net,) = settled_nets("joint")
    engine, plans = Engine(), plans_of(net)
    seen: list[int] = []
    both = threading.Barrier(2)

    def stop(ids: list[int]) -> None:
        if len(ids) == 3:
            raise Stopped

    def go_on(ids: list[int]) -> None:
        seen.append(sum(len(lane.rows) for batch in engine._batches.values() for lane in batch.lanes.values()))

    def ask(at: int, listen: Any) -> Decoded:
        both.wait()
        return engine.decode(net, plans[at], replace(GREEDY, min_tokens=12), 1, listen)

    with ThreadPoolExecutor(2) as pool:
        stopped, kept = pool.submit(ask, 0, stop), pool.submit(ask, 1, go_on)
        with pytest.raises(Stopped):
            stopped.result()
        same(kept.result(), decode(net, plans[1], replace(GREEDY, min_tokens=12), 1))
    assert seen[-1] == 1
    assert not any(batch.writings for batch in engine._batches.values())


def test_a_fault_in_a_step_is_told_and_the_next_reply_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    (net,) = settled_nets("joint")
    engine, plan = Engine(), plans_of(net)[0]
    with monkeypatch.context() as broken:
        broken.setattr("models.serving.engine.batch.one_token", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            engine.decode(net, plan, GREEDY, 1)
    same(engine.decode(net, plan, GREEDY, 1), decode(net, plan, GREEDY, 1))


def test_a_killed_thread_is_told_and_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    (net,) = settled_nets("joint")
    engine, plan = Engine(), plans_of(net)[0]

    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr("models.serving.engine.batch.one_token", killed)
        with pytest.raises(RuntimeError, match="the engine stopped"):
            engine.decode(net, plan, GREEDY, 1)
    same(engine.decode(net, plan, GREEDY, 1), decode(net, plan, GREEDY, 1))


def test_out_of_memory_it_writes_fewer_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from models.serving.engine import batch as module

    (net,) = settled_nets("joint")
    engine, plans = Engine(), plans_of(net)
    compute, most = module.one_token, list[int]()

    def tight(*given: Any) -> torch.Tensor:
        if len(given[-1]) > 2:
            raise torch.OutOfMemoryError
        most.append(len(given[-1]))
        return compute(*given)

    monkeypatch.setattr(module, "one_token", tight)
    held, ready = threading.Event(), threading.Event()
    holding = threading.Thread(target=engine.call, args=(lambda: held.set() or ready.wait(20),))
    holding.start()
    held.wait(20)
    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(engine.decode, net, plan, GREEDY, 1) for plan in plans]
        while len(engine._line) < 4:  # all of them wait, so that all join at once
            threading.Event().wait(0.01)
        ready.set()
        for reply, plan in zip(found, plans, strict=True):
            same(reply.result(), decode(net, plan, GREEDY, 1))
    holding.join()
    assert max(most) == 2
    (batch,) = engine._batches.values()
    assert batch.limit == ROWS  # as many as ever, once the memory is free again


def test_a_killed_thread_is_told_to_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two replies are being written, two wait for rows, a context waits to be read."""
    from models.serving.engine import batch as module

    (net,) = settled_nets("joint")
    engine, plans = Engine(rows=2), plans_of(net)
    compute = module.one_token

    def killed(*given: Any) -> torch.Tensor:
        if len(engine._line) == 2 and engine._tasks:
            raise SystemExit
        threading.Event().wait(0.001)  # until all have asked
        return compute(*given)

    options = replace(GREEDY, min_tokens=100, max_tokens=100)
    with ThreadPoolExecutor(5) as pool, monkeypatch.context() as broken:
        broken.setattr(module, "one_token", killed)
        replies = [pool.submit(engine.decode, net, plan, options, 1) for plan in plans]
        while len(engine._line) < 2:
            threading.Event().wait(0.001)
        waiting = pool.submit(engine._run, endless, 1)
        for one in (*replies, waiting):
            with pytest.raises(RuntimeError, match="the engine stopped"):
                one.result(20)
    same(engine.decode(net, plans[0], GREEDY, 1), decode(net, plans[0], GREEDY, 1))


def endless() -> Any:
    while True:
        yield


def test_a_device_that_fails_at_everything_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a GPU after an illegal access: what would clean up fails too."""
    from models.serving.engine.lanes import Lane

    (net,) = settled_nets("joint")
    engine, plan = Engine(), plans_of(net)[0]

    def broken_device(*_: Any) -> None:
        raise RuntimeError("the device is gone")

    with monkeypatch.context() as broken, ThreadPoolExecutor(1) as pool:
        broken.setattr("models.serving.engine.batch.one_token", broken_device)
        broken.setattr(Lane, "remove", broken_device)
        with pytest.raises(RuntimeError, match="the engine stopped"):
            pool.submit(engine.decode, net, plan, GREEDY, 1).result(20)
    same(engine.decode(net, plan, GREEDY, 1), decode(net, plan, GREEDY, 1))


def test_out_of_memory_while_reading_it_forgets_what_it_read_before(monkeypatch: pytest.MonkeyPatch) -> None:
    (net,) = settled_nets("joint")
    engine, batches = Engine(), [make_batch([example]) for example in tiny_examples(net)]
    engine.plan(net, batches[0], lambda: net.plan(batches[0]))
    read, kept = type(net.backbone)._read, net.backbone.weights.prefixes._readings
    before = kept.recent()

    def tight(self: Any, *given: Any, **more: Any) -> Any:
        if set(before) & set(kept.recent()):
            raise torch.OutOfMemoryError
        return read(self, *given, **more)

    assert before
    monkeypatch.setattr(type(net.backbone), "_read", tight)
    plan = engine.plan(net, batches[1], lambda: net.plan(batches[1]))
    same(engine.decode(net, plan, GREEDY, 1), decode(net, plans_of(net)[1], GREEDY, 1))


def test_out_of_memory_while_reading_it_waits_for_replies_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    (net,) = settled_nets("joint")
    engine, plan = Engine(), plans_of(net)[0]
    batch = make_batch([tiny_examples(net)[1]])
    read, refused = type(net.backbone)._read, threading.Event()

    def tight(self: Any, *given: Any, **more: Any) -> Any:
        if any(running.writings for running in engine._batches.values()):
            refused.set()
            raise torch.OutOfMemoryError
        return read(self, *given, **more)

    def hold(_ids: list[int]) -> None:  # the reply goes on until the reading was refused
        held.set()
        if not refused.is_set():
            threading.Event().wait(0.001)

    net.backbone.weights.prefixes.clear()
    monkeypatch.setattr(type(net.backbone), "_read", tight)
    held = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(engine.decode, net, plan, replace(GREEDY, min_tokens=60, max_tokens=60), 1, hold)
        assert held.wait(20)
        reading = pool.submit(engine.plan, net, batch, lambda: net.plan(batch))
        same(engine.decode(net, reading.result(60), GREEDY, 1), decode(net, plans_of(net)[1], GREEDY, 1))
        assert len(running.result(60).ids) == 60
    assert refused.is_set()


def test_a_context_that_fits_no_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    (net,) = settled_nets("joint")
    batch = make_batch([tiny_examples(net)[1]])

    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(type(net.backbone), "_read", full)
    with pytest.raises(torch.OutOfMemoryError):
        Engine().plan(net, batch, lambda: net.plan(batch))


COMPUTING = """
import threading, torch
from models.serving.engine.engine import Engine
engine, begun, square = Engine(), threading.Event(), torch.randn(1000, 1000)
def compute():
    begun.set()
    for _ in range(40):
        square @ square
threading.Thread(target=lambda: [engine.call(compute) for _ in range(1000)], daemon=True).start()
begun.wait()
"""


def test_python_may_end_in_the_midst_of_a_reply() -> None:
    done = subprocess.run([sys.executable, "-c", COMPUTING], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_dialogue_too_long_for_the_base_is_refused_in_words() -> None:
    (net,) = settled_nets("joint")
    plan = plans_of(net)[0]
    net.backbone.weights.shape = replace(net.backbone.shape, positions=30)
    with pytest.raises(ValueError, match="the base reads 30; shorten them"):
        Engine().decode(net, plan, GREEDY, 1)
