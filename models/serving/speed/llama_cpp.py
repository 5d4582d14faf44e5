"""The default base in llama.cpp: talks are sequences of one batch and keep what they have read from turn to turn."""

from __future__ import annotations

import importlib
import importlib.util
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from models.backbones.gguf_file import default_file
from models.backbones.prefix_cache import in_common
from models.data.dialogue import Dialogue
from models.nets.net import Net
from models.serving.speed.contender import Contender
from models.serving.speed.talks import Answered, a_turn_before, base_ids
from models.serving.trace import DecodeOptions

PIECE = 512
"""tokens read at once, llama.cpp's own default"""


def llama_cpp(net: Net, options: DecodeOptions, file: Path | None = None) -> Contender:
    """The base alone: no net, no COMET, the most probable word each time.

    Raises ModuleNotFoundError if `llama_cpp` (the package llama-cpp-python) is not installed.
    """
    if importlib.util.find_spec("llama_cpp") is None:
        raise ModuleNotFoundError("llama_cpp is not installed")
    thread = ThreadPoolExecutor(1)  # of its own: both llama.cpp and torch set up a thread's tile registers (AMX)
    running = thread.submit(_Running, file or default_file()).result()

    def prepare(talks: Sequence[Dialogue]) -> None:
        whole, before = base_ids(talks, net), base_ids([a_turn_before(talk) for talk in talks], net)
        thread.submit(running.open, len(talks), max(map(len, whole + before)) + options.max_tokens).result()
        thread.submit(running.read, before).result()

    def answer(talks: Sequence[Dialogue]) -> list[Answered]:
        return thread.submit(written, talks).result()

    def written(talks: Sequence[Dialogue]) -> list[Answered]:
        start = time.perf_counter()
        tokens = running.read(base_ids(talks, net))
        first = time.perf_counter() - start
        for _ in range(options.max_tokens - 1):
            tokens = running.go_on(tokens)
        took = time.perf_counter() - start
        return [Answered(first, took, options.max_tokens, took - first)] * len(talks)

    return Contender("llama.cpp", answer, prepare)


class _New(NamedTuple):
    """A token to be read."""

    sequence: int
    position: int
    token: int
    asks: bool
    """whether the most probable token after it is wanted"""


class _Running:
    """A model and its sequences, through llama.cpp's own functions: the package's class writes one text at a time."""

    def __init__(self, file: Path) -> None:
        self.lib: Any = importlib.import_module("llama_cpp")
        self.holder = self.lib.Llama(str(file), n_ctx=PIECE, verbose=False)  # also loads the library quietly
        self.words = int(self.holder.n_vocab())
        self.batch = self.lib.llama_batch_init(PIECE, 0, 1)
        self.context: Any = None
        self.held = list[list[int]]()
        """ids that each sequence has read"""

    def open(self, sequences: int, tokens: int) -> None:
        """Room for new sequences, each of at most `tokens`; those before are gone."""
        if self.context is not None:
            self.lib.llama_free(self.context)
        settings = self.lib.llama_context_default_params()
        settings.n_ctx, settings.n_seq_max, settings.kv_unified = sequences * tokens, sequences, False
        settings.n_batch = settings.n_ubatch = PIECE
        settings.n_threads = settings.n_threads_batch = os.cpu_count() or 1
        self.context = self.lib.llama_init_from_model(self.holder.model, settings)
        if not self.context:
            raise RuntimeError(f"llama.cpp has no room for {sequences} talks of {tokens} tokens")
        self.held = [[] for _ in range(sequences)]

    def read(self, texts: Sequence[list[int]]) -> list[int]:
        """Each sequence reads what is new in its text; the most probable token after each."""
        new = list[_New]()
        for sequence, ids in enumerate(texts):
            same = in_common(self.held[sequence], ids[:-1])  # the last is read again: what follows it is asked for
            memory = self.lib.llama_get_memory(self.context)
            self.lib.llama_memory_seq_rm(memory, sequence, same, -1)
            new += [_New(sequence, at, ids[at], at == len(ids) - 1) for at in range(same, len(ids))]
            self.held[sequence] = list(ids)
        return self._followed(new)

    def go_on(self, tokens: Sequence[int]) -> list[int]:
        """Each sequence reads one more token; the most probable one after it."""
        new = [_New(sequence, len(self.held[sequence]), token, True) for sequence, token in enumerate(tokens)]
        for sequence, token in enumerate(tokens):
            self.held[sequence].append(token)
        return self._followed(new)

    def _followed(self, new: Sequence[_New]) -> list[int]:
        """Read all of it; what follows in each sequence, in their order."""
        found = dict[int, int]()
        for first in range(0, len(new), PIECE):
            found |= self._decode(new[first : first + PIECE])
        return [found[sequence] for sequence in sorted(found)]

    def _decode(self, new: Sequence[_New]) -> dict[int, int]:
        """Read at most `PIECE` tokens; what follows, by sequence."""
        self.batch.n_tokens = len(new)
        for at, (sequence, position, token, asks) in enumerate(new):
            self.batch.token[at], self.batch.pos[at] = token, position
            self.batch.n_seq_id[at], self.batch.seq_id[at][0] = 1, sequence
            self.batch.logits[at] = asks
        if status := self.lib.llama_decode(self.context, self.batch):
            raise RuntimeError(f"llama.cpp could not read {len(new)} tokens (status {status})")
        found = dict[int, int]()
        for at, (sequence, _, _, asks) in enumerate(new):
            if asks:
                scores = self.lib.llama_get_logits_ith(self.context, at)
                found[sequence] = int(np.ctypeslib.as_array(scores, (self.words,)).argmax())
        return found
