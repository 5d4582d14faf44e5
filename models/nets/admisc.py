"""AdMISC (Jia et al. 2024): MISC with the seeker's emotions as text, refined strategies, a decoder that reads it all.

    eq. 6-7    E = encoder states of the emotion word of every seeker turn, oldest first
    eq. 10-11  A^s, A^x = blocks of situation and last post that have read the context C
    eq. 12-13  p_g = softmax(MLP(C_1)),  h_g = p_g T, T a codebook of 8 vectors
    eq. 14-15  H = [C; A^x],  U = [E; A^s]
    eq. 16-17  mu = sigmoid(W [mean H; mean U] + b),  h = mu mean H + (1 - mu) mean U
    eq. 18-20  q = softmax(W_s LN(h + FFN(h)) + b_s),  h_g <- h_g + beta q T
    eq. 21     p = (p_g + beta q) / (1 + beta),  L_g = -log p[gold]
    eq. 22-23  H~ = LN(H + W_o W_v h_g), U~ alike: attention to the single vector h_g has weight 1
    eq. 24-29  O' = LN(O + A^h + A^u + A^x + A^s + A^c + A^r + A^g), one attention per source
    eq. 31-33  L = alpha_1 L_r + alpha_2 L_g, weights by dynamic weight averaging

The paper leaves a softmax, the shapes of eq. 14-17 and beta open; this is our reading. Its gate is a ReLU, which may
exceed 1 (`gate="relu"` clamps it). Its text swaps the weights in "w/o u" and "w/o a": without u, L_g has weight 0.
On a causal base, H is the prefix, into which no strategy can be mixed: there, the fusion of eq. 22-23 becomes an extra
source of one vector, W_o W_v h_g.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from models.backbones.interface import CONTEXT, Backbone, Reading, Stream, token_loss
from models.data.batches import Batch
from models.data.examples import ContextShape
from models.data.strategies import STRATEGIES
from models.data.strategy_history import Course
from models.data.tokenizer import Tokenizer
from models.nets.misc import block_vectors, pooled, read_context
from models.nets.mixing import Mixing
from models.nets.net import BEFORE, REFINED, Net, Plan
from models.nets.streams import (
    EMOTION,
    FUSED,
    POST,
    RAW_POST,
    RAW_SITUATION,
    SITUATION,
    STRATEGY,
    adapt_values,
    emotion_words,
)
from models.nets.weighting import Dwa, Fixed, Weighting

EMOTIONAL = ("xReact", "oReact", "xAttr")
"""relations whose tails are the emotional part of eq. 8-9; the paper does not say which, this choice is ours"""


@dataclass(frozen=True)
class AdmiscConfig:
    """Settings of AdMISC; the defaults are the paper's, as far as it gives them."""

    shape: ContextShape = field(default=ContextShape(tokens=512, turns=9, speakers=False, strategies=False))
    pool: Literal["first", "first+mean"] = "first"
    """what p_g is predicted from: the state of [CLS], or that state joined with the mean of the context states"""
    head_width: int = 0
    """hidden width of p_g's MLP; 0 = width of the backbone"""
    refine: Literal["attention", "dot"] = "attention"
    """how blocks read the context: multi-head attention, or MISC's eq. 4 without parameters"""
    gate: Literal["sigmoid", "relu"] = "sigmoid"
    """mu of eq. 16; "relu" is the paper's, clamped to 1"""
    gate_values: Literal["each", "one"] = "each"
    """one mu for each element of the vectors, or one for the whole vector"""
    ffn_width: int = 0
    """hidden width of eq. 18; 0 = that of the backbone's layers"""
    beta: float = 1.0
    """weight of the refinement q (eq. 20)"""
    sources: Literal["joined", "apart"] = "joined"
    """what H~ and U~ hold for the decoder: [C; A^x] and [E; A^s] (eq. 14-15), or C and E alone, since the decoder has
    streams of A^x and A^s anyway; with "apart", the net starts at the loss of its backbone"""
    fusion: Literal["attention", "table"] = "attention"
    """eq. 22-23: with W_v, W_o and layer norm, or the same sum with a table of 8 vectors and without the norm"""
    raw_streams: bool = True
    """A^r and A^c, the blocks before they have read the context"""
    decoder_streams: bool = True
    """False: the decoder attends to the context alone ("w/o a")"""
    course: bool = False
    """add what the course of the talk says about the next strategy (`strategy_history.py`; ours, not published)"""
    strategy_train: Literal["gold", "mixture"] = "mixture"
    """strategy vector in training: the gold one, as in MISC's code, or the predicted mixture"""
    weights: Literal["dwa", "fixed"] = "dwa"
    """how L_r and L_g combine: eq. 32-33, or constant weights 1 and `strategy_weight`"""
    periods: int = 8
    """number of periods of a training; the weights of "dwa" change after each (the paper's epochs)"""
    strategy_weight: float = 1.0
    """weight of L_g when weights are fixed"""


