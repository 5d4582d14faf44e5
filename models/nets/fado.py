"""FADO (Peng et al. 2023): strategies chosen by earlier seekers' feedback; the decoder reads their definitions.

    q   = MLP([C; course of the talk])                        scores of the strategies, p = softmax(q)
    f   = 1 + a (stars - 3) / 2 + b relief / 4                feedback on the turn and on the whole talk
    L_g = mean of f * CE(q, gold)                             strategies that were welcome count more, others less
    D'  = LN(D + ATT(D, C)) * (1 + sigmoid(W p)) / 2          D the words that define the chosen strategy
    O'  = LN(O + A^c + A^d + A^p)                             A^d reads D', A^p the vector V p
    reply from [BOS] [strategy], L = L_r + L_g

Stars are the next rating that ESConv's seeker gave (1 to 5); relief is how much less intense the emotion was at the
end, 0 where unknown. What differs here:
- The selector is called a deep Q network, but its published code regresses to 15 for the gold strategy and 0 for the
  others; the feedback is computed there but not used in the target. Here it weights the cross-entropy, a = b = 0.5:
  our reading of "feedback that encourages or penalises strategies".
- The published selector also reads the survey's labels of emotion and problem, and the state of EmoBERTa; a live seeker
  has no labels, so all this is left out. The course of the talk (`strategy_history.py`) has the latest strategies and
  the length, as there.
- The published net adds V p to the decoder's input and scales the decoder's states by the gate; both act through
  sources here, so that the net starts at the loss of its backbone on either base. The published code also overwrites
  the result of the attention to the context; not reproduced.
- Definitions are in our own words, since the published ones may not be redistributed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones.interface import CONTEXT, Backbone, Reading, Stream, token_loss
from models.data.batches import Batch, pad
from models.data.examples import OUTCOME, ContextShape
from models.data.strategies import DEFINITIONS, STRATEGIES
from models.data.strategy_history import FEATURES
from models.data.tokenizer import Tokenizer
from models.nets.admisc import BlockReader, vector_source
from models.nets.misc import pooled
from models.nets.net import Net, Plan
from models.nets.streams import DEFINITION, STRATEGY, adapt_values
from models.nets.weighting import Fixed, Weighting

DEFINITION_TOKENS = 32
"""maximum number of tokens of a definition"""


@dataclass(frozen=True)
class FadoConfig:
    """Settings of FADO; the defaults are those of the published code, as far as it has them."""

    shape: ContextShape = field(default=ContextShape(tokens=300, speakers=False))
    head_width: int = 1024
    """hidden width of the selector"""
    dropout: float = 0.1
    """dropout in the selector"""
    turn_feedback: float = 0.5
    """a, 0 to 1: how much the seeker's stars count"""
    talk_feedback: float = 0.5
    """b, 0 to 1: how much the relief counts"""
    strategy_weight: float = 1.0
    """weight of L_g"""
    definitions: bool = True
    """whether there is A^d, the attention to the definition"""

    def __post_init__(self) -> None:
        if not (self.turn_feedback >= 0 and self.talk_feedback >= 0 and self.turn_feedback + self.talk_feedback <= 1):
            raise ValueError(
                f"net 'fado': turn_feedback is {self.turn_feedback}, talk_feedback {self.talk_feedback}; allowed: 0 or"
                " more, 1 at most together, so that nothing is learnt backwards"
            )


