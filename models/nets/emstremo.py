"""Emstremo (Li et al. 2024): a reply has its own emotion; the strategy leads from the seeker's emotion to it.

    C = E(context);  p_s = softmax(BN(W C_1)),  p_e = softmax(BN(V C_n))   strategy, and emotion of the seeker (11)
    M_s = softmax by rows of 11 x 28 numbers, one matrix for each strategy s
    o   = sum over s of p_s(s) p_e M_s                                     emotion of the reply, GoEmotions' 28
    decoder: reads [p_s T; o F] beside the context, T and F tables of vectors
    L   = L_r + 0.05 CE(p_s) + 0.05 CE(p_e) + 0.05 KL(o* || o) + 0.2 L_c
    L_c = supervised contrastive loss (Khosla et al. 2020) of the states at the replies' ends, by strategy

It is MISC without commonsense. o* are the emotions that a detector finds in the actual reply, used only in training.
What differs here:
- The published net puts the two vectors in front of the decoder's input. Here they are a source of two vectors that
  every layer attends to, O' = LN(O + A^c + A^g): words still choose between strategy and emotion; a trace shows how.
- The published net reads words with the VAD values of a lexicon, which may not be redistributed, so that is left out.
  Speaker marks are the published ones.
- The detector is the one that --emotion names, by default the shipped one, not the published RoBERTa; its 28 scores are
  divided by their sum. The temperature of L_c is our choice.
- On a causal base, C_1 and C_n are both the state of the last token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones.interface import Backbone, Reading, Stream, squashed, token_loss
from models.data.batches import Batch
from models.data.esconv_labels import EMOTION_TYPES
from models.data.examples import REPLY_EMOTION, ContextShape
from models.data.strategies import STRATEGIES
from models.data.strategy_history import Course
from models.data.tokenizer import Tokenizer
from models.knowledge.emotion import GO_EMOTIONS
from models.nets.emotion_loss import emotion_loss
from models.nets.misc import ScoreNorm, pooled
from models.nets.mixing import Mixing
from models.nets.net import Net, Plan
from models.nets.streams import GUIDES, adapt_values
from models.nets.weighting import Fixed, Weighting

SEEKER_EMOTION, OWN_EMOTION = "emotion of the seeker", "emotion of the reply"


@dataclass(frozen=True)
class EmstremoConfig:
    """Settings of Emstremo; the defaults are those of the published code."""

    shape: ContextShape = field(default=ContextShape(tokens=512, turns=9, strategies=False))
    pool: Literal["first", "first+mean"] = "first"
    """what the strategy head reads: the state of [CLS], or that state joined with the mean of the context states"""
    batch_norm: bool = True
    """BatchNorm on the scores of strategy and emotion"""
    strategy_train: Literal["gold", "mixture"] = "gold"
    """strategy in training: the gold one, as in MISC's code, or the predicted mixture"""
    strategy_weight: float = 0.05
    emotion_weight: float = 0.05
    """weight of the loss on the seeker's emotion"""
    transfer_weight: float = 0.05
    """weight of the loss on the reply's emotion; with 0, only L_r trains the matrices"""
    contrast_weight: float = 0.2
    """weight of L_c"""
    temperature: float = 0.1
    """temperature of L_c, above 0"""
    course: bool = False
    """add what the course of the talk says about the next strategy (`strategy_history.py`; ours, not published)"""


