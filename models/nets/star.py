"""STAR (Lee et al. 2025): a gate between the decoder's states and a strategy's view of them, on top of another net.

    z_t  = pool(h_1..h_t)                       eq. 1   one attention pool over the decoder states so far
    g_t  = sigmoid(gate_s(z_t))                 eq. 2   how much of the strategy enters
    h^_t = expert_s(z_t)                        eq. 3   the view of strategy s
    h'_t = g_t h^_t + (1 - g_t) h_t             eq. 4   read by the vocabulary instead of h_t
In the published code, unlike in the equations, each strategy s has its own gate and expert, eight of each. Departures:
from that code, which lets future tokens in:
- The pool is causal (query: mean of the states so far; keys: that mean and the states), so that a reply's states are
  the same teacher-forced and decoded step by step. The published one pools over the whole target in training, and over
  a single state when decoding.
- s is fixed for the whole reply: the first choice tau, by the net below, picks the expert that refines the strategy
  scores after [BOS]; the refined choice tau' (in training: the gold strategy) picks the expert of the reply. The
  published code feeds the gold strategy to the expert that should predict it, and chooses again at every token.
- `change` lets an expert add to the state, h^_t = h_t + expert_s(z_t), starting from zero: training starts at the net
  below, with the gate half open. As published, an untrained expert costs so much that within a few steps the gate
  closes and never opens again.
- The strategy loss is on tau', the scores that are used (`initial_weight` adds the loss on tau).
- The context shows the strategies of earlier supporter turns, as Joint's does here; the published one does not.
The net below trains first, by itself; then it is frozen, and only STAR and the vocabulary's embedding train.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones.interface import Backbone, Past, join_heads, split_heads, token_loss
from models.data.batches import Batch
from models.data.examples import ContextShape
from models.data.strategies import STRATEGIES
from models.data.tokenizer import Tokenizer
from models.knowledge.comet import Block
from models.nets.joint import JointConfig
from models.nets.net import BEFORE, REFINED, Net, Plan, make_config
from models.nets.weighting import Ramp, Weighting

POOL_PLACE = -1
"""place of the pool's projections in a `Past`; layers, and listeners of some nets, have the places from 0 on"""
EMBEDDINGS = (
    ".shared.weight",
    ".shared.parametrizations.weight.0.a",
    ".shared.parametrizations.weight.0.b",
    ".added.vectors",
)
"""endings of the names of the vocabulary's parameters, on either backbone"""
GATE, CHOICE_GATE = "gate", "gate of the choice"


@dataclass(frozen=True)
class StarConfig:
    """Settings of STAR; sizes and dropout as in the published code (BlenderBot-small, 512 wide)."""

    shape: ContextShape = field(default=JointConfig().shape)
    below: dict[str, Any] = field(default_factory=dict)
    """settings of the net below"""
    experts: Literal["per_strategy", "shared"] = "per_strategy"
    """a gate and an expert for each strategy (code), or one of each (as in the equations)"""
    pool_width: int = 512
    """width of queries, keys and values of the pool"""
    pool_heads: int = 8
    expert_width: int = 2048
    gate_width: int = 48
    change: bool = False
    """an expert adds to the state it refines, at first nothing, instead of replacing it (eq. 3)"""
    gate_bias: float = 0.0
    """the gate starts at sigmoid of this: 0 is half open, the published start; below 0, closer to the net below"""
    dropout: float = 0.2
    """dropout before the gate"""
    initial_weight: float = 0.0
    """weight of the strategy loss on the unrefined scores"""
    hold: bool = True
    """stage two: the net below is frozen, except for the vocabulary's embedding; False trains everything"""
    top: float = 0.8
    """lambda at the end: the weight of the strategy loss (published: 0.8; on a small base that costs replies)"""
    periods: int = 10
    """number of steps of lambda; the paper's epochs"""


