"""The relations of ATOMIC, with names such as "xReact" in COMET's inferences, in plain words.

Saved files keep the original names, as in the papers.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.data.relations import RELATIONS


@dataclass(frozen=True)
class RelationWords:
    """The words for one relation."""

    short: str
    """as a label before the inference: "feels" before "sad" """
    told: str
    """what such an inference says, to fit into a sentence"""


WORDS: dict[str, RelationWords] = dict(
    zip(
        RELATIONS,
        (
            RelationWords("seems", "how the seeker seems"),
            RelationWords("then", "what happens to the seeker then"),
            RelationWords("wanted", "what the seeker wanted"),
            RelationWords("needed", "what the seeker needed before"),
            RelationWords("feels", "how the seeker feels"),
            RelationWords("wants", "what the seeker wants now"),
            RelationWords("others want", "what others want now"),
            RelationWords("others then", "what happens to others then"),
            RelationWords("others feel", "how others feel"),
        ),
        strict=True,
    )
)


def words_for(relation: str) -> RelationWords:
    """The words for a relation; an unknown one is shown by its name."""
    return WORDS.get(relation, RelationWords(relation, relation))
