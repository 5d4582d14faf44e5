"""MultiESC (Cheng et al. 2022): looks ahead at the strategies that may follow, and at what the seeker would think.

    u    = [C; course of the talk]
    p(s_1..s_L | u)  = product of p(s_k | u, s_1..s_k-1)       a small recurrent network over strategies
    v(u, s_1..s_k)   = the seeker's next rating, (stars - 3) / 2, predicted by the same network
    F(s) = log p(s | u) + lambda * sum over s_2..s_L of p(s_2..s_L | u, s) v(u, s, s_2..s_L)
    strategy = argmax F; reply from [BOS] [strategy], the decoder reads the context and the seeker's emotions
    L    = L_r + L_1 + (L_later + L_v) / 2    cross-entropy of s_1, of s_2..s_L, squared error of v where stars are

As published, it plans with A*-like scores: how likely a strategy is now, and what it is likely to lead to. What differs
here:
- In the paper, three BART and BERT models choose sequences, rate them and write, in separate runs. Here one base reads
  the talk once; planner and rater are small networks on top. Looking ahead costs milliseconds, so it sums exactly over
  all 8^L sequences instead of using a beam.
- The published score adds how often a strategy follows the last two; here the course of the talk, in u, covers this.
- In the paper, the seeker's state is words with VAD values from a lexicon and the causes of emotions. The lexicon may
  not be redistributed, and a live chat has no labelled causes: instead the decoder reads the emotion that a detector
  finds in each message.
- The paper merges consecutive turns of one speaker and relabels strategies; that makes it another task, so it is not
  done here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones.interface import Backbone, Reading, Stream, token_loss
from models.data.batches import Batch
from models.data.examples import OUTCOME, ContextShape
from models.data.outcome import LATER
from models.data.strategies import STRATEGIES
from models.data.strategy_history import FEATURES
from models.data.tokenizer import Tokenizer
from models.nets.misc import pooled
from models.nets.net import Net, Plan
from models.nets.streams import EMOTION, adapt_values, emotion_words
from models.nets.weighting import Fixed, Weighting

NOW, STARS = "strategies before looking ahead", "stars expected after each strategy"


@dataclass(frozen=True)
class MultiescConfig:
    """Settings of MultiESC; lambda is the published default."""

    shape: ContextShape = field(default=ContextShape(tokens=512, speakers=False))
    steps: int = 3
    """L, the number of strategies in a plan, 1 to 3; with 1, only the rating looks ahead"""
    ahead: float = 0.1
    """lambda, 0 or more; with 0, the choice is what is most likely now"""
    plan_width: int = 128
    """width of planner and rater"""
    later_weight: float = 0.5
    """weight of L_later"""
    feedback_weight: float = 0.5
    """weight of L_v"""
    emotions: bool = True
    """whether the decoder reads the seeker's emotions"""

    def __post_init__(self) -> None:
        if not (1 <= self.steps <= 1 + LATER and self.ahead >= 0):
            raise ValueError(
                f"net 'multiesc': steps is {self.steps}, ahead {self.ahead}; allowed: 1 to {1 + LATER}, 0 or more"
            )


class Planner(nn.Module):
    """Predicts strategy sequences and what the seeker would think of them.

    K = 8 strategies. A state h_k (..., H) encodes the talk and s_1..s_k.
    """

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.begin = nn.Linear(width, inner)
        self.step = nn.Linear(inner, inner)
        self.chosen = nn.Parameter(torch.randn(len(STRATEGIES), inner) * 0.1)
        self.next = nn.Linear(inner, len(STRATEGIES))
        self.rating = nn.Linear(inner, 1)

    def start(self, talk: Tensor) -> Tensor:
        """h_0 (B, H) from u (B, D)."""
        return self.begin(talk).tanh()

    def after(self, state: Tensor, strategies: Tensor) -> Tensor:
        """h_k (..., H) from h_k-1 (..., H) and s_k (...)."""
        return (self.step(state) + self.chosen[strategies]).tanh()

    def after_each(self, state: Tensor) -> Tensor:
        """h_k (..., K, H) after each possible next strategy."""
        return (self.step(state)[..., None, :] + self.chosen).tanh()

    def scores(self, state: Tensor) -> Tensor:
        """(..., K) scores of the next strategy."""
        return self.next(state).float()

    def expected(self, state: Tensor) -> Tensor:
        """v (...) of the sequence that a state encodes."""
        return self.rating(state)[..., 0].float()

    def look_ahead(self, state: Tensor, steps: int) -> Tensor:
        """(..., K) the expected rating after each strategy and `steps` - 1 more, averaged by their probabilities."""
        reached = self.after_each(state)
        if steps == 1:
            return self.expected(reached)
        return (self.scores(reached).softmax(dim=-1) * self.look_ahead(reached, steps - 1)).sum(dim=-1)


