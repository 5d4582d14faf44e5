"""The engine of one device: a single thread that writes all replies of all nets on causal bases together.

    plan     a context is read in pieces; every running reply gets a token between two pieces
    decode   a reply joins the running batch, and leaves it at its end or when `on_tokens` raises
    call     any other computation with a net, as one piece
    beside   a long search: by the engine while it computes nothing else, else beside it by the thread that asks
             (on a GPU always)

Callers are threads that wait; their results equal those of the plain path (`models.serving.decoding`), token for token
in float32. Pieces are ordered by arrival and length: a long context does not hold up a short message, and short ones do
not starve it. A fault of one reply, or of its listener, ends only that reply; the thread starts again when needed.
"""

from __future__ import annotations

import atexit
import heapq
import itertools
import logging
import threading
import weakref
from collections import deque
from collections.abc import Callable, Collection, Generator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from models.backbones.causal import Causal
from models.backbones.llama_weights import LlamaWeights
from models.data.batches import Batch
from models.nets.net import Net, Plan
from models.serving.after_hi import after_hi, followed
from models.serving.cores import Cores
from models.serving.decoding import Decoded, OnTokens, decode
from models.serving.engine.batch import DecodeBatch
from models.serving.engine.prefill import Prefill, context_in_pieces, unread_pieces
from models.serving.engine.writing import Writing
from models.serving.rerank import Candidate, candidate_seeds, ranked
from models.serving.trace import DecodeOptions

logger = logging.getLogger(__name__)

ROWS = 64
"""rows of the running batch: replies, two each when guided"""
PATIENCE = 4
"""for each piece that a context is longer, this many pieces of later contexts may be read before it"""
IDLE_S = 5.0
"""seconds without work after which the thread ends; the next request starts it again"""
ENGINE = "engine"
"""name of the thread"""
LAST_S = 10.0
"""seconds that Python waits at its exit for a piece that is being computed"""

T = TypeVar("T")


@dataclass(order=True)
class _Task:
    """Work in pieces."""

    due: int
    """counted in pieces: the task with the smallest number goes first"""
    number: int
    begin: Callable[[], Generator[None, None, Any]] = field(compare=False)
    make_room: Callable[[], None] | None = field(compare=False, default=None)
    """frees memory that the task does not need; None once that is done"""
    pieces: Generator[None, None, Any] = field(compare=False, init=False)
    done: Future[Any] = field(compare=False, default_factory=Future)

    def __post_init__(self) -> None:
        self.pieces = self.begin()


