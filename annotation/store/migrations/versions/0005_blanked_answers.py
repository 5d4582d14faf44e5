"""Answers may be removed from the events of a study, so that a rater who withdraws takes them back there too.

The triggers allow one kind of update: old and new value of an answer become NULL, all else stays. Stored data stay,
except the answers of raters who have withdrawn already. Revision: 0005, follows 0004.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Refuse every update of an event except this one."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER study_event_no_update")
        op.execute(
            f"CREATE TRIGGER study_event_no_update BEFORE UPDATE ON study_event WHEN NOT ({_blanks_answer('IS')}) "
            "BEGIN SELECT RAISE(ABORT, 'study_event rows cannot be changed'); END"
        )
    elif op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER study_event_guard ON study_event")
        _refuse_on_postgresql("study_event_guard", "DELETE")
        condition = f"WHEN (NOT ({_blanks_answer('IS NOT DISTINCT FROM')}))"
        _refuse_on_postgresql("study_event_no_update", "UPDATE", condition)
    op.execute(_BLANK_WITHDRAWN)


def downgrade() -> None:
    """Refuse every update again; answers that were removed stay removed."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER study_event_no_update")
        op.execute(
            "CREATE TRIGGER study_event_no_update BEFORE UPDATE ON study_event "
            "BEGIN SELECT RAISE(ABORT, 'study_event rows cannot be changed'); END"
        )
    elif op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER study_event_no_update ON study_event")
        op.execute("DROP TRIGGER study_event_guard ON study_event")
        _refuse_on_postgresql("study_event_guard", "UPDATE OR DELETE")


# unlike a revoked link, a withdrawal has the number of deleted items in old_value; new_value names who withdrew
_BLANK_WITHDRAWN = (
    "UPDATE study_event SET old_value = NULL, new_value = NULL WHERE kind IN ('answered', 'undone') AND EXISTS ("
    "SELECT 1 FROM study_event AS gone WHERE gone.study_id = study_event.study_id AND gone.kind = 'revoked' "
    "AND gone.old_value IS NOT NULL AND gone.new_value = study_event.actor)"
)
_STAYS = ("id", "study_id", "claim_id", "item_id", "at", "kind", "actor", "criterion", "system", "app_version")


def _blanks_answer(same: str) -> str:
    """The condition in SQL; `same` is the database's word for "equal, or both NULL"."""
    new, old = (", ".join(f"{row}.{column}" for column in _STAYS) for row in ("NEW", "OLD"))
    blank = "NEW.old_value IS NULL AND NEW.new_value IS NULL"
    return f"OLD.kind IN ('answered', 'undone') AND {blank} AND ({new}) {same} ({old})"


def _refuse_on_postgresql(name: str, change: str, condition: str = "") -> None:
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {change} ON study_event "
        f"FOR EACH ROW {condition} EXECUTE FUNCTION refuse_study_change()"
    )
