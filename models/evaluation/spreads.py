"""Figures over trainings of several seeds: the files of `python -m models seeds --out` -> mean and deviation of a net.

Place in the flow: `models.commands.tables` reads them; `models.evaluation.paper_tables` prints them in a net's row, so
they must be of the turns that the row is of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from models.evaluation.tables import System


@dataclass(frozen=True)
class Spread:
    """A figure over trainings of several seeds."""

    mean: float
    deviation: float
    trainings: int


Spreads = Mapping[str, Mapping[str, Spread]]
"""net -> figure -> its spread"""


@dataclass(frozen=True)
class Trained:
    """One training of a net and its figures, by name."""

    file: Path
    net: str
    checkpoint: str
    measured_on: str
    """split and part, and how they leak, if they do"""
    turns: int
    figures: Mapping[str, float]

    @property
    def where(self) -> str:
        """What it was measured on, in words."""
        return f"{self.measured_on}, {self.turns:,} turns"


def read_spreads(paths: Sequence[Path], systems: Sequence[System]) -> Spreads:
    """Mean and standard deviation of every net of `systems` with two trainings or more.

    Raises ValueError naming a file that `seeds --out` did not write, a training that is there twice, or a net whose
    trainings were not measured on the turns of its system.
    """
    trained = [one for path in paths for one in _read(path)]
    _check_once(trained)
    found = dict[str, dict[str, Spread]]()
    for system in systems:
        own = [one for one in trained if one.net == system.name]
        _check_turns(system, own)
        values = dict[str, list[float]]()
        for one in own:
            for name, value in one.figures.items():
                values.setdefault(name, []).append(value)
        found[system.name] = {n: Spread(mean(v), stdev(v), len(v)) for n, v in values.items() if len(v) > 1}
    return found


def _read(path: Path) -> list[Trained]:
    try:
        content = json.loads(path.read_text("utf-8"))
        part = f"{content['split']} {content['part']}"
        return [
            Trained(
                path,
                str(one["net"]),
                str(one["checkpoint"]),
                str(one.get("measured_on") or part),
                int(content["turns"]),
                {str(name): float(value) for name, value in one["figures"].items()},
            )
            for one in content["trainings"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise ValueError(
            f"{path}: not a file of `python -m models seeds --out` ({fault!r}); measure the trainings again"
        ) from fault


def _check_once(trained: Sequence[Trained]) -> None:
    first = dict[tuple[str, str], Trained]()
    for one in trained:
        other = first.setdefault((one.net, one.checkpoint), one)
        if other is not one:
            raise ValueError(
                f"{one.file}: training {one.checkpoint} of {one.net} is in {other.file} too; give each training once"
            )


def _check_turns(system: System, trained: Sequence[Trained]) -> None:
    where = f"{system.split}, {system.turns:,} turns"
    other = next((one.where for one in trained if one.where != where), None)
    if other is not None:
        raise ValueError(
            f"{system.name} was measured on {where}, but --seeds has trainings of it measured on {other};"
            " give trainings measured on the same turns, or leave --seeds out"
        )