class BlockReader(nn.Module):
    """Eq. 10-11: blocks (B, N, D) attend to the context, with residual and layer norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm = nn.LayerNorm(width)

    def forward(self, blocks: Tensor, context: Stream) -> Tensor:
        """Refined blocks (B, N, D)."""
        read, _ = self.attention(
            blocks, context.states, context.states, key_padding_mask=~context.mask, need_weights=False
        )
        return torch.as_tensor(self.norm(blocks + read))


class Fusion(nn.Module):
    """Eq. 22-23: states (B, S, D) with the strategy vector added; adds nothing before training."""

    def __init__(self, width: int, kind: Literal["attention", "table"], norm: nn.LayerNorm | None) -> None:
        super().__init__()
        self.kind = kind
        if kind == "table":  # W_o W_v T p: as T has rank 8, this can be any 8 vectors
            self.table = nn.Parameter(torch.zeros(len(STRATEGIES), width))
            return
        self.v, self.o, self.norm = nn.Linear(width, width), nn.Linear(width, width), nn.LayerNorm(width)
        nn.init.zeros_(self.o.weight)
        if norm is not None:
            self.norm.load_state_dict(norm.state_dict())  # the encoder's last norm: the inputs have passed it

    def forward(self, states: Tensor, weights: Tensor, codebook: Tensor) -> Tensor:
        """`weights` (B, 8): those of the strategies; `codebook`: (8, D)."""
        if self.kind == "table":
            return states + (weights.to(self.table.dtype) @ self.table)[:, None]
        vector = weights.to(codebook.dtype) @ codebook
        return torch.as_tensor(self.norm(states + self.o(self.v(vector))[:, None]))


class MixedStrategy(nn.Module):
    """Eq. 16-19: history and emotion cause -> gate mu and a second opinion q on the strategy."""

    def __init__(self, width: int, config: AdmiscConfig, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * width, width if config.gate_values == "each" else 1)
        self.ffn = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, len(STRATEGIES))
        self.kind = config.gate

    def forward(self, h: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """q (B, 8) and mu (B, 1 or D), from the means (B, D) of history and emotion cause."""
        raw = self.gate(torch.cat((h, u), dim=1))
        mu = raw.sigmoid() if self.kind == "sigmoid" else raw.relu().clamp_max(1.0)
        mixed = mu * h + (1 - mu) * u
        return self.out(self.norm(mixed + self.ffn(mixed))).float().softmax(dim=1), mu


@dataclass(frozen=True)
class Encoded:
    """Everything that the encoder side computes for a batch."""

    context: Reading
    streams: dict[str, Stream]
    """context (to be mixed with the strategy), emotions, refined blocks and raw blocks"""
    read: dict[str, Tensor]
    """inputs for choosing the strategy, see `Net.choice_inputs`"""
    first: Tensor
    """(B, 8) p_g"""
    second: Tensor
    """(B, 8) q"""
    gate: Tensor
    """(B,) mu, the share of the history"""
    refined: Tensor
    """(B, 8) p"""
    scores: Tensor
    """(B, 8) log p, plus what the course of the talk adds"""
    course: dict[str, Tensor]
    """that addition alone, see `Net.with_course`"""

    @property
    def strategies(self) -> Tensor:
        """(B, 8) p, with what the course adds."""
        return self.scores.softmax(dim=1)


class Admisc(Mixing):
    """See the module."""

    needs_comet = needs_emotion = True
    causal_streams = (FUSED,)
    chooses = ("head", "mix", "course")
    chooses_by_tails = True
    adapt_streams = staticmethod(adapt_values)
    extra_labels: ClassVar = {
        **Net.extra_labels,
        BEFORE: STRATEGIES,
        "refinement": STRATEGIES,
        REFINED: STRATEGIES,
        "gate": ("history", "emotion cause"),
    }

    def __init__(self, config: AdmiscConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(backbone, tokenizer, config.shape)
        self.config, self.streams = config, self.streams_of(config)
        self.course = Course() if config.course else None
        width, heads = backbone.width, backbone.heads
        wide, hidden = (2 if config.pool == "first+mean" else 1) * width, config.head_width or width
        self.head = nn.Sequential(nn.Linear(wide, hidden), nn.Tanh(), nn.Linear(hidden, len(STRATEGIES)))
        self.kinds = nn.Parameter(torch.zeros(2, width))  # the flag of eq. 8-9: other, emotional
        emotional = torch.tensor([tokenizer.relations[relation] for relation in EMOTIONAL])
        self.register_buffer("emotional", emotional, persistent=False)
        readers = (SITUATION, POST) if config.refine == "attention" else ()
        self.readers = nn.ModuleDict({name: BlockReader(width, heads) for name in readers})
        self.block_norm = nn.LayerNorm(width) if config.refine == "dot" else None
        self.mix = MixedStrategy(width, config, config.ffn_width or backbone.ffn_width)
        if config.decoder_streams:
            self.codebook = nn.Parameter(torch.randn(len(STRATEGIES), width) * 0.5)  # T
            last = None if backbone.causal else backbone.encoder_layers[-1].final_layer_norm
            self.fusions = nn.ModuleDict({n: Fusion(width, config.fusion, last) for n in (CONTEXT, EMOTION)})

    @classmethod
    def streams_of(cls, config: AdmiscConfig) -> tuple[str, ...]:
        """The sources of eq. 29 except A^h, which is the attention to the context; a causal base adds FUSED."""
        if not config.decoder_streams:
            return ()
        raw = (RAW_SITUATION, RAW_POST) if config.raw_streams else ()
        return (EMOTION, SITUATION, POST, *raw, STRATEGY)

    def encode(self, batch: Batch) -> Encoded:
        """The encoder side: sources, and the strategy before and after refinement. No gold label is used."""
        reading = self.read(batch)[1]
        context = reading.stream
        emotion = emotion_words(self.backbone, batch)
        kind = torch.isin(batch.blocks[:, 0], self.emotional).long()
        situation, post = block_vectors(self.backbone, batch, self.kinds[kind])
        masks = {SITUATION: batch.situation >= 0, POST: batch.post >= 0}
        refined = {
            name: Stream(self._refine(name, blocks, context), masks[name])
            for name, blocks in ((SITUATION, situation), (POST, post))
        }
        raw = {RAW_SITUATION: Stream(situation, masks[SITUATION]), RAW_POST: Stream(post, masks[POST])}
        read = {
            "context": pooled(reading, self.config.pool),
            "history": join(context, refined[POST]).mean,
            "cause": join(emotion, refined[SITUATION]).mean,
            "course": batch.course,
        }
        streams = {CONTEXT: context, EMOTION: emotion} | refined | raw
        return Encoded(reading, streams, read, *self._choose(read))

    def _choose(self, read: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """The fields of `Encoded` from `first` on."""
        second, gate = self.mix(read["history"], read["cause"])  # eq. 14-19
        first = self.head(read["context"]).float().softmax(dim=1)  # eq. 12
        mixed = (first + self.config.beta * second) / (1 + self.config.beta)  # eq. 21
        scores, course = self.with_course(mixed.clamp_min(1e-9).log(), read["course"])
        return first, second, gate.float().mean(dim=1), mixed, scores, course

    def choice_inputs(self, batch: Batch) -> dict[str, Tensor]:
        """The context as one vector, the means of history and emotion cause, and the course of the talk."""
        return self.encode(batch).read

    def choice_scores(self, read: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Logarithms of eq. 21, plus what the course adds."""
        *_, scores, course = self._choose(read)
        return scores, course

    def _refine(self, name: str, blocks: Tensor, context: Stream) -> Tensor:
        if self.block_norm is None:
            return torch.as_tensor(self.readers[name](blocks, context))
        found = read_context(blocks, context.states, context.mask, blocks.shape[-1] ** -0.5)
        return torch.as_tensor(self.block_norm(blocks + found))

    def decoder_sources(self, streams: Mapping[str, Stream], strategies: Tensor) -> dict[str, Stream]:
        """What the decoder attends to: the streams that were read, with strategy probabilities (B, 8) mixed in."""
        if not self.config.decoder_streams:
            return {}
        history, cause = streams[CONTEXT], streams[EMOTION]
        if self.config.sources == "joined":
            history, cause = join(history, streams[POST]), join(cause, streams[SITUATION])
        weights = (1 + self.config.beta) * strategies  # p_g + beta q
        vector = weights.to(self.codebook.dtype) @ self.codebook  # h_g, eq. 20
        sources = {name: streams[name] for name in self.streams if name in streams}
        fused = {} if self.backbone.causal else {CONTEXT: history}
        if self.backbone.causal:
            nothing = torch.zeros_like(vector[:, None])
            sources[FUSED] = vector_source(self.fusions[CONTEXT](nothing, weights, self.codebook)[:, 0])
        fused[EMOTION] = cause
        mixed = {n: Stream(self.fusions[n](s.states, weights, self.codebook), s.mask) for n, s in fused.items()}
        return sources | mixed | {STRATEGY: vector_source(vector)}

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """L_r (token mean) and L_g."""
        found = self.encode(batch)
        gold = self.config.strategy_train == "gold"
        strategies = self.told(batch.strategies, found.strategies) if gold else found.strategies
        memories = self.backbone.attach(found.context, self.decoder_sources(found.streams, strategies))
        states = self.reply_states(Plan(memories, self.begin(len(batch)), strategies), batch.labels)
        total, count = token_loss(self.backbone, states, batch.labels)
        chosen = self.strategy_loss(found.scores, batch.strategies)
        return {"reply": total / count, "strategy": chosen}

    def weighting(self) -> Weighting:
        """Eq. 31-33, or fixed weights."""
        if self.config.weights == "dwa":
            return Dwa(("reply", "strategy"), self.config.periods)
        return Fixed({"reply": 1.0, "strategy": self.config.strategy_weight})

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """A plan with the refined mixture (or the gold strategy) in every source that contains the strategy."""
        found = self.encode(batch)
        given = found.strategies if gold is None else self.told(gold, found.strategies)
        extras = found.course | {
            BEFORE: found.first,
            "refinement": found.second,
            "gate": torch.stack((found.gate, 1 - found.gate), dim=1),
        }
        if self.course is not None:
            extras[REFINED] = found.refined
        memories = self.backbone.attach(found.context, self.decoder_sources(found.streams, given))
        return Plan(memories, self.begin(len(batch)), found.strategies, extras, gold, found.streams)

    @property
    def follows_strategy(self) -> bool:
        """Whether the decoder has sources that contain the strategy."""
        return self.config.decoder_streams

    def follow_mixture(self, plan: Plan, batch: Batch, shares: Tensor) -> Plan:
        """The plan with another mixture in every source; reads the batch again only if `plan` is a row selection."""
        sources = plan.sources or self.encode(batch).streams
        return self.with_sources(plan, self.decoder_sources(sources, shares))

    @property
    def trains_strategy(self) -> bool:
        """Whether L_g has a weight above 0."""
        return self.config.weights == "dwa" or bool(self.config.strategy_weight)


def vector_source(vector: Tensor) -> Stream:
    """A source of one vector (B, D)."""
    return Stream(vector[:, None], torch.ones_like(vector[:, :1], dtype=torch.bool))


def join(one: Stream, other: Stream) -> Stream:
    """Two sources one after the other: (B, S1 + S2, D)."""
    return Stream(torch.cat((one.states, other.states), dim=1), torch.cat((one.mask, other.mask), dim=1))
