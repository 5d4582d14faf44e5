"""ESConv turns -> Examples, with what a net reads besides the text: COMET tails, emotions, similar talks.

Place in the flow: models.data.esconv gives Targets; every command that trains or measures nets gets its Examples here.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.data.dialogue import Dialogue
from models.data.esconv import Target
from models.data.examples import (
    CASES,
    OUTCOME,
    REPLY_EMOTION,
    ContextShape,
    Example,
    Whole,
    make_example,
    whole_dialogues,
)
from models.data.outcome import outcome_of
from models.data.own_talks import unvoiced
from models.data.tokenizer import Tokenizer
from models.knowledge.cases import Cases, NoCases
from models.knowledge.comet import Block, CachedComet, Comet, NoComet, blocks_for
from models.knowledge.emotion import CachedEmotion, EmotionDetector, EmotionLabels
from models.knowledge.shipped_or_hub import comet_version, open_cases, open_comet, open_emotion
from models.nets.net import Net

ENTRIES = 500_000
"""number of answers kept in memory: enough for all of ESConv"""
ASKED_TOGETHER = 96
"""number of events whose tails are generated in one batch"""


def comet_for(net: Net, tails: str | None, name: str | None = None, device: str = "cpu") -> Comet:
    """The source of tails in training and evaluation: none (nets without COMET), a file, or the COMET of `--comet`.

    From a file, only tails of that COMET are used: a turn that is not in it has no blocks, which MISC has to cope with
    anyway. Raises the same errors as `models.knowledge.shipped_or_hub.open_comet`.
    """
    if not net.needs_comet:
        return NoComet()
    if not tails:
        opened = open_comet(name, device)
        opened.lay_out()
        return CachedComet(opened, ENTRIES)
    known = NoComet()
    known.version = comet_version(name)
    cached = CachedComet(known, ENTRIES)
    cached.load(Path(tails))
    return cached


@dataclass(frozen=True)
class Besides:
    """What the examples contain besides words and tails, where the nets want it, and where it is looked up.

    Made by `besides_for`; without arguments, nothing.
    """

    wants: frozenset[str] = frozenset()
    """see `Net.wants`"""
    emotions: EmotionDetector | None = None
    """reads the seeker's turns"""
    labels: EmotionLabels | None = None
    """reads the replies to learn"""
    cases: Cases = field(default_factory=NoCases)


def besides_for(args: Namespace, device: str, *nets: Net) -> Besides:
    """What these nets want, by the flags `--emotion`, `--cases`, `--retriever`, `--esconv` and `--split`.

    Each utterance is read once. Raises the same errors as `open_emotion` and `open_cases`.
    """
    wants, hears = frozenset[str]().union(*(net.wants for net in nets)), any(net.needs_emotion for net in nets)
    opened = open_emotion(args.emotion, device) if hears or REPLY_EMOTION in wants else None
    searched = args.cases or getattr(args, "esconv", None)
    return Besides(
        wants,
        CachedEmotion(opened, ENTRIES) if opened and hears else None,
        opened if REPLY_EMOTION in wants else None,
        open_cases(searched, getattr(args, "split", "D"), args.retriever, device) if CASES in wants else NoCases(),
    )


def blocks_of(target: Target, comet: Comet) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
    """The blocks of a turn's situation (without the mark of our own talks, `VOICE`) and of its last post."""
    return blocks_for(comet, unvoiced(target.dialogue.situation), target.context.last_post())


def examples_of(
    targets: Sequence[Target],
    comet: Comet,
    tokenizer: Tokenizer,
    shape: ContextShape,
    besides: Besides = Besides(),
) -> list[Example]:
    """The examples of supporter turns, with the tails of their situation and last post, and with everything that
    `besides` looks up for them."""
    texts = [text for t in targets for text in (unvoiced(t.dialogue.situation), t.context.last_post()) if text.strip()]
    events = sorted(dict.fromkeys(texts), key=len)
    for start in range(0, len(events), ASKED_TOGETHER):  # many at once is much faster than turn by turn
        comet.tails(events[start : start + ASKED_TOGETHER])
    emotions = besides.emotions
    heard = list(dict.fromkeys(post for t in targets for post in t.context.seeker_posts())) if emotions else []
    readings = dict(zip(heard, emotions.read(heard), strict=True)) if emotions else {}
    found = besides.cases.find([target.context for target in targets])
    made = [
        make_example(
            target.context,
            target.gold,
            blocks_of(target, comet),
            tokenizer,
            shape,
            [readings[post] for post in target.context.seeker_posts()] if emotions else (),
            wants=besides.wants,
            cases=cases,
        )
        for target, cases in zip(targets, found, strict=True)
    ]
    return _with_what_followed(made, targets, besides)


def _with_what_followed(made: list[Example], targets: Sequence[Target], besides: Besides) -> list[Example]:
    """The examples with targets that are not in their contexts: the reply's own emotion, and what followed."""
    if besides.labels is not None:
        replies = list(dict.fromkeys(target.gold.text for target in targets))
        scores = besides.labels.probabilities(replies)
        shares = dict(zip(replies, (scores / scores.sum(dim=1, keepdim=True)).tolist(), strict=True))
        made = [replace(e, reply_emotion=tuple(shares[t.gold.text])) for e, t in zip(made, targets, strict=True)]
    if OUTCOME in besides.wants:
        made = [replace(e, outcome=outcome_of(t)) for e, t in zip(made, targets, strict=True)]
    return made


def wholes_of(
    found: Sequence[Target],
    comet: Comet,
    tokenizer: Tokenizer,
    shape: ContextShape,
    besides: Besides = Besides(),
) -> list[Whole]:
    """Whole dialogues with the examples of their turns, for a causal base: every turn is learnt from one reading."""
    examples = examples_of(found, comet, tokenizer, shape, besides)
    by_dialogue: dict[int, tuple[Dialogue, dict[int, Example]]] = {}
    for target, example in zip(found, examples, strict=True):
        turns = by_dialogue.setdefault(id(target.dialogue), (target.dialogue, {}))[1]
        turns[target.turn] = example
    return [
        whole
        for dialogue, turns in by_dialogue.values()
        for whole in whole_dialogues(dialogue, turns, tokenizer, shape)
    ]
