"""An analysis as a file: JSON without any text of a data set, read back strictly.

FOLDER/NET.json holds {"schema": 1, "strategies": [...], "analysis": {...}}, the fields of `Analysis` under their names;
numbers are rounded to four digits. A file that is damaged, not an analysis, or of other weights than wanted is refused
in one sentence: a figure of other weights would be wrong without looking wrong.
"""

from __future__ import annotations

import json
import types
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from models.analysis.analysis import Analysis
from models.analysis.stages import STAGES
from models.data.strategies import STRATEGIES
from models.files.whole_file import write_whole
from models.reading.json_values import read_json
from models.reading.text_files import without_folder

SCHEMA = 1
SHIPPED = Path(__file__).parent / "shipped"
"""the files of the shipped nets"""
MAX_BYTES = 1_000_000
MAX_TEXT = 200
"""maximum number of characters of a text in the file"""
DIGITS = 4
K = len(STRATEGIES)


class AnalysisError(ValueError):
    """An analysis file is missing or cannot be used; the message says why and how to get one."""


def path_of(net: str, folder: Path = SHIPPED) -> Path:
    """The file with the analysis of a net."""
    return folder / f"{net}.json"


def write_analysis(folder: Path, analysis: Analysis) -> Path:
    """Write the file, whole or not at all; `read_analysis` restores the analysis, equal except for rounding."""
    path = path_of(analysis.source.net, folder)
    content = {"schema": SCHEMA, "strategies": STRATEGIES, "analysis": _rounded(asdict(analysis))}
    write_whole(path, json.dumps(content, separators=(",", ":")) + "\n")
    return path


def read_analysis(folder: Path, net: str, checkpoint: str, base: str, vocabulary: str) -> Analysis:
    """The analysis of the net with this name, these weights, this base and this tokenizer.

    Raises AnalysisError when there is none, or the file is damaged, not an analysis, or of other weights.
    """
    path = path_of(net, folder)
    again = f"make it again with `python -m models analyse {net} --esconv PATH --out FOLDER`"
    if not path.is_file():
        raise AnalysisError(f"there is no analysis of {net} ({path.name}); {again.replace(' again', '', 1)}")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES:,} bytes")
        content = read_json(path)
    except (OSError, ValueError) as fault:
        raise AnalysisError(
            f"{path.name} is damaged or no analysis ({without_folder(fault, path)}); {again}"
        ) from fault
    if not isinstance(content, dict) or "schema" not in content or "analysis" not in content:
        raise AnalysisError(f"{path.name} is no analysis (no schema and analysis in it); {again}")
    if content["schema"] != SCHEMA or content.get("strategies") != list(STRATEGIES):
        raise AnalysisError(
            f"{path.name} was written by another version (schema {content['schema']!r:.20}, here {SCHEMA}), or with"
            f" strategies in another order; {again}"
        )
    try:
        analysis: Analysis = _value(Analysis, content["analysis"], "analysis")
        _check(analysis)
    except ValueError as fault:
        raise AnalysisError(f"{path.name} is damaged ({fault}); {again}") from fault
    made, asked = analysis.source, {"net": net, "checkpoint": checkpoint, "base": base, "vocabulary": vocabulary}
    other = [
        f"{name} {getattr(made, name)!r} there, {value!r} here"
        for name, value in asked.items()
        if getattr(made, name) != value
    ]
    if other:
        raise AnalysisError(f"{path.name} is of other weights than those of {net} here ({'; '.join(other)}); {again}")
    return analysis


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value


def _value(kind: Any, value: Any, where: str) -> Any:
    """A JSON value as a dataclass, tuple, number or text. Raises ValueError for missing or additional fields and wrong
    types."""
    if get_origin(kind) is types.UnionType:  # X | None
        return None if value is None else _value(get_args(kind)[0], value, where)
    if is_dataclass(kind):
        names = [field.name for field in fields(kind)]
        if not isinstance(value, dict) or set(value) != set(names):
            got = ", ".join(map(str, value)) if isinstance(value, dict) else type(value).__name__
            raise ValueError(f"{where} has {got[:120]}; want {', '.join(names)}")
        hints = get_type_hints(kind)
        made: Any = kind
        return made(**{name: _value(hints[name], value[name], f"{where}.{name}") for name in names})
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where} is {value!r:.40}; want a list")
        return tuple(_value(get_args(kind)[0], one, f"{where}[{at}]") for at, one in enumerate(value))
    allowed = (int, float) if kind is float else (kind,)
    if isinstance(value, bool) != (kind is bool) or not isinstance(value, allowed):
        raise ValueError(f"{where} is {value!r:.40}; want {kind.__name__}")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise ValueError(f"{where} has {len(value):,} characters; at most {MAX_TEXT}")
    return kind(value)


def _check(analysis: Analysis) -> None:
    """Checks what the types do not express. Raises ValueError."""
    labels, top_k = analysis.labels, analysis.top_k
    eights = [labels.gold, labels.predicted, labels.recall, labels.precision, top_k.accuracy, top_k.most_frequent]
    eights += [labels.confusion, *labels.confusion]
    eights += [shares for stage in analysis.stages for shares in (stage.gold, stage.predicted, stage.difference)]
    if len(analysis.stages) != STAGES or any(len(one) != K for one in eights):
        raise ValueError(f"want {STAGES} stages, and {K} figures in each list")
    shares = [labels.gold, labels.predicted, labels.recall, labels.precision]
    shares += [one for stage in analysis.stages for one in (stage.gold, stage.predicted)]
    differences = [stage.difference for stage in analysis.stages]
    if any(tuple(one.name for one in each) != STRATEGIES for each in (*shares, *differences)):
        raise ValueError("figures are not in the order of the strategies")
    whole = (labels.accuracy, labels.macro_f1)
    for least, figures in ((0, (*shares, top_k.accuracy, whole)), (-100, differences)):
        for one in (one for each in figures for one in each):
            if not (least <= one.low <= one.high <= 100 and least <= one.value <= 100):
                raise ValueError(f"{one.name}: {one.value} percent, from {one.low} to {one.high}, cannot be")
    if not all(0 <= share <= 100 for share in top_k.most_frequent):
        raise ValueError("top_k.most_frequent: want shares of 0 to 100 percent")
    if any(count < 0 for row in labels.confusion for count in row) or analysis.rounds < 1:
        raise ValueError("want counts of 0 or more in the confusion, and bootstrap rounds")
    for pair in analysis.interference.cosines if analysis.interference else ():
        if not (-1 <= pair.mean <= 1 and 0 <= pair.spread <= 2 and pair.batches > 0):
            raise ValueError(f"interference: a cosine of {pair.mean}, deviation {pair.spread}, cannot be")
    counts = sum(map(sum, labels.confusion)), sum(stage.turns for stage in analysis.stages)
    if set(counts) != {analysis.turns} or not 1 < analysis.dialogues <= analysis.turns:
        raise ValueError(
            f"{analysis.turns} turns of {analysis.dialogues} dialogues, but the confusion counts {counts[0]} and the"
            f" stages {counts[1]}"
        )
