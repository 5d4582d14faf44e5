"""MoEL (Lin et al. 2019): a mixture of empathetic listeners, one decoder layer per emotion of the seeker.

    q     = state of [CLS] of the encoded context
    p     = softmax(top-5 of W q), one per emotion: the listeners' weights; W q also learns to predict the emotion
    h     = listener_0(y) + sum_i p_i listener_i(y)    listener_0 hears every emotion
    reply = meta listener(h), the decoder layers that follow
    L     = L_reply + L_emotion

In training, a share of the replies is decoded by the gold emotion's listener alone (the published code lets that share
fall from 1 to 0 over the steps; here it is constant, `gold_share`). Prediction never sees the gold emotion.
Unlike in the published code, decoding caches keys and values, and runs only the listeners whose weight is not 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BlenderbotSmallConfig

from models.backbones.encoder_decoder import StreamDecoderLayer
from models.backbones.interface import CONTEXT, Backbone, Memory, Past, Stream
from models.data.batches import Batch
from models.data.esconv_labels import EMOTION_TYPES
from models.data.examples import ContextShape
from models.data.tokenizer import Tokenizer
from models.nets.emotion_loss import emotion_loss
from models.nets.net import Plan
from models.nets.scratch import WHOLE_CONTEXT, ScratchNet, Size
from models.nets.weighting import Fixed, Weighting

LISTENERS = "listeners"


@dataclass(frozen=True)
class MoelConfig:
    """Settings of MoEL; the defaults are the published ones, with ESConv's 11 emotions instead of the published 32."""

    shape: ContextShape = field(default=WHOLE_CONTEXT)
    size: Size = field(default=Size())
    """`size.layers` is the number of layers of the meta listener; the layer of listeners is extra"""
    smoothing: float = 0.1
    """label smoothing of the reply loss"""
    emotion_weight: float = 1.0
    """weight of L_emotion"""
    top_k: int = 5
    """number of listeners that take part in a reply"""
    gold_share: float = 0.5
    """share of the training replies that the gold emotion's listener decodes alone"""


class Listeners(nn.Module):
    """A shared decoder layer and one per emotion, mixed by the reply's listener weights.

    It takes the place of a decoder layer: `project` runs once per reply, `forward` at every step. Layer i keeps its
    keys and values at place i of `Past`; place 0 is the shared listener's.
    """

    def __init__(self, config: BlenderbotSmallConfig, count: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(StreamDecoderLayer(config, index) for index in range(count + 1))

    def project(self, context: Stream, weights: Tensor) -> dict[str, Memory]:
        """The context as each listener sees it, and the weights (B, n) as a memory, so that selecting rows works alike.

        Outside training, listeners with weight 0 in every row are left out: for a single reply, that is most of them.
        """
        silent = set() if self.training else {1 + n for n, w in enumerate(weights.any(dim=0).tolist()) if not w}
        memories = {
            str(index): layer.project({CONTEXT: context})[CONTEXT]
            for index, layer in enumerate(self.layers)
            if index not in silent
        }
        column = weights[:, None, :, None]  # (B, 1, n, 1)
        everywhere = torch.ones_like(weights, dtype=torch.bool)[:, None, None]
        return memories | {LISTENERS: Memory(column, column, everywhere, ~everywhere[..., 0])}

    def forward(
        self,
        x: Tensor,  # (B, T, D)
        memories: Mapping[str, Memory],
        past: Past | None = None,
        record: dict[str, list[Tensor]] | None = None,
    ) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        _, *heard = (int(name) for name in memories if name != LISTENERS)  # the shared listener 0 comes first
        shared, *listened = (self.layers[i](x, {CONTEXT: memories[str(i)]}, past, record) for i in (0, *heard))
        weights = memories[LISTENERS].values[:, 0, [i - 1 for i in heard], 0]  # (B, listeners heard)
        return shared + torch.einsum("nbtd,bn->btd", torch.stack(listened), weights.to(shared.dtype))


class Moel(ScratchNet):
    """See the module."""

    def __init__(self, config: MoelConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(backbone, tokenizer, config.shape)
        count = len(EMOTION_TYPES)
        if not 1 <= config.top_k <= count:
            raise ValueError(f"top_k is {config.top_k}; allowed: 1 to {count}")
        self.config = config
        self.key = nn.Linear(backbone.width, count, bias=False)
        self.listeners = Listeners(backbone.config, count)
        meta = list(backbone.model.decoder.layers)
        for index, layer in enumerate(meta, start=count + 1):  # behind the listeners' places in Past
            layer.index = index
        backbone.model.decoder.layers = nn.ModuleList([self.listeners, *meta])
        self.extra_labels = {LISTENERS: EMOTION_TYPES}

    def _weights(self, scores: Tensor) -> Tensor:
        """(B, 11) emotion scores -> listener weights, 0 except for the `top_k` highest."""
        least = scores.topk(self.config.top_k, dim=1).values[:, -1:]
        return scores.masked_fill(scores < least, -torch.inf).softmax(dim=1)

    def _with_gold(self, weights: Tensor, labels: Tensor) -> Tensor:
        """The weights with a random `gold_share` of the rows replaced by the gold listener alone."""
        replaced = (torch.rand(len(labels), device=labels.device) < self.config.gold_share) & (labels >= 0)
        gold = F.one_hot(labels.clamp_min(0), weights.shape[1]).to(weights.dtype)
        return torch.where(replaced[:, None], gold, weights)

    def _plan(self, context: Stream, weights: Tensor) -> Plan:
        _, *meta = self.backbone.model.decoder.layers
        memories = [self.listeners.project(context, weights), *(layer.project({CONTEXT: context}) for layer in meta)]
        rows = len(weights)
        return Plan(memories, self.begin(rows), self.no_strategies(rows), {LISTENERS: weights})

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """ "reply" and "emotion"."""
        context = self.encode(batch)
        scores = self.key(context.states[:, 0]).float()
        weights = self._with_gold(self._weights(scores), batch.emotion_labels)
        return {
            "reply": self.reply_loss(self._plan(context, weights), batch.labels),
            "emotion": emotion_loss(scores, batch.emotion_labels),
        }

    def weighting(self) -> Weighting:
        """L = L_reply + L_emotion."""
        return Fixed({"reply": 1.0, "emotion": self.config.emotion_weight})

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """A plan from context and listener weights; there is no strategy that `gold` could replace."""
        context = self.encode(batch)
        return self._plan(context, self._weights(self.key(context.states[:, 0]).float()))
