"""Training data of the shared support adapter: ESConv and sets of support talks, all as dialogues.

In sets without strategies, these stay unknown: labelled "Others", they taught interjections (`models/EXPERIMENTS.md`).
ESConv's dialogues begin with greetings, so a part of them is made to begin where the seeker states the problem; the
other sets begin there anyway, or have their greeting removed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from models.data.corpora import read_corpus
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.own_talks import OWN_TIMES, everyday_talks, own_talks
from models.data.rule_answers import RULE_ANSWERS, answerable, rule_talks

SETS: dict[str, float] = {"escot": 0.45, "synthetic_es_gpt4": 0.1, "healme": 0.1, "empathetic_dialogues": 0.02}
"""share of each set that is used, by file name"""
PROBLEM_WORDS = 8
"""a seeker's turn with at least this many words counts as stating something"""
UNTOLD = 0.4
"""share of dialogues whose situation is left out: most people write none beforehand"""
PLAIN_START = 0.5
"""share of ESConv's dialogues that begin at the problem"""


def support_dialogues(
    esconv: Sequence[Dialogue], folder: Path | None, seed: int, own: int = OWN_TIMES, rule_answers: int = RULE_ANSWERS
) -> list[Dialogue]:
    """ESConv's train dialogues, the sets in `folder`, and `voiced_talks`; the same for the same seed.

    Raises FileNotFoundError naming the expected sets when the folder has none of them.
    """
    rng = random.Random(seed)
    mixed = [_from_problem(d) if rng.random() < PLAIN_START else d for d in esconv]
    for name, path in _files(folder).items() if folder else ():
        found = [d for d in read_corpus(path) if _usable(d)]
        mixed += [_from_problem(d) for d in rng.sample(found, round(SETS[name] * len(found)))]
    mixed = [replace(d, situation="") if rng.random() < UNTOLD else d for d in mixed]
    mixed += voiced_talks(esconv, seed, own, rule_answers)
    rng.shuffle(mixed)
    return mixed


def voiced_talks(esconv: Iterable[Dialogue], seed: int, times: int, rule_answers: int = RULE_ANSWERS) -> list[Dialogue]:
    """All talks marked with the voice of our own talks: `times` over, these talks and at most `rule_answers` messages,
    newly drawn each time from them and from ESConv, with an answer by rule."""
    found = answerable((*esconv, *everyday_talks()))
    # Each copy is a dialogue of its own: turns are put together by their dialogue, so one would stand for all copies.
    rounds = ((*map(replace, own_talks()), *rule_talks(found, seed + n, rule_answers)) for n in range(times))
    return [dialogue for talks in rounds for dialogue in talks]


def openings(dialogues: Iterable[Dialogue], seed: int) -> list[Dialogue]:
    """From each dialogue the first turn that states something and its answer, nothing before; some without situation.

    Talks in a browser begin like this; ESConv's begin with greetings, and a net that knew only these would greet.
    """
    rng = random.Random(seed)
    found = (_opening(dialogue) for dialogue in dialogues)
    return [replace(d, situation="") if rng.random() < UNTOLD else d for d in found if d]


def _opening(dialogue: Dialogue) -> Dialogue | None:
    stated = _from_problem(dialogue)
    turns = stated.turns
    said = next((n for n, turn in enumerate(turns) if turn.speaker is Speaker.SUPPORTER), 0)
    end = next((n for n in range(said, len(turns)) if turns[n].speaker is Speaker.SEEKER), len(turns))
    return replace(stated, turns=turns[:end]) if said and _states(turns[0]) else None


def _files(folder: Path) -> dict[str, Path]:
    found = {path.name.split(".")[0]: path for path in sorted(folder.glob("*.jsonl*"))}
    known = {name: found[name] for name in SETS if name in found}
    if not known:
        raise FileNotFoundError(f"no support set in {folder}; expected any of {', '.join(SETS)} as .jsonl[.gz]")
    return known


def _usable(dialogue: Dialogue) -> bool:
    """Whether both speak and the supporter does not lecture: replies here are short."""
    lengths = [len(turn.text.split()) for turn in dialogue.turns if turn.speaker is Speaker.SUPPORTER]
    return bool(lengths) and bool(dialogue.seeker_posts()) and sum(lengths) / len(lengths) <= 45


def _from_problem(dialogue: Dialogue) -> Dialogue:
    """The dialogue from the seeker's first turn that states something on, if that leaves enough turns."""
    turns = dialogue.turns
    start = next((n for n, turn in enumerate(turns) if _states(turn)), 0)
    if len(turns) - start < 2:
        return dialogue
    feedback = replace(dialogue.feedback, ratings=dialogue.feedback.ratings[start:])
    return replace(dialogue, turns=turns[start:], feedback=feedback)


def _states(turn: Turn) -> bool:
    return turn.speaker is Speaker.SEEKER and len(turn.text.split()) >= PROBLEM_WORDS
