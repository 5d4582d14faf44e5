"""Losses and strategy figures of a net on held-out examples, with the inputs used in training; no reply is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch.nn.utils import parametrize

from models.backbones.quick_type import is_quick_in_bfloat16
from models.data.batches import Batch, make_batch
from models.data.examples import Example
from models.evaluation.strategy_figures import accuracy, confusion_of, macro_f1
from models.nets.net import Net
from models.training.device import device_of


def turn_batches(examples: Sequence[Example], size: int = 64, *, share: bool = False) -> list[Batch]:
    """Batches with one example per row, ordered by length; with `share` (see `make_batch`), in the order given."""
    ordered = examples if share else sorted(examples, key=lambda e: len(e.context))
    return [make_batch(ordered[start : start + size], share=share) for start in range(0, len(ordered), size)]


@torch.inference_mode()
def validate(net: Net, batches: Iterable[Batch], *, gold: bool = False) -> dict[str, float]:
    """Reply loss per token, strategy loss (balanced as in training), accuracy, macro F1 (argmax).

    Replies follow the plan used in training: the gold strategy's, unless the net trains with the strategies it predicts
    (`strategy_train="mixture"`). With `gold` they follow the gold strategy in every net, as perplexities of papers do.

    "valid_loss", the sum of the two losses, decides which weights are kept. For a net whose strategies are not
    supervised by a loss, it is the reply loss.
    """
    net.eval()
    nll = tokens = strategy = 0.0
    predicted, annotated = list[int](), list[int]()
    for batch in (found.to(device_of(net)) for found in batches):
        short = is_quick_in_bfloat16(batch.ids.device.type)
        with torch.autocast(batch.ids.device.type, dtype=torch.bfloat16, enabled=short), parametrize.cached():
            plan = net.training_plan(batch)
            followed = net.follow(plan, batch, batch.strategies) if gold else plan
            nll += float(net.reply_nll(followed, batch.labels).sum())
        tokens += float(net.counted(batch.labels).sum())
        scores = plan.strategies.float().clamp_min(1e-9).log()
        strategy += float(net.strategy_loss(scores, batch.strategies)) * len(batch)
        predicted += scores.argmax(dim=1).tolist()
        annotated += batch.strategies.tolist()
    reply, choice = nll / tokens, strategy / len(annotated)
    if not net.predicts_strategy:
        return {"valid_loss": reply, "valid_reply": reply}
    return {
        "valid_loss": reply + choice if net.trains_strategy else reply,
        "valid_reply": reply,
        **choice_figures(choice, predicted, annotated),
    }


def choice_figures(loss: float, predicted: list[int], gold: list[int]) -> dict[str, float]:
    """The reported figures of strategies, in this order: loss, accuracy, macro F1."""
    table = confusion_of(predicted, gold)
    return {
        "valid_strategy": loss,
        "valid_accuracy": float(accuracy(table)),
        "valid_macro_f1": float(macro_f1(table)),
    }
