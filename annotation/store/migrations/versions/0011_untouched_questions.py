"""Where a reviewer corrected one question of an item, the raters' answers to the others count.

The majority was stored as the final value of those others. It is removed wherever it still is the majority of all the
item's raters; where one of them has withdrawn since, nothing tells it from a correction, and it stays. Revision: 0011,
follows 0010.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_CORRECTED = sa.text(
    "SELECT study_review_answer.review_id, study_review_answer.criterion, study_review_answer.system, "
    "study_review_answer.final_value, study_item.id AS item_id, study_item.seats, study.rubric_json "
    "FROM study_review_answer JOIN study_review ON study_review.id = study_review_answer.review_id "
    "JOIN study_item ON study_item.id = study_review.item_id JOIN study ON study.id = study_item.study_id "
    "WHERE study_review.decision = 'correct'"
)
_VOTES = sa.text(
    "SELECT study_answer.value FROM study_answer JOIN study_claim ON study_claim.id = study_answer.claim_id "
    "WHERE study_claim.item_id = :item_id AND study_claim.state = 'done' "
    "AND study_answer.criterion = :criterion AND study_answer.system = :system"
)
_STORE = sa.text(
    "UPDATE study_review_answer SET final_value = :value "
    "WHERE review_id = :review_id AND criterion = :criterion AND system = :system"
)


def upgrade() -> None:
    """Remove the majority from corrected items. A correction to the majority itself was never accepted."""
    for row, majority in _with_majority():
        if majority is not None and row["final_value"] == majority:
            _store(row, None)


def downgrade() -> None:
    """Store it again."""
    for row, majority in _with_majority():
        if row["final_value"] is None:
            _store(row, majority)


def _with_majority() -> Iterator[tuple[dict[str, Any], str | None]]:
    """Each question of the corrected items, and the majority of its raters; None without one or if one withdrew."""
    connection = op.get_bind()
    for row in [dict(found) for found in connection.execute(_CORRECTED).mappings()]:
        votes = list(connection.scalars(_VOTES, {name: row[name] for name in ("item_id", "criterion", "system")}))
        half_is_enough = json.loads(row["rubric_json"]).get("majority") == "at_least_half"
        yield row, _majority(votes, half_is_enough) if len(votes) == row["seats"] else None


def _majority(votes: list[str], half_is_enough: bool) -> str | None:
    """As the rubrics defined it when this step was written."""
    ranked = Counter(votes).most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return None
    twice = 2 * ranked[0][1]
    return ranked[0][0] if twice > len(votes) or (half_is_enough and twice == len(votes)) else None


def _store(row: dict[str, Any], value: str | None) -> None:
    key = {name: row[name] for name in ("review_id", "criterion", "system")}
    op.get_bind().execute(_STORE, key | {"value": value})
