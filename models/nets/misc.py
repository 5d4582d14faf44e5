"""MISC (Tu et al. 2022): COMET-aware context, a mixture of strategies, and a decoder that attends to all of them.

    eq. 1   C = E(CLS, u1, EOS, ..., un)
    eq. 3   block vectors = first-token states of the encoded COMET blocks
    eq. 4   Z = softmax(H C^T) C,  H = LN(H + Z)                         (`refine="last"`)
    eq. 5   p_g = MLP(C_1);  eq. 6  h_g = p_g T, T a codebook of 8 vectors
    eq. 7   O' = LN(A^c + A^s + A^x + A^g + O), one attention per source
    eq. 8   L = L_r + L_g

The reference code differs from the paper: it refines in every encoder layer with learnt projections
(`refine="per_layer"`), trains with the gold strategy vector and mixes only when generating (`strategy_train="gold"`),
and has two bugs, reproduced here only on request: attention scores multiplied by sqrt(d) (`scale="code"`) and
BatchNorm applied twice (`batch_norm="twice"`).
Two settings of ours, in no paper, reward a decoder that uses its blocks: `drop_blocks` and `contrast`.
On a causal base, C is the prefix that the decoder attends to anyway, the state of its last token stands for C_1, and
blocks are read by the base without its changes (eq. 3 reads them with the net's own encoder, without gradient as here).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones.interface import Backbone, Reading, Stream, token_loss
from models.data.batches import Batch
from models.data.esconv_labels import EMOTION_TYPES
from models.data.examples import ContextShape
from models.data.strategies import STRATEGIES
from models.data.strategy_history import Course
from models.data.tokenizer import Tokenizer
from models.nets.mixing import Mixing
from models.nets.net import Net, Plan
from models.nets.other_blocks import anothers, left_out
from models.nets.streams import POST, SITUATION, STRATEGY
from models.nets.weighting import Fixed, Weighting


@dataclass(frozen=True)
class MiscConfig:
    """Settings of MISC; the defaults follow the reference code without its two bugs."""

    shape: ContextShape = field(default=ContextShape(tokens=512, turns=9, speakers=False, strategies=False))
    refine: Literal["per_layer", "last"] = "per_layer"
    """where blocks look at the context: after every encoder layer (code) or once after the last (paper)"""
    scale: Literal["sqrt", "paper", "code"] = "sqrt"
    """scores of the refinement: divided by sqrt(d), unscaled (paper), or multiplied by sqrt(d) (the code's bug)"""
    batch_norm: Literal["none", "once", "twice"] = "once"
    """BatchNorm on the strategy scores; "twice" at inference is the code's bug"""
    pool: Literal["first", "first+mean"] = "first"
    """what the strategy head reads: the state of [CLS], or that state joined with the mean of the context states"""
    strategy_train: Literal["gold", "mixture"] = "gold"
    """strategy vector in training: the gold one (code) or the predicted mixture (paper)"""
    strategy_weight: float = 1.0
    """weight of L_g"""
    situation_blocks: bool = True
    """A^s of eq. 7; False is "w/o s" of table 4"""
    post_blocks: bool = True
    """A^x of eq. 7; False is "w/o x" """
    course: bool = False
    """add what the course of the talk says about the next strategy (`strategy_history.py`; ours, not published)"""
    decode_strategy: Literal["mixture", "single", "none"] = "mixture"
    """A^g of eq. 7: for the mixture, for the most probable strategy alone ("Single", table 7), or none ("w/o g")"""
    emotion_weight: float = 0.0
    """above 0: weight of an extra loss, predicting the dialogue's gold emotion from the context (MISE, table 6, no
    blocks)"""
    drop_blocks: float = 0.0
    """share of the turns that are learnt without their blocks, drawn at random (ours)"""
    contrast: float = 0.0
    """above 0: weight of an extra loss, until the blocks of another dialogue make references less likely by `MARGIN`
    (ours; not with refine="per_layer")"""


MARGIN = 0.1
"""nats per token by which references should be less likely with the blocks of another dialogue"""


class BlockAttention(nn.Module):
    """The reference code's refinement of blocks (B, N, D) by context (B, S, D) in one encoder layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.q, self.k, self.v1, self.v2, self.w = (nn.Linear(width, width) for _ in range(5))
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-8), nn.LayerNorm(width, eps=1e-8)

    def forward(self, blocks: Tensor, context: Tensor, mask: Tensor, scale: float) -> Tensor:
        """Each block reads the context, then passes a one-layer transition."""
        scores = self.k(blocks) @ self.q(context).transpose(1, 2) * scale  # (B, N, S)
        weights = scores.masked_fill(~mask[:, None], torch.finfo(scores.dtype).min).softmax(dim=-1)
        blocks = self.norm1(weights @ self.v1(context) + self.v2(blocks))
        return self.norm2(F.relu(self.w(blocks)) + blocks)


class ScoreNorm(nn.BatchNorm1d):
    """BatchNorm; a single row (1, 8), as at the end of an epoch, has no variance and uses running statistics."""

    def forward(self, scores: Tensor) -> Tensor:
        """Normalised scores (B, 8)."""
        if len(scores) > 1:
            return super().forward(scores)
        return F.batch_norm(scores, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class Misc(Mixing):
    """See the module."""

    extra_labels: ClassVar = {**Net.extra_labels, "emotion of the seeker": EMOTION_TYPES}
    chooses = ("head", "head_norm", "course")

    def __init__(self, config: MiscConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(backbone, tokenizer, config.shape)
        self.config, self.streams = config, self.streams_of(config)
        self.course = Course() if config.course else None
        self.needs_comet = config.situation_blocks or config.post_blocks
        if config.refine == "per_layer" and backbone.causal:
            raise ValueError('net \'misc\': refine="per_layer" needs an encoder; on a causal base set refine="last"')
        width = backbone.width
        wide = 2 * width if config.pool == "first+mean" else width
        self.head = nn.Sequential(nn.Linear(wide, width), nn.Tanh(), nn.Linear(width, len(STRATEGIES)))
        self.head_norm = ScoreNorm(len(STRATEGIES)) if config.batch_norm != "none" else nn.Identity()
        if config.decode_strategy != "none":
            self.codebook = nn.Parameter(torch.randn(len(STRATEGIES), width) * 0.5)  # T of eq. 6
        if config.contrast and not self.needs_comet:
            raise ValueError("net 'misc': contrast needs blocks of situation or post; set contrast=0")
        if config.contrast and config.refine == "per_layer":
            raise ValueError("net 'misc': contrast needs blocks refined once; set refine=\"last\", or contrast=0")
        if not 0 <= config.drop_blocks <= 1:
            raise ValueError(f"net 'misc': drop_blocks is {config.drop_blocks}; allowed: a share from 0 to 1")
        layers = len(backbone.encoder_layers) if config.refine == "per_layer" else 0
        self.refine_situation = nn.ModuleList(BlockAttention(width) for _ in range(layers * config.situation_blocks))
        self.refine_post = nn.ModuleList(BlockAttention(width) for _ in range(layers * config.post_blocks))
        self.block_norm = nn.LayerNorm(width) if config.refine == "last" and self.needs_comet else None
        self.emotion_head = nn.Linear(wide, len(EMOTION_TYPES)) if config.emotion_weight else None
        self.scale = {"sqrt": width**-0.5, "paper": 1.0, "code": width**0.5}[config.scale]

    @classmethod
    def streams_of(cls, config: MiscConfig) -> tuple[str, ...]:
        """A^s, A^x and A^g of eq. 7, except those that the settings leave out."""
        used = {
            SITUATION: config.situation_blocks,
            POST: config.post_blocks,
            STRATEGY: config.decode_strategy != "none",
        }
        return tuple(name for name, there in used.items() if there)

    def encode(self, batch: Batch) -> tuple[Reading, dict[str, Stream]]:
        """The context of each example, and the refined block vectors of situation and last post."""
        if not self.needs_comet:
            return self.read(batch)[1], {}
        if self.block_norm is not None:
            reading = self.read(batch)[1]
            return reading, self._refined(batch, reading)
        blocks = dict(zip((SITUATION, POST), block_vectors(self.backbone, batch), strict=True))
        reading, blocks = self._read_per_layer(batch, blocks)
        return reading, self._streams(batch, blocks)

    def _streams(self, batch: Batch, blocks: Mapping[str, Tensor]) -> dict[str, Stream]:
        masks = {SITUATION: batch.situation >= 0, POST: batch.post >= 0}
        return {name: Stream(found, masks[name]) for name, found in blocks.items() if name in self.streams}

    def _refined(self, batch: Batch, reading: Reading) -> dict[str, Stream]:
        """The blocks of a batch, refined once by contexts that were read (eq. 4)."""
        blocks = zip((SITUATION, POST), block_vectors(self.backbone, batch), strict=True)
        return self._streams(batch, {name: self._refine(found, reading.stream) for name, found in blocks})

    def _read_per_layer(self, batch: Batch, blocks: dict[str, Tensor]) -> tuple[Reading, dict[str, Tensor]]:
        """The code's refinement: blocks look at the context after every encoder layer."""
        refiners = {SITUATION: self.refine_situation, POST: self.refine_post}
        x = self.backbone.embed(batch.ids)
        for index, layer in enumerate(self.backbone.encoder_layers):
            x = self.backbone.encode_layer(layer, x, batch.mask)
            blocks = {
                name: refiners[name][index](found, x, batch.mask, self.scale) if refiners[name] else found
                for name, found in blocks.items()
            }
        return Reading(x, batch.mask, x[:, 0]), blocks

    def _refine(self, blocks: Tensor, context: Stream) -> Tensor:
        found = read_context(blocks, context.states, context.mask, self.scale)
        return self.block_norm(blocks + found)  # eq. 4

    def choice_inputs(self, batch: Batch) -> dict[str, Tensor]:
        """The context as one vector, and the course of the talk."""
        return self._chosen_by(self.encode(batch)[0], batch)

    def _chosen_by(self, context: Reading, batch: Batch) -> dict[str, Tensor]:
        return {"context": self._pooled(context), "course": batch.course}

    def choice_scores(self, read: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Strategy scores before the softmax (eq. 5)."""
        scores = self.head_norm(self.head(read["context"]).float())
        if self.config.batch_norm == "twice" and not self.training:
            scores = self.head_norm(scores)
        return self.with_course(scores, read["course"])

    def _pooled(self, context: Reading) -> Tensor:
        return pooled(context, self.config.pool)

    def _strategy(self, weights: Tensor) -> dict[str, Stream]:
        if self.config.decode_strategy == "none":
            return {}
        if self.config.decode_strategy == "single":
            weights = F.one_hot(weights.argmax(dim=1), len(STRATEGIES))
        vector = weights.to(self.codebook.dtype) @ self.codebook  # h_g = p_g T, eq. 6
        return {STRATEGY: Stream(vector[:, None], torch.ones_like(vector[:, :1], dtype=torch.bool))}

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """L_r (token mean) and L_g; for MISE also the emotion loss, over the examples whose emotion is known; the
        contrast with the blocks of another dialogue where the settings ask for it."""
        whole = batch
        if self.training and self.config.drop_blocks:
            batch = left_out(batch, self.config.drop_blocks)
        reading, streams = self.encode(batch)
        scores, _ = self.choice_scores(self._chosen_by(reading, batch))
        shares = scores.softmax(dim=1)
        weights = self.told(batch.strategies, shares) if self.config.strategy_train == "gold" else shares
        reply = self._reply_loss(batch, reading, streams, weights)
        parts = {"reply": reply, "strategy": self.strategy_loss(scores, batch.strategies)}
        if self.config.contrast:
            found = self._reply_loss(batch, reading, self._refined(anothers(whole), reading), weights)
            parts["contrast"] = (MARGIN - (found - reply)).clamp_min(0.0)
        if self.emotion_head is None:
            return parts
        scores = self.emotion_head(self._pooled(reading)).float()
        known = (batch.emotion_labels >= 0).sum().clamp_min(1)
        return parts | {
            "emotion": F.cross_entropy(scores, batch.emotion_labels, ignore_index=-1, reduction="sum") / known
        }

    def _reply_loss(self, batch: Batch, reading: Reading, streams: Mapping[str, Stream], weights: Tensor) -> Tensor:
        """L_r, the mean over tokens."""
        memories = self.backbone.attach(reading, {**streams, **self._strategy(weights)})
        states = self.reply_states(Plan(memories, self.begin(len(batch)), weights), batch.labels)
        total, count = token_loss(self.backbone, states, batch.labels)
        return total / count

    def weighting(self) -> Weighting:
        """L = L_r + L_g, and the losses that settings add."""
        added = {"emotion": self.config.emotion_weight, "contrast": self.config.contrast}
        fixed = {"reply": 1.0, "strategy": self.config.strategy_weight}
        return Fixed(fixed | {name: weight for name, weight in added.items() if weight})

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """The predicted mixture (or the gold strategy's vector) as a fourth source of the decoder."""
        reading, streams = self.encode(batch)
        scores, extras = self.choice_scores(self._chosen_by(reading, batch))
        probabilities = scores.softmax(dim=1)
        weights = probabilities if gold is None else self.told(gold, probabilities)
        memories = self.backbone.attach(reading, streams | self._strategy(weights))
        if self.emotion_head is not None:
            extras["emotion of the seeker"] = self.emotion_head(self._pooled(reading)).float().softmax(dim=1)
        return Plan(memories, self.begin(len(batch)), probabilities, extras, gold)

    @property
    def trains_strategy(self) -> bool:
        """Whether L_g has a weight above 0."""
        return bool(self.config.strategy_weight)

    @property
    def follows_strategy(self) -> bool:
        """Whether the decoder has A^g."""
        return self.config.decode_strategy != "none"

    @property
    def mixes_strategies(self) -> bool:
        """Whether A^g reads the mixture."""
        return self.config.decode_strategy == "mixture"

    def follow_mixture(self, plan: Plan, batch: Batch, shares: Tensor) -> Plan:
        """The plan with the vector of another mixture."""
        return self.with_sources(plan, self._strategy(shares))


def block_vectors(backbone: Backbone, batch: Batch, flags: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(B, N, D) each: vectors of the blocks of situation and last post (eq. 3), plus `flags` (U, D) if given."""
    vectors = backbone.summaries(batch.blocks, block_mask(batch.blocks))  # (U, D)
    vectors = vectors if flags is None else vectors + flags
    return vectors[batch.situation.clamp_min(0)], vectors[batch.post.clamp_min(0)]


def pooled(context: Reading, pool: str) -> Tensor:
    """(B, D) the state that stands for the context, or (B, 2 D) that state joined with the mean of its states."""
    if pool == "first":
        return context.summary
    return torch.cat((context.summary, context.mean), dim=1)


def read_context(blocks: Tensor, context: Tensor, mask: Tensor, scale: float) -> Tensor:
    """(B, N, D) what blocks read from the context (B, S, D) by dot-product attention, without parameters."""
    scores = blocks @ context.transpose(1, 2) * scale  # (B, N, S)
    weights = scores.masked_fill(~mask[:, None], torch.finfo(scores.dtype).min).softmax(dim=-1)
    return weights.to(context.dtype) @ context


def block_mask(blocks: Tensor) -> Tensor:
    """(U, L) bool; the first token always counts, so that the empty block 0 gives no nan."""
    mask = blocks != 0
    mask[:, 0] = True
    return mask
