"""Transformer and MT Transformer: the plain baselines of MISC's and AdMISC's tables, trained from scratch.

Transformer (Vaswani et al. 2017) reads the context and writes the reply. MT Transformer (Rashkin et al. 2018) also
classifies the emotion of the whole dialogue from the state of [CLS], one of ESConv's 11 emotion types:
    L = L_reply + L_emotion
It is the same net with `emotion_weight` 1: the classification only trains the encoder, the decoder does not read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from models.backbones.interface import CONTEXT, Backbone
from models.data.batches import Batch
from models.data.esconv_labels import EMOTION_TYPES
from models.data.examples import ContextShape
from models.data.tokenizer import Tokenizer
from models.nets.emotion_loss import emotion_loss
from models.nets.net import Plan
from models.nets.scratch import WHOLE_CONTEXT, ScratchNet, Size
from models.nets.weighting import Fixed, Weighting

EMOTION = "emotion"


@dataclass(frozen=True)
class TransformerConfig:
    """Settings of the Transformer; the defaults are those of MoEL's repository, which published both baselines."""

    shape: ContextShape = field(default=WHOLE_CONTEXT)
    size: Size = field(default=Size())
    smoothing: float = 0.1
    """label smoothing of the reply loss"""
    emotion_weight: float = 0.0
    """weight of the emotion classification; 0 leaves it out"""


@dataclass(frozen=True)
class MtTransformerConfig(TransformerConfig):
    """The same, with the emotion classification."""

    emotion_weight: float = 1.0


class Transformer(ScratchNet):
    """See the module."""

    def __init__(self, config: TransformerConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(backbone, tokenizer, config.shape)
        self.config = config
        wanted = config.emotion_weight > 0
        self.emotion_head = nn.Linear(backbone.width, len(EMOTION_TYPES)) if wanted else None
        self.extra_labels = {EMOTION: EMOTION_TYPES} if wanted else {}

    def _read(self, batch: Batch) -> tuple[Plan, Tensor | None]:
        """The plan, and the emotion scores (B, 11) if they are learnt."""
        context = self.encode(batch)
        scores = self.emotion_head(context.states[:, 0]).float() if self.emotion_head is not None else None
        memories = self.backbone.project({CONTEXT: context})
        extras = {} if scores is None else {EMOTION: scores.softmax(dim=1)}
        rows = len(batch)
        return Plan(memories, self.begin(rows), self.no_strategies(rows), extras), scores

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """ "reply", and "emotion" if it is learnt."""
        plan, scores = self._read(batch)
        parts = {"reply": self.reply_loss(plan, batch.labels)}
        return parts if scores is None else parts | {EMOTION: emotion_loss(scores, batch.emotion_labels)}

    def weighting(self) -> Weighting:
        """L = L_reply + L_emotion."""
        weights = {"reply": 1.0}
        return Fixed(weights if self.emotion_head is None else weights | {EMOTION: self.config.emotion_weight})

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """A plan from the context alone; there is no strategy that `gold` could replace."""
        return self._read(batch)[0]
