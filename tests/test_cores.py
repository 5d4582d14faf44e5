"""The cores of a processor, shared by lookups and the engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from models.serving.cores import Cores
from models.serving.engine.engine import Engine


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


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


def test_the_engine_has_all_cores_but_while_something_is_looked_up() -> None:
    cores = Cores(4)
    assert of_another_thread(cores.write) == 4
    with cores.looking_up():
        assert torch.get_num_threads() == 2
        with cores.looking_up():
            assert of_another_thread(cores.write) == 2
        assert of_another_thread(cores.write) == 2
    assert of_another_thread(cores.write) == 4


def test_a_lookup_that_fails_gives_its_cores_back() -> None:
    cores = Cores(2)
    with pytest.raises(OSError, match="no tails"), cores.looking_up():
        raise OSError("no tails")
    assert of_another_thread(cores.write) == 2


def test_a_single_core_is_used_by_both() -> None:
    cores = Cores(1)
    with cores.looking_up():
        assert torch.get_num_threads() == of_another_thread(cores.write) == 1


def test_the_engine_asks_before_it_computes() -> None:
    cores = Cores(3)
    engine = Engine(cores=cores)
    assert engine.call(torch.get_num_threads) == 3
    with cores.looking_up():
        assert engine.call(torch.get_num_threads) == 1
