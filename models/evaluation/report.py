"""Predictions -> figures with intervals, and a JSON file of them.

Place in the flow: `models.commands.evaluate` (a net on ESConv) and `models.commands.score` (outputs of others) both end
here; `models.evaluation.tables` prints the reports beside the papers' rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from models.data.strategies import STRATEGIES
from models.evaluation.bertscore import BertScores
from models.evaluation.definitions import WORDS, Definition, Pieces
from models.evaluation.predictions import Prediction
from models.evaluation.strategy_figures import StrategyTable
from models.evaluation.system_figures import figures_of, table_of, units_of
from models.evaluation.uncertainty import Interval, interval
from models.files.whole_file import write_whole


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are drawn."""

    rounds: int = 1000
    seed: int = 1


@dataclass(frozen=True)
class Report:
    """All figures of one system on one set of turns under one definition."""

    n: int
    definition: Definition
    figures: dict[str, float]
    """every figure by name, see `models.evaluation.tables.LABELS`"""
    strategies: StrategyTable | None = None
    bert_model: str = ""
    """the model that BERTScore was computed with; its means are not rescaled"""
    intervals: tuple[Interval, ...] = ()
    """95 % intervals, with the names of their figures"""
    resampled: str = ""
    """what was resampled for the intervals, and how often"""
    pieces: str = ""
    """whose word pieces were counted, see `Pieces.source`; "" if words were, and in files that do not tell"""

    @property
    def tokens(self) -> str:
        """What a token is, in words."""
        return self.definition.told(self.pieces)


def measure(
    predictions: Sequence[Prediction],
    definition: Definition = WORDS,
    bpe: Pieces | None = None,
    bert: BertScores | None = None,
    bootstrap: Bootstrap | None = None,
) -> Report:
    """Every figure that the predictions allow. `bpe` is for `Definition("bpe")`.

    Raises ValueError when there are none, or a field is given only for some. With a single unit there are no intervals,
    since resampling cannot change it.
    """
    found, units = figures_of(predictions, definition, bpe, bert), units_of(predictions)
    values = {name: figure.value for name, figure in found.items()}
    report = Report(
        len(predictions),
        definition,
        values,
        table_of(predictions),
        bert.model if bert else "",
        pieces=bpe.source if bpe and definition.tokens == "bpe" else "",
    )
    if bootstrap is None:
        return report
    if units.number < 2:
        return replace(report, resampled=f"none, since they resample {units.kind} and all turns are of one")
    intervals = tuple(interval(name, figure, bootstrap.rounds, bootstrap.seed) for name, figure in found.items())
    drawn = f"{units.number} {units.kind} drawn {bootstrap.rounds} times, seed {bootstrap.seed}; D-n by jackknife"
    return replace(report, intervals=intervals, resampled=drawn)


def write_metrics(path: Path, reports: Sequence[Report], about: Mapping[str, Any]) -> None:
    """One JSON file, whole or not at all: `about` (net, split, decode settings, ...) and one entry per definition."""
    content = {**about, "strategies": STRATEGIES, "reports": [asdict(report) for report in reports]}
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_metrics(path: Path) -> tuple[dict[str, Any], tuple[Report, ...]]:
    """What `write_metrics` wrote: `about`, and the reports without their confusion matrices.

    Raises FileNotFoundError, or ValueError naming the file when it is not such a file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; `python -m models evaluate` or `score --out` writes it")
    try:
        content = json.loads(path.read_text("utf-8"))
        reports = tuple(_report(entry) for entry in content.pop("reports"))
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise ValueError(f"{path}: not the figures of a system ({fault!r}); measure it again") from fault
    return content, reports


def _report(entry: Mapping[str, Any]) -> Report:
    intervals = tuple(Interval(**one) for one in entry["intervals"])
    figures = {str(name): float(value) for name, value in entry["figures"].items()}
    return Report(
        int(entry["n"]),
        Definition(**entry["definition"]),
        figures,
        bert_model=entry["bert_model"],
        intervals=intervals,
        resampled=entry["resampled"],
        pieces=entry.get("pieces", ""),
    )
