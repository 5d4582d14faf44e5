"""Figures of a net's replies, counted as in the papers' tables, so that its row can be put below theirs."""

from __future__ import annotations

from collections.abc import Sequence

from models.analysis.analysis import Counted
from models.evaluation.definitions import Pieces
from models.evaluation.predictions import Prediction
from models.evaluation.published import DEFINITIONS
from models.evaluation.report import Bootstrap, measure


def counted_replies(predictions: Sequence[Prediction], pieces: Pieces, rounds: int, seed: int) -> tuple[Counted, ...]:
    """One entry for each definition of `models.evaluation.published`; `pieces` are the net's own word pieces.

    Raises ValueError when there are no predictions, or a field is given only for some of them.
    """
    found = []
    for definition in dict.fromkeys(DEFINITIONS.values()):
        report = measure(predictions, definition, pieces, bootstrap=Bootstrap(rounds, seed))
        kept = tuple(one for one in report.intervals if not one.name.startswith("top_"))
        found.append(Counted(definition.tokens, definition.legacy_distinct, kept))
    return tuple(found)
