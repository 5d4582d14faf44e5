"""ESConv turns -> Examples, with what a net reads beside the text: COMET tails and emotions.

Place in the flow: models.data.esconv gives Targets; every command that trains or measures nets gets its Examples here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.data.dialogue import Dialogue
from models.data.esconv import Target
from models.data.examples import ContextShape, Example, Whole, make_example, whole_dialogues
from models.data.tokenizer import Tokenizer
from models.knowledge.comet import CachedComet, Comet, NoComet, blocks_for
from models.knowledge.emotion import CachedEmotion, EmotionDetector
from models.knowledge.shipped_or_hub import comet_version, open_comet, open_emotion
from models.nets.net import Net

ENTRIES = 500_000
"""answers kept in memory: all of ESConv"""
ASKED_TOGETHER = 96
"""events whose tails are generated in one batch"""


def comet_for(net: Net, tails: str | None, name: str | None = None, device: str = "cpu") -> Comet:
    """What training and evaluation ask for tails: nothing (nets without COMET), a file, or the COMET of `--comet`.

    With a file only its tails of that COMET are used: a turn that is not in it has no blocks, which MISC has to cope
    with anyway. Raises as `models.knowledge.shipped_or_hub.open_comet`.
    """
    if not net.needs_comet:
        return NoComet()
    if not tails:
        return CachedComet(open_comet(name, device), ENTRIES)
    known = NoComet()
    known.version = comet_version(name)
    cached = CachedComet(known, ENTRIES)
    cached.load(Path(tails))
    return cached


def emotions_for(net: Net, name: str | None = None, device: str = "cpu") -> EmotionDetector | None:
    """The detector of `--emotion` for a net that reads emotions, each utterance read once; None for the others."""
    return CachedEmotion(open_emotion(name, device), ENTRIES) if net.needs_emotion else None


def examples_of(
    targets: Sequence[Target],
    comet: Comet,
    tokenizer: Tokenizer,
    shape: ContextShape,
    emotions: EmotionDetector | None = None,
) -> list[Example]:
    """The examples of supporter turns, with the tails of their situation and last post.

    With a detector also with the emotions of the seeker's turns before them.
    """
    texts = [text for t in targets for text in (t.dialogue.situation, t.context.last_post()) if text.strip()]
    events = sorted(dict.fromkeys(texts), key=len)
    for start in range(0, len(events), ASKED_TOGETHER):  # many at once is far quicker than turn by turn
        comet.tails(events[start : start + ASKED_TOGETHER])
    heard = list(dict.fromkeys(post for t in targets for post in t.context.seeker_posts())) if emotions else []
    readings = dict(zip(heard, emotions.read(heard), strict=True)) if emotions else {}
    return [
        make_example(
            target.context,
            target.gold,
            blocks_for(comet, target.dialogue.situation, target.context.last_post()),
            tokenizer,
            shape,
            [readings[post] for post in target.context.seeker_posts()] if emotions else (),
        )
        for target in targets
    ]


def wholes_of(
    found: Sequence[Target],
    comet: Comet,
    tokenizer: Tokenizer,
    shape: ContextShape,
    emotions: EmotionDetector | None = None,
) -> list[Whole]:
    """Whole dialogues with the examples of their turns, for a causal base: every turn is learnt from one reading."""
    examples = examples_of(found, comet, tokenizer, shape, emotions)
    by_dialogue: dict[int, tuple[Dialogue, dict[int, Example]]] = {}
    for target, example in zip(found, examples, strict=True):
        turns = by_dialogue.setdefault(id(target.dialogue), (target.dialogue, {}))[1]
        turns[target.turn] = example
    return [
        whole
        for dialogue, turns in by_dialogue.values()
        for whole in whole_dialogues(dialogue, turns, tokenizer, shape)
    ]
