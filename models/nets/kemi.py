"""KEMI (Deng et al. 2023): BlenderBot-Joint that also reads knowledge: commonsense, and replies from similar talks.

    K = [xReact] t [xIntent] t [xWant] t [xNeed] t [xEffect] t  [resp] r1 [resp] r2 ...
    p(strategy, reply | context, K)  as one sequence, L = its token mean (`joint.py`)

t are COMET's first tails for the last message, r what was found in HEAL, a graph of distress, expectations and
responses in 22,000 posts. What differs here:
- HEAL is not available. The nearest substitute is a case base of ESConv's train part (`models.knowledge.cases`): r are
  replies to seekers who wrote similar messages, found by BM25, each after its strategy; never one of the talk itself.
  So this is not the published KEMI, and its figures are not KEMI's.
- The published net appends K to the context and reads both as one text of 160 tokens, at the cost of the talk's
  beginning. Here K is read by itself and the decoder attends to it beside the context, O' = LN(O + A^c + A^k + A^r):
  to the words of r, and to one vector for each tail, as in MISC. So K costs no context, a trace shows what was attended
  to, and on a causal base the turns of a talk share one reading. K is read without gradient, like MISC's blocks.
- The published code has no strategy marks in the context; `shape.strategies` leaves them out, by default as there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch
from torch import Tensor

from models.backbones.interface import Backbone, Stream
from models.data.batches import Batch
from models.data.examples import CASES, ContextShape
from models.data.tokenizer import Tokenizer
from models.knowledge.comet import Block
from models.nets.joint import Joint, JointConfig
from models.nets.misc import block_vectors
from models.nets.streams import POST, SIMILAR, adapt_values

RELATIONS_READ = ("xReact", "xIntent", "xWant", "xNeed", "xEffect")
"""relations as published; the first tail of each is read"""


@dataclass(frozen=True)
class KemiConfig(JointConfig):
    """Settings of KEMI; the defaults are the published ones."""

    shape: ContextShape = field(default=ContextShape(tokens=160, speakers=False, strategies=False))
    commonsense: bool = True
    """read COMET's tails for the last message"""
    similar: bool = True
    """read replies from similar talks"""


class Kemi(Joint):
    """See the module."""

    needs_comet = True
    wants = frozenset({CASES})
    adapt_streams = staticmethod(adapt_values)

    def __init__(self, config: KemiConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(config, backbone, tokenizer)
        self.streams = self.streams_of(config)
        self.chooses_by_tails = config.commonsense
        read = torch.tensor([tokenizer.relations[relation] for relation in RELATIONS_READ])
        self.register_buffer("relations_read", read, persistent=False)

    @classmethod
    def streams_of(cls, config: KemiConfig) -> tuple[str, ...]:
        """A^k and A^r, except those that the settings leave out."""
        return (POST,) * config.commonsense + (SIMILAR,) * config.similar

    def sources(self, batch: Batch) -> dict[str, Stream]:
        """Tails as vectors, and the words of replies from similar talks."""
        found = {}
        if self.config.commonsense:
            found[POST] = Stream(block_vectors(self.backbone, batch)[1], self._tails_read(batch))
        if self.config.similar:
            found[SIMILAR] = self._similar(batch)
        return found

    def tails_read(self, tails: Sequence[Block]) -> Sequence[Block]:
        """The first tail of each relation in RELATIONS_READ; tails are grouped by relation."""
        groups = groupby(tails if self.config.commonsense else (), lambda tail: tail.relation)
        return tuple(next(group) for relation, group in groups if relation in RELATIONS_READ)

    def _tails_read(self, batch: Batch) -> Tensor:
        """(B, N) bool: `tails_read` in a batch."""
        relations = batch.blocks[:, 0][batch.post.clamp_min(0)]
        first = relations != relations.roll(1, dims=1)
        first[:, 0] = True
        return (batch.post >= 0) & first & torch.isin(relations, self.relations_read)

    @torch.no_grad()
    def _similar(self, batch: Batch) -> Stream:
        """(B, N * L) words of N cases per example; a case that several examples share is read once."""
        words = batch.cases != 0
        rows = batch.case_rows.clamp_min(0)
        mask = words[rows] & (batch.case_rows >= 0)[..., None]
        states = self.backbone.read(batch.cases, words).states[rows]
        return Stream(states.flatten(1, 2), mask.flatten(1))
