"""What the relations of ATOMIC mean, in plain words: COMET's inferences carry names such as "xReact".

In files to save they keep their names, as in the papers.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.data.relations import RELATIONS


@dataclass(frozen=True)
class RelationWords:
    """Of one relation."""

    short: str
    """as a label before the inference: "feels" before "sad" """
    told: str
    """what an inference of this kind is, within a sentence"""


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
    """Of a relation that is not among them, its name."""
    return WORDS.get(relation, RelationWords(relation, relation))
