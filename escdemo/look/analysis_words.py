"""What each figure of an analysis says, as a plain sentence, and its data as CSV.

A sentence says only what the intervals support: a difference whose interval includes 0 counts as none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from escdemo.look.analysis_figures import Analysed, is_clear, stage_names
from escdemo.look.render import csv_text
from models.data.strategies import STRATEGIES
from models.evaluation.uncertainty import Interval

MOST_NAMED = 3


def stages_say(net: Analysed) -> str:
    """Where in a conversation a net's strategies differ most from the annotators'."""
    cells = [(cell, place) for place, one in enumerate(net.analysis.stages, start=1) for cell in one.difference]
    clear = sorted((pair for pair in cells if is_clear(pair[0])), key=lambda pair: -abs(pair[0].value))
    if not clear:
        return f"{net.label} follows the annotators in every part: no difference is beyond chance."
    named = "; ".join(
        f"{cell.name} in part {place}, {abs(cell.value):.0f} points {'more' if cell.value > 0 else 'less'} often"
        for cell, place in clear[:MOST_NAMED]
    )
    return (
        f"{net.label} differs from the annotators beyond chance in {len(clear)} of {len(cells)} cells; the largest"
        f" differences: {named}."
    )


def top_k_says(net: Analysed) -> str:
    """Top-1 and top-3 accuracy, beside the floor of always naming the most frequent strategies."""
    accuracy, floor = net.analysis.top_k.accuracy, net.analysis.top_k.most_frequent
    return (
        f"{net.label} names the annotated strategy first in {_figure(accuracy[0])} of the turns, among its first three"
        f" in {_figure(accuracy[2])}. Always naming the most frequent strategies reaches {floor[0]:.1f} % and"
        f" {floor[2]:.1f} %."
    )


def distribution_says(net: Analysed) -> str:
    """Which strategies a net chooses clearly more or less often than annotators."""
    labels = net.analysis.labels
    pairs = list(zip(labels.gold, labels.predicted, strict=True))
    more = [one.name for gold, one in pairs if one.low > gold.high]
    less = [one.name for gold, one in pairs if one.high < gold.low]
    if not more and not less:
        return f"{net.label} chooses each strategy about as often as the annotators: all intervals overlap."
    said = [f"{how} often: {_listed(names)}" for how, names in (("more", more), ("less", less)) if names]
    return f"Compared with the annotators, {net.label} chooses {'; '.join(said)}."


def confusion_says(net: Analysed) -> str:
    """What a net finds best and worst, and its most frequent mistake."""
    labels = net.analysis.labels
    seen = [one for one, row in zip(labels.recall, labels.confusion, strict=True) if sum(row)]
    best, worst = max(seen, key=lambda one: one.value), min(seen, key=lambda one: one.value)
    wrong = max(
        (count, gold, to) for gold, row in enumerate(labels.confusion) for to, count in enumerate(row) if to != gold
    )
    mistake = f"; its most frequent mistake is {STRATEGIES[wrong[2]]} for {STRATEGIES[wrong[1]]} ({wrong[0]} turns)"
    return (
        f"{net.label} recognises {best.name} best ({_figure(best)} of those turns) and {worst.name} worst"
        f" ({_figure(worst)}){mistake if wrong[0] else ''}."
    )


def interference_says(net: Analysed) -> str:
    """Whether a net's losses pull together, over all parameters."""
    found = net.analysis.interference
    if found is None:
        return f"For {net.label} this was not measured."
    whole = [one for one in found.cosines if one.group == "all"]
    if not whole:
        return f"{net.label} learns from one loss only, so there is nothing to pull against it."
    said = []
    for one in whole:
        low, high = one.interval()
        how = "together" if low > 0 else "against each other" if high < 0 else "neither way beyond chance"
        said.append(f"{one.first} and {one.second} pull {how} ({one.mean:+z.2f}, {low:+z.2f} to {high:+z.2f})")
    return f"{net.label}, over all parameters: {'; '.join(said)}."


HEAD = ("net", "split", "turns", "dialogues")


def stages_csv(nets: Sequence[Analysed]) -> str:
    """One row per net, part and strategy: gold share, predicted share and their difference, with intervals."""
    head = (
        *HEAD,
        "part",
        "turns of the part",
        "strategy",
        *_three("gold"),
        *_three("predicted"),
        *_three("difference"),
    )
    rows = (
        (*_of(net), name, stage.turns, gold.name, *_ends(gold), *_ends(predicted), *_ends(difference))
        for net in nets
        for name, stage in zip(stage_names(), net.analysis.stages, strict=True)
        for gold, predicted, difference in zip(stage.gold, stage.predicted, stage.difference, strict=True)
    )
    return csv_text(head, list(rows))


def top_k_csv(nets: Sequence[Analysed]) -> str:
    """One row per net and k."""
    rows = (
        (*_of(net), at, *_ends(one), floor)
        for net in nets
        for at, (one, floor) in enumerate(
            zip(net.analysis.top_k.accuracy, net.analysis.top_k.most_frequent, strict=True), start=1
        )
    )
    return csv_text((*HEAD, "k", *_three("accuracy"), "most frequent"), list(rows))


def distribution_csv(nets: Sequence[Analysed]) -> str:
    """One row per net and strategy: shares, recall and precision."""
    names = ("gold", "predicted", "recall", "precision")
    rows = (
        (*_of(net), name, *(end for of in names for end in _ends(getattr(net.analysis.labels, of)[at])))
        for net in nets
        for at, name in enumerate(STRATEGIES)
    )
    return csv_text((*HEAD, "strategy", *(one for of in names for one in _three(of))), list(rows))


def confusion_csv(net: Analysed) -> str:
    """Counts: annotated strategies in rows, predicted ones in columns."""
    rows = [(*_of(net), name, *counts) for name, counts in zip(STRATEGIES, net.analysis.labels.confusion, strict=True)]
    return csv_text((*HEAD, "annotated \\ predicted", *STRATEGIES), rows)


def interference_csv(net: Analysed) -> str:
    """One row per group of parameters and pair of losses."""
    found = net.analysis.interference
    rows = [
        (*_of(net), one.group, one.first, one.second, one.mean, *one.interval(), one.spread, one.batches)
        for one in (found.cosines if found else ())
    ]
    return csv_text((*HEAD, "group", "first", "second", *_three("cosine"), "deviation", "batches"), rows)


def _of(net: Analysed) -> tuple[str, str, int, int]:
    one = net.analysis
    return one.source.net, one.source.measured_on, one.turns, one.dialogues


def _three(name: str) -> tuple[str, str, str]:
    return name, f"{name} low", f"{name} high"


def _ends(one: Interval) -> tuple[float, float, float]:
    return one.value, one.low, one.high


def _figure(one: Interval) -> str:
    return f"{one.value:.1f} % ({one.low:.1f} to {one.high:.1f})"


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
