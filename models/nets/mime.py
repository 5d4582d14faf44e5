"""MIME (Majumder et al. 2020): mimics the seeker's emotion up to a point, separately from the opposite polarity.

    q         = state of [CLS] of the encoded context H
    emotion   = softmax(E_neg W q), one of ESConv's 11 emotion types, E a table of emotion vectors
    z_c       ~ N(mu_c(q), sigma_c(q)) for both clusters c, positive and negative     (prior)
    e_c       = softmax(D_c z_c) E_c                                                  blend of the cluster's vectors
    m, m'     = encoder layer over H + e, of the mimicked and of the other cluster
    v         = W' (sigmoid(W'' [m; m']) * [m; m'])                                   all that the decoder attends to
    L         = L_reply + L_emotion + KL(posterior || prior), the posterior sees the means of m and m'

MIME follows the polarity of the seeker's emotion. All emotions of ESConv are negative, so here the negative cluster is
always the mimicked one, and the positive cluster is 13 vectors (as many as in the published table) that no label
ever names. Replies use the prior's mean instead of a sample: the same seed gives the same reply. The published code
uses the positive cluster's variance for the negative one too, and sums the KL over a batch; here each cluster has its
own variance, and the KL is a mean over the examples.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from transformers.models.blenderbot_small.modeling_blenderbot_small import BlenderbotSmallEncoderLayer

from models.backbones.interface import CONTEXT, Backbone, Stream
from models.data.batches import Batch
from models.data.esconv_labels import EMOTION_TYPES
from models.data.examples import ContextShape
from models.data.tokenizer import Tokenizer
from models.nets.emotion_loss import emotion_loss
from models.nets.net import Plan
from models.nets.scratch import WHOLE_CONTEXT, ScratchNet, Size
from models.nets.weighting import Fixed, Weighting

EMOTION, MIMICKED, OTHER = "emotion", "mimicked emotion", "other emotion"
POSITIVE: tuple[str, ...] = tuple(f"positive {number}" for number in range(1, 14))
"""names of vectors without a label"""


@dataclass(frozen=True)
class MimeConfig:
    """Settings of MIME; the defaults are the published ones."""

    shape: ContextShape = field(default=WHOLE_CONTEXT)
    size: Size = field(default=Size())
    smoothing: float = 0.1
    """label smoothing of the reply loss"""
    emotion_weight: float = 1.0
    """weight of L_emotion"""
    kl_weight: float = 1.0
    """weight of the KL divergence"""


class Gaussian(nn.Module):
    """(B, in) -> mean and log-variance (B, D) each."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width_in, width)
        self.mean, self.log_variance = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs are float32, even if autocast runs the layers in another type."""
        hidden = self.hidden(x).relu()
        return self.mean(hidden).float(), self.log_variance(hidden).float()


class Cluster(nn.Module):
    """The emotions of one polarity: their vectors, the latent that blends them, and a layer that reads the context."""

    def __init__(self, backbone: Backbone, count: int) -> None:
        super().__init__()
        width = backbone.width
        self.vectors = nn.Parameter(torch.randn(count, width) * 0.1)
        self.prior, self.posterior = Gaussian(width, width), Gaussian(2 * width, width)
        self.share = nn.Linear(width, count)
        self.layer = BlenderbotSmallEncoderLayer(backbone.config)

    def blend(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D) latent -> shares of the emotions (B, n), their vector (B, D)."""
        shares = self.share(latent).float().softmax(dim=1)
        return shares, shares.to(self.vectors.dtype) @ self.vectors


class Mime(ScratchNet):
    """See the module."""

    def __init__(self, config: MimeConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(backbone, tokenizer, config.shape)
        self.config = config
        width = backbone.width
        self.query = nn.Linear(width, width, bias=False)
        self.mimicked, self.other = Cluster(backbone, len(EMOTION_TYPES)), Cluster(backbone, len(POSITIVE))
        self.gate, self.fuse = nn.Linear(2 * width, 2 * width), nn.Linear(2 * width, width)
        self.extra_labels = {EMOTION: EMOTION_TYPES, MIMICKED: EMOTION_TYPES, OTHER: POSITIVE}

    def emotion_scores(self, context: Stream) -> Tensor:
        """(B, 11) scores of the seeker's emotion."""
        return (self.query(context.states[:, 0]) @ self.mimicked.vectors.T).float()

    def _read(self, cluster: Cluster, context: Stream, draw: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Shares (B, n), the context as read with the cluster (B, S, D), and the KL of its latent (B,)."""
        first = context.states[:, 0]
        mean, log_variance = cluster.prior(first)
        latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if draw else mean
        shares, vector = cluster.blend(latent)
        states = self.backbone.encode_layer(cluster.layer, context.states + vector[:, None], context.mask)
        keep = context.mask[..., None].to(states.dtype)
        pooled = (states * keep).sum(dim=1) / keep.sum(dim=1)
        posterior = cluster.posterior(torch.cat((first, pooled), dim=1))
        return shares, states, divergence(posterior, (mean, log_variance))

    def _plan(self, context: Stream, draw: bool) -> tuple[Plan, Tensor, Tensor]:
        """The plan, emotion scores (B, 11) and KL (B,). With `draw`, latents are sampled, otherwise they are means."""
        mimicked, m, kl = self._read(self.mimicked, context, draw)
        other, m_other, kl_other = self._read(self.other, context, draw)
        both = torch.cat((m, m_other), dim=2)  # (B, S, 2 D)
        mixed = self.fuse(self.gate(both).sigmoid() * both)
        scores = self.emotion_scores(context)
        extras = {EMOTION: scores.softmax(dim=1), MIMICKED: mimicked, OTHER: other}
        memories, rows = self.backbone.project({CONTEXT: Stream(mixed, context.mask)}), len(scores)
        return Plan(memories, self.begin(rows), self.no_strategies(rows), extras), scores, kl + kl_other

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """ "reply", "emotion" and "kl"."""
        plan, scores, kl = self._plan(self.encode(batch), draw=True)
        return {
            "reply": self.reply_loss(plan, batch.labels),
            "emotion": emotion_loss(scores, batch.emotion_labels),
            "kl": kl.mean(),
        }

    def weighting(self) -> Weighting:
        """L = L_reply + L_emotion + KL."""
        return Fixed({"reply": 1.0, "emotion": self.config.emotion_weight, "kl": self.config.kl_weight})

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """A plan from the context read with both clusters; there is no strategy that `gold` could replace."""
        return self._plan(self.encode(batch), draw=False)[0]


def divergence(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
    """KL(one || other) (B,) in nats of diagonal Gaussians given as mean and log-variance (B, D)."""
    (mean, log_variance), (mean_other, log_other) = one, other
    spread = (log_variance - log_other).exp() + (mean - mean_other).square() / log_other.exp()
    return 0.5 * (log_other - log_variance + spread - 1).sum(dim=1)
