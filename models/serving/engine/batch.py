"""The running batch of one base: one token for every row of every reply, whichever net and however long its dialogue.

Replies join and leave between steps. Shapes: n rows, D width, S sources of N vectors, V pieces of the base.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from models.backbones.causal import Causal
from models.backbones.interface import CONTEXT
from models.backbones.llama_weights import LlamaWeights
from models.nets.net import Net
from models.serving.choosing import Begun, choose
from models.serving.engine.lanes import WIDTHS, Lane, Row
from models.serving.engine.norms import Norms
from models.serving.engine.one_token import Segment, one_token
from models.serving.engine.stack import Stack
from models.serving.engine.writing import Writing


class DecodeBatch:
    """See the module. Used by the engine's thread alone."""

    def __init__(self, weights: LlamaWeights, limit: int) -> None:
        """`limit`: rows at a time."""
        self.weights, self.shape, self.most, self.limit = weights, weights.shape, limit, limit
        on_cpu = weights.embedding.device.type == "cpu"
        self.work = torch.float32 if on_cpu else weights.dtype  # small products take four times as long in bfloat16
        self.norms = Norms(weights, self.work)
        self.nets = list[Net]()
        self.lanes = dict[int, Lane]()
        self.stack: Stack
        self.banned: Tensor

    @property
    def writings(self) -> list[Writing]:
        """The replies in the batch."""
        return list(dict.fromkeys(row.writing for lane in self.lanes.values() for row in lane.rows))

    def has_room(self, writing: Writing) -> bool:
        """Whether a reply can join now; a lone one always can."""
        taken = sum(len(lane.rows) for lane in self.lanes.values())
        return not taken or taken + len(writing.plans) <= self.limit

    def narrow(self, replies: int = 0) -> None:
        """Hold fewer rows until the batch is empty again, since memory ran out: as many as are in use, or, if none
        are, half of `replies`."""
        taken = sum(len(lane.rows) for lane in self.lanes.values())
        self.limit = max(1, taken or replies // 2)

    def join(self, writing: Writing) -> None:
        """Give a reply its rows. Raises ValueError when its dialogue is too long for the base."""
        number = self._number(writing.net)
        backbone = cast(Causal, writing.net.backbone)
        for plan in writing.plans:
            length = int(plan.memories[0][CONTEXT].mask[0].sum())
            need = length + len(writing.prefix) + writing.options.max_tokens - 1
            if need > self.shape.positions:
                raise ValueError(
                    f"context and reply have {need} tokens, the base reads {self.shape.positions}; shorten them"
                )
            row = Row(writing, number, length, backbone.embed(plan.prefix)[0].to(self.work))
            self._lane(need).add(row, plan.memories, self.stack.names[number], self.stack.gates(number))
            writing.rows.append(row)

    def leave(self, writing: Writing) -> None:
        """Take a reply's rows away.

        A lane that has grown is given up when its last row leaves: talks grow from one lane into the next, and each
        lane would otherwise keep the memory of its fullest moment.
        """
        for row in writing.rows:
            lane = row.lane
            assert lane is not None
            lane.remove(row)
            if lane.grown and not lane.rows:
                del self.lanes[lane.room]
        writing.rows.clear()
        if not any(lane.rows for lane in self.lanes.values()):
            self.limit = self.most

    def step(self) -> None:
        """One token for every reply; those that have ended, or whose listener has raised, leave."""
        segments = list[Segment]()
        for lane in self.lanes.values():
            if lane.rows:
                segments.append(Segment(lane, segments[-1].end if segments else 0))
        rows = [row for segment in segments for row in segment.lane.rows]
        if not rows:
            return
        mix = self.stack.mix([row.net for row in rows])
        states = one_token(self.weights, self.norms, mix, segments, self._inputs(rows))
        seen = [found for segment in segments for found in _by_row(segment)]
        place = {row: at for at, row in enumerate(rows)}
        ready = defaultdict[object, list[Writing]](list)
        records = dict[Writing, dict[str, Tensor]]()
        for writing in self.writings:
            at = [place[row] for row in writing.rows]
            records[writing] = _attention_of(writing.rows[0], seen[at[0]])
            if writing.finishes:
                states[at] = self._finished(writing, states[at], records[writing])
            for row in writing.rows:
                row.length += 1
            writing.fed += writing.opens
            if not writing.opens:
                ready[writing.options].append(writing)
        for writings in ready.values():
            self._take(writings, states, place, records)

    def _inputs(self, rows: Sequence[Row]) -> Tensor:
        """(n, D) vectors of what each row reads next."""
        ids = torch.tensor([row.writing.ids[-1] if row.writing.ids else 0 for row in rows])
        x = F.embedding(ids.to(self.weights.embedding.device), self.weights.embedding).to(self.work)
        for at, row in enumerate(rows):
            if row.writing.opens:
                x[at] = row.prefix[row.writing.fed]
        return x

    @staticmethod
    def _finished(writing: Writing, states: Tensor, record: dict[str, Tensor]) -> Tensor:
        """The states of its rows (1 or 2, D) after the net's own final step."""
        traced = dict[str, list[Tensor]]()
        found = writing.net.finish(states[:, None].float(), writing.chosen, writing.past, traced)
        record.update({name: values[0][0, -1].float().cpu() for name, values in traced.items()})
        return found[:, 0].to(states.dtype)

    def _take(
        self,
        writings: Sequence[Writing],
        states: Tensor,
        place: dict[Row, int],
        records: dict[Writing, dict[str, Tensor]],
    ) -> None:
        """Write the next token of replies with the same options."""
        guided = writings[0].guided
        order = [place[w.rows[0]] for w in writings] + [place[w.rows[1]] for w in writings if guided]
        count = len(writings)
        scores = self.weights.vocabulary(states[order].to(self.weights.dtype)).float()
        scores[:, self.banned] = -torch.inf
        for at, writing in enumerate(writings):
            if writing.first_banned and not writing.ids:
                scores[at::count, list(writing.first_banned)] = -torch.inf
        chosen = choose(
            scores[:count],
            scores[count:] if guided else None,
            [
                Begun(
                    self._known(w) + w.ids,
                    len(w.ids),
                    w.eos,
                    w.plans[0].said_in(0),
                    w.draw,
                    w.plans[0].opening_of(0),
                    w.marks,
                )
                for w in writings
            ],
            writings[0].options,
        )
        own = scores[:count].gather(1, torch.tensor(chosen, device=scores.device)[:, None])[:, 0]
        chances = (own - scores[:count].logsumexp(dim=1)).exp().tolist()
        for writing, token, chance in zip(writings, chosen, chances, strict=True):
            try:
                goes_on = writing.take(token, chance, records[writing])
            except Exception as fault:  # its listener stops it or is broken: the others go on
                self.leave(writing)
                writing.done.set_exception(fault)
                continue
            if not goes_on:
                self.leave(writing)
                writing.done.set_result(writing.decoded())

    def _known(self, writing: Writing) -> list[int]:
        """The ids of the prefix; an id beyond the base's vocabulary is replaced by one that is never written."""
        return [i if i < self.shape.vocabulary else writing.net.tokenizer.pad for i in writing.prefix]

    def _number(self, net: Net) -> int:
        """The net's number in the stack; a new net is added to it."""
        if net not in self.nets:
            known = self.weights.shape.vocabulary
            if not bool(net.banned[known:].all()):
                raise ValueError(f"{type(net).__name__} may write tokens behind the base's vocabulary; allowed: none")
            self.nets.append(net)
            self.stack = Stack([cast(Causal, n.backbone) for n in self.nets], self.work)
            self.banned = net.banned[:known]
        return self.nets.index(net)

    def _lane(self, need: int) -> Lane:
        """The narrowest lane with room for `need` tokens."""
        room = next((width for width in WIDTHS if width >= need), self.shape.positions)
        room = min(room, self.shape.positions)
        if room not in self.lanes:
            self.lanes[room] = Lane(self.shape, room, self.weights.embedding, self.work)
        return self.lanes[room]


def _by_row(segment: Segment) -> list[Tensor | None]:
    """The attention (S, N) of each row of a segment."""
    attention, count = segment.attention, segment.end - segment.first
    return [None] * count if attention is None else list(attention.float().cpu())


def _attention_of(row: Row, attention: Tensor | None) -> dict[str, Tensor]:
    """(N,) attention of the row to each of its sources; nothing where a source is empty."""
    found = dict[str, Tensor]()
    for name, where in row.sources.items():
        if not where.there:
            found[name] = torch.zeros(where.count)
        elif where.slot < 0:
            found[name] = torch.ones(1)
        else:
            assert attention is not None
            found[name] = attention[where.slot, : where.count].clone()
    return found
