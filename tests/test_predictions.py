"""Predictions go to a file and come back; a bad file is told by line and field."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.data.strategies import STRATEGIES
from models.evaluation.predictions import WHOLE, Prediction, read_predictions, write_predictions

texts = st.text(st.characters(codec="utf-8"))
names = st.sampled_from([*STRATEGIES, None])
sums = st.none() | st.floats(0, 1e6)
predictions = st.builds(
    Prediction,
    hypothesis=texts,
    reference=texts,
    strategy=names,
    gold=names,
    strategies=st.just(()) | st.tuples(*[st.floats(0, 1)] * 8),
    nll_gold=sums,
    nll_predicted=sums,
    tokens=st.integers(1, 100),
    dialogue=texts,
    turn=st.integers(0, 200),
)
several = st.lists(predictions, min_size=1, max_size=5, unique_by=lambda p: p.turn)


def uniform(items: list[Prediction]) -> list[Prediction]:
    """A field that one lacks is taken from all, as in any real file."""
    nothing_of = {"strategies": (), "dialogue": ""} | dict.fromkeys(("strategy", "gold", "nll_gold", "nll_predicted"))
    assert nothing_of.keys() == set(WHOLE)
    for name, nothing in nothing_of.items():
        if any(getattr(item, name) == nothing for item in items):
            items = [replace(item, **{name: nothing}) for item in items]
    return items


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(items=several.map(uniform))
def test_what_is_written_is_read_back(items: list[Prediction], tmp_path: Path) -> None:
    path = tmp_path / "folder" / "predictions.jsonl"
    write_predictions(path, items)
    assert read_predictions(path) == tuple(items)


def test_spellings_get_their_one_name_and_other_fields_pass(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text('{"hypothesis": "a", "reference": "b", "strategy": "[Other]", "gold": "questions", "model": 7}\n\n')
    assert read_predictions(path) == (Prediction("a", "b", "Others", "Question"),)


WRONG = {
    "no reference": ({"hypothesis": "a"}, "line 2: reference missing; got hypothesis"),
    "nothing": ({}, "line 2: hypothesis and reference missing; got no field"),
    "a list": ([], "line 2: a JSON list, no object; want one object with hypothesis and reference"),
    "no text": ({"hypothesis": None, "reference": "b"}, "line 2: hypothesis is None; want str"),
    "no number": ({"hypothesis": "a", "reference": "b", "nll_gold": "1"}, "line 2: nll_gold is '1'; want int or float"),
    "strategy": ({"hypothesis": "a", "reference": "b", "gold": "Advice"}, "line 2: gold: unknown strategy 'Advice'"),
    "words": (
        {"hypothesis": "a", "reference": "b", "strategies": ["x"] * 8},
        "line 2: strategies is ['x', 'x', 'x', 'x', 'x', 'x', 'x', 'x']; want 8 numbers",
    ),
    "half": (
        {"hypothesis": "a", "reference": "b", "gold": "Question"},
        "line 1: no gold, but ",
    ),
    "seven": (
        {"hypothesis": "a", "reference": "b", "strategies": [0.1] * 7},
        "line 2: strategies holds 7 numbers; want 8",
    ),
    "no share": (
        {"hypothesis": "a", "reference": "b", "strategies": [0.1] * 7 + [math.nan]},
        "line 2: NaN is no number; want finite numbers",
    ),
    "no likelihood": (
        {"hypothesis": "a", "reference": "b", "nll_predicted": math.inf, "tokens": 3},
        "line 2: Infinity is no number; want finite numbers",
    ),
    "no float": (
        {"hypothesis": "a", "reference": "b", "nll_gold": 10**400, "tokens": 3},
        "line 2: the number 100000000000000000000000... has 401 digits; at most 19",
    ),
    "no tokens": (
        {"hypothesis": "a", "reference": "b", "nll_gold": 3.5},
        "line 2: nll_gold over 0 tokens; want tokens, the number of tokens that the sum runs over, at least 1",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_bad_line_is_told_by_number_and_field(case: str, tmp_path: Path) -> None:
    record, message = WRONG[case]
    path = tmp_path / "file"
    path.write_text('{"hypothesis": "a", "reference": "b"}\n' + json.dumps(record))
    with pytest.raises(ValueError, match=r"file, line [12]") as caught:
        read_predictions(path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "file: empty; want one JSON object"),
        (b"{'hypothesis'", "file, line 1: not valid JSON (Expecting property name"),
        (b"\x1f\x8b", "file, line 1: not UTF-8 text (byte 0x8b); save it as UTF-8"),
    ],
)
def test_what_is_no_predictions_file_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="file") as caught:
        read_predictions(path)
    assert message in str(caught.value)
    with pytest.raises(FileNotFoundError, match="no predictions at"):
        read_predictions(tmp_path / "other")


def test_an_empty_line_is_a_missing_prediction(tmp_path: Path) -> None:
    path = tmp_path / "file"
    line = '{"hypothesis": "", "reference": "b"}'
    path.write_text(f"{line}\n\n{line}\n")
    with pytest.raises(ValueError, match=r"file, line 2: empty; a prediction is missing here"):
        read_predictions(path)
    path.write_text(f"{line}\r\n{line}\r\n\r\n")
    assert len(read_predictions(path)) == 2


def test_a_turn_is_given_once_where_it_is_told(tmp_path: Path) -> None:
    path, line = tmp_path / "file", {"hypothesis": "a", "reference": "b", "dialogue": "d"}
    path.write_text("\n".join(json.dumps(line | {"turn": turn}) for turn in (1, 3, 1)))
    with pytest.raises(ValueError, match=r"file, line 3: turn 1 of dialogue 'd' is in .*file, line 1 too"):
        read_predictions(path)
    path.write_text(f"{json.dumps(line)}\n" * 3)
    assert len(read_predictions(path)) == 3, "which turns of d these are is not given"


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_predictions(path, [Prediction("a", "b")])

    def stop(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write_predictions(path, [Prediction("c", "d")])
    assert read_predictions(path) == (Prediction("a", "b"),)