class CausalPool(nn.Module):
    """Attention pooling over the states so far (B, T, D) -> (B, T, D): CLIP's pool at every prefix.

    Query, mean key and mean value are means of the projected states, since the projection of a mean is the mean of the
    projections; a step needs no more from the past than these three projections.
    """

    def __init__(self, width: int, inner: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(width, inner) for _ in range(3))
        self.out_proj = nn.Linear(inner, width)

    def forward(self, states: Tensor, past: Past | None) -> Tensor:
        """`past` keeps this pool's projections at POOL_PLACE."""
        q, k, v = (split_heads(p(states), self.heads).float() for p in (self.q_proj, self.k_proj, self.v_proj))
        if past is not None:  # queries are kept with the keys: the mean query needs all of them
            both, v = past.extend(POOL_PLACE, torch.cat((q, k), dim=-1), v)
            q, k = both.chunk(2, dim=-1)
        new, total = states.shape[1], k.shape[2]
        q_mean, k_mean, v_mean = (_running_mean(x)[:, :, -new:] for x in (q, k, v))  # (B, H, T, D/H)
        q_mean = q_mean * q.shape[-1] ** -0.5
        allowed = torch.ones(new, total, dtype=torch.bool, device=states.device).tril(total - new)
        scores = (q_mean @ k.transpose(2, 3)).masked_fill(~allowed, -torch.inf)  # (B, H, T, t)
        weights = torch.cat(((q_mean * k_mean).sum(dim=-1, keepdim=True), scores), dim=-1).float().softmax(dim=-1)
        return self.out_proj(join_heads(weights[..., :1] * v_mean + weights[..., 1:] @ v))


def _running_mean(x: Tensor) -> Tensor:
    """Mean over positions 0..t of (B, H, T, D), at every t."""
    return x.cumsum(dim=2) / torch.arange(1, x.shape[2] + 1, device=x.device)[:, None]


class Refinement(nn.Module):
    """SARA and SR: decoder states (B, T, D) and strategies (B,) -> refined states (B, T, D) and gates (B, T, 1)."""

    def __init__(self, config: StarConfig, width: int) -> None:
        super().__init__()
        self.shared = config.experts == "shared"
        self.dropout, self.change = config.dropout, config.change
        self.pool = CausalPool(width, config.pool_width, config.pool_heads)
        number = 1 if self.shared else len(STRATEGIES)
        self.experts = nn.ModuleList(_two_layers(width, config.expert_width, width) for _ in range(number))
        self.gates = nn.ModuleList(_two_layers(width, config.gate_width, 1) for _ in range(number))
        if config.change:
            for expert in self.experts:
                nn.init.zeros_(expert[-1].weight)
                nn.init.zeros_(expert[-1].bias)
        for gate in self.gates:
            nn.init.zeros_(gate[-1].weight)
            nn.init.constant_(gate[-1].bias, config.gate_bias)

    def forward(self, states: Tensor, chosen: Tensor, past: Past | None) -> tuple[Tensor, Tensor]:
        """See the class; `past` as in `CausalPool`."""
        pooled = self.pool(states, past)  # z
        spoken, gate = torch.empty_like(states), states.new_empty(*states.shape[:2], 1)
        owner = torch.zeros_like(chosen) if self.shared else chosen
        # training runs all experts, even on zero rows: every parameter gets a gradient, and no step waits for the GPU
        for number in range(len(self.experts)) if self.training else owner.unique().tolist():
            rows = (owner == number).nonzero()[:, 0]
            z = pooled[rows]  # (b, T, D)
            found = self.gates[number](F.dropout(z, self.dropout, self.training)).sigmoid()
            spoken = spoken.index_copy(0, rows, self.experts[number](z).to(spoken.dtype))
            gate = gate.index_copy(0, rows, found.to(gate.dtype))
        if self.change:
            spoken = states + spoken
        return gate * spoken + (1 - gate) * states, gate  # eq. 4


def _two_layers(into: int, inner: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(into, inner), nn.ReLU(), nn.Linear(inner, out))


