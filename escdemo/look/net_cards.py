"""The models tab as HTML: a card for each net in plain words, and the papers' tables with our rows added.

Our figures come from each net's analysis, with intervals; what was not measured is marked as such.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from escdemo import texts
from escdemo.hosted import NetCard
from escdemo.look.render import escape, table
from escdemo.net_texts import NET_TEXTS, title_of
from models.analysis.analysis import Analysis
from models.data.esconv import SPLITS
from models.evaluation.definitions import Definition
from models.evaluation.paper_tables import COLUMNS, columns_of
from models.evaluation.published import DEFINITIONS, by_source, nets_for, published
from models.evaluation.tables import LABELS, formatted
from models.evaluation.uncertainty import Interval

VALIDATION = {
    "valid_accuracy": ("strategy accuracy", 100.0),
    "valid_macro_f1": ("strategy macro F1", 100.0),
}
"""metrics of a card that readers understand -> their label, and the factor that makes them percent"""
PERPLEXITY = "perplexity"
OTHER_SPLITS = (("merged", "turns of one speaker in a row joined"), ("?", "not stated"))
"""other values of "split" in the papers' tables"""
OWN = {PERPLEXITY: "ppl_token_gold"}
"""columns of the papers that have another name in our reports"""


@dataclass(frozen=True)
class NetShown:
    """What is known of a hosted net; what is missing is None."""

    net: str
    card: NetCard | None
    analysis: Analysis | None


def cards(nets: Sequence[NetShown], device: str) -> str:
    """One card for each net."""
    return f'<div class="esc-cards">{"".join(_card(net, device) for net in nets)}</div>'


def _card(shown: NetShown, device: str) -> str:
    text = NET_TEXTS.get(shown.net)
    facts: list[tuple[str, str]] = []
    if text:
        facts += [("Looks at", text.reads), ("Paper", text.paper)]
    if shown.card:
        facts += _facts(shown.card)
    facts += [("Runs on", device), *_measured(shown)]
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    what = text.what if text else texts.OWN_NET
    return (
        f'<article class="esc-net" aria-label="{escape(title_of(shown.net))}"><h3>{escape(title_of(shown.net))} '
        f"<code>{escape(shown.net)}</code></h3><p>{escape(what)}</p><dl>{lines}</dl></article>"
    )


def _facts(found: NetCard) -> list[tuple[str, str]]:
    card, run = found.card, found.card.get("run", {})
    splits = run.get("splits", [run["split"]] if "split" in run else [])
    minutes = card.get("minutes")
    made = [
        "last its choice of strategies alone" if "only" in run else "",
        (f"{minutes:.0f} minutes" if minutes >= 1 else "under a minute") if isinstance(minutes, int | float) else "",
        re.sub(r"\b1 threads\b", "1 thread", str(card.get("hardware") or "")),
    ]
    facts = {
        "Learned from": re.sub(r"\d{4,}(?= supporter turns| more\b)", _thousands, str(card.get("data") or "")),
        "Split": "; ".join(f"{name}: {SPLITS[name]}" if name in SPLITS else name for name in splits),
        "Base": card.get("base") or "none: trained from scratch",
        "Trained": ", ".join(str(one) for one in (card.get("date"), *made) if one),
        "Weights": f"{found.checkpoint}, {found.size_bytes / 1e6:.1f} MB on top of the base",
        "Licence": card.get("licence"),
    }
    return [(name, str(value) if value else texts.NOT_STATED) for name, value in facts.items()]


def _thousands(number: re.Match[str]) -> str:
    return f"{int(number[0]):,}"


def _measured(shown: NetShown) -> list[tuple[str, str]]:
    found = []
    if shown.analysis:
        labels = shown.analysis.labels
        where = _measured_on(shown.analysis)
        found += [
            (f"{_upper(LABELS[one.name])} ({where})", f"{_with_ends(one)} %")
            for one in (labels.accuracy, labels.macro_f1)
        ]
    metrics = shown.card.card.get("metrics", {}) if shown.card else {}
    for name, (label, scale) in VALIDATION.items():
        if isinstance(metrics.get(name), int | float):
            found.append((f"{_upper(label)} (validation turns, while training)", f"{scale * metrics[name]:.1f} %"))
    return found or [("Figures", texts.NOT_MEASURED)]


def _measured_on(analysis: Analysis) -> str:
    """The measured part and its number of turns, as figures from few dialogues do not compare with those from all."""
    return f"{analysis.source.measured_on}, {analysis.turns:,} turns"


def _upper(label: str) -> str:
    return label[0].upper() + label[1:]


def paper_tables(nets: Sequence[NetShown]) -> str:
    """Each table with its own columns. A hosted net comes below the row of the same model, else at the end. Its figures
    are counted as in that table, where possible.

    On a phone each row becomes a list, and the style sheet folds each table under a summary line.
    """
    blocks = []
    for source, rows in by_source(published("all")).items():
        heads = list(columns_of(rows))
        left, lines = {net.net: net for net in nets}, list[list[str]]()
        for row in rows:
            lines.append([row.system, row.split, *(_printed(head, getattr(row, COLUMNS[head])) for head in heads)])
            lines += [_own_row(left.pop(name), heads, source) for name in nets_for(row.system) if name in left]
        lines += [_own_row(net, heads, source) for net in left.values()]
        told = texts.TABLE_FOLD.format(source=source, published=len(rows), ours=len(nets))
        shown = table(["system", "split", *heads], lines, source)
        blocks.append(f'<details class="esc-fold"><summary>{escape(told)}</summary>{shown}</details>')
    told = "; ".join(f"{name}: {words}" for name, words in (*SPLITS.items(), *OTHER_SPLITS))
    return f'<p class="esc-hint">Splits of ESConv. {escape(told)}.</p>{"".join(blocks)}'


def _own_row(net: NetShown, heads: Sequence[str], source: str) -> list[str]:
    values = _figures(net.analysis, DEFINITIONS[source])
    where = _measured_on(net.analysis) if net.analysis else "–"
    return [f"{texts.OURS}: {title_of(net.net)}", where, *(_ours(COLUMNS[head], values) for head in heads)]


def _printed(head: str, value: float | None) -> str:
    return "–" if value is None else formatted(COLUMNS[head], value)


def _ours(field: str, values: Mapping[str, Interval]) -> str:
    one = values.get(OWN.get(field, field))
    return texts.NOT_MEASURED if one is None else _with_ends(one)


def _figures(analysis: Analysis | None, definition: Definition) -> dict[str, Interval]:
    """Figures by their names in our reports; those of the replies only if they are counted as in this table."""
    if analysis is None:
        return {}
    found = {one.name: one for one in (analysis.labels.accuracy, analysis.labels.macro_f1)}
    for counted in analysis.replies:
        if Definition(counted.tokens, counted.legacy_distinct) == definition:
            found |= {one.name: one for one in counted.figures}
    return found


def _with_ends(one: Interval) -> str:
    ends = formatted(one.name, one.low), formatted(one.name, one.high)
    return f"{formatted(one.name, one.value)} ({ends[0]} to {ends[1]})"
