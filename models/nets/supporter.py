"""SUPPORTER (Zhou et al. 2023): a policy picks experts for each reply, rewarded for comfort and for fitting the talk.

    u        = [C_1; mean C]
    x_k      = tanh(E_k u)                    experts: emotion now, a lighter and a heavier one next, words now and next
    warm start: each x_k learns its own field, and the reply is learnt with experts drawn at random
    policy   : a_1 ~ softmax(P_1 u), a_2 ~ softmax(P_2 tanh(Q u + A[a_1])), another one
    decoder  : reads [x_a1; x_a2] beside the context
    rewards  : r = w_e v(reply) + w_c log p(reply) / number of tokens;  v: stars that the seeker would give, -1 to 1
    actor    : - (r - V(u)) (log p(a_1) + log p(a_2)) - 0.001 entropy;   critic: (V(u) - r)^2
    L        = L_r + 0.2 L_experts + L_v, after the warm start + L_actor + L_critic

It predicts no strategy. What differs here:
- After each choice, the published net writes a draft, reads it with the talk and writes again, up to four times a
  reply, in training and in use. Here the second choice sees the first one instead of a draft, and rewards are measured
  on the reference reply: so a reply costs no more than another net's, and likelihood replaces the coherence judged by a
  BERT.
- The published comfort is what a classifier finds in the next turn; here v learns it from the ratings in ESConv.
- The published positive and negative keywords come from a graph and a lexicon that may not be redistributed: here one
  expert covers the words of the last message and one those of the reply; so there are five experts, not eight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones.interface import Backbone, Reading, Stream, squashed
from models.data.batches import Batch
from models.data.esconv_labels import EMOTION_TYPES
from models.data.examples import OUTCOME, REPLY_EMOTION, ContextShape
from models.data.tokenizer import Tokenizer
from models.knowledge.emotion import GO_EMOTIONS
from models.nets.emotion_loss import emotion_loss
from models.nets.misc import pooled
from models.nets.net import Net, Plan
from models.nets.streams import CHOSEN, adapt_values
from models.nets.weighting import Staged, Weighting

EXPERTS = ("emotion now", "lighter emotion next", "heavier emotion next", "words now", "words next")
NOW, LIGHTER, HEAVIER, WORDS_NOW, WORDS_NEXT = range(len(EXPERTS))
FIRST, SECOND = "first expert", "second expert"
_LIGHT = (
    *("admiration", "amusement", "approval", "caring", "desire", "excitement", "gratitude", "joy", "love", "optimism"),
    *("pride", "relief"),
)
_HEAVY = (
    *("anger", "annoyance", "disappointment", "disapproval", "disgust", "embarrassment", "fear", "grief"),
    *("nervousness", "remorse", "sadness"),
)


@dataclass(frozen=True)
class SupporterConfig:
    """Settings of SUPPORTER; the defaults are the published ones for all parts that exist here."""

    shape: ContextShape = field(default=ContextShape(tokens=512, speakers=False, strategies=False))
    warm_start: float = 0.6
    """share of the training before the policy learns (published: 5 of 8 epochs), 0 to 1"""
    comfort: float = 1.0
    """w_e"""
    fitting: float = 1.0
    """w_c"""
    entropy: float = 0.001
    """weight of the policy's entropy"""
    experts_weight: float = 0.2
    """weight of L_experts, our choice: two of its five parts are over the whole vocabulary and would drown L_r"""


class Policy(nn.Module):
    """Chooses the first expert and then the second: u (B, D) -> log-probabilities, and the expected reward."""

    def __init__(self, width: int, inner: int = 64) -> None:
        super().__init__()
        number = len(EXPERTS)
        self.first, self.value = nn.Linear(width, number), nn.Linear(width, 1)
        self.state, self.after = nn.Linear(width, inner), nn.Parameter(torch.randn(number, inner) * 0.1)
        self.second = nn.Linear(inner, number)

    def begin(self, talk: Tensor) -> Tensor:
        """(B, 5) log-probabilities of the first expert."""
        return self.first(talk).float().log_softmax(dim=1)

    def go_on(self, talk: Tensor, chosen: Tensor) -> Tensor:
        """(B, 5) log-probabilities of the second expert, which must differ from the first, `chosen` (B,)."""
        scores = self.second((self.state(talk) + self.after[chosen]).tanh()).float()
        return scores.masked_fill(F.one_hot(chosen, len(EXPERTS)).bool(), -1e4).log_softmax(dim=1)


