"""The cores of a processor: what other programs leave is the engine's."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from types import SimpleNamespace

import psutil
import pytest
import torch

from models.serving.cores import Cores
from models.serving.engine.engine import Engine
from models.serving.neighbours import LOOK_EVERY_S, Neighbours


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Played:
    """A clock, and what other programs have computed."""

    def __init__(self) -> None:
        self.time = self.spent = 0.0

    def neighbours(self) -> Neighbours:
        return Neighbours(lambda: self.time, lambda: self.spent)

    def passes(self, seconds: float, cores: float) -> None:
        self.time += seconds
        self.spent += seconds * cores


def cores_of(total: int) -> Cores:
    """Cores that no other program uses."""
    return Cores(total, Played().neighbours())


def of_another_thread(compute: object) -> int:
    """The number of threads that torch has in a thread after `compute`."""
    found = list[int]()

    def run() -> None:
        compute()  # type: ignore[operator]
        found.append(torch.get_num_threads())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def test_the_engine_has_all_cores_but_while_something_is_computed_beside_it() -> None:
    cores = cores_of(4)
    assert of_another_thread(cores.take) == 4
    cores.rest()
    with cores.beside():
        assert torch.get_num_threads() == 2
        assert of_another_thread(cores.take) == 2
    assert of_another_thread(cores.take) == 4


def test_what_is_computed_beside_it_waits_until_half_of_the_cores_are_free() -> None:
    cores, began = cores_of(4), threading.Event()

    def look_up() -> None:
        with cores.beside():
            began.set()

    assert cores.rests
    of_another_thread(cores.take)
    assert not cores.rests
    thread = threading.Thread(target=look_up)
    thread.start()
    assert not began.wait(0.1), "the engine uses all cores"
    of_another_thread(cores.take)
    assert began.wait(10)
    thread.join()


def test_a_lookup_that_fails_gives_its_cores_back() -> None:
    cores = cores_of(2)
    with pytest.raises(OSError, match="no tails"), cores.beside():
        raise OSError("no tails")
    assert of_another_thread(cores.take) == 2


def test_a_single_core_is_used_by_both() -> None:
    cores = cores_of(1)
    with cores.beside():
        assert torch.get_num_threads() == of_another_thread(cores.take) == 1


def test_what_is_looked_up_is_computed_by_an_engine_that_rests_or_else_beside_it() -> None:
    cores, seen, go_on = cores_of(4), list[tuple[str, int]](), threading.Event()
    engine = Engine(cores=cores)

    def pieces() -> Generator[None, None, str]:
        for _ in range(2):
            seen.append((threading.current_thread().name, torch.get_num_threads()))
            yield
        return "tails"

    def keeps_busy() -> Generator[None, None, None]:
        while not go_on.wait(0.001):
            yield

    assert engine.beside(pieces) == "tails"
    assert seen == [("engine", 4)] * 2
    seen.clear()
    busy = threading.Thread(target=engine._run, args=(keeps_busy, 1))
    busy.start()
    while cores.rests:
        go_on.wait(0.001)
    assert engine.beside(pieces) == "tails"
    assert seen == [(threading.current_thread().name, 2)] * 2
    go_on.set()
    busy.join()


def test_without_a_share_of_cores_it_is_computed_by_the_thread_that_asks() -> None:
    assert Engine().beside(one_piece) is threading.current_thread()


def test_what_fails_while_it_is_looked_up_fails_for_the_thread_that_asks() -> None:
    def fails() -> Generator[None, None, None]:
        yield
        raise OSError("no tails")

    engine = Engine(cores=cores_of(2))
    with pytest.raises(OSError, match="no tails"):
        engine.beside(fails)
    assert engine.beside(one_piece) is engine._thread


def one_piece() -> Generator[None, None, threading.Thread]:
    return threading.current_thread()
    yield


def test_cores_that_other_programs_use_are_left_to_them() -> None:
    played = Played()
    cores = Cores(2, played.neighbours())
    assert of_another_thread(cores.take) == 2
    played.passes(LOOK_EVERY_S, 0.9)
    assert of_another_thread(cores.take) == 1
    played.passes(LOOK_EVERY_S / 2, 0.0)
    assert of_another_thread(cores.take) == 1, "it looks again only after a while"
    played.passes(LOOK_EVERY_S, 0.1)
    assert of_another_thread(cores.take) == 2


def test_only_as_many_as_they_use_and_never_more_than_half() -> None:
    played = Played()
    cores = Cores(16, played.neighbours())
    for used, left in ((0.5, 16), (0.9, 15), (2.5, 13), (12.0, 8)):
        played.passes(LOOK_EVERY_S, used)
        assert of_another_thread(cores.take) == left


def test_what_this_program_computes_is_not_a_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = SimpleNamespace(user=3.0, system=1.0)
    own = SimpleNamespace(cpu_times=lambda: spent)
    everyone = SimpleNamespace(user=5.0, nice=0.5, system=2.0, steal=0.25, idle=90.0, iowait=7.0)
    monkeypatch.setattr(psutil, "Process", lambda: own)
    monkeypatch.setattr(psutil, "cpu_times", lambda: everyone)
    clock = iter((0.0, 1.0))
    neighbours = Neighbours(lambda: next(clock))
    everyone.user, everyone.system, everyone.idle = 6.25, 2.25, 91.0
    spent.user, spent.system = 3.5, 1.25
    assert neighbours.cores() == pytest.approx(0.75)


def test_the_engine_takes_its_cores_before_it_computes() -> None:
    assert Engine(cores=cores_of(3)).call(torch.get_num_threads) == 3
