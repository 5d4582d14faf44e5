"""Runs many seekers at once and samples the app's process meanwhile."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import httpx

from escdemo.soak.ledger import Tally
from escdemo.soak.open_page import Site
from escdemo.soak.running_app import Sample, sample
from escdemo.soak.seeker import Plan, Seeker

ANSWER_WAIT_S = 120.0
SAMPLE_EVERY_S = 1.0


@dataclass(frozen=True)
class Soak:
    """The results of one run."""

    seekers: int
    seconds: float
    tally: Tally
    samples: tuple[Sample, ...]
    """samples of the app's process, oldest first; empty if the process is not known"""


async def soak(address: str, seekers: int, plan: Plan, process: int | None = None) -> Soak:
    """Let this many seekers talk to the app at `address` until all are done. Raises BadAnswer if there is no app."""
    begun = time.monotonic()
    samples: list[Sample] = []
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=seekers)
    timeout = httpx.Timeout(ANSWER_WAIT_S, pool=None)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=timeout, trust_env=False) as http:
        site = await Site.open(http)
        watching = asyncio.create_task(_watch(process, begun, samples))
        tallies = await asyncio.gather(*(Seeker(site, number, plan).run() for number in range(seekers)))
    watching.cancel()
    if process is not None:  # a last sample, when all have hung up
        samples += [last for last in [sample(process, begun)] if last is not None]
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return Soak(seekers, time.monotonic() - begun, total, tuple(samples))


async def _watch(process: int | None, begun: float, samples: list[Sample]) -> None:
    while process is not None and (now := sample(process, begun)) is not None:
        samples.append(now)
        await asyncio.sleep(SAMPLE_EVERY_S)