class Fado(Net):
    """See the module."""

    wants = frozenset({OUTCOME})
    adapt_streams = staticmethod(adapt_values)
    chooses = ("selector",)

    def __init__(self, config: FadoConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(backbone, tokenizer, config.shape)
        self.config, self.streams = config, self.streams_of(config)
        width = backbone.width
        self.selector = nn.Sequential(
            nn.Linear(2 * width + FEATURES, config.head_width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.head_width, len(STRATEGIES)),
        )
        self.vector = nn.Linear(len(STRATEGIES), width)  # V
        if config.definitions:
            self.reader = BlockReader(width, backbone.heads)
            self.gate = nn.Linear(len(STRATEGIES), width)  # W
        words = [tokenizer.encode(text)[:DEFINITION_TOKENS] for text in DEFINITIONS]
        self.register_buffer("words", pad(words, 0), persistent=False)

    @classmethod
    def streams_of(cls, config: FadoConfig) -> tuple[str, ...]:
        """The streams of A^p, and of A^d unless it is left out."""
        return (STRATEGY, DEFINITION) if config.definitions else (STRATEGY,)

    def choice_inputs(self, batch: Batch) -> dict[str, Tensor]:
        """The context as one vector, the course of the talk, and f."""
        return self._chosen_by(self.read(batch)[1], batch)

    def _chosen_by(self, context: Reading, batch: Batch) -> dict[str, Tensor]:
        own = {"course": batch.course, "feedback": self.feedback(batch)}
        return {"context": pooled(context, "first+mean"), **own}

    def choice_scores(self, read: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """q (B, 8)."""
        return self.selector(torch.cat((read["context"], read["course"]), dim=1)).float(), {}

    def choice_losses(self, read: Mapping[str, Tensor], gold: Tensor) -> dict[str, Tensor]:
        """L_g."""
        return self._weighed_loss(self.choice_scores(read)[0], read["feedback"], gold)

    def _weighed_loss(self, scores: Tensor, feedback: Tensor, gold: Tensor) -> dict[str, Tensor]:
        each = F.cross_entropy(scores + self.strategy_offset, gold, ignore_index=-1, reduction="none")
        return {"strategy": (feedback * each).sum() / (gold >= 0).sum().clamp_min(1)}

    def _read_definitions(self) -> Stream:
        """(8, L, D) states of all definitions, read without gradient like MISC's blocks."""
        if not self.config.definitions:
            return Stream(self.vector.weight.new_zeros(len(STRATEGIES), 1, 1), self.words[:, :1] < 0)
        with torch.no_grad():
            mask = self.words != 0
            return Stream(self.backbone.read(self.words, mask).states, mask)

    def _sources(self, context: Stream, definitions: Stream, shares: Tensor, chosen: Tensor) -> dict[str, Stream]:
        """What the decoder reads: p as a vector, and the chosen strategies' words after they have read the context."""
        found = {STRATEGY: vector_source(self.vector(shares))}
        if self.config.definitions:
            own = self.reader(definitions.states[chosen], context)
            gate = (1 + self.gate(shares).sigmoid()) / 2
            found[DEFINITION] = Stream(own * gate[:, None], definitions.mask[chosen])
        return found

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """L_r (token mean of the reply after the gold strategy) and L_g."""
        reading = self.read(batch)[1]
        read = self._chosen_by(reading, batch)
        scores = self.choice_scores(read)[0]
        plan = self._plan(reading, scores, self.followed(batch.strategies, scores))
        states = self.reply_states(plan, batch.labels)
        total, count = token_loss(self.backbone, states, batch.labels)
        return {"reply": total / count, **self._weighed_loss(scores, read["feedback"], batch.strategies)}

    def feedback(self, batch: Batch) -> Tensor:
        """f (B,), 0 to 2."""
        turn = torch.where(batch.ratings > 0, (batch.ratings - 3) / 2, 0.0)
        return 1 + self.config.turn_feedback * turn + self.config.talk_feedback * batch.reliefs / 4

    def weighting(self) -> Weighting:
        """L = L_r + L_g."""
        return Fixed({"reply": 1.0, "strategy": self.config.strategy_weight})

    @property
    def trains_strategy(self) -> bool:
        """Whether L_g has a weight above 0."""
        return bool(self.config.strategy_weight)

    def _plan(self, reading: Reading, scores: Tensor, chosen: Tensor) -> Plan:
        definitions, shares = self._read_definitions(), scores.softmax(dim=1)
        memories = self.backbone.attach(reading, self._sources(reading.stream, definitions, shares, chosen))
        sources = {CONTEXT: reading.stream, DEFINITION: definitions}
        return Plan(memories, self.begin_with(chosen), shares, {}, chosen, sources)

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """A plan with the token and the definition of the most probable strategy (or the gold one)."""
        reading = self.read(batch)[1]
        scores = self.choice_scores(self._chosen_by(reading, batch))[0]
        return self._plan(reading, scores, self.followed(gold, scores))

    def follow(self, plan: Plan, batch: Batch, chosen: Tensor) -> Plan:
        """The plan with another token and definition; reads the batch again only if `plan` is a selection of rows."""
        chosen = self.followed(chosen, plan.strategies)
        sources = plan.sources or {CONTEXT: self.read(batch)[1].stream, DEFINITION: self._read_definitions()}
        other = self._sources(sources[CONTEXT], sources[DEFINITION], plan.strategies, chosen)
        return replace(self.with_sources(plan, other), prefix=self.begin_with(chosen), chosen=chosen)

    def source_names(self, plan: Plan) -> Mapping[str, tuple[str, ...]]:
        """The word pieces of the definition."""
        ids = [i for i in self.words[int(plan.chosen[0])].tolist() if i]
        return {DEFINITION: tuple(self.tokenizer.piece(i).strip() for i in ids)}
