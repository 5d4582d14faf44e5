"""`python -m models tables`: all that was measured, beside the papers' rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.__main__ import main
from models.evaluation.definitions import ESCONV
from models.evaluation.predictions import Prediction
from models.evaluation.report import Bootstrap, measure, write_metrics

PREDICTIONS = [
    Prediction("i am so sorry", "i am sorry", strategy=strategy, gold="Question", dialogue=f"d{n}")
    for n, strategy in enumerate(("Question", "Question", "Others", "Information"))
]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for net in ("joint", "star"):
        report = measure(PREDICTIONS, ESCONV, bootstrap=Bootstrap(100, 1))
        write_metrics(tmp_path / net / "metrics.json", [report], {"net": net, "measured_on": "D test"})
    return tmp_path


def seeds_file(path: Path, **other: Any) -> Path:
    trainings = [{"net": "star", "figures": {"macro_f1": value}} for value in (10.0, 12.0, 14.0)]
    path.write_text(json.dumps({"split": "D", "part": "test", "turns": 4, "trainings": trainings} | other))
    return path


def test_each_net_stands_under_its_row_with_interval_and_seeds(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seeds = seeds_file(runs / "seeds.json")
    assert main(["tables", str(runs / "joint"), str(runs / "star"), "--seeds", str(seeds)]) == 0
    out = capsys.readouterr().out
    star = out[out.index("STAR, table 1") :].splitlines()
    under = star[1 + next(at for at, line in enumerate(star) if line.startswith("BB-Joint + STAR"))]
    assert under.startswith("  ours: star")
    assert "3 seeds 12.00 ± 2.00" in under
    assert "[" in under
    assert "ours: admisc" in out
    assert "not measured" in out


def test_the_short_form_has_neither_intervals_nor_gaps(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", str(runs / "joint" / "metrics.json"), "--short", "--papers", "blender"]) == 0
    out = capsys.readouterr().out
    assert "ours: joint" in out
    assert "[" not in out
    assert "not measured" not in out


@pytest.mark.parametrize(("form", "mark"), [("markdown", "| ---: |"), ("latex", r"\toprule")])
def test_the_tables_can_be_put_into_a_paper(
    form: str, mark: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tables", str(runs / "joint"), "--form", form]) == 0
    out = capsys.readouterr().out
    assert mark.replace(" ", "") in out.replace(" ", "")
    assert out.count("BlenderBot-Joint") >= 3


def test_what_cannot_be_read_is_named(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    joint, other = str(runs / "joint"), seeds_file(runs / "other.json", part="valid")
    good = seeds_file(runs / "good.json")
    for flags, complaint in (
        ([joint, joint], "joint is there twice"),
        ([str(runs / "nobody")], "metrics.json is missing"),
        ([joint, "--seeds", str(runs / "joint" / "metrics.json")], "not a file of `python -m models seeds --out`"),
        ([joint, "--seeds", str(good), str(other)], "different turns"),
        ([joint, "--papers", "nobody"], "no published row of 'nobody'"),
    ):
        assert main(["tables", *flags]) == 2
        assert complaint in capsys.readouterr().err
