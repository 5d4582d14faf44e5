"""Replies of any origin as predictions: JSON Lines, CSV or TSV with a header, or two files of texts.

Place in the flow: `models.commands.score` and `models.commands.compare` read their files here; figures come from
`models.evaluation.report`.

    outputs.csv             hypothesis,reference,strategy,gold      (the last two may be left out)
    hyp.txt and ref.txt     one reply or reference per line
    hyp.json and ref.json   a list of texts each, as written by the public code of MISC
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.data.strategies import STRATEGIES, strategy_id
from models.evaluation.predictions import Prediction, check_there, read_predictions, to_predictions
from models.files.resume_journal import settings_of
from models.reading.json_values import parse_json, read_json
from models.reading.rows import csv_rows
from models.reading.text_files import read_text

logger = logging.getLogger(__name__)

FILE = "predictions.jsonl"
"""what `python -m models evaluate` writes into the folder of a net"""
RUN = "run.json"
"""beside it: the settings it was made with, and how many turns it should hold"""
METRICS = "metrics.json"
"""beside both: the figures"""
TABLES = (".csv", ".tsv")
NUMBERS = {"nll_gold": float, "nll_predicted": float, "tokens": int, "turn": int}
DECIMALS = ("nll_gold", "nll_predicted")
"""columns whose numbers may have a decimal comma"""


def read_replies(path: Path, references: Path | None = None) -> tuple[Prediction, ...]:
    """Predictions of one file, of a folder that `evaluate` wrote, or of a file of replies and one of references.

    Raises FileNotFoundError, and ValueError naming file, line and field, or saying that a folder is not complete.
    """
    if references is not None:
        return _pair(path, references)
    file = path / FILE if path.is_dir() else path
    found = _table(file) if file.suffix.lower() in TABLES else read_predictions(file)
    if path.is_dir():
        _check_complete(path, len(found))
    _warn_of_order(file, found)
    return found


def _check_complete(folder: Path, count: int) -> None:
    """Raises ValueError when run.json names another number of predictions; without that file nothing is checked."""
    wanted = settings_of(folder / RUN).get("turns", count)
    if wanted != count:
        raise ValueError(
            f"{folder / FILE} holds {count} of the {wanted} turns that {RUN} names; continue with the same `python -m"
            f" models evaluate`, or give {folder / FILE} itself to score what it holds"
        )


def _warn_of_order(path: Path, found: Sequence[Prediction]) -> None:
    """Warn when predicted strategies are not the most likely: the probabilities are probably in another order."""
    predicted = [p for p in found if p.strategies and p.strategy is not None]
    other = sum(p.strategies[strategy_id(str(p.strategy))] < max(p.strategies) for p in predicted)
    if other:
        logger.warning(
            "%s: in %d of %d lines strategy is not the largest of strategies; the figures of the top k want these in"
            " the order %s",
            path,
            other,
            len(predicted),
            ", ".join(STRATEGIES),
        )


def _table(path: Path) -> tuple[Prediction, ...]:
    check_there(path)
    records: list[tuple[str, dict[str, Any]]] = []
    for row in csv_rows(path, needed=("hypothesis", "reference"), decimals=DECIMALS):
        where = f"{path}, line {row.line}"
        if row.problem:
            raise ValueError(f"{where}: {row.problem}")
        cells = {name.lower(): cell for name, cell in row.cells.items()}
        records.append((where, _cells(cells, where)))
    if not records:
        raise ValueError(f"{path}: no line under the header; want one reply a line")
    return to_predictions(records)


def _cells(row: dict[str, str], where: str) -> dict[str, Any]:
    """The fields of a row. An empty cell is a missing field, except for an empty reply."""
    record: dict[str, Any] = {name: text for name, text in row.items() if text or name in ("hypothesis", "reference")}
    for name in record.keys() & NUMBERS.keys():
        try:
            record[name] = NUMBERS[name](record[name])
        except ValueError as error:
            kind = "a whole number" if NUMBERS[name] is int else "a number"
            raise ValueError(f"{where}: {name} is {record[name]!r:.60}; want {kind}") from error
    if "strategies" in record:
        try:
            record["strategies"] = parse_json(record["strategies"])
        except ValueError as error:
            raise ValueError(f"{where}: strategies: {error}; want a JSON list of numbers") from error
    return record


def _pair(path: Path, references: Path) -> tuple[Prediction, ...]:
    """The texts of both files, line by line; lines at the end that are blank in both are none."""
    replies, gold = _texts(path), _texts(references)
    if len(replies) != len(gold):
        shorter = path if len(replies) < len(gold) else references
        raise ValueError(
            f"{path} has {len(replies)} texts, {references} {len(gold)}: {shorter} ends after line "
            f"{min(len(replies), len(gold))}; want a reference for every reply"
        )
    pairs = list(zip(replies, gold, strict=True))
    while pairs and not "".join(pairs[-1]).strip():
        pairs.pop()
    if not pairs:
        raise ValueError(f"{path} and {references}: blank; want one text a line")
    empty = next((line for line, (_, reference) in enumerate(pairs, start=1) if not reference.strip()), None)
    if empty is not None:
        raise ValueError(
            f"{references}, line {empty}: empty; want a reference for every reply, only replies may be empty"
        )
    return tuple(Prediction(*pair) for pair in pairs)


def _texts(path: Path) -> list[str]:
    check_there(path)
    if path.suffix.lower() == ".json":
        texts: Any = read_json(path)
    else:
        texts = read_text(path).removesuffix("\n").split("\n")
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts) or texts in ([], [""]):
        raise ValueError(f"{path}: want texts, one a line, or a JSON list of them; got none")
    return texts
