"""Labels of whole ESConv dialogues: the seeker's emotion and the kind of problem."""

from __future__ import annotations

EMOTION_TYPES: tuple[str, ...] = (
    *("anxiety", "anger", "fear", "depression", "sadness", "disgust", "shame", "nervousness", "pain", "jealousy"),
    "guilt",
)
"""in the order of MISC's code, which trained heads depend on; 4 of the 11 are rare"""

EMOTION_TYPES_BY_COUNT: tuple[str, ...] = (
    *("anxiety", "depression", "sadness", "anger", "fear", "shame", "disgust"),
    *("nervousness", "guilt", "jealousy", "pain"),
)
"""the same, most frequent first: the order used in a form"""

PROBLEM_TYPES: tuple[str, ...] = (
    "ongoing depression",
    "job crisis",
    "breakup with partner",
    "problems with friends",
    "academic pressure",
    "Sleep Problems",
    "Procrastination",
    "Alcohol Abuse",
    "Appearance Anxiety",
    "conflict with parents",
    "Issues with Children",
    "Issues with Parents",
    "School Bullying",
)
"""the 13 problem labels of ESConv, most frequent first"""


def emotion_type_id(name: str) -> int:
    """The index in `EMOTION_TYPES`, ignoring case; -1 for any other text (a live seeker may write anything)."""
    return _index(name, EMOTION_TYPES)


def problem_type_id(name: str) -> int:
    """The index in `PROBLEM_TYPES`; otherwise like `emotion_type_id`."""
    return _index(name, PROBLEM_TYPES)


def _index(name: str, labels: tuple[str, ...]) -> int:
    known = [label.lower() for label in labels]
    key = name.strip().lower()
    return known.index(key) if key in known else -1