class Engine:
    """See the module. Safe to call from any thread but its own."""

    def __init__(self, rows: int = ROWS, cores: Cores | None = None) -> None:
        """`cores`: those of a processor that other programs use too; without, torch's number of threads stays as it
        is."""
        self.rows, self.cores = rows, cores
        self._work = threading.Condition()
        self._thread: threading.Thread | None = None
        self._tasks = list[_Task]()
        self._line = deque[Writing]()
        self._numbers = itertools.count()
        self._pieces = 0
        self._batches = dict[LlamaWeights, DecodeBatch]()
        self._anyone = dict[tuple[Net, int | None], Plan]()
        self._ends = False
        _engines.add(self)

    def plan(self, net: Net, batch: Batch, make: Callable[[], Plan]) -> Plan:
        """Read the single context of `batch` in pieces, then return what `make` returns."""
        prefill = Prefill(net, batch, make)
        return self._run(prefill.pieces, prefill.size, cast(Causal, net.backbone).weights.prefixes.clear)

    def read_ahead(self, net: Net, ids: Tensor) -> Future[None]:
        """Begin to read the context (1, S) of a reply while its knowledge is still being looked up."""
        backbone = cast(Causal, net.backbone)
        make_room = backbone.weights.prefixes.clear
        return self._begin(lambda: context_in_pieces(net, ids), 1 + unread_pieces(backbone, ids), make_room)

    def call(self, compute: Callable[[], T]) -> T:
        """What `compute` returns."""

        def once() -> Generator[None, None, T]:
            return compute()
            yield

        return self._run(once, 1)

    def beside(self, begin: Callable[[], Generator[None, None, T]]) -> T:
        """What the generator made by `begin` returns, computed with all cores while the engine rests."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("the engine's own thread looked something up; it would wait for itself")
        pieces, ended, faults = begin(), list[T](), list[Exception]()

        def go_on() -> None:
            try:
                next(pieces)
            except StopIteration as end:
                ended.append(end.value)
            except Exception as fault:  # a task that the engine begins again would find the generator at its end
                faults.append(fault)

        while not (ended or faults):
            if self.cores is None:
                go_on()
            elif self.cores.rests:
                self.call(go_on)
            else:
                with self.cores.beside():
                    while not (ended or faults or self.cores.rests):
                        go_on()
        if faults:
            raise faults[0]
        return ended[0]

    def decode(
        self,
        net: Net,
        plan: Plan,
        options: DecodeOptions,
        seed: int,
        on_tokens: OnTokens | None = None,
        first_banned: Collection[int] = (),
    ) -> Decoded:
        """As `models.serving.decoding.decode`. `on_tokens` is called by the engine's thread, so it must not block."""
        if options.method == "beam":  # hypotheses change places at every token, so the search runs outside the batch
            if self.cores is not None:
                self.cores.share()
            return decode(net, plan, options, seed, on_tokens, first_banned)
        if plan.prefix.shape[0] != 1:
            raise ValueError(f"decode takes one reply at a time, got {plan.prefix.shape[0]}")
        plans = [plan, self._for_anyone(net, plan)] if options.method == "guided" else [plan]
        return self._write([Writing(net, plans, options, seed, on_tokens, first_banned)])[0]

    def rank(self, net: Net, plan: Plan, options: DecodeOptions, seed: int) -> list[Candidate]:
        """As `models.serving.rerank.rank`; the candidates are written together, and the dialogue is read once."""
        sampled = replace(options, method="sample")
        drawn = self._write([Writing(net, [plan], sampled, one) for one in candidate_seeds(options, seed)])
        return self.call(lambda: ranked(net, plan, options, [found.ids for found in drawn]))

    def _for_anyone(self, net: Net, plan: Plan) -> Plan:
        """What the net would say to anybody, with the strategy that `plan` follows: at most nine plans per net."""
        key = (net, followed(net, plan))
        if key not in self._anyone:
            self._anyone[key] = self.call(lambda: after_hi(net, plan))
        return self._anyone[key]

    def _run(
        self, begin: Callable[[], Generator[None, None, T]], size: int, make_room: Callable[[], None] | None = None
    ) -> T:
        return self._begin(begin, size, make_room).result()

    def _begin(
        self, begin: Callable[[], Generator[None, None, T]], size: int, make_room: Callable[[], None] | None = None
    ) -> Future[T]:
        with self._work:
            task = _Task(self._pieces + PATIENCE * size, next(self._numbers), begin, make_room)
            heapq.heappush(self._tasks, task)
            self._wake()
        return task.done

    def _write(self, writings: list[Writing]) -> list[Decoded]:
        with self._work:
            self._line.extend(writings)
            self._wake()
        return [writing.done.result() for writing in writings]

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name=ENGINE, daemon=True)
            self._thread.start()
        self._work.notify()

    @torch.inference_mode()
    def _loop(self) -> None:
        try:
            while self._wait_for_work():
                if self.cores is not None:
                    self.cores.take()
                self._admit()
                for batch in self._batches.values():
                    self._step(batch)
                self._piece()
        except BaseException as fault:  # no caller may wait for ever; the next request starts a new thread
            logger.critical("the engine stopped: %s", type(fault).__name__)
            self._rest()
            self._fail_all(fault)

    def _rest(self) -> None:
        if self.cores is not None:
            self.cores.rest()

    def end(self) -> None:
        """Stop for ever after the piece that is being computed."""
        with self._work:
            self._ends, thread = True, self._thread
            self._work.notify()
        if thread is not None:
            thread.join(LAST_S)

    def _wait_for_work(self) -> bool:
        """Whether there is work; False, and the thread may end, when none has come for a while or the engine ends."""
        with self._work:
            while not (
                self._ends or self._tasks or self._line or any(batch.writings for batch in self._batches.values())
            ):
                self._rest()
                if not self._work.wait(IDLE_S) and not (self._tasks or self._line):
                    self._thread = None
                    return False
            if self._ends:
                self._rest()
        return not self._ends

    def _admit(self) -> None:
        """Let replies join, first come first served, as long as there are free rows."""
        while self._line:
            writing = self._line[0]
            weights = cast(Causal, writing.net.backbone).weights
            if weights not in self._batches:
                self._batches[weights] = DecodeBatch(weights, self.rows)
            batch = self._batches[weights]
            if not batch.has_room(writing):
                return
            self._line.popleft()
            try:
                batch.join(writing)
            except Exception as fault:
                batch.leave(writing)
                if isinstance(fault, torch.OutOfMemoryError) and batch.writings:
                    batch.narrow()
                    self._line.appendleft(writing)
                    return
                writing.done.set_exception(fault)

    def _step(self, batch: DecodeBatch) -> None:
        try:
            batch.step()
        except Exception as fault:
            running = batch.writings
            for writing in running:
                batch.leave(writing)
            if isinstance(fault, torch.OutOfMemoryError) and len(running) > 1:  # begin again, fewer at a time
                batch.narrow(len(running))
                self._line.extendleft(reversed([writing.afresh() for writing in running]))
                return
            for writing in running:
                writing.done.set_exception(fault)

    def _piece(self) -> None:
        """Do the next piece of the task that is due first."""
        with self._work:
            if not self._tasks:
                return
            task = heapq.heappop(self._tasks)
            self._pieces += 1
        try:
            next(task.pieces)
        except StopIteration as end:
            task.done.set_result(end.value)
        except Exception as fault:
            if isinstance(fault, torch.OutOfMemoryError) and self._may_begin_again(task):
                self._put_back(task)
            else:
                task.done.set_exception(fault)
        else:
            self._put_back(task)

    def _put_back(self, task: _Task) -> None:
        with self._work:
            heapq.heappush(self._tasks, task)

    def _may_begin_again(self, task: _Task) -> bool:
        """Whether there may be memory for a task now or later; if so, it is set back to before its first piece."""
        if task.make_room is not None:
            task.make_room()
            task.make_room = None
        elif not any(batch.writings for batch in self._batches.values()):  # no reply whose end would free any
            return False
        task.pieces = task.begin()
        return True

    def _fail_all(self, fault: BaseException) -> None:
        with self._work:
            self._thread = None
            running = [writing for batch in self._batches.values() for writing in batch.writings]
            self._batches.clear()  # whatever state they are in
            for done in [*(w.done for w in (*running, *self._line)), *(task.done for task in self._tasks)]:
                if not done.done():
                    done.set_exception(RuntimeError(f"the engine stopped ({type(fault).__name__}); ask again"))
            self._line.clear()
            self._tasks.clear()


_engines = weakref.WeakSet[Engine]()


@atexit.register
def _end_all() -> None:
    """A thread that computes while Python ends would abort the whole process."""
    for engine in list(_engines):
        engine.end()
