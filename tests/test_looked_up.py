"""Commonsense and emotions, computed with the engine or beside it: the same answers, while replies are written."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from models.data.relations import RELATIONS
from models.files.checkpoint import WEIGHTS
from models.knowledge.comet import CachedComet
from models.knowledge.comet_shipped import ShippedComet
from models.knowledge.emotion import CachedEmotion
from models.serving import hosting
from models.serving.cores import Cores
from models.serving.decoding import decode
from models.serving.engine.engine import Engine
from models.serving.looked_up import CometBeside, EmotionWith, comet_with
from tests.test_comet_shipped import EVENTS, tiny_comet
from tests.test_cores import cores_of
from tests.test_engine import GREEDY, plans_of, same
from tests.tiny import MadeUpComet, MadeUpEmotions, settled_nets


def test_a_search_beside_replies_finds_what_it_finds_alone() -> None:
    comet, before = tiny_comet(), torch.get_num_threads()
    queries = [(event, relation) for event in EVENTS for relation in RELATIONS]
    expected = comet.answer(queries)
    (net,) = settled_nets("joint")
    engine, plan = Engine(cores=cores_of(2)), plans_of(net)[0]
    try:
        assert comet_with(engine, comet) is comet
        assert comet.drive == engine.beside
        assert comet.answer(queries) == expected, "by the engine"
        with ThreadPoolExecutor(3) as pool:
            written = [pool.submit(engine.decode, net, plan, GREEDY, 1) for _ in range(20)]
            found = [pool.submit(comet.answer, queries) for _ in range(3)]
            assert [one.result() for one in found] == [expected] * 3
            for one in written:
                same(one.result(), decode(net, plan, GREEDY, 1))
    finally:
        torch.set_num_threads(before)


def test_another_generator_computes_on_half_of_the_cores() -> None:
    threads = list[int]()

    class Counting(MadeUpComet):
        def answer(self, queries: Any) -> Any:
            threads.append(torch.get_num_threads())
            return super().answer(queries)

    before, source = torch.get_num_threads(), Counting()
    try:
        found = comet_with(Engine(cores=cores_of(6)), source)
        assert isinstance(found, CometBeside)
        assert found.answer([("a", "xReact")]) == source.answer([("a", "xReact")])
    finally:
        torch.set_num_threads(before)
    assert threads[0] == 3
    assert found.version == source.version
    assert comet_with(Engine(), source) is source, "on a GPU there is nothing to share"


def test_emotions_are_read_by_the_engine_and_known_ones_wait_for_nothing() -> None:
    names = list[str]()

    class Named(MadeUpEmotions):
        def read(self, texts: Any) -> Any:
            names.append(threading.current_thread().name)
            return super().read(texts)

    engine, go_on = Engine(cores=cores_of(2)), threading.Event()
    found = CachedEmotion(EmotionWith(Named(), engine))
    assert found.read(["I am sad"]) == MadeUpEmotions().read(["I am sad"])
    assert names == ["engine"]
    busy = threading.Thread(target=engine.call, args=(go_on.wait,))
    busy.start()
    assert found.read(["I am sad"]) == MadeUpEmotions().read(["I am sad"])
    go_on.set()
    busy.join()


def test_hosted_nets_look_up_with_their_engine() -> None:
    before = torch.get_num_threads()
    try:
        hosted = hosting.open_responders(["joint"], "cpu", Path(WEIGHTS))["joint"]
    finally:
        torch.set_num_threads(before)
    assert isinstance(hosted, hosting.NetResponder)
    comet_used, emotions = hosted.sources.comet, hosted.sources.emotions
    assert isinstance(comet_used, CachedComet)
    assert isinstance(comet_used.source, ShippedComet)
    assert comet_used.source.drive == hosted.writer.beside
    assert isinstance(emotions, CachedEmotion)
    assert isinstance(emotions.source, EmotionWith)
    assert emotions.source.engine is hosted.writer


def test_the_engine_s_own_thread_may_not_look_up() -> None:
    engine = Engine(cores=Cores(1))
    with pytest.raises(RuntimeError, match="would wait for itself"):
        engine.call(lambda: engine.beside(lambda: iter(())))  # type: ignore[arg-type, return-value]
