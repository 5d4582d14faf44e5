"""The questions to raters, as data: a rubric is a named, versioned tuple of criteria, judged A / tie / B or by score.

A judgment stores the rubric's name and version. Whoever changes a wording must raise the version, so that old and new
judgments are not mixed unnoticed. A new preset is a new entry in RUBRICS; a study may have its own as a JSON file:

    {"name": "warmth-1", "version": 1, "source": "own", "scale": "pairwise",
     "criteria": [{"name": "Warmth", "question": "Which supporter is warmer?"}]}

A criterion may have an `"onlooker"` question, which replaces the first one for raters of imported talks, since "your
problem" is not theirs. With `"scale": "pointwise"` each reply gets a whole number from `low` to `high` (by default 0
and 2).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from annotation.choices import Majority, Pick, Scale
from annotation.store.texts import accept_name, as_read
from models.reading.json_values import read_json

MAX_STEPS = 100
"""maximum number of steps from the lowest score to the highest"""


@dataclass(frozen=True)
class Criterion:
    """One question put to the rater; `name` is what is stored, `question` what is shown."""

    name: str
    question: str
    onlooker: str = ""
    """the question to a rater who reads somebody else's talk; empty: the same"""

    def to_onlooker(self) -> Criterion:
        """The criterion for a rater who reads somebody else's talk."""
        return Criterion(self.name, self.onlooker or self.question)


@dataclass(frozen=True)
class Rubric:
    """A set of questions, asked in this order; `source` says which paper they follow. Checked on creation."""

    name: str
    version: int
    source: str
    criteria: tuple[Criterion, ...]
    scale: Scale = Scale.PAIRWISE
    low: int = 0
    """the lowest score, when pointwise"""
    high: int = 2
    """the highest score, when pointwise"""
    majority: Majority = Majority.MORE_THAN_HALF
    """how many of an item's raters must agree for the item to count"""

    def __post_init__(self) -> None:
        names = self.names()
        if not self.name or not names or not all(names) or len(set(names)) < len(names):
            raise ValueError(f"rubric {self.name!r} needs a name and criteria with different names, got {names}")
        for name in names:
            accept_name(name, what=f"rubric {self.name!r}: name of a criterion")
        if len({as_read(name).casefold() for name in names}) < len(names):
            raise ValueError(f"rubric {self.name!r}: criteria {names} look alike and get mixed up: rename one")
        if not all(criterion.question.strip() for criterion in self.criteria):
            raise ValueError(f"rubric {self.name!r}: every criterion needs a question")
        if self.low >= self.high:
            raise ValueError(f"rubric {self.name!r}: scores go from {self.low} to {self.high}; low must be below high")
        if self.high - self.low > MAX_STEPS:
            raise ValueError(
                f"rubric {self.name!r}: scores go from {self.low} to {self.high}; at most {MAX_STEPS} steps"
            )

    def names(self) -> tuple[str, ...]:
        """The names of the criteria, in the order they are asked."""
        return tuple(criterion.name for criterion in self.criteria)

    def answers(self) -> tuple[str, ...]:
        """The answers allowed to each question, as they are stored: a / tie / b, or the scores."""
        if self.scale is Scale.PAIRWISE:
            return tuple(Pick)
        return tuple(str(score) for score in range(self.low, self.high + 1))

    def agreed(self, answers: Sequence[str]) -> str | None:
        """The answer of the majority, None without a majority (also when two answers are equally frequent).

        >>> RUBRICS["admisc-2024"].agreed(["a", "a", "tie", "b"]), RUBRICS["esconv-2021"].agreed(["a", "a", "tie", "b"])
        ('a', None)
        """
        ranked = Counter(answers).most_common(2)
        if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
            return None
        share = Fraction(ranked[0][1], len(answers))
        half = Fraction(1, 2)
        return ranked[0][0] if share > half or (self.majority is Majority.AT_LEAST_HALF and share == half) else None


DEFAULT_RUBRIC = "admisc-2024"

