"""The papers' tables with our rows under theirs, counted in the same way if possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.evaluation.definitions import Definition
from models.evaluation.published import DEFINITIONS, PublishedRow, by_source, counted, nets_for
from models.evaluation.report import Report
from models.evaluation.spreads import Spread, Spreads
from models.evaluation.tables import System, formatted
from models.reading.table import Table

COLUMNS: dict[str, str] = {
    "ACC": "accuracy",
    "F1": "macro_f1",
    "PPL": "perplexity",
    "D-1": "distinct_1",
    "D-2": "distinct_2",
    "B-2": "bleu_2",
    "B-4": "bleu_4",
    "R-L": "rouge_l",
    "METEOR": "meteor",
    "P": "macro_precision",
    "R": "macro_recall",
    "BERT-P": "bert_precision",
    "BERT-R": "bert_recall",
    "BERT-F": "bert_f1",
}
"""heading -> field of PublishedRow"""


NOT_MEASURED = "not measured"


def paper_tables(
    systems: Sequence[System],
    published: Sequence[PublishedRow],
    *,
    intervals: bool = False,
    spreads: Spreads | None = None,
    missing: bool = False,
) -> list[Table]:
    """Each paper's table with its own columns. Each net is under the row that it re-implements, others at the end.

    Args:
        intervals: add 95 % intervals to our figures, if they were computed.
        spreads: mean and deviation over trainings, added to our figures.
        missing: also name nets that re-implement a row but are not among `systems`.
    """
    tables = []
    for source, rows in by_source(published).items():
        definitions = list(dict.fromkeys((DEFINITIONS[source], *map(counted, rows))))
        heads = columns_of(rows)
        lines = {
            one.name: _ours(one, heads, definitions, intervals, (spreads or {}).get(one.name, {})) for one in systems
        }
        found = list[tuple[str, ...]]()
        for row in rows:
            cells = (_number(field, getattr(row, field)) for field in heads.values())
            found.append((row.system, row.split, *cells, _counted(counted(row).tokens, counted(row))))
            nets = nets_for(row.system)
            for net in nets:
                found += [("  ours: " + name, *rest) for name, *rest in lines.pop(net, [])]
            if missing and not any(net == one.name for net in nets for one in systems):
                found += [(f"  ours: {net}", NOT_MEASURED, *("",) * (len(heads) + 1)) for net in nets]
        found += [line for rest in lines.values() for line in rest]
        tables.append(Table(source, ("system", "split", *heads, "counted"), tuple(found)))
    return tables


def columns_of(rows: Sequence[PublishedRow]) -> dict[str, str]:
    """Those of COLUMNS in which one of the rows has a figure."""
    return {head: field for head, field in COLUMNS.items() if any(getattr(row, field) is not None for row in rows)}


def _ours(
    one: System,
    heads: Mapping[str, str],
    definitions: Sequence[Definition],
    intervals: bool,
    spread: Mapping[str, Spread],
) -> list[tuple[str, ...]]:
    """One row for each definition by which the table's rows are counted."""
    reports = sorted(one.under(definitions), key=lambda found: _place(found.definition, definitions))
    return [
        (
            one.name,
            one.where,
            *(_cell(report, field, intervals, spread) for field in heads.values()),
            _counted(report.tokens, report.definition) + _bert_model(report, heads),
        )
        for report in reports
    ]


def _place(definition: Definition, definitions: Sequence[Definition]) -> int:
    return definitions.index(definition) if definition in definitions else 0


def _cell(report: Report, field: str, intervals: bool, spread: Mapping[str, Spread]) -> str:
    name = "ppl_token_gold" if field == "perplexity" else field  # as the papers count it
    text = _number(name, report.figures.get(name))
    interval = next((one for one in report.intervals if one.name == name), None)
    if intervals and interval is not None:
        text += f" [{formatted(name, interval.low)}, {formatted(name, interval.high)}]"
    over = spread.get(field)
    if over is not None:
        text += f"; {over.trainings} seeds {formatted(name, over.mean)} ± {formatted(name, over.deviation)}"
    return text


def _number(name: str, value: float | None) -> str:
    return "-" if value is None else formatted(name, value)


def _counted(tokens: str, definition: Definition) -> str:
    return tokens + (", legacy D-n" if definition.legacy_distinct else "")


def _bert_model(report: Report, heads: Mapping[str, str]) -> str:
    """The model of the BERTScore columns, if there are any: figures of two models cannot be compared."""
    shown = any(field.startswith("bert_") for field in heads.values())
    return f"; BERTScore under {report.bert_model}" if shown and report.bert_model else ""
