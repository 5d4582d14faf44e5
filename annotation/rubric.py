"""What raters are asked, as data: a rubric is a named, versioned tuple of criteria judged A / tie / B.

A judgment stores the rubric's name and version. Change a wording -> raise the version, so that old and new judgments
are never mixed without notice. A new rubric is a new entry in RUBRICS.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Criterion:
    """One question put to the rater; `name` is what is stored, `question` what is shown."""

    name: str
    question: str


@dataclass(frozen=True)
class Rubric:
    """A set of pairwise questions, asked in this order; `source` says which paper they follow."""

    name: str
    version: int
    source: str
    criteria: tuple[Criterion, ...]

    def names(self) -> tuple[str, ...]:
        """The names of the criteria, in the order they are asked."""
        return tuple(criterion.name for criterion in self.criteria)


DEFAULT_RUBRIC = "admisc-2024"

RUBRICS: dict[str, Rubric] = {
    "admisc-2024": Rubric(
        "admisc-2024",
        1,
        "AdMISC (2024), section 5.2: Win / Lose / Tie on five criteria",
        (
            Criterion("Fluency", "Which supporter writes more fluent and coherent replies?"),
            Criterion("Accuracy", "Which supporter identifies your problem better?"),
            Criterion("Empathy", "Which supporter understands your feelings and situation better?"),
            Criterion("Suggestion", "Which supporter gives more effective suggestions?"),
            Criterion("Overall", "Overall, which supporter gives you more effective emotional support?"),
        ),
    ),
    "esconv-2021": Rubric(
        "esconv-2021",
        1,
        "ESConv (Liu et al. 2021), interactive evaluation: Win / Lose / Tie on five criteria",
        (
            Criterion("Fluency", "Which supporter is more fluent and easier to understand?"),
            Criterion("Identification", "Which supporter explores your situation more deeply and finds your problem?"),
            Criterion("Comforting", "Which supporter is more skilful in comforting you?"),
            Criterion("Suggestion", "Which supporter gives you more helpful suggestions?"),
            Criterion("Overall", "Overall, which supporter's emotional support do you prefer?"),
        ),
    ),
}


def find_rubric(name: str) -> Rubric:
    """The rubric of that name. Raises ValueError listing the names when there is none."""
    if name not in RUBRICS:
        raise ValueError(f"unknown rubric {name!r}; allowed: {', '.join(RUBRICS)}")
    return RUBRICS[name]
