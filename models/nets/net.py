"""The base class of every net in the registry: a backbone, its losses, and a plan for one reply.

A new net subclasses `Net`, implements `losses` and `plan`, and inherits training, decoding, evaluation and the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from operator import attrgetter
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones.interface import Backbone, Memories, Past, Reading, Stream, beside, select
from models.data.batches import Batch
from models.data.examples import ContextShape, Said
from models.data.strategies import STRATEGIES
from models.data.strategy_history import Course
from models.data.tokenizer import Tokenizer
from models.knowledge.comet import Block
from models.nets.weighting import Fixed, Weighting

COURSE = "strategies by the course of the talk"
BEFORE, REFINED = "strategies before refinement", "strategies after refinement, before the course of the talk"
"""reported by nets that refine their first choice; REFINED only where a course is added after that"""
ALLOWED = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
"""allowed values of a setting by its type, in words"""


@dataclass(frozen=True)
class Plan:
    """Everything needed to decode a batch of replies; made once per reply."""

    memories: Memories
    """keys and values of every stream, one dict per decoder layer"""
    prefix: Tensor
    """(B, P) decoder ids that precede the reply"""
    strategies: Tensor
    """(B, 8) predicted strategy probabilities"""
    extras: dict[str, Tensor] = field(default_factory=dict)
    """further reports of the net about its replies, by name: (B, K), with columns named by `Net.extra_labels`"""
    chosen: Tensor | None = None
    """(B,) the strategies followed, predicted or given; None: the predicted mixture, or none at all"""
    sources: Mapping[str, Stream] = field(default_factory=dict)
    """what the memories are projected from, in nets that mix the strategy into it; empty after selecting rows"""
    said: tuple[Said, ...] = ()
    """for each row, what was said before (`models.data.examples.said_before`); () = unknown"""
    words: Mapping[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """further reports of the net about pieces of the vocabulary, by name: ids (B, K) and the share of each (B, K)"""
    opening: tuple[tuple[int, ...], ...] = ()
    """for each row, ids that the reply begins with unless decoding bars them; () = the beginning is open"""

    def select(self, rows: Tensor) -> Plan:
        """The given batch rows, in that order: one reply out of many, or several hypotheses of one reply."""
        extras = {name: value[rows] for name, value in self.extras.items()}
        chosen = None if self.chosen is None else self.chosen[rows]
        said, opening = (tuple(of[row] for row in rows.tolist()) if of else () for of in (self.said, self.opening))
        words = {name: (ids[rows], shares[rows]) for name, (ids, shares) in self.words.items()}
        return Plan(
            select(self.memories, rows),
            self.prefix[rows],
            self.strategies[rows],
            extras,
            chosen,
            said=said,
            words=words,
            opening=opening,
        )

    def said_in(self, row: int) -> Said:
        """What was said before the reply of a row; nothing where it is unknown."""
        return self.said[row] if self.said else Said()

    def opening_of(self, row: int) -> tuple[int, ...]:
        """The ids that the reply of a row must begin with; nothing where the beginning is open."""
        return self.opening[row] if self.opening else ()

    def beside(self, other: Plan) -> Plan:
        """One batch with the replies of two plans of the same net, without the fields that only guide token choice."""
        both = self.chosen is not None and other.chosen is not None
        return Plan(
            beside(self.memories, other.memories),
            torch.cat((self.prefix, other.prefix)),
            torch.cat((self.strategies, other.strategies)),
            {name: torch.cat((v, other.extras[name])) for name, v in self.extras.items() if name in other.extras},
            torch.cat((self.chosen, other.chosen)) if both else None,  # type: ignore[arg-type]
        )


def make_config(name: str, config_class: type[Any], settings: Mapping[str, Any]) -> Any:
    """The config of net `name`, made from its fields (all those of a saved config, or only some).

    Fields that are themselves dataclasses (shape, size) may be given as dicts. Raises ValueError naming a field that
    the config does not have, or a value that the field's type hint does not allow.
    """
    known = {f.name for f in fields(config_class)}
    if not settings.keys() <= known:
        raise ValueError(f"net {name!r} has no setting {sorted(settings.keys() - known)}; allowed: {sorted(known)}")
    kinds, values = get_type_hints(config_class), dict(settings)
    for field_name, value in settings.items():
        if isinstance(value, dict) and is_dataclass(kinds[field_name]):
            values[field_name] = make_config(f"{name}: {field_name}", kinds[field_name], value)
        _check_value(name, field_name, values[field_name], kinds[field_name])
    return config_class(**values)


def _check_value(name: str, setting: str, value: Any, kind: Any) -> None:
    """Raises ValueError unless a value matches the type hint `kind`; an int passes as a float, a bool as neither."""
    if get_origin(kind) is Literal:
        fits, allowed = value in get_args(kind), ", ".join(map(repr, get_args(kind)))
    else:
        kind = get_origin(kind) or kind
        known = (int, float) if kind is float else kind
        fits = isinstance(value, known) and (kind is bool or not isinstance(value, bool))
        allowed = ALLOWED.get(kind, 'settings by name, {"NAME": VALUE}')
    if not fits:
        raise ValueError(f"net {name!r}: setting {setting!r} is {value!r}; allowed: {allowed}")


class Net(nn.Module):
    """Base of all nets. `needs_comet`, `needs_emotion`: whether the net uses COMET blocks and emotion readings."""

    config: Any
    """the frozen settings of the net; saved with its weights"""
    from_scratch = False
    """whether the net has a small backbone of its own (`models.nets.scratch`) instead of a base"""
    predicts_strategy = True
    """whether the net predicts strategies; if not, all shares are equal"""
    needs_comet = needs_emotion = False
    wants: frozenset[str] = frozenset()
    """fields of `models.data.examples.Example` filled only for nets that list them: CASES, REPLY_EMOTION, ..."""
    reads_together = ""
    """relation whose tails about the last message become one vector, so that none is attended to by itself; "": none
    does"""
    streams: tuple[str, ...] = ()
    """decoder streams besides the context"""
    causal_streams: tuple[str, ...] = ()
    """streams that a net with any `streams` needs in addition on a causal base"""
    extra_labels: Mapping[str, tuple[str, ...]] = {COURSE: STRATEGIES}
    """names of the K columns of each entry of `Plan.extras`"""
    traced: tuple[str, ...] = ()
    """what `decode` adds to a record besides the streams' attention, (B, T, 1) each"""
    held: tuple[str, ...] = ()
    """frozen parameters that are saved nevertheless, because an earlier stage trained them"""
    chooses: tuple[str, ...] = ()
    """names of the modules that choose the strategy; a reply whose strategy is given does not pass through them (FADO's
    does). A module that the settings leave out is None"""
    chooses_by_tails = False
    """whether what `choice_inputs` returns for these modules depends on COMET's tails"""
    banned: Tensor
    """(V,) bool, True for ids that are not text and may never be written"""
    strategy_ids: Tensor
    """(8,) ids of the strategies' tokens"""
    strategy_offset: Tensor
    """(8,) added to the strategy scores in the loss only, see `balance`"""

    def __init__(self, backbone: Backbone, tokenizer: Tokenizer, shape: ContextShape) -> None:
        super().__init__()
        self.backbone, self.tokenizer, self.shape = backbone, tokenizer, shape
        banned = torch.zeros(len(tokenizer), dtype=torch.bool)
        banned[[i for i in tokenizer.special if i != tokenizer.eos]] = True
        self.register_buffer("banned", banned, persistent=False)
        self.register_buffer("strategy_ids", torch.tensor(tokenizer.strategies), persistent=False)
        self.register_buffer("strategy_offset", torch.zeros(len(STRATEGIES)), persistent=False)
        self.course: Course | None = None

    @classmethod
    def streams_of(cls, config: Any) -> tuple[str, ...]:
        """The decoder streams, besides the context, of a net with these settings."""
        return cls.streams

    @classmethod
    def size_of(cls, config: Any) -> Any:
        """The size of the backbone of a net trained from scratch (`models.nets.scratch.Size`)."""
        return config.size

    @classmethod
    def adapt_streams(cls, backbone: Backbone, rank: int) -> None:
        """Called before the backbone's low-rank change: nets that want a smaller one for their streams make it here."""

    def balance(self, shares: Tensor, strength: float) -> None:
        """Compensate for rare strategies in training: logit adjustment (Menon et al. 2021, eq. 10).

        `shares` (8,) are those of the strategies in the training part; `strength` 1 trains for the mean recall of the
        strategies, 0 for plain accuracy. Outside the loss, scores do not change.
        """
        self.strategy_offset.copy_(strength * shares.clamp_min(1e-6).log())

    def with_course(self, scores: Tensor, course: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Strategy scores (B, 8) with what the course of the talk (`Batch.course`) adds to them, and that addition as
        an entry for `Plan.extras`.

        In a net whose `course` is None, the scores as given and no entry.
        """
        if self.course is None:
            return scores, {}
        added = self.course(course)
        return scores + added, {COURSE: added.softmax(dim=1)}

    def strategy_loss(self, scores: Tensor, gold: Tensor) -> Tensor:
        """Mean cross-entropy of scores (B, 8) against the known (>= 0) gold strategies (B,), 0 when none is known;
        balanced as set by `balance`."""
        total = F.cross_entropy(scores + self.strategy_offset, gold, ignore_index=-1, reduction="sum")
        return total / (gold >= 0).sum().clamp_min(1)

    @staticmethod
    def told(gold: Tensor, predicted: Tensor) -> Tensor:
        """(B, 8) one-hot of the gold strategies (B,), or the predicted shares (B, 8) where none is known (-1)."""
        one = F.one_hot(gold.clamp_min(0), len(STRATEGIES)).to(predicted.dtype)
        return torch.where((gold >= 0)[:, None], one, predicted)

    @staticmethod
    def followed(gold: Tensor | None, scores: Tensor) -> Tensor:
        """(B,) the gold strategies, or the one of the highest score (B, 8) where none is given or known (-1)."""
        best = scores.argmax(dim=1)
        return best if gold is None else torch.where(gold >= 0, gold, best)

    def read(self, batch: Batch) -> tuple[Reading, Reading]:
        """The contexts as they were read, (R, S, D), and the context of each example, (B, S, D)."""
        whole = self.backbone.read(batch.ids, batch.mask)
        return whole, whole.pick(batch.rows, batch.lengths)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The parts of a training batch's loss by name, scalars with gradient; `weighting` combines them."""
        raise NotImplementedError

    def separate_losses(self, batch: Batch) -> dict[str, Tensor]:
        """`losses`, each term in one part only, so that comparing the parts' gradients compares nothing with itself;
        by default the same."""
        return self.losses(batch)

    def hold(self) -> None:
        """Freeze the parameters in `held`: no gradient from now on."""
        for name in self.held:
            self.get_parameter(name).requires_grad_(requires_grad=False)

    def hold_all_but_choice(self) -> None:
        """Freeze everything but the modules in `chooses`: their inputs then never change and are computed only once.

        Raises ValueError for a net that has no such modules.
        """
        own = [module for name in self.chooses if isinstance(module := attrgetter(name)(self), nn.Module)]
        if not own:
            raise ValueError(
                f"{type(self).__name__} has no modules of its own for the strategies; leave --only strategies out"
            )
        choice = {id(p) for module in own for p in module.parameters()}
        rest = {name: p for name, p in self.named_parameters() if id(p) not in choice}
        self.held = tuple(name for name, p in rest.items() if p.requires_grad or name in self.held)
        self.hold()
        for module in own:  # a net below may be frozen as a whole
            module.requires_grad_()

    def choice_inputs(self, batch: Batch) -> dict[str, Tensor]:
        """The inputs of the modules in `chooses` for a batch, by name, (B, ...) each, and what else `choice_losses`
        needs; only in nets that have such modules."""
        raise NotImplementedError

    def choice_scores(self, read: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """(B, 8) strategy scores from what `choice_inputs` returned, and entries for `Plan.extras`."""
        raise NotImplementedError

    def choice_losses(self, read: Mapping[str, Tensor], gold: Tensor) -> dict[str, Tensor]:
        """The parts of `losses` that train the modules in `chooses`, from what `choice_inputs` returned and the gold
        strategies (B,); `choice_weighting` combines them."""
        return {"strategy": self.strategy_loss(self.choice_scores(read)[0], gold)}

    def choice_weighting(self) -> Weighting:
        """A new weighting of the parts of `choice_losses`."""
        return Fixed({"strategy": 1.0})

    def weighting(self) -> Weighting:
        """A new weighting of the parts of `losses`: the net's own default."""
        return Fixed({"reply": 1.0, "strategy": 1.0})

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """Everything needed for decoding. `gold` (B,) replaces the predicted strategy where it is known (used only for
        perplexity given the gold strategy); without it, no gold label of the batch is used.
        """
        raise NotImplementedError

    def training_plan(self, batch: Batch) -> Plan:
        """The plan for the reply loss in training: by default the one that follows the gold strategy."""
        return self.plan(batch, gold=batch.strategies)

    @property
    def trains_strategy(self) -> bool:
        """Whether a loss supervises the strategies; if not, strategy metrics do not count when choosing weights."""
        return self.predicts_strategy

    @property
    def follows_strategy(self) -> bool:
        """Whether a reply depends on the strategy given to `follow`."""
        return self.predicts_strategy

    @property
    def mixes_strategies(self) -> bool:
        """Whether a reply depends on the shares of all strategies, so that it has `follow_mixture`."""
        return False

    def follow(self, plan: Plan, batch: Batch, chosen: Tensor) -> Plan:
        """`plan`, made from `batch`, changed so that the replies follow the strategies `chosen` (B,), or the prediction
        where none is known (-1).

        Unchanged in nets that predict no strategy.
        """
        return self.plan(batch, gold=chosen) if self.predicts_strategy else plan

    def follow_mixture(self, plan: Plan, batch: Batch, shares: Tensor) -> Plan:
        """`plan`, made from `batch`, changed so that the replies follow the mixture `shares` (B, 8).

        Only for nets that mix strategies, see `mixes_strategies`.
        """
        raise NotImplementedError(f"{type(self).__name__} mixes no strategies")

    def decode(
        self, ids: Tensor, plan: Plan, past: Past | None = None, record: dict[str, list[Tensor]] | None = None
    ) -> Tensor:
        """Decoder states (B, T, D) of `ids` (B, T), ready for the output vocabulary; see `Backbone.decode`."""
        return self.finish(self.backbone.decode(ids, plan.memories, past, record), plan.chosen, past, record)

    def finish(
        self, states: Tensor, chosen: Tensor | None, past: Past | None, record: dict[str, list[Tensor]] | None
    ) -> Tensor:
        """The backbone's states (B, T, D) as the net passes them to the output vocabulary; by default unchanged.
        `chosen` (B,) are the strategies followed."""
        return states

    def with_sources(self, plan: Plan, sources: Mapping[str, Stream]) -> Plan:
        """The plan with the streams of these names replaced; nothing is read again."""
        projected = self.backbone.project(sources)
        return replace(plan, memories=[layer | new for layer, new in zip(plan.memories, projected, strict=True)])

    def source_names(self, plan: Plan) -> Mapping[str, tuple[str, ...]]:
        """Names for the vectors of each stream, for a plan of one reply: a trace shows the attention to each of them.
        Commonsense, emotions, turns and similar talks need no names here; a trace knows those anyway."""
        return {}

    def tails_read(self, tails: Sequence[Block]) -> Sequence[Block]:
        """Those of COMET's tails about the last message that the net reads; by default all of them."""
        return tails

    def no_strategies(self, rows: int) -> Tensor:
        """(B, 8) equal shares: nothing is predicted."""
        return torch.full((rows, len(STRATEGIES)), 1 / len(STRATEGIES), device=self.banned.device)

    def begin(self, rows: int) -> Tensor:
        """(B, 1) begin tokens."""
        return torch.full((rows, 1), self.tokenizer.bos, device=self.banned.device)

    def begin_with(self, chosen: Tensor) -> Tensor:
        """(B, 2) begin tokens, each followed by the token of the strategy in `chosen` (B,)."""
        return torch.cat((self.begin(len(chosen)), self.strategy_ids[chosen][:, None]), dim=1)

    def reply_states(self, plan: Plan, labels: Tensor) -> Tensor:
        """Decoder states (B, T, D) that predict `labels` (B, T), teacher-forced after the plan's prefix."""
        inputs = torch.cat((plan.prefix, labels[:, :-1].clamp_min(0)), dim=1)
        return self.decode(inputs, plan)[:, plan.prefix.shape[1] - 1 :]

    def counted(self, labels: Tensor) -> Tensor:
        """(B, T) bool: which labels (B, T) `reply_nll` sums over, that is text tokens and the end mark."""
        return (labels >= 0) & ~self.banned[labels.clamp_min(0)]

    def reply_nll(self, plan: Plan, labels: Tensor) -> Tensor:
        """Negative log-likelihood (B,) of the replies in nats, normalised over text tokens and the end mark.

        Other labels (unknown characters in a reference) are skipped, see `counted`.
        """
        keep = self.counted(labels)
        scores = self.backbone.logits(
            self.reply_states(plan, labels)[keep]
        ).float()  # padding is never projected to the vocabulary
        loss = F.cross_entropy(scores.masked_fill(self.banned, -torch.inf), labels[keep], reduction="none")
        return loss.new_zeros(len(labels)).index_add(0, keep.nonzero()[:, 0], loss)
