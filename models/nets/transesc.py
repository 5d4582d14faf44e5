"""TransESC (Zhao et al. 2023): the next turn follows from how meaning, strategy and emotion moved from turn to turn.

Each of the latest turns, and the turn to come, is three nodes: semantics m, strategy s, emotion e.
    h_t = state of turn t; for the turn to come, the state that stands for the context
    m_t = h_t,  s_t = h_t + kind of turn,  e_t = h_t + what somebody feels after the last message (COMET's xReact)
    transit:   m, s, e of a turn read m, s, e of earlier turns, each its own kind
    interact:  m, s, e of a turn read one another;  the same weights as transit, both summed by a gate
    p   = softmax(W s*),  * the turn to come;  its emotion softmax(V e*);  d = m* - m of the last turn
    decoder: reads [d; s* + p T; e*] beside the context
    L   = L_r + CE(p) + CE(emotion) + 0.2 L_bow(d)        L_bow: d alone predicts the words of the reply
Edges have seven kinds: to itself, three to earlier turns, three to the other nodes of a turn. What differs here:
- The published net feeds strategy, emotion and d into the decoder's input, its attention to the context and its output
  by three gates. Here they are a source of three vectors that every layer attends to, so that a trace shows how; T (as
  in MISC) allows a strategy to be given.
- The paper labels the emotion of every utterance in ESConv with a tool; without such labels, the emotion of the turn to
  come learns the dialogue's label, one of 11. The paper picks keywords with a tool; here L_bow covers the whole reply.
- Instead of COMET-BART's hidden states for each utterance, its xReact tails for the last message are read, as text.
- The published window is the last two supporter turns and what follows; here it is the `turns` latest turns.
- On the encoder-decoder, turns are not followed by a [CLS]; the end mark's state stands for the turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from models.backbones.interface import Backbone, Reading, Stream, token_loss
from models.data.batches import Batch
from models.data.esconv_labels import EMOTION_TYPES
from models.data.examples import TURN_KINDS, ContextShape
from models.data.strategies import STRATEGIES
from models.data.strategy_history import Course
from models.data.tokenizer import Tokenizer
from models.nets.emotion_loss import emotion_loss
from models.nets.misc import block_vectors
from models.nets.mixing import Mixing
from models.nets.net import Net, Plan
from models.nets.streams import STATE, adapt_values
from models.nets.turn_graph import TURNS, EdgeAttention, Gate, latest_turns, turn_names
from models.nets.weighting import Fixed, Weighting

SEEKER_EMOTION, BEHIND = "emotion of the seeker", "messages behind the strategy"
VIEWS = ("semantics", "strategy", "emotion")
"""the three nodes of a turn"""
SELF, EARLIER, BESIDE = 1, 2, 5
"""kinds of edges: to itself; to earlier turns (+ index of the view); within a turn (+ index of the view read)"""


@dataclass(frozen=True)
class TransescConfig:
    """Settings of TransESC; the defaults are those of the published code, as far as it has them."""

    shape: ContextShape = field(default=ContextShape(tokens=512, turns=9, speakers=False, strategies=False))
    turns: int = TURNS
    """number of latest turns in the graph, 1 or more"""
    heads: int = 16
    """attention heads of the graph; must divide the backbone's width"""
    strategy_train: Literal["gold", "mixture"] = "mixture"
    """strategy in training: the gold one, or the predicted mixture"""
    emotion_weight: float = 1.0
    words_weight: float = 0.2
    """weight of L_bow"""
    course: bool = False
    """add what the course of the talk says about the next strategy (`strategy_history.py`; ours, not published)"""