class EmotionTransfer(nn.Module):
    """p_s (B, 8) and p_e (B, 11) -> o (B, 28): the strategy leads from the seeker's emotion to that of the reply."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.randn(len(STRATEGIES), len(EMOTION_TYPES), len(GO_EMOTIONS)) * 0.1)

    def forward(self, strategies: Tensor, emotions: Tensor) -> Tensor:
        """See the class; float32."""
        return torch.einsum("bs,be,ser->br", strategies.float(), emotions.float(), self.scores.float().softmax(dim=-1))


class Emstremo(Mixing):
    """See the module."""

    wants = frozenset({REPLY_EMOTION})
    streams = (GUIDES,)
    adapt_streams = staticmethod(adapt_values)
    chooses = ("head", "head_norm", "course")
    extra_labels: ClassVar = {**Net.extra_labels, SEEKER_EMOTION: EMOTION_TYPES, OWN_EMOTION: GO_EMOTIONS}

    def __init__(self, config: EmstremoConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(backbone, tokenizer, config.shape)
        self.config = config
        self.course = Course() if config.course else None
        width = backbone.width
        self.head = nn.Linear((2 if config.pool == "first+mean" else 1) * width, len(STRATEGIES))
        self.emotion_head = nn.Linear(width, len(EMOTION_TYPES))
        norm = ScoreNorm if config.batch_norm else nn.Identity
        self.head_norm, self.emotion_norm = norm(len(STRATEGIES)), norm(len(EMOTION_TYPES))
        self.transfer = EmotionTransfer()
        self.codebook = nn.Parameter(torch.randn(len(STRATEGIES), width) * 0.5)  # T
        self.moods = nn.Parameter(torch.randn(len(GO_EMOTIONS), width) * 0.5)  # F

    def choice_inputs(self, batch: Batch) -> dict[str, Tensor]:
        """The context as one vector, and the course of the talk."""
        return self._chosen_by(self.read(batch)[1], batch)

    def _chosen_by(self, context: Reading, batch: Batch) -> dict[str, Tensor]:
        return {"context": pooled(context, self.config.pool), "course": batch.course}

    def choice_scores(self, read: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Strategy scores before the softmax."""
        return self.with_course(self.head_norm(self.head(read["context"]).float()), read["course"])

    def _scores(self, reading: Reading, batch: Batch) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Scores of strategies (B, 8) and of the seeker's emotion (B, 11), and what the course adds to the former."""
        scores, course = self.choice_scores(self._chosen_by(reading, batch))
        last = reading.at(reading.mask.sum(dim=1, keepdim=True) - 1)[:, 0]
        return scores, self.emotion_norm(self.emotion_head(last).float()), course

    def _guides(self, strategies: Tensor, emotions: Tensor) -> tuple[dict[str, Stream], Tensor]:
        """The source of two vectors, and o, computed from p_s and p_e."""
        own = self.transfer(strategies, emotions)
        vectors = torch.stack(
            (strategies.to(self.codebook.dtype) @ self.codebook, own.to(self.moods.dtype) @ self.moods), 1
        )
        return {GUIDES: Stream(vectors, torch.ones_like(vectors[..., 0], dtype=torch.bool))}, own

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The five parts of L."""
        reading = self.read(batch)[1]
        scores, moods, _ = self._scores(reading, batch)
        shares = scores.softmax(dim=1)
        followed = self.told(batch.strategies, shares) if self.config.strategy_train == "gold" else shares
        sources, own = self._guides(followed, moods.softmax(dim=1))
        plan = Plan(self.backbone.attach(reading, sources), self.begin(len(batch)), followed)
        states = self.reply_states(plan, batch.labels)
        total, count = token_loss(self.backbone, states, batch.labels)
        return {
            "reply": total / count,
            "strategy": self.strategy_loss(scores, batch.strategies),
            "emotion": emotion_loss(moods, batch.emotion_labels),
            "transfer": transfer_loss(own, batch.reply_emotions),
            "contrast": self._contrast(states, batch),
        }

    def _contrast(self, states: Tensor, batch: Batch) -> Tensor:
        """L_c of the states (B, T, D) that predict the end marks."""
        ends = ((batch.labels >= 0).sum(dim=1) - 1).clamp_min(0)
        last = states[torch.arange(len(batch), device=states.device), ends].float()
        return contrastive_loss(
            squashed(last) if self.backbone.causal else last, batch.strategies, self.config.temperature
        )

    def weighting(self) -> Weighting:
        """The published weights."""
        names = ("strategy", "emotion", "transfer", "contrast")
        return Fixed({"reply": 1.0} | {name: getattr(self.config, f"{name}_weight") for name in names})

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """A plan with the predicted mixture (or the gold strategy) and the emotion that it leads to."""
        reading = self.read(batch)[1]
        scores, moods, extras = self._scores(reading, batch)
        shares, felt = scores.softmax(dim=1), moods.softmax(dim=1)
        sources, own = self._guides(shares if gold is None else self.told(gold, shares), felt)
        memories = self.backbone.attach(reading, sources)
        extras |= {SEEKER_EMOTION: felt, OWN_EMOTION: own}
        return Plan(memories, self.begin(len(batch)), shares, extras, gold)

    def source_names(self, plan: Plan) -> Mapping[str, tuple[str, ...]]:
        """Names of the two vectors."""
        return {GUIDES: ("strategy", "emotion")}

    @property
    def trains_strategy(self) -> bool:
        """Whether the strategy's loss has a weight above 0."""
        return bool(self.config.strategy_weight)

    def follow_mixture(self, plan: Plan, batch: Batch, shares: Tensor) -> Plan:
        """The plan with another mixture; nothing is read again."""
        sources, own = self._guides(shares, plan.extras[SEEKER_EMOTION])
        return replace(self.with_sources(plan, sources), extras=plan.extras | {OWN_EMOTION: own})


def transfer_loss(own: Tensor, heard: Tensor) -> Tensor:
    """Mean KL(heard || own) of emotions (B, 28) over the replies with detected emotions (not all 0); 0 if none has."""
    each = F.kl_div(own.clamp_min(1e-9).log(), heard, reduction="none").sum(dim=1)
    known = heard.sum(dim=1) > 0
    return (each * known).sum() / known.sum().clamp_min(1)


def contrastive_loss(vectors: Tensor, groups: Tensor, temperature: float) -> Tensor:
    """Khosla et al. 2020, eq. 2: pulls vectors (B, D) of the same group (B,) together and pushes the others apart.

    Mean over the vectors that share their group with another one in the batch, 0 if none does; -1 means no group.
    """
    z = F.normalize(vectors, dim=1)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    shares = (z @ z.T / temperature).masked_fill(itself, -1e4).log_softmax(dim=1)
    same = (groups[:, None] == groups) & (groups >= 0)[:, None] & ~itself
    count = same.sum(dim=1)
    each = -(shares * same).sum(dim=1) / count.clamp_min(1)
    return each.sum() / (count > 0).sum().clamp_min(1)
