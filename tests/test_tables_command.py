"""`python -m models tables`: all that was measured, beside the papers' rows."""

from __future__ import annotations

import json
import re
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
    """Three trainings of STAR, named after the file; `other` changes what is told of all of them."""
    label = {"net": "star", "measured_on": other.pop("measured_on", "")}
    trainings = [
        label | {"checkpoint": f"{path.stem}-{value:.0f}", "figures": {"macro_f1": value}}
        for value in (10.0, 12.0, 14.0)
    ]
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


@pytest.mark.parametrize("drawn", ["limit", "dialogues"])
def test_a_row_of_a_sample_says_of_how_many_turns(drawn: str, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = measure(PREDICTIONS, ESCONV)
    about = {"net": "star", "measured_on": "D test", "limit": 0, "dialogues": 0}
    write_metrics(runs / "star" / "metrics.json", [report], about | {drawn: 4})
    write_metrics(runs / "joint" / "metrics.json", [report], about | {"net": "joint"})
    assert main(["tables", str(runs / "joint"), str(runs / "star")]) == 0
    ours = [line for line in capsys.readouterr().out.splitlines() if re.match(r" *(ours: )?(joint|star) ", line)]
    assert ours
    assert all(("D test (4 turns)" in line) == ("star" in line) for line in ours)


def test_what_cannot_be_read_is_named(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    joint, nameless = str(runs / "joint"), runs / "nameless.json"
    write_metrics(nameless, [measure(PREDICTIONS, ESCONV)], {})
    for flags, complaint in (
        ([joint, joint], "joint is there twice"),
        ([str(nameless)], "nameless.json: names no system; measure it again"),
        ([str(runs / "nobody")], "metrics.json is missing"),
        ([joint, "--seeds", str(runs / "joint" / "metrics.json")], "not a file of `python -m models seeds --out`"),
        ([joint, "--papers", "nobody"], "no published row of 'nobody'"),
    ):
        assert main(["tables", *flags]) == 2
        assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("other", "where"),
    [
        ({"part": "valid"}, "D valid, 4 turns"),
        ({"turns": 2801}, "D test, 2,801 turns"),
        ({"measured_on": "D test, trained on split E: leaky"}, "D test, trained on split E: leaky, 4 turns"),
    ],
)
def test_trainings_of_other_turns_stay_out_of_a_row(
    other: dict[str, Any], where: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = seeds_file(runs / "good.json"), seeds_file(runs / "bad.json", **other)
    for seeds in ([bad], [good, bad]):
        assert main(["tables", str(runs / "star"), "--seeds", *map(str, seeds)]) == 2
        told = capsys.readouterr().err
        assert f"star was measured on D test, 4 turns, but --seeds has trainings of it measured on {where}" in told
    assert main(["tables", str(runs / "joint"), "--seeds", str(bad)]) == 0  # it has none of Joint


def test_trainings_fit_figures_of_score_by_its_label(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seeds, report = seeds_file(runs / "seeds.json"), measure(PREDICTIONS, ESCONV)
    for label, status in (("D test", 0), ("D valid", 2), ("not given", 2)):
        write_metrics(runs / "scored.json", [report], {"name": "star", "split": label, "file": "p.jsonl"})
        assert main(["tables", str(runs / "scored.json"), "--seeds", str(seeds)]) == status
        assert ("3 seeds 12.00 ± 2.00" in capsys.readouterr().out) == (status == 0)


def test_a_training_counts_once(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seeds = seeds_file(runs / "seeds.json")
    copy = runs / "copy.json"
    copy.write_text(seeds.read_text())
    for second in (seeds, copy):
        assert main(["tables", str(runs / "star"), "--seeds", str(seeds), str(second)]) == 2
        told = capsys.readouterr().err
        assert f"{second}: training seeds-10 of star is in {seeds} too; give each training once" in told
