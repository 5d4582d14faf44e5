"""Replies, strategies and likelihoods of a net for many turns at once; those made before are not made again.

Each batch is encoded once: replies and `nll_predicted` come from the plan with the predicted strategy, `nll_gold` from
the same plan given the gold one. No gold strategy influences a reply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from models.data.batches import make_batch
from models.data.esconv import Target
from models.data.examples import Example, said_before
from models.data.strategies import STRATEGIES
from models.evaluation.predictions import Prediction, read_predictions
from models.evaluation.reply_files import FILE, METRICS, RUN
from models.files.resume_journal import Journal, Row
from models.nets.net import Net
from models.serving.batch_decoding import decode_batch
from models.serving.rerank import best_replies
from models.serving.trace import DecodeOptions
from models.training.device import device_of

Key = tuple[str, int]
"""(id of the dialogue, index of the answered turn)"""


def key_of(target: Target) -> Key:
    """The key of a turn in a journal."""
    return target.dialogue.id, target.turn


def prediction_journal(folder: Path, settings: Mapping[str, Any], *, overwrite: bool = False) -> Journal[Key]:
    """The journal of a net's predictions in its folder, for one set of settings; `metrics.json` belongs to them."""

    def key(row: Row) -> Key:
        return row["dialogue"], row["turn"]

    out, run = folder / FILE, folder / RUN
    return Journal(out, run, settings, key, others=(METRICS,), overwrite=overwrite)


def finished(journal: Journal[Key], targets: Sequence[Target]) -> tuple[Prediction, ...]:
    """The predictions of all targets in their order, when the journal holds all of them."""
    journal.finish([key_of(target) for target in targets])
    return read_predictions(journal.out)


@torch.inference_mode()
def predict(
    net: Net,
    targets: Sequence[Target],
    examples: Sequence[Example],
    options: DecodeOptions,
    journal: Journal[Key],
    *,
    seed: int,
    batch: int = 32,
) -> tuple[Prediction, ...]:
    """One prediction per target, in order; reply i is decoded with seed + i. The journal's are not made again."""
    net.backbone.lay_out()
    order = list(range(len(examples)))
    if not net.backbone.causal:  # a causal base keeps the turns of a dialogue together, to read its words once
        order.sort(key=lambda i: len(examples[i].context))
    chunks = [order[start : start + batch] for start in range(0, len(order), batch)]
    # a batch that is in the journal only in part is made again as a whole: rounding may depend on its other rows
    missing = [rows for rows in chunks if any(key_of(targets[i]) not in journal.made for i in rows)]
    for rows in tqdm(missing, desc="batches", initial=len(chunks) - len(missing), total=len(chunks)):
        here = [targets[i] for i in rows], [examples[i] for i in rows]
        journal.add([asdict(p) for p in _predict(net, *here, options, [seed + i for i in rows])])
    return finished(journal, targets)


def _predict(
    net: Net, targets: Sequence[Target], examples: Sequence[Example], options: DecodeOptions, seeds: Sequence[int]
) -> list[Prediction]:
    batch = make_batch(examples, share=net.backbone.causal).to(device_of(net))
    plan = replace(net.plan(batch), said=tuple(said_before(target.context, net.tokenizer) for target in targets))
    columns = zip(
        targets,
        (best_replies if options.method == "rerank" else decode_batch)(net, plan, options, seeds),
        map(tuple, plan.strategies.tolist()),
        net.reply_nll(net.follow(plan, batch, batch.strategies), batch.labels).tolist(),
        net.reply_nll(plan, batch.labels).tolist(),
        net.counted(batch.labels).sum(dim=1).tolist(),
        strict=True,
    )
    predicts = net.predicts_strategy
    return [
        Prediction(
            net.tokenizer.decode(reply),
            target.gold.text,
            STRATEGIES[max(range(len(chances)), key=chances.__getitem__)] if predicts else None,
            target.gold.strategy if predicts else None,  # a net that predicts none is not scored
            chances if predicts else (),
            gold,
            predicted,
            tokens,
            target.dialogue.id,
            target.turn,
        )
        for target, reply, chances, gold, predicted, tokens in columns
    ]
