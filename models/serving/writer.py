"""What writes the replies of hosted nets: `models.serving.engine` for nets on causal bases, `Alone` for the others."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from models.data.batches import Batch
from models.nets.net import Net, Plan
from models.serving.cores import Cores
from models.serving.decoding import Decoded, OnTokens, decode
from models.serving.rerank import Candidate, rank
from models.serving.trace import DecodeOptions

T = TypeVar("T")


class Writer(Protocol):
    """Safe to call from several threads."""

    def plan(self, net: Net, batch: Batch, make: Callable[[], Plan]) -> Plan:
        """What `make` returns, the plan of the single example of `batch`."""
        ...

    def read_ahead(self, net: Net, ids: Tensor) -> Future[None]:
        """Begin to read the context `ids` (1, S) of a coming call of `plan`, if readings are cached; `plan` finds it
        read once the returned future is done. The future fails as `plan` would."""
        ...

    def call(self, compute: Callable[[], T]) -> T:
        """Run `compute`, any short computation with a net, and return its result."""
        ...

    def decode(
        self,
        net: Net,
        plan: Plan,
        options: DecodeOptions,
        seed: int,
        on_tokens: OnTokens | None = None,
        first_banned: Collection[int] = (),
    ) -> Decoded:
        """See `models.serving.decoding.decode`; `on_tokens` must not block."""
        ...

    def rank(self, net: Net, plan: Plan, options: DecodeOptions, seed: int) -> list[Candidate]:
        """See `models.serving.rerank.rank`."""
        ...


class Alone:
    """Each reply by itself, in the thread that asks for it; as many at a time as there are cores for."""

    def __init__(self, cores: Cores | None = None, at_once: int | None = None) -> None:
        self.cores = cores
        self._places = threading.BoundedSemaphore(at_once or max(1, (os.cpu_count() or 1) // torch.get_num_threads()))

    def plan(self, net: Net, batch: Batch, make: Callable[[], Plan]) -> Plan:
        """See `Writer`."""
        return self.call(make)

    def read_ahead(self, net: Net, ids: Tensor) -> Future[None]:
        """See `Writer`. These nets do not cache what they read."""
        nothing = Future[None]()
        nothing.set_result(None)
        return nothing

    def call(self, compute: Callable[[], T]) -> T:
        """See `Writer`."""
        with self._places, torch.inference_mode():
            if self.cores is not None:
                self.cores.share()
            return compute()

    def decode(
        self,
        net: Net,
        plan: Plan,
        options: DecodeOptions,
        seed: int,
        on_tokens: OnTokens | None = None,
        first_banned: Collection[int] = (),
    ) -> Decoded:
        """See `Writer`."""
        return self.call(lambda: decode(net, plan, options, seed, on_tokens, first_banned))

    def rank(self, net: Net, plan: Plan, options: DecodeOptions, seed: int) -> list[Candidate]:
        """See `Writer`."""
        return self.call(lambda: rank(net, plan, options, seed))
