"""Replies of a system that is not one of our nets, turn by turn, as predictions like those of the nets.

The system gives only replies, so it has no perplexity. Its strategy is the one that a net predicted for its prompt.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from tqdm import tqdm

from models.data.esconv import Target
from models.evaluation.predicting import Key, finished, key_of
from models.evaluation.predictions import Prediction
from models.files.resume_journal import Journal
from models.serving.hosting import NetResponder
from models.serving.responder import Responder, SendsWords
from models.serving.trace import DecodeOptions, Reply
from models.systems.asking import ServerBusy, ServerFault
from models.systems.budget import BudgetSpent
from models.training.provenance import SHARED_SPLIT, label, leak_of

AT_ONCE = 8
"""turns that are sent to a server elsewhere at the same time"""
WAITS_S = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""seconds of waiting before a busy server is asked again"""


def about_system(responder: Responder, split: str, part: str, data: str) -> dict[str, Any]:
    """What identifies a system's predictions, besides how they are decoded; `data` is the hash of the dialogues."""
    leaks = [f"examples from split {SHARED_SPLIT}"] * bool(getattr(responder, "shots", ()) and split != SHARED_SPLIT)
    guide = getattr(responder, "classifier", None)
    if isinstance(guide, NetResponder) and (leak := leak_of(guide.card, guide.net, split)):
        leaks.append(f"strategies of {guide.name}, {leak}")
    read = {"tails_sha256": "", "comet": "", "emotion": "", "split": split, "part": part}
    made = {"net": responder.name, "checkpoint": responder.checkpoint, "data": data}
    return {**made, **read, "measured_on": label(split, part, leaks)}


def answer(
    responder: Responder, targets: Sequence[Target], options: DecodeOptions, journal: Journal[Key], *, seed: int
) -> tuple[Prediction, ...]:
    """One prediction per target, in order; reply i has seed + i. Predictions in the journal are not made again.

    Raises OSError when the server gives no answer or a limit is reached; a second call goes on from there.
    """
    missing = [at for at, target in enumerate(targets) if key_of(target) not in journal.made]
    workers = AT_ONCE if isinstance(responder, SendsWords) else 1
    with ThreadPoolExecutor(workers) as pool, tqdm(total=len(targets), initial=len(targets) - len(missing)) as bar:
        for start in range(0, len(missing), workers):
            here = missing[start : start + workers]
            jobs = [pool.submit(_reply, responder, targets[at], options, seed + at) for at in here]
            try:
                for at, job in zip(here, jobs, strict=True):
                    journal.add([asdict(_prediction(targets[at], job.result()))])
                    bar.update()
            except (ServerFault, BudgetSpent) as fault:
                kept = f"{len(journal.made)} of {len(targets)} answers are kept"
                raise OSError(f"{responder.name}: {fault}; {kept}, run the same command to go on") from None
    return finished(journal, targets)


def _reply(responder: Responder, target: Target, options: DecodeOptions, seed: int) -> Reply:
    """Ask for one reply, again after each of WAITS_S while the server is busy."""
    for wait_s in WAITS_S:
        try:
            return responder.respond(target.context, options, seed)
        except ServerBusy:
            time.sleep(wait_s)
    return responder.respond(target.context, options, seed)


def _prediction(target: Target, reply: Reply) -> Prediction:
    named = bool(reply.strategy)
    return Prediction(
        hypothesis=reply.text,
        reference=target.gold.text,
        strategy=reply.strategy if named else None,
        gold=target.gold.strategy if named else None,
        strategies=reply.trace.strategies if named else (),
        dialogue=target.dialogue.id,
        turn=target.turn,
    )