class Transesc(Mixing):
    """See the module."""

    needs_comet, reads_together = True, "xReact"
    streams = (STATE,)
    adapt_streams = staticmethod(adapt_values)
    chooses, chooses_by_tails = ("strategy_head", "course"), True

    extra_labels: ClassVar = {**Net.extra_labels, SEEKER_EMOTION: EMOTION_TYPES}

    def __init__(self, config: TransescConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(backbone, tokenizer, config.shape)
        if config.turns < 1 or backbone.width % config.heads:
            raise ValueError(
                f"net 'transesc': turns is {config.turns}, heads {config.heads}; allowed: 1 or more, and heads that"
                f" divide the backbone's width ({backbone.width})"
            )
        self.config, width = config, backbone.width
        self.course = Course() if config.course else None
        self.extra_labels = {**self.extra_labels, BEHIND: turn_names(config.turns)}
        self.kinds = nn.Embedding(TURN_KINDS + 1, width)  # the last: the turn to come
        self.feeling = nn.Linear(width, width)
        self.graph = EdgeAttention(width, config.heads, BESIDE + len(VIEWS) - 1)
        self.gate = Gate(width)
        self.strategy_head, self.emotion_head = nn.Linear(width, len(STRATEGIES)), nn.Linear(width, len(EMOTION_TYPES))
        self.words = nn.Linear(width, width)
        self.codebook = nn.Parameter(torch.randn(len(STRATEGIES), width) * 0.5)  # T
        self.register_buffer("edges", transitions(config.turns + 1), persistent=False)
        self.react = tokenizer.relations[self.reads_together]

    def _nodes(self, reading: Reading, batch: Batch) -> tuple[Tensor, Tensor]:
        """Nodes (B, 3 (W + 1), D), view by view, and which of them exist."""
        turns, kinds = latest_turns(reading, batch, self.config.turns)
        states = torch.cat((turns.states, reading.summary[:, None]), dim=1)
        coming = torch.full_like(kinds[:, :1], TURN_KINDS)
        there = torch.cat((turns.mask, torch.ones_like(turns.mask[:, :1])), dim=1)
        tails = block_vectors(self.backbone, batch)[1]
        react = (batch.post >= 0) & (batch.blocks[:, 0][batch.post.clamp_min(0)] == self.react)
        felt = self.feeling(Stream(tails, react).mean)
        views = (states, states + self.kinds(torch.cat((kinds, coming), dim=1)), states + felt[:, None])
        return torch.cat(views, dim=1), there.repeat(1, len(VIEWS))

    def _read_turns(self, batch: Batch) -> tuple[Reading, Tensor, dict[str, Tensor]]:
        """The context, the views (B, 3, D) of the turn to come (d instead of m*), and what a trace shows."""
        reading = self.read(batch)[1]
        nodes, there = self._nodes(reading, batch)
        itself = torch.eye(nodes.shape[1], dtype=torch.bool, device=nodes.device)
        both = there[:, None] & there[:, :, None] | itself  # (B, N, N)
        transit, interact = (kinds * both for kinds in self.edges)
        moved, weights = self.graph(nodes, transit)
        mixed, _ = self.graph(moved, interact)
        after = self.gate(moved, mixed).unflatten(1, (len(VIEWS), -1))  # (B, 3, W + 1, D)
        last = nodes.unflatten(1, (len(VIEWS), -1))[:, 0, -2] * there[:, -2, None]
        coming = after[:, :, -1]
        views = torch.stack((coming[:, 0] - last, coming[:, 1], coming[:, 2]), dim=1)
        size = self.config.turns + 1
        return reading, views, {BEHIND: weights[:, 2 * size - 1, size : 2 * size - 1]}

    def _source(self, views: Tensor, shares: Tensor) -> dict[str, Stream]:
        """The three vectors that the decoder reads."""
        strategy = views[:, 1] + shares.to(self.codebook.dtype) @ self.codebook
        vectors = torch.stack((views[:, 0], strategy, views[:, 2]), dim=1)
        return {STATE: Stream(vectors, torch.ones_like(vectors[..., 0], dtype=torch.bool))}

    def choice_inputs(self, batch: Batch) -> dict[str, Tensor]:
        """The turn to come in the view of strategies, and the course of the talk."""
        return self._chosen_by(self._read_turns(batch)[1], batch)

    @staticmethod
    def _chosen_by(views: Tensor, batch: Batch) -> dict[str, Tensor]:
        return {"coming": views[:, 1], "course": batch.course}

    def choice_scores(self, read: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Strategy scores before the softmax."""
        return self.with_course(self.strategy_head(read["coming"]).float(), read["course"])

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The four parts of L."""
        reading, views, _ = self._read_turns(batch)
        scores, _ = self.choice_scores(self._chosen_by(views, batch))
        shares = scores.softmax(dim=1)
        followed = self.told(batch.strategies, shares) if self.config.strategy_train == "gold" else shares
        plan = Plan(self.backbone.attach(reading, self._source(views, followed)), self.begin(len(batch)), followed)
        total, count = token_loss(self.backbone, self.reply_states(plan, batch.labels), batch.labels)
        return {
            "reply": total / count,
            "strategy": self.strategy_loss(scores, batch.strategies),
            "emotion": emotion_loss(self.emotion_head(views[:, 2]), batch.emotion_labels),
            "words": self._words_loss(views[:, 0], batch.labels),
        }

    def _words_loss(self, change: Tensor, labels: Tensor) -> Tensor:
        """L_bow of d (B, D), averaged over the words of the replies."""
        keep = self.counted(labels) & (labels != self.tokenizer.eos)
        shares = self.backbone.logits(self.words(change)).float().log_softmax(dim=1)  # (B, V)
        each = shares.gather(1, labels.clamp_min(0))
        return -(each * keep).sum() / keep.sum().clamp_min(1)

    def weighting(self) -> Weighting:
        """The published weights."""
        return Fixed(
            {"reply": 1.0, "strategy": 1.0, "emotion": self.config.emotion_weight, "words": self.config.words_weight}
        )

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """A plan with the predicted mixture (or the gold strategy), the change of meaning and the emotion."""
        reading, views, extras = self._read_turns(batch)
        scores, course = self.choice_scores(self._chosen_by(views, batch))
        shares = scores.softmax(dim=1)
        extras |= course | {SEEKER_EMOTION: self.emotion_head(views[:, 2]).float().softmax(dim=1)}
        source = self._source(views, shares if gold is None else self.told(gold, shares))
        memories = self.backbone.attach(reading, source)
        every = torch.ones_like(views[..., 0], dtype=torch.bool)
        return Plan(memories, self.begin(len(batch)), shares, extras, gold, {STATE: Stream(views, every)})

    def follow_mixture(self, plan: Plan, batch: Batch, shares: Tensor) -> Plan:
        """The plan with another mixture; reads the batch again only if `plan` is a selection of rows."""
        views = plan.sources[STATE].states if plan.sources else self._read_turns(batch)[1]
        return self.with_sources(plan, self._source(views, shares))

    def source_names(self, plan: Plan) -> Mapping[str, tuple[str, ...]]:
        """Names of the three views."""
        return {STATE: VIEWS}


def transitions(turns: int) -> Tensor:
    """(2, N, N) kinds of edges of the graphs transit and interact over N = 3 nodes of `turns` turns, view by view."""
    edges = torch.zeros(2, len(VIEWS), turns, len(VIEWS), turns, dtype=torch.int64)
    earlier = torch.ones(turns, turns, dtype=torch.bool).tril(-1)
    same = torch.eye(turns, dtype=torch.bool)
    for view in range(len(VIEWS)):
        edges[0, view, :, view][earlier] = EARLIER + view
        for read in range(len(VIEWS)):
            edges[1, view, :, read][same] = BESIDE + read
        edges[:, view, :, view][:, same] = SELF
    return edges.flatten(3, 4).flatten(1, 2)