class Multiesc(Net):
    """See the module."""

    wants = frozenset({OUTCOME})
    adapt_streams = staticmethod(adapt_values)
    chooses = ("planner",)
    extra_labels: ClassVar = {**Net.extra_labels, NOW: STRATEGIES, STARS: STRATEGIES}

    def __init__(self, config: MultiescConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(backbone, tokenizer, config.shape)
        self.config, self.streams, self.needs_emotion = config, self.streams_of(config), config.emotions
        self.planner = Planner(2 * backbone.width + FEATURES, config.plan_width)

    @classmethod
    def streams_of(cls, config: MultiescConfig) -> tuple[str, ...]:
        """The seeker's emotions, unless they are left out."""
        return (EMOTION,) * config.emotions

    def _sources(self, batch: Batch) -> dict[str, Stream]:
        return {EMOTION: emotion_words(self.backbone, batch)} if self.config.emotions else {}

    def _start(self, read: Mapping[str, Tensor]) -> Tensor:
        return self.planner.start(torch.cat((read["context"], read["course"]), dim=1))

    def choice_inputs(self, batch: Batch) -> dict[str, Tensor]:
        """The context as one vector, the course of the talk, and what followed."""
        return self._chosen_by(self.read(batch)[1], batch)

    @staticmethod
    def _chosen_by(context: Reading, batch: Batch) -> dict[str, Tensor]:
        known = {"later": batch.later, "ratings": batch.ratings}
        return {"context": pooled(context, "first+mean"), "course": batch.course, **known}

    def choice_scores(self, read: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """F, and its two parts for a trace."""
        state = self._start(read)
        now = self.planner.scores(state).log_softmax(dim=1)
        expected = self.planner.look_ahead(state, self.config.steps)
        return now + self.config.ahead * expected, {NOW: now.exp(), STARS: (2 * expected + 3).clamp(1, 5)}

    def choice_losses(self, read: Mapping[str, Tensor], gold: Tensor) -> dict[str, Tensor]:
        """L_1, L_later and L_v; the latter two along the strategies that actually followed, as far as known."""
        state = self._start(read)
        return self._losses_from(state, self.planner.scores(state), read, gold)

    def _losses_from(
        self, state: Tensor, scores: Tensor, read: Mapping[str, Tensor], gold: Tensor
    ) -> dict[str, Tensor]:
        """`choice_losses` from h_0 (B, H) and the scores (B, 8) of s_1."""
        sequence = torch.cat((gold[:, None], read["later"].long()), dim=1)[:, : self.config.steps]
        later, feedback = self._plan_losses(state, sequence, read["ratings"])
        return {"strategy": self.strategy_loss(scores, gold), "later": later, "feedback": feedback}

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """L_r (token mean of the reply after the gold strategy), L_1, L_later and L_v."""
        reading = self.read(batch)[1]
        read = self._chosen_by(reading, batch)
        state = self._start(read)
        scores = self.planner.scores(state)
        known = self.followed(batch.strategies, scores)
        plan = Plan(self.backbone.attach(reading, self._sources(batch)), self.begin_with(known), scores, {}, known)
        total, count = token_loss(self.backbone, self.reply_states(plan, batch.labels), batch.labels)
        return {"reply": total / count, **self._losses_from(state, scores, read, batch.strategies)}

    def _plan_losses(self, state: Tensor, sequence: Tensor, ratings: Tensor) -> tuple[Tensor, Tensor]:
        """L_later and L_v of strategies (B, L), -1 = unknown, from h_0 (B, H), with the stars (B,) given next."""
        there = (sequence >= 0).long().cumprod(dim=1).bool()  # known up to here
        rated, stars = (ratings > 0)[:, None] & there, (ratings - 3) / 2
        later, errors = [], []
        for k in range(sequence.shape[1]):
            gold = sequence[:, k].clamp_min(0)
            if k:
                later.append(F.cross_entropy(self.planner.scores(state), gold, reduction="none") * there[:, k])
            state = self.planner.after(state, gold)
            errors.append((self.planner.expected(state) - stars) ** 2 * rated[:, k])
        nothing = state.sum() * 0.0
        return (
            sum((one.sum() for one in later), nothing) / there[:, 1:].sum().clamp_min(1),
            sum((one.sum() for one in errors), nothing) / rated.sum().clamp_min(1),
        )

    def weighting(self) -> Weighting:
        """L_r and L_1 have weight 1."""
        return Fixed({"reply": 1.0, **self.choice_weighting().weights()})

    def choice_weighting(self) -> Weighting:
        """The weights of all but L_r."""
        later = self.config.later_weight if self.config.steps > 1 else 0.0
        return Fixed({"strategy": 1.0, "later": later, "feedback": self.config.feedback_weight})

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """A plan with the strategy of highest F (or the gold one)."""
        reading = self.read(batch)[1]
        planned, extras = self.choice_scores(self._chosen_by(reading, batch))
        chosen = self.followed(gold, planned)
        memories = self.backbone.attach(reading, self._sources(batch))
        return Plan(memories, self.begin_with(chosen), planned.softmax(dim=1), extras, chosen)

    def follow(self, plan: Plan, batch: Batch, chosen: Tensor) -> Plan:
        """The plan with another strategy token in the prefix."""
        chosen = self.followed(chosen, plan.strategies)
        return replace(plan, prefix=self.begin_with(chosen), chosen=chosen)