RUBRICS: dict[str, Rubric] = {
    "admisc-2024": Rubric(
        "admisc-2024",
        2,
        "AdMISC (2024), section 5.2: Win / Lose / Tie on five criteria",
        (
            Criterion("Fluency", "Which supporter writes more fluent and coherent replies?"),
            Criterion(
                "Accuracy",
                "Which supporter identifies your problem better?",
                "Which supporter identifies the seeker's problem better?",
            ),
            Criterion(
                "Empathy",
                "Which supporter understands your feelings and situation better?",
                "Which supporter understands the seeker's feelings and situation better?",
            ),
            Criterion("Suggestion", "Which supporter gives more effective suggestions?"),
            Criterion(
                "Overall",
                "Overall, which supporter gives you more effective emotional support?",
                "Overall, which supporter gives the seeker more effective emotional support?",
            ),
        ),
        majority=Majority.AT_LEAST_HALF,
    ),
    "misc-2022": Rubric(
        "misc-2022",
        1,
        "MISC (Tu et al. 2022), section 5.2: each reply gets 0, 1 or 2 on three criteria from three raters",
        (
            Criterion("Fluency", "How fluent and readable is this reply? (0 hardly, 1 acceptable, 2 fully)"),
            Criterion(
                "Knowledge", "How well does this reply use relevant knowledge? (0 hardly, 1 acceptable, 2 fully)"
            ),
            Criterion("Empathy", "How well does this reply understand the feelings? (0 hardly, 1 acceptable, 2 fully)"),
        ),
        scale=Scale.POINTWISE,
    ),
    "esconv-2021": Rubric(
        "esconv-2021",
        2,
        "ESConv (Liu et al. 2021), interactive evaluation: Win / Lose / Tie on five criteria",
        (
            Criterion("Fluency", "Which supporter is more fluent and easier to understand?"),
            Criterion(
                "Identification",
                "Which supporter explores your situation more deeply and finds your problem?",
                "Which supporter explores the seeker's situation more deeply and finds the problem?",
            ),
            Criterion(
                "Comforting",
                "Which supporter is more skilful in comforting you?",
                "Which supporter is more skilful in comforting the seeker?",
            ),
            Criterion(
                "Suggestion",
                "Which supporter gives you more helpful suggestions?",
                "Which supporter gives the seeker more helpful suggestions?",
            ),
            Criterion("Overall", "Overall, which supporter's emotional support do you prefer?"),
        ),
    ),
}


def find_rubric(name: str) -> Rubric:
    """The rubric of that name. Raises ValueError listing the names when there is none."""
    if name not in RUBRICS:
        raise ValueError(f"unknown rubric {name!r}; allowed: {', '.join(RUBRICS)}")
    return RUBRICS[name]


def rubric_to_json(rubric: Rubric) -> str:
    """The rubric as JSON for `rubric_from_dict`, with sorted keys."""
    return json.dumps(asdict(rubric), ensure_ascii=False, sort_keys=True)


def rubric_from_dict(values: Mapping[str, Any]) -> Rubric:
    """A rubric from parsed JSON. Raises ValueError naming what is missing, unknown or of the wrong kind."""
    needed, optional = {"name", "criteria"}, {"version", "source", "scale", "low", "high", "majority"}
    missing, unknown = needed - values.keys(), values.keys() - needed - optional
    if missing or unknown:
        raise ValueError(
            f"rubric: missing {sorted(missing)}, unknown {sorted(unknown)}; allowed: {sorted(needed | optional)}"
        )
    try:
        criteria = tuple(
            Criterion(str(entry["name"]), str(entry["question"]), str(entry.get("onlooker", "")))
            for entry in values["criteria"]
        )
        return Rubric(
            name=str(values["name"]),
            version=int(values.get("version", 1)),
            source=str(values.get("source", "own")),
            criteria=criteria,
            scale=Scale(values.get("scale", Scale.PAIRWISE)),
            low=int(values.get("low", 0)),
            high=int(values.get("high", 2)),
            majority=Majority(values.get("majority", Majority.MORE_THAN_HALF)),
        )
    except (TypeError, KeyError) as error:
        raise ValueError(f"rubric: each criterion is an object with name and question ({error!r})") from error


def load_rubric(place: str, beside: Path = Path()) -> Rubric:
    """The preset of that name, or the rubric in the JSON file `place` (relative to `beside`). Raises ValueError."""
    if place in RUBRICS or not place.endswith(".json"):
        return find_rubric(place)
    path = beside / place
    try:
        values = read_json(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read the rubric {path}: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"the rubric {path} is a JSON {type(values).__name__}; an object is needed")
    return rubric_from_dict(values)
