"""BlenderBot-Joint (Liu et al. 2021): the strategy is the first token of the reply.

p(strategy, reply | context) is modelled as one sequence `[BOS] [strategy] reply [EOS]`; the loss is the mean per token
over strategy, reply and end mark, so the strategy weighs 1 / (n + 2) (`strategy_weight` adds to it). The strategy is
predicted from the 8 strategy scores after [BOS]; the reply is decoded from `[BOS] [strategy]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones.interface import Backbone, Stream, squashed, token_loss
from models.data.batches import Batch
from models.data.examples import ContextShape
from models.data.strategies import STRATEGIES
from models.data.strategy_history import Course
from models.data.tokenizer import Tokenizer
from models.nets.net import Net, Plan
from models.nets.weighting import Fixed, Weighting


@dataclass(frozen=True)
class JointConfig:
    """Settings of BlenderBot-Joint; the defaults are the published ones (context 160 tokens, strategy history)."""

    shape: ContextShape = field(default=ContextShape(tokens=160, speakers=False))
    strategy_weight: float = 0.0
    """weight of an extra mean strategy loss, on top of the strategy token's share in the sequence loss"""
    course: bool = False
    """add what the course of the talk says about the next strategy (`strategy_history.py`; ours, not published)"""
    state_head: bool = False
    """add scores from a small network on the state that the strategy token is predicted from (ours, not published):
    the vocabulary's own matrix cannot tell eight rare tokens apart as finely"""


class StateHead(nn.Module):
    """States (B, D) -> what is added to the strategy scores (B, 8); zero before training."""

    def __init__(self, width: int, inner: int = 128, dropout: float = 0.2) -> None:
        super().__init__()
        self.dropout = dropout
        self.inner, self.out = nn.Linear(width, inner), nn.Linear(inner, len(STRATEGIES))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, states: Tensor) -> Tensor:
        """See the class; float32."""
        found = F.dropout(squashed(states), self.dropout, self.training)
        return self.out(F.dropout(self.inner(found).tanh(), self.dropout, self.training)).float()


class Joint(Net):
    """See the module."""

    chooses = ("state_head", "course")

    def __init__(self, config: JointConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(backbone, tokenizer, config.shape)
        self.config = config
        self.course = Course() if config.course else None
        self.state_head = StateHead(backbone.width) if config.state_head else None

    def sources(self, batch: Batch) -> dict[str, Stream]:
        """What the decoder reads besides the context, by the names in `streams`: nothing."""
        return {}

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """ "reply": token mean over strategy + reply + end mark; "strategy": loss of the 8 scores with the additions.

        A turn whose strategy is unknown has no strategy token in the sequence either.
        """
        labels = self._sequence(batch)
        return self._losses(batch, labels, labels)

    def separate_losses(self, batch: Batch) -> dict[str, Tensor]:
        """`losses`, where "reply" leaves out the strategy token, of which "strategy" is the loss."""
        labels = self._sequence(batch)
        counted = labels.clone()
        counted[batch.strategies >= 0, 0] = -100
        return self._losses(batch, labels, counted)

    def _losses(self, batch: Batch, labels: Tensor, counted: Tensor) -> dict[str, Tensor]:
        """`losses` of the sequences `labels`, with the token mean over `counted`, (B, 1 + T) each."""
        states = self._states(batch, labels)
        total, count = token_loss(self.backbone, states, counted)
        scores, _ = self.choice_scores(self._chosen_by(states[:, 0], batch))
        return {"reply": total / count, "strategy": self.strategy_loss(scores, batch.strategies)}

    def _states(self, batch: Batch, labels: Tensor) -> Tensor:
        """(B, 1 + T, D) the states that predict `labels` (B, 1 + T)."""
        whole = self.backbone.read(batch.ids, batch.mask)
        if bool(batch.follows.all()) and self.config.shape.strategies and not self.streams:
            return whole.following(batch.rows, batch.lengths, labels.shape[1])
        memories = self.backbone.attach(whole.pick(batch.rows, batch.lengths), self.sources(batch))
        return self.backbone.decode(torch.cat((self.begin(len(batch)), labels[:, :-1].clamp_min(0)), dim=1), memories)

    def _sequence(self, batch: Batch) -> Tensor:
        """(B, 1 + T) strategy, reply, end mark; without the strategy where it is unknown."""
        known = (batch.strategies >= 0)[:, None]
        first = self.strategy_ids[batch.strategies.clamp_min(0)][:, None]
        nothing = torch.full_like(first, -100)
        return torch.where(known, torch.cat((first, batch.labels), dim=1), torch.cat((batch.labels, nothing), dim=1))

    def weighting(self) -> Weighting:
        """The strategy has its share in the sequence loss; `strategy_weight` adds to it.

        Raises ValueError for a course or a state head when `strategy_weight` is 0: nothing else would train them.
        """
        for name in ("course", "state_head"):
            if getattr(self.config, name) and not self.config.strategy_weight:
                raise ValueError(
                    f"net {type(self).__name__.lower()!r}: with {name}=true and a strategy_weight of 0 the {name} does"
                    f" not train; set strategy_weight above 0 (1.0 on a causal base), or {name}=false"
                )
        return Fixed({"reply": 1.0, "strategy": self.config.strategy_weight})

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """One decoder step predicts the strategy; the prefix is `[BOS] [strategy]`."""
        memories = self.backbone.attach(self.read(batch)[1], self.sources(batch))
        begin = self.begin(len(batch))
        scores, extras = self.choice_scores(self._chosen_by(self.backbone.decode(begin, memories)[:, 0], batch))
        chosen = self.followed(gold, scores)
        return Plan(memories, self.begin_with(chosen), scores.softmax(dim=1), extras, chosen)

    def choice_inputs(self, batch: Batch) -> dict[str, Tensor]:
        """The state of [BOS], its scores for the strategy tokens, and the course of the talk."""
        return self._chosen_by(self._states(batch, self._sequence(batch)[:, :1])[:, 0], batch)

    def _chosen_by(self, state: Tensor, batch: Batch) -> dict[str, Tensor]:
        tokens = self.backbone.logits(state)[:, self.strategy_ids].float()
        return {"state": state, "tokens": tokens, "course": batch.course}

    def choice_scores(self, read: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Scores of the strategy tokens, with what state head and course add to them."""
        scores = read["tokens"]
        if self.state_head is not None:
            scores = scores + self.state_head(read["state"])
        return self.with_course(scores, read["course"])

    def follow(self, plan: Plan, batch: Batch, chosen: Tensor) -> Plan:
        """The plan with another strategy token in the prefix."""
        chosen = self.followed(chosen, plan.strategies)
        return replace(plan, prefix=self.begin_with(chosen), chosen=chosen)
