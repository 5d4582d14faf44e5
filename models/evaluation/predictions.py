"""Predictions as a file: what a system said at each turn, beside the real reply.

Place in the flow: `models.commands.evaluate` writes them, `models.evaluation.report` measures them,
`models.commands.score` reads them back.

One line of predictions.jsonl (made up); only the first two fields are required:
    {"hypothesis": "what happened?", "reference": "since when?", "strategy": "Question", "gold": "Question",
     "strategies": [0.6, 0.1, 0.1, 0.05, 0.05, 0.04, 0.03, 0.03], "nll_gold": 11.2, "nll_predicted": 11.9, "tokens": 4,
     "dialogue": "esconv_0012", "turn": 3}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from sys import float_info
from typing import Any

from models.data.strategies import STRATEGIES, strategy_id
from models.files.whole_file import write_whole
from models.reading.rows import json_rows


@dataclass(frozen=True)
class Prediction:
    """One reply of a system, the real reply, and the system's strategy and likelihoods."""

    hypothesis: str
    reference: str
    strategy: str | None = None
    """predicted, by name"""
    gold: str | None = None
    """annotated, by name"""
    strategies: tuple[float, ...] = ()
    """predicted distribution in the order of STRATEGIES"""
    nll_gold: float | None = None
    """negative log-likelihood of the reference in nats given the gold strategy, as in the papers"""
    nll_predicted: float | None = None
    """the same with the strategy that the system predicts, as in real use"""
    tokens: int = 0
    """tokens that the two sums run over, end token included"""
    dialogue: str = ""
    """id of the dialogue"""
    turn: int = 0
    """index of the answered turn in it"""


def write_predictions(path: Path, predictions: Sequence[Prediction]) -> None:
    """One prediction per line, the file whole or not at all; `read_predictions` gives equal ones back."""
    write_whole(path, "".join(json.dumps(asdict(p), ensure_ascii=False) + "\n" for p in predictions))


def read_predictions(path: Path) -> tuple[Prediction, ...]:
    """Inverse of `write_predictions`; unknown fields are skipped.

    Raises FileNotFoundError, and ValueError naming file, line and field: an empty line is a missing prediction, a field
    that some lines have must be in all, and no turn may occur twice.
    """
    check_there(path)
    records = []
    for number, row in enumerate(json_rows(path), start=1):
        if row.line != number:
            raise ValueError(
                f'{path}, line {number}: empty; a prediction is missing here (an empty reply is written as "")'
            )
        if row.problem:
            raise ValueError(
                f"{path}, line {row.line}: {row.problem}; want one object with hypothesis and reference a line, or"
                " replies as plain text to `score` with --references"
            )
        records.append((f"{path}, line {row.line}", row.cells))
    if not records:
        raise ValueError(f"{path}: empty; want one JSON object with hypothesis and reference a line")
    return to_predictions(records)


def check_there(path: Path) -> None:
    """Raises FileNotFoundError when there is no such file."""
    if not path.is_file():
        raise FileNotFoundError(f"no predictions at {path}; give a file with hypotheses and references")


_KINDS: dict[str, tuple[type, ...]] = {
    "hypothesis": (str,),
    "reference": (str,),
    "strategy": (str, type(None)),
    "gold": (str, type(None)),
    "strategies": (list,),
    "nll_gold": (int, float, type(None)),
    "nll_predicted": (int, float, type(None)),
    "tokens": (int,),
    "dialogue": (str,),
    "turn": (int,),
}
MAX_COUNT = 1_000_000
"""highest turn and highest number of tokens in one prediction"""
WHOLE = ("strategy", "gold", "strategies", "nll_gold", "nll_predicted", "dialogue")
"""fields that must be given for all turns or for none"""


def to_predictions(records: Sequence[tuple[str, dict[str, Any]]]) -> tuple[Prediction, ...]:
    """Checked predictions of (where, fields) pairs; `where` names file and line in errors."""
    found = tuple(_prediction(record, where) for where, record in records)
    _check_once(records)
    for name in WHOLE:
        known = [getattr(prediction, name) not in (None, (), "") for prediction in found]
        if any(known) and not all(known):
            gap, other = known.index(False), known.index(True)
            raise ValueError(
                f"{records[gap][0]}: no {name}, but {records[other][0]} has one; give {name} in all lines or in none"
            )
    return found


def _check_once(records: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Raises ValueError when a turn occurs twice; records that do not name both dialogue and turn are not checked."""
    first: dict[tuple[str, int], str] = {}
    for where, record in records:
        if record.get("dialogue") and "turn" in record:
            key = record["dialogue"], record["turn"]
            if first.setdefault(key, where) != where:
                raise ValueError(
                    f"{where}: turn {key[1]} of dialogue {key[0]!r} is in {first[key]} too; give every turn once"
                )


def _prediction(record: dict[str, Any], where: str) -> Prediction:
    missing = [name for name in ("hypothesis", "reference") if name not in record]
    if missing:
        raise ValueError(f"{where}: {' and '.join(missing)} missing; got {', '.join(record) or 'no field'}")
    values = {name: record[name] for name in _KINDS if name in record}
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, _KINDS[name]):
            allowed = " or ".join(kind.__name__ for kind in _KINDS[name])
            raise ValueError(f"{where}: {name} is {value!r:.60}; want {allowed}")
    for name in ("strategy", "gold"):
        if values.get(name) is not None:
            try:
                values[name] = STRATEGIES[strategy_id(values[name])]
            except ValueError as error:
                raise ValueError(f"{where}: {name}: {error}") from error
    distribution = values.get("strategies", [])
    if not all(isinstance(share, int | float) and not isinstance(share, bool) for share in distribution):
        raise ValueError(f"{where}: strategies is {distribution!r:.60}; want {len(STRATEGIES)} numbers")
    if distribution and len(distribution) != len(STRATEGIES):
        raise ValueError(f"{where}: strategies holds {len(distribution)} numbers; want {len(STRATEGIES)} or none")
    _check_numbers(values, where)
    return Prediction(**values | {"strategies": tuple(distribution)})


def _check_numbers(values: dict[str, Any], where: str) -> None:
    for name, highest in (("turn", MAX_COUNT), ("tokens", MAX_COUNT)):
        if not 0 <= values.get(name, 0) <= highest:
            raise ValueError(f"{where}: {name} is {values[name]}; want a whole number from 0 to {highest:,}")
    for share in values.get("strategies", []):
        if not 0 <= share <= 1:
            raise ValueError(f"{where}: strategies holds {share!r:.60}; want probabilities, 0 to 1")
    sums = {name: values[name] for name in ("nll_gold", "nll_predicted") if values.get(name) is not None}
    for name, total in sums.items():
        if not 0 <= total <= float_info.max:  # math.isfinite fails for an int too large for a float
            raise ValueError(f"{where}: {name} is {total!r:.60}; want a finite number from 0")
    if sums and values.get("tokens", 0) < 1:
        raise ValueError(
            f"{where}: {' and '.join(sums)} over {values.get('tokens', 0)} tokens; want tokens, the number of tokens"
            " that the sum runs over, at least 1"
        )