class Supporter(Net):
    """See the module."""

    predicts_strategy = False
    wants = frozenset({OUTCOME, REPLY_EMOTION})
    streams = (CHOSEN,)
    adapt_streams = staticmethod(adapt_values)
    extra_labels: ClassVar = {FIRST: EXPERTS, SECOND: EXPERTS}

    def __init__(self, config: SupporterConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(backbone, tokenizer, config.shape)
        self.config, width = config, backbone.width
        self.experts = nn.ModuleList(nn.Linear(2 * width, width) for _ in EXPERTS)
        self.emotion_head = nn.Linear(width, len(EMOTION_TYPES))
        self.mood_heads = nn.ModuleList(nn.Linear(width, len(labels)) for labels in (_LIGHT, _HEAVY))
        self.words = nn.Linear(width, width)
        self.policy, self.comfort = Policy(2 * width), nn.Linear(width, 1)  # v
        moods = [[GO_EMOTIONS.index(label) for label in labels] for labels in (_LIGHT, _HEAVY)]
        for name, own in zip(("light", "heavy"), moods, strict=True):
            self.register_buffer(name, torch.tensor(own), persistent=False)

    def _views(self, talk: Tensor) -> Tensor:
        """x_k (B, 5, D)."""
        return torch.stack([expert(talk).tanh() for expert in self.experts], dim=1)

    def _source(self, views: Tensor, chosen: Tensor) -> dict[str, Stream]:
        """The views of the experts `chosen` (B, 2), in that order."""
        vectors = views.gather(1, chosen[..., None].expand(-1, -1, views.shape[2]))
        return {CHOSEN: Stream(vectors, torch.ones_like(chosen, dtype=torch.bool))}

    def _plan(self, reading: Reading, views: Tensor, chosen: Tensor, extras: dict[str, Tensor]) -> Plan:
        memories = self.backbone.attach(reading, self._source(views, chosen))
        rows = len(chosen)
        return Plan(memories, self.begin(rows), self.no_strategies(rows), extras)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The five parts of L; experts are sampled from the policy, which at first prefers none."""
        reading = self.read(batch)[1]
        talk = pooled(reading, "first+mean")
        views, begin = self._views(talk), self.policy.begin(talk)
        first = torch.multinomial(begin.exp().detach(), 1)[:, 0]
        after = self.policy.go_on(talk, first)
        second = torch.multinomial(after.exp().detach(), 1)[:, 0]
        states = self.reply_states(self._plan(reading, views, torch.stack((first, second), dim=1), {}), batch.labels)
        each, count = self._each_loss(states, batch.labels)
        stars = self._stars(states, batch.labels)
        reward = self.config.comfort * stars.detach() - self.config.fitting * each.detach() / count
        value = self.policy.value(talk)[:, 0].float()
        taken = begin.gather(1, first[:, None])[:, 0] + after.gather(1, second[:, None])[:, 0]
        entropy = -sum((shares.exp() * shares).sum(dim=1) for shares in (begin, after))
        return {
            "reply": each.sum() / count.sum(),
            "experts": self._experts_loss(views, batch),
            "feedback": self._feedback_loss(stars, batch.ratings),
            "actor": (-(reward - value.detach()) * taken - self.config.entropy * entropy).mean(),
            "critic": ((value - reward) ** 2).mean(),
        }

    def _each_loss(self, states: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Summed cross-entropy (B,) of each reply, and its number of tokens (B,)."""
        keep = labels >= 0
        loss = F.cross_entropy(self.backbone.logits(states[keep]).float(), labels[keep], reduction="none")
        each = loss.new_zeros(len(labels)).index_add(0, keep.nonzero()[:, 0], loss)
        return each, keep.sum(dim=1).clamp_min(1)

    def _stars(self, states: Tensor, labels: Tensor) -> Tensor:
        """v (B,) of whole replies, from those of the states (B, T, D) that predict their end marks."""
        ends = ((labels >= 0).sum(dim=1) - 1).clamp_min(0)
        last = states[torch.arange(len(labels), device=labels.device), ends]
        return self.comfort(squashed(last) if self.backbone.causal else last)[:, 0].float()

    @staticmethod
    def _feedback_loss(stars: Tensor, ratings: Tensor) -> Tensor:
        known = ratings > 0
        return (((stars - (ratings - 3) / 2) ** 2) * known).sum() / known.sum().clamp_min(1)

    def _experts_loss(self, views: Tensor, batch: Batch) -> Tensor:
        """Sum of the losses by which each expert learns its field; losses on words are averaged over the words."""
        said = self.counted(batch.labels) & (batch.labels != self.tokenizer.eos)
        total = emotion_loss(self.emotion_head(views[:, NOW]), batch.emotion_labels)
        for head, view, labels in zip(self.mood_heads, (LIGHTER, HEAVIER), (self.light, self.heavy), strict=True):
            heard = batch.reply_emotions[:, labels]
            each = -(head(views[:, view]).float().log_softmax(dim=1) * heard).sum(dim=1)
            total = total + each.sum() / heard.sum().clamp_min(1)
        heard, there = self._last_turn(batch)
        total = total + self._words_loss(views[:, WORDS_NOW], heard, there)
        return total + self._words_loss(views[:, WORDS_NEXT], batch.labels.clamp_min(0), said)

    def _last_turn(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Ids of the contexts (B, S), and which of them are words of the last turn."""
        number = (batch.turn_ends > 0).sum(dim=1, keepdim=True)
        start, end = (
            torch.where(number >= back, batch.turn_ends.gather(1, (number - back).clamp_min(0)), 0) for back in (2, 1)
        )
        ids = batch.ids[batch.rows]
        place = torch.arange(ids.shape[1], device=ids.device)
        roles = (ids == self.tokenizer.bos) & (place < end - 1)  # in a chat format, this mark ends a turn and its role
        start = torch.where(roles, place + 1, start).amax(dim=1, keepdim=True)
        return ids, (place >= start) & (place < end) & ~self.banned[ids] & (ids != self.tokenizer.eos)

    def _words_loss(self, view: Tensor, ids: Tensor, there: Tensor) -> Tensor:
        shares = self.backbone.logits(self.words(view)).float().log_softmax(dim=1)
        return -(shares.gather(1, ids) * there).sum() / there.sum().clamp_min(1)

    def weighting(self) -> Weighting:
        """Actor and critic start training after the warm start."""
        learnt = {"reply": 1.0, "experts": self.config.experts_weight, "feedback": 1.0}
        return Staged(
            learnt | {"actor": 0.0, "critic": 0.0}, learnt | {"actor": 1.0, "critic": 1.0}, self.config.warm_start
        )

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """A plan with the two experts that the policy prefers; there is no strategy that `gold` could replace."""
        reading = self.read(batch)[1]
        talk = pooled(reading, "first+mean")
        begin = self.policy.begin(talk)
        first = begin.argmax(dim=1)
        after = self.policy.go_on(talk, first)
        chosen = torch.stack((first, after.argmax(dim=1)), dim=1)
        return self._plan(reading, self._views(talk), chosen, {FIRST: begin.exp(), SECOND: after.exp()})

    def source_names(self, plan: Plan) -> Mapping[str, tuple[str, ...]]:
        """Names of the chosen experts."""
        return {CHOSEN: tuple(EXPERTS[int(plan.extras[name][0].argmax())] for name in (FIRST, SECOND))}
