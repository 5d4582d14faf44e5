"""GLHG (Peng et al. 2022): a graph from the cause of the distress (global) down to the seeker's intention (local).

    g   = max over the states of the situation, read by itself       global cause
    l   = mean of COMET's xIntent tails for the last message         local intention
    h_t = state of turn t
    nodes g, h_1..h_W, l; two layers of attention along the edges g - all, l - g, l - last turn, and turns within
    `window` of one another; a gate mixes the output with the input
    decoder: reads all nodes beside the context
    L   = 0.5 L_r + 0.5 CE(V g)                                        V g: the kind of problem, one of 13
It predicts no strategy. What differs here:
- In the paper, the local nodes are all tokens of the context, and the decoder reads them in place of the context. Here
  they are turns, and the decoder reads the graph beside the context, so that a trace shows which turn counted and a
  causal base keeps its prefix.
- The published l is the pooled state of COMET-GPT2's text; here it comes from the vectors that MISC reads, made by the
  COMET that --comet names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones.interface import Backbone, Reading, Stream, token_loss
from models.data.batches import Batch
from models.data.esconv_labels import PROBLEM_TYPES
from models.data.examples import SITUATION_TEXT, ContextShape
from models.data.tokenizer import Tokenizer
from models.nets.misc import block_vectors
from models.nets.net import Net, Plan
from models.nets.streams import GRAPH, adapt_values
from models.nets.turn_graph import TURNS, EdgeAttention, Gate, latest_turns, turn_names
from models.nets.weighting import Fixed, Weighting

PROBLEM = "problem of the seeker"
ITSELF, GLOBAL, INTENT, NEAR = 1, 2, 3, 4
"""kinds of edges"""


@dataclass(frozen=True)
class GlhgConfig:
    """Settings of GLHG; the paper gives no layers, heads and window: they are those of a public re-implementation."""

    shape: ContextShape = field(default=ContextShape(tokens=512, speakers=False, strategies=False))
    turns: int = TURNS
    """number of latest turns in the graph, 1 or more"""
    window: int = 5
    """greatest distance between two turns with an edge"""
    layers: int = 2
    heads: int = 4
    """attention heads of the graph; must divide the backbone's width"""
    problem_weight: float = 0.5
    """weight of the kind of problem, 0 to below 1; the reply has the rest"""

    def __post_init__(self) -> None:
        if not (self.turns >= 1 and self.layers >= 1 and 0 <= self.problem_weight < 1):
            raise ValueError(
                f"net 'glhg': turns is {self.turns}, layers {self.layers}, problem_weight {self.problem_weight};"
                " allowed: 1 or more, 1 or more, 0 to below 1"
            )


class Glhg(Net):
    """See the module."""

    predicts_strategy = False
    needs_comet, reads_together = True, "xIntent"
    wants = frozenset({SITUATION_TEXT})
    streams = (GRAPH,)
    adapt_streams = staticmethod(adapt_values)
    extra_labels: ClassVar = {PROBLEM: PROBLEM_TYPES}

    def __init__(self, config: GlhgConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(backbone, tokenizer, config.shape)
        self.config, width = config, backbone.width
        self.layers = nn.ModuleList(EdgeAttention(width, config.heads, NEAR) for _ in range(config.layers))
        self.gate = Gate(width)
        self.problem_head = nn.Linear(width, len(PROBLEM_TYPES))
        self.register_buffer("edges", hierarchy(config.turns, config.window), persistent=False)
        self.intent = tokenizer.relations[self.reads_together]

    def _graph(self, reading: Reading, batch: Batch) -> Stream:
        """All nodes (B, W + 2, D) before the graph: the situation, the turns, the intention."""
        turns, _ = latest_turns(reading, batch, self.config.turns)
        words = batch.situations != 0
        read = self.backbone.read(batch.situations, words)
        states = read.at(torch.arange(words.shape[1], device=words.device).expand(len(words), -1))
        cause = states.masked_fill(~words[..., None], -torch.inf).amax(dim=1)
        known = words.any(dim=1)
        cause = torch.where(known[:, None], cause, torch.zeros_like(cause))[batch.situation_rows]
        tails = block_vectors(self.backbone, batch)[1]
        intends = (batch.post >= 0) & (batch.blocks[:, 0][batch.post.clamp_min(0)] == self.intent)
        intent = Stream(tails, intends)
        nodes = torch.cat((cause[:, None], turns.states, intent.mean[:, None]), dim=1)
        there = (known[batch.situation_rows][:, None], turns.mask, intends.any(dim=1, keepdim=True))
        return Stream(nodes, torch.cat(there, dim=1))

    def _read(self, batch: Batch) -> tuple[Plan, Tensor]:
        """The plan, and the scores of the problem (B, 13)."""
        reading = self.read(batch)[1]
        before = self._graph(reading, batch)
        itself = torch.eye(before.states.shape[1], dtype=torch.bool, device=before.mask.device)
        edges = self.edges * (before.mask[:, None] & before.mask[:, :, None] | itself)
        nodes = before.states
        for layer in self.layers:
            nodes, _ = layer(nodes, edges)
        nodes = self.gate(nodes, before.states)
        scores = self.problem_head(nodes[:, 0]).float()
        memories = self.backbone.attach(reading, {GRAPH: Stream(nodes, before.mask)})
        extras = {PROBLEM: scores.softmax(dim=1)}
        return Plan(memories, self.begin(len(batch)), self.no_strategies(len(batch)), extras), scores

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """L_r (token mean) and the problem loss, averaged over the dialogues whose problem is known."""
        plan, scores = self._read(batch)
        total, count = token_loss(self.backbone, self.reply_states(plan, batch.labels), batch.labels)
        problem = F.cross_entropy(scores, batch.problem_labels, ignore_index=-1, reduction="sum")
        return {"reply": total / count, "problem": problem / (batch.problem_labels >= 0).sum().clamp_min(1)}

    def weighting(self) -> Weighting:
        """Published: half each."""
        return Fixed({"reply": 1 - self.config.problem_weight, "problem": self.config.problem_weight})

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """A plan from context and graph; there is no strategy that `gold` could replace."""
        return self._read(batch)[0]

    def source_names(self, plan: Plan) -> Mapping[str, tuple[str, ...]]:
        """Names of all nodes."""
        return {GRAPH: ("the situation", *turn_names(self.config.turns), "the intention")}


def hierarchy(turns: int, window: int) -> Tensor:
    """(N, N) kinds of edges between the situation, `turns` turns and the intention, in that order."""
    edges = torch.zeros(turns + 2, turns + 2, dtype=torch.int64)
    place = torch.arange(turns)
    edges[1:-1, 1:-1] = torch.where((place[:, None] - place).abs() <= window, NEAR, 0)
    edges[0, :] = edges[:, 0] = GLOBAL
    edges[-1, -2] = edges[-2, -1] = INTENT
    return edges.fill_diagonal_(ITSELF)
