"""Rounds in which the contenders answer the same talks in turn, and the speed limit set by the machine's memory."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

from models.serving.engine.engine import ENGINE
from models.serving.speed.contender import Contender
from models.serving.speed.talks import Answered, made_up_talks

T = TypeVar("T")

STREAM_BYTES = 2**28
"""bytes read to measure the memory's bandwidth; far more than caches hold"""


@dataclass(frozen=True)
class Round:
    """The result of one contender in one round."""

    first_s: float | None
    """median until the first word"""
    p50_s: float
    p95_s: float
    """of whole replies"""
    tokens_s: float
    """tokens of all replies, divided by the time of the last one"""
    decode_tokens_s: float | None
    """tokens of one reply, divided by the time in which they were written"""
    memory_mib: float | None
    """resident memory after the round; None if the system does not report it"""


@dataclass(frozen=True)
class Figure:
    """Median, minimum and maximum over the rounds."""

    median: float
    least: float
    greatest: float


Figures = dict[str, Figure]
"""by the names of the fields of `Round`"""


def rounds_of(
    contenders: Sequence[Contender], talks: Sequence[int], turns: int, rounds: int
) -> dict[int, dict[str, Figures]]:
    """Figures by number of talks and contender; in each round all contenders answer, one after the other."""
    found: dict[int, dict[str, list[Round]]] = {n: {c.name: [] for c in contenders} for n in talks}
    for count in talks:
        for round_ in range(rounds):
            asked = made_up_talks(count * (round_ + 1), turns)[-count:]  # talks that were not answered before
            for contender in contenders:
                contender.prepare(asked)
                found[count][contender.name].append(one_round(with_all_cores(partial(contender.answer, asked))))
    return {n: {name: summed(each) for name, each in by.items()} for n, by in found.items()}


def with_all_cores(compute: Callable[[], T]) -> T:
    """What `compute` returns, in a thread of its own that has all cores.

    It begins when the engine's thread has ended, and ends itself before another contender's turn: threads that wait for
    the next product of an earlier one would slow down every other thread.
    """
    while any(thread.name == ENGINE for thread in threading.enumerate()):
        time.sleep(0.1)
    with ThreadPoolExecutor(1, initializer=lambda: torch.set_num_threads(os.cpu_count() or 1)) as alone:
        return alone.submit(compute).result()


def one_round(answered: Sequence[Answered]) -> Round:
    """The figures of replies that were requested at the same moment."""
    totals, tokens = [a.total_s for a in answered], sum(a.tokens for a in answered)
    firsts = [a.first_s for a in answered if a.first_s is not None]
    written = [a.tokens / a.decode_s for a in answered if a.decode_s]
    return Round(
        statistics.median(firsts) if firsts else None,
        statistics.median(totals),
        sorted(totals)[min(len(totals) - 1, int(0.95 * len(totals)))],
        tokens / max(totals),
        statistics.median(written) if written else None,
        resident_mib(),
    )


def summed(rounds: Sequence[Round]) -> Figures:
    """Median and spread of each figure that all rounds have."""
    columns = {name: [getattr(r, name) for r in rounds] for name in Round.__dataclass_fields__}
    return {
        name: Figure(statistics.median(values), min(values), max(values))
        for name, values in columns.items()
        if None not in values
    }


def resident_mib() -> float | None:
    """Memory of this process in MiB; None without `/proc`."""
    place = Path("/proc/self/statm")
    if not place.is_file():
        return None
    return int(place.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def bandwidth(device: str, seconds: float = 0.5) -> float:
    """Bytes per second that this device reads from memory: the best of repeated sums over `STREAM_BYTES`."""
    numbers = torch.ones(STREAM_BYTES // 4, device=device)
    best, start = 0.0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        before = time.perf_counter()
        float(numbers.sum())
        best = max(best, STREAM_BYTES / (time.perf_counter() - before))
    return best