class Star(Net):
    """See the module. `star_on` makes the class for a given net below."""

    below_name: ClassVar[str]
    below_class: ClassVar[tuple[type[Any], type[Net]]]
    traced = (GATE,)

    def __init__(self, config: StarConfig, backbone: Backbone, tokenizer: Tokenizer) -> None:
        super().__init__(backbone, tokenizer, config.shape)
        self.config = config
        below_config, below = self.below_class
        build: Any = below  # as in the registry: nets take (config, backbone, tokenizer), unlike their base
        self.below: Net = build(
            make_config(self.below_name, below_config, config.below | {"shape": config.shape}), backbone, tokenizer
        )
        self.extra_labels = self._renamed(self.below.extra_labels) | {CHOICE_GATE: ("strategy",), BEFORE: STRATEGIES}
        self.needs_comet, self.needs_emotion = self.below.needs_comet, self.below.needs_emotion
        self.chooses = tuple(f"below.{name}" for name in self.below.chooses)
        self.chooses_by_tails = self.below.needs_comet  # experts refine a state that has read the tails
        if config.hold:
            self.held = tuple(n for n, p in self.named_parameters() if p.requires_grad and not n.endswith(EMBEDDINGS))
        self.star = Refinement(config, backbone.width)

    def _renamed(self, extras: Mapping[str, Any]) -> dict[str, Any]:
        """Reports of the net below; its name is put before what would pass for STAR's own (AdMISC has a gate too)."""
        own = (GATE, CHOICE_GATE, BEFORE, REFINED)
        return {f"{self.below_name}: {name}" if name in own else name: value for name, value in extras.items()}

    def train(self, mode: bool = True) -> Star:
        """Sets training mode; the BatchNorm statistics of a frozen net below do not change either."""
        super().train(mode)
        if self.config.hold:
            for module in self.below.modules():
                if isinstance(module, nn.BatchNorm1d):
                    module.eval()
        return self

    def finish(
        self, states: Tensor, chosen: Tensor | None, past: Past | None, record: dict[str, list[Tensor]] | None
    ) -> Tensor:
        """Refined states; the expert of the strategy followed refines them."""
        assert chosen is not None
        states = self.below.finish(states, chosen, past, record)
        refined, gate = self.star(states, chosen, past)
        if record is not None:
            record.setdefault(GATE, []).append(gate)
        return refined

    def _refine_choice(self, first: Plan) -> tuple[Tensor, Tensor, Tensor]:
        """Log-scores (B, 8) of tau and tau', and the gate (B, 1) between them, from the plan of the net below.

        tau' is tau plus what refining the state after [BOS] adds to the scores of the strategy tokens. On Joint, where
        tau is exactly these scores, this is the published refinement; on a net with its own strategy head, the change
        is added to that head's scores. A net that predicts no strategy gets Joint's tau: the scores of the strategy
        tokens after [BOS].
        """
        state = self.below.decode(self.begin(len(first.strategies)), first)
        old = self._token_scores(state)
        before = first.strategies.float().clamp_min(1e-9).log() if self.below.predicts_strategy else old.log_softmax(1)
        refined, gate = self.star(state, before.argmax(dim=1), None)
        return before, before + self._token_scores(refined) - old, gate[:, 0]

    def choice_inputs(self, batch: Batch) -> dict[str, Tensor]:
        """The inputs of the net below, and what each expert adds to the scores, (B, 8, 8).

        On a net that mixes strategies, the experts read a state that has read the mixture chosen now: an approximation,
        since that mixture changes a little while the net below learns to choose.
        """
        read = self.below.choice_inputs(batch)
        begin = self.begin(len(batch))
        state = read["state"][:, None] if "state" in read else self.below.decode(begin, self.below.plan(batch))
        old = self._token_scores(state)
        experts = [self.star(state, torch.full_like(begin[:, 0], expert), None)[0] for expert in range(len(STRATEGIES))]
        return read | {"changes": torch.stack([self._token_scores(refined) - old for refined in experts], dim=1)}

    def choice_scores(self, read: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The scores of tau', see `_refine_choice`."""
        scores, extras = self.below.choice_scores(read)
        before = scores.log_softmax(dim=1)
        return before + read["changes"][torch.arange(len(before)), before.argmax(dim=1)], extras

    def _token_scores(self, states: Tensor) -> Tensor:
        """(B, 8) scores of the strategy tokens after the first of the states (B, T, D)."""
        return self.backbone.logits(states[:, 0])[:, self.strategy_ids].float()

    def tails_read(self, tails: Sequence[Block]) -> Sequence[Block]:
        """Those that the net below reads."""
        return self.below.tails_read(tails)

    def source_names(self, plan: Plan) -> Mapping[str, tuple[str, ...]]:
        """The names given by the net below."""
        return self.below.source_names(plan)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """L_LM (token mean of the reply after the gold strategy) and L_ST (on tau')."""
        first = self.below.plan(batch)
        before, after, _ = self._refine_choice(first)
        gold = self.followed(batch.strategies, after)
        plan = replace(self.below.follow(first, batch, gold), chosen=gold)
        total, count = token_loss(self.backbone, self.reply_states(plan, batch.labels), batch.labels)
        chosen = self.strategy_loss(after, batch.strategies)
        if self.config.initial_weight:
            chosen = chosen + self.config.initial_weight * self.strategy_loss(before, batch.strategies)
        return {"reply": total / count, "strategy": chosen}

    def weighting(self) -> Weighting:
        """L = (1 - lambda) L_LM + lambda L_ST."""
        return Ramp(periods=self.config.periods, top=self.config.top)

    @property
    def trains_strategy(self) -> bool:
        """Whether lambda ever leaves 0."""
        return self.config.top > 0

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """The plan of the net below that follows tau' (or the gold strategy)."""
        first = self.below.plan(batch)
        before, after, gate = self._refine_choice(first)
        chosen = self.followed(gold, after)
        plan = self.below.follow(first, batch, chosen)
        extras = self._renamed(plan.extras) | {BEFORE: before.exp(), CHOICE_GATE: gate}
        return replace(plan, strategies=after.softmax(dim=1), chosen=chosen, extras=extras)

    @property
    def follows_strategy(self) -> bool:
        """Whether each strategy has an expert, or the net below follows strategies."""
        return self.config.experts == "per_strategy" or self.below.follows_strategy

    def follow(self, plan: Plan, batch: Batch, chosen: Tensor) -> Plan:
        """The plan for another strategy: another expert, and whatever the net below changes."""
        chosen = self.followed(chosen, plan.strategies)
        return replace(self.below.follow(plan, batch, chosen), chosen=chosen)


def star_on(name: str, config_class: type[Any], net_class: type[Net]) -> tuple[type[StarConfig], type[Star]]:
    """(config class, net class) of STAR on a net of the registry, e.g. `star_on("joint", JointConfig, Joint)`."""

    class StarOn(Star):
        """STAR on one net; it has the streams, backbone and needs of that net."""

        below_name = name
        below_class = (config_class, net_class)
        from_scratch = net_class.from_scratch
        streams, causal_streams, wants = net_class.streams, net_class.causal_streams, net_class.wants
        traced = (*net_class.traced, GATE)

        @classmethod
        def streams_of(cls, config: StarConfig) -> tuple[str, ...]:
            """The streams of the net below."""
            return net_class.streams_of(make_config(name, config_class, config.below))

        @classmethod
        def adapt_streams(cls, backbone: Backbone, rank: int) -> None:
            """Adapts the streams as the net below does."""
            net_class.adapt_streams(backbone, rank)

        @classmethod
        def size_of(cls, config: StarConfig) -> Any:
            """The size for the net below."""
            return net_class.size_of(make_config(name, config_class, config.below))

    return StarConfig, StarOn
