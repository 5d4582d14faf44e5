"""Reports as lines of text: every figure with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.data.strategies import STRATEGIES
from models.evaluation.definitions import Definition
from models.evaluation.report import Report
from models.reading.table import aligned

LABELS: dict[str, str] = {
    "accuracy": "strategy accuracy",
    "macro_f1": "strategy macro F1",
    "weighted_f1": "strategy weighted F1",
    "macro_precision": "strategy macro precision",
    "macro_recall": "strategy macro recall",
    **{f"top_{k}": f"gold strategy in the top {k}" for k in range(1, len(STRATEGIES) + 1)},
    "ppl_token_gold": "PPL per token, gold strategy given",
    "ppl_word_gold": "PPL per word, gold strategy given",
    "ppl_token_predicted": "PPL per token, predicted strategy",
    "ppl_word_predicted": "PPL per word, predicted strategy",
    "distinct_1": "D-1",
    "distinct_2": "D-2",
    "bleu_2": "B-2",
    "bleu_4": "B-4",
    "rouge_l": "R-L",
    "sacre_bleu": "sacreBLEU (13a)",
    "meteor": "METEOR",
    "mean_length": "tokens per reply",
    "bert_precision": "BERTScore precision",
    "bert_recall": "BERTScore recall",
    "bert_f1": "BERTScore F",
}
"""name of a figure -> its printed label"""


@dataclass(frozen=True)
class System:
    """A measured system: its name, the turns it was measured on, a report per definition."""

    name: str
    split: str
    reports: tuple[Report, ...]
    sample: bool = False
    """whether these are not all turns of the part"""

    @classmethod
    def read(cls, about: Mapping[str, Any], reports: tuple[Report, ...]) -> System:
        """The system of a metrics.json, see `models.evaluation.report.read_metrics`.

        Raises ValueError when it names none, or has no report.
        """
        name = about.get("net") or about.get("name")
        if not name or not reports:
            raise ValueError("names no system; measure it again")
        part = " ".join(str(about[key]) for key in ("split", "part") if about.get(key))  # `score` has no part
        sample = bool(about.get("limit") or about.get("dialogues"))
        return cls(str(name), str(about.get("measured_on") or part or "?"), reports, sample)

    @property
    def turns(self) -> int:
        """Number of turns, the same in all reports."""
        return self.reports[0].n

    @property
    def where(self) -> str:
        """The split for a table, with the number of turns if these are a sample."""
        return f"{self.split} ({self.turns:,} turns)" if self.sample else self.split

    def under(self, definitions: Sequence[Definition]) -> tuple[Report, ...]:
        """The reports under these definitions; if there are none, the first report."""
        found = tuple(report for report in self.reports if report.definition in definitions)
        return found or self.reports[:1]


def figures(system: System) -> str:
    """All figures of the first report of a system, with 95 % intervals if they were computed."""
    report = system.reports[0]
    intervals = {
        one.name: f"{formatted(one.name, one.low)} - {formatted(one.name, one.high)}" for one in report.intervals
    }
    rows = [["figure", "value", "95 % interval"] if intervals else ["figure", "value"]]
    for name, value in report.figures.items():
        row = [LABELS[name], formatted(name, value)]
        rows.append([*row, intervals.get(name, "-")] if intervals else row)
    if report.strategies:
        rows.append(["always the most frequent strategy", f"{report.strategies.most_frequent:.2f}"])
    lines = [f"{system.name}, {system.split}, {report.n} turns", *aligned(rows, left={0}), *_notes(report)]
    return "\n".join(lines)


def confusion(report: Report) -> str:
    """Counts, gold strategy by row, predicted by column, with precision, recall and F1; "" without strategies."""
    if report.strategies is None:
        return ""
    rows = [["gold \\ predicted", *(str(i) for i in range(1, len(STRATEGIES) + 1)), "P", "R", "F1"]]
    for i, (name, counts, one) in enumerate(
        zip(STRATEGIES, report.strategies.confusion, report.strategies.classes, strict=True), start=1
    ):
        shares = (f"{value:.1f}" for value in (one.precision, one.recall, one.f1))
        rows.append([f"{i} {name}", *map(str, counts), *shares])
    return "\n".join(aligned(rows, left={0}))


def formatted(name: str, value: float) -> str:
    """Two digits after the point, four for BERTScore, which varies little."""
    return f"{value:.4f}" if name.startswith("bert_") else f"{value:.2f}"


def _notes(report: Report) -> list[str]:
    """What the figures count, and why one is missing."""
    definition = report.definition
    counted = "without the last n-gram of each reply (legacy)" if definition.legacy_distinct else "all n-grams"
    lines = [f"tokens {report.tokens}; D-n over {counted}; B-n corpus BLEU, smoothing 3; R-L beta 1.2"]
    if "meteor" not in report.figures:
        lines.append("METEOR left out: WordNet is not installed; get it with `python -m nltk.downloader wordnet`")
    if report.bert_model:
        lines.append(f"BERTScore under {report.bert_model}, not rescaled")
    if report.resampled:
        lines.append(f"intervals: {report.resampled}")
    return lines
