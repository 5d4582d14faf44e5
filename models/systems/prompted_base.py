"""The default base as published, only prompted: a comparison that shows what the training of the nets adds.

It is hosted like every net, with the same decoding, streaming and trace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from models.backbones.causal import Causal
from models.backbones.causal_base import DEFAULT, CausalBase, open_causal
from models.data.batches import Batch
from models.data.dialogue import Dialogue
from models.data.examples import ContextShape
from models.data.strategies import STRATEGIES
from models.knowledge.comet import NoComet
from models.nets.net import Net, Plan
from models.serving.hosting import NetResponder, Sources
from models.serving.intervention import Intervention
from models.serving.responder import OnText, Responder, forget_texts
from models.serving.trace import DecodeOptions, Reply
from models.systems.classifier import most_likely, strategies_of
from models.systems.prompts import VERSION, Shot, instruction

TOKENS = 3072
"""longest context: room for ten examples"""
REPLY_TOKENS = 128


class Prompted(Net):
    """A causal base without any change; its context holds its instructions."""

    predicts_strategy = False

    def __init__(self, base: CausalBase) -> None:
        tokens = min(TOKENS, base.weights.shape.positions - REPLY_TOKENS)
        shape = ContextShape(tokens=tokens, reply_tokens=REPLY_TOKENS, strategies=False, situation=True)
        backbone = base.backbone(rank=1)  # a change of rank 1 that is 0
        backbone.settle()
        super().__init__(backbone, base.tokenizer, shape)

    def plan(self, batch: Batch, gold: Tensor | None = None) -> Plan:
        """The context alone: there is no strategy that `gold` could replace."""
        memories = self.backbone.attach(self.read(batch)[1], {})
        even = torch.full((len(batch), len(STRATEGIES)), 1 / len(STRATEGIES), device=self.banned.device)
        return Plan(memories, self.begin(len(batch)), even)


class PromptedBase(NetResponder):
    """That base as a responder; `classifier` predicts the strategy that the prompt asks for."""

    def __init__(
        self,
        name: str,
        base: CausalBase,
        device: str = "cpu",
        shots: Sequence[Shot] = (),
        classifier: Responder | None = None,
    ) -> None:
        self.shots, self.classifier = tuple(shots), classifier
        base.weights.pack()
        told = repr((base.label, self.shots, classifier.checkpoint if classifier else "", VERSION))
        checkpoint = hashlib.sha256(told.encode()).hexdigest()[:12]
        super().__init__(
            name,
            Prompted(base).requires_grad_(requires_grad=False),
            checkpoint,
            Sources(NoComet(), None),
            device,
            {"base": base.label},
        )

    def intervene(
        self,
        dialogue: Dialogue,
        options: DecodeOptions,
        seed: int,
        change: Intervention,
        on_text: OnText | None = None,
    ) -> Reply:
        """See `models.serving.responder.Changeable`; there is nothing inside that can be changed."""
        shares = strategies_of(self.classifier, dialogue, seed)
        reply = super().intervene(self.told(dialogue, most_likely(shares)), options, seed, change, on_text)
        return Reply(reply.text, most_likely(shares), replace(reply.trace, strategies=shares))

    def check(self, dialogue: Dialogue) -> None:
        """Raises ValueError when the seeker has said nothing. In ESConv a supporter may speak twice in a row."""
        if not dialogue.last_post().strip():
            raise ValueError("nothing to answer: the seeker has said nothing yet")

    def forget_texts(self) -> None:
        """See `models.serving.responder.RemembersTexts`; its classifier's caches, too."""
        super().forget_texts()
        forget_texts(self.classifier)

    def context_tokens(self, dialogue: Dialogue, options: DecodeOptions) -> int:
        """See `models.serving.responder.CountsTokens`; does not count the words that name a strategy."""
        return super().context_tokens(self.told(dialogue), options)

    def _asked(self, dialogue: Dialogue, options: DecodeOptions) -> Dialogue:
        """The dialogue as it is: the prompt says how to answer, and nothing of ours goes before it."""
        return dialogue

    def told(self, dialogue: Dialogue, strategy: str = "") -> Dialogue:
        """The dialogue with the prompt in place of the situation, which the base reads as its system message."""
        return replace(dialogue, situation=instruction(dialogue.situation, self.shots, strategy))


def base_under(nets: Mapping[str, Responder]) -> CausalBase:
    """The default base: shared with a loaded net that stands on it, else opened. Raises as `open_causal`."""
    for net in nets.values():
        backbone = getattr(getattr(net, "net", None), "backbone", None)
        if isinstance(backbone, Causal):
            tokenizer = net.net.tokenizer  # type: ignore[attr-defined]
            name, _, digest = str(net.card.get("base")).rpartition("@")  # type: ignore[attr-defined]
            if name == DEFAULT:
                return CausalBase(name, digest, backbone.weights, tokenizer)
    return open_causal()
