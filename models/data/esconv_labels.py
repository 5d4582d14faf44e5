"""What a dialogue of ESConv is labelled with as a whole: the seeker's emotion and the kind of problem."""

from __future__ import annotations

EMOTION_TYPES: tuple[str, ...] = (
    *("anxiety", "anger", "fear", "depression", "sadness", "disgust", "shame", "nervousness", "pain", "jealousy"),
    "guilt",
)
"""in the order of MISC's code, which trained heads keep; 4 of the 11 are rare"""

EMOTION_TYPES_BY_COUNT: tuple[str, ...] = (
    *("anxiety", "depression", "sadness", "anger", "fear", "shame", "disgust"),
    *("nervousness", "guilt", "jealousy", "pain"),
)
"""the same, most frequent first: the order of a form"""

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
    """The index in `EMOTION_TYPES`, in any case; -1 for any other text (a live seeker may write what they like)."""
    key = name.strip().lower()
    return EMOTION_TYPES.index(key) if key in EMOTION_TYPES else -1
