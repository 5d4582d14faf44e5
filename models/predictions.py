"""Predictions as a file: what a system said on each turn, beside the real reply.

Place in the flow: `models.evaluate` writes them, `models.report` measures them, `models.score` reads them back.

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

from models.strategies import STRATEGIES, strategy_id


@dataclass(frozen=True)
class Prediction:
    """One reply of a system, the real one, and what the system said of it."""

    hypothesis: str
    reference: str
    strategy: str | None = None
    """predicted, by name"""
    gold: str | None = None
    """annotated, by name"""
    strategies: tuple[float, ...] = ()
    """predicted distribution in the order of STRATEGIES"""
    nll_gold: float | None = None
    """negative log-likelihood of the reference in nats, the gold strategy given, as the papers do"""
    nll_predicted: float | None = None
    """the same with the strategy that the system predicts, as in use"""
    tokens: int = 0
    """tokens that the two sums run over, end token included"""
    dialogue: str = ""
    """id of the dialogue"""
    turn: int = 0
    """index of the answered turn in it"""


def write_predictions(path: Path, predictions: Sequence[Prediction]) -> None:
    """One prediction a line; `read_predictions` gives the equal ones back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(asdict(prediction), ensure_ascii=False) for prediction in predictions]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_predictions(path: Path) -> tuple[Prediction, ...]:
    """Inverse of `write_predictions`; fields it does not know are passed over.

    Raises FileNotFoundError, and ValueError naming file, line and field.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no predictions at {path}; give a JSON Lines file with hypothesis and reference")
    try:
        lines = enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text (byte {error.start}); want JSON Lines") from error
    predictions = tuple(_prediction(line, f"{path}, line {number}") for number, line in lines if line.strip())
    if not predictions:
        raise ValueError(f"{path}: empty; want one JSON object with hypothesis and reference a line")
    return predictions


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


def _prediction(line: str, where: str) -> Prediction:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where}: not valid JSON ({error.msg}, column {error.colno})") from error
    if not isinstance(record, dict):
        raise ValueError(f"{where}: want an object with hypothesis and reference, got {type(record).__name__}")
    missing = [name for name in ("hypothesis", "reference") if name not in record]
    if missing:
        raise ValueError(f"{where}: {' and '.join(missing)} missing; got {', '.join(record) or 'no field'}")
    values = {name: record[name] for name in _KINDS if name in record}
    for name, value in values.items():
        if not isinstance(value, _KINDS[name]):
            allowed = " or ".join(kind.__name__ for kind in _KINDS[name])
            raise ValueError(f"{where}: {name} is {value!r:.60}; want {allowed}")
    for name in ("strategy", "gold"):
        if values.get(name) is not None:
            try:
                values[name] = STRATEGIES[strategy_id(values[name])]
            except ValueError as error:
                raise ValueError(f"{where}: {name}: {error}") from error
    distribution = tuple(values.get("strategies", ()))
    if distribution and len(distribution) != len(STRATEGIES):
        raise ValueError(f"{where}: strategies holds {len(distribution)} numbers; want {len(STRATEGIES)} or none")
    return Prediction(**values | {"strategies": distribution})
