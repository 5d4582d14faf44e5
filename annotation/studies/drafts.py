"""Changes to a study before it opens: another plan, items removed, or all of it deleted. Only for the lead.

None of this works once the study is open: the questions to raters must stay the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import CursorResult, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from annotation.choices import Role, StudyEventKind, StudyState
from annotation.files.item_files import ImportedItem
from annotation.rubric import rubric_to_json
from annotation.store.erasure import mark_erasure
from annotation.store.schema import Encounter
from annotation.store.study_events import record_study
from annotation.store.study_schema import Context, Member, Study
from annotation.studies.item_import import BATCH_ITEMS, Imported, clear_gathering, import_items
from annotation.studies.members import Do, NotAllowed, require, with_pauses
from annotation.studies.studies import plan_of, study_view
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access, StudyView

_FIXED = ("systems", "rubric", "kind")
"""fields against which items were checked when they were imported"""


def change_plan(*, session: Session, access: Access, plan: StudyPlan, talks_now: str | None = None) -> StudyView:
    """By a lead: replace the plan of a draft. `talks_now`: the study that talks on the first page belong to now.

    Raises NotAllowed once the study is open, ValueError if the name is taken, by a study or by talks on the first page,
    or items were imported for other systems.
    """
    study, lead = _draft(session, access)
    if plan.name != study.name:
        _check_name(session, plan.name, talks_now)
        _require_no_talks(session, study.name)
    before = plan_of(study)
    changed = [name for name in _FIXED if getattr(plan, name) != getattr(before, name)]
    items = session.scalar(select(func.count()).where(Context.study_id == study.id)) or 0
    if changed and items:
        raise ValueError(
            f"{' and '.join(changed)} cannot change while the draft has {items} items for the plan as it was; take the"
            " items out first"
        )
    study.name, study.kind, study.seed = plan.name, plan.kind, plan.seed
    study.plan_json, study.rubric_json = plan.to_json(), rubric_to_json(plan.rubric)
    record_study(session, study.id, StudyEventKind.CREATED, actor=lead.pseudonym(), new_value=plan.to_json())
    session.flush()
    return study_view(session, study)


def drop_item(*, session: Session, access: Access, context_id: str) -> str:
    """By a lead: remove one item from a draft; returns its id in the import file. Raises NotAllowed or LookupError."""
    study, lead = _draft(session, access)
    key = _item(session, study, context_id).key
    _take_out(session, study, lead, [context_id])
    return key


def replace_item(*, session: Session, access: Access, context_id: str, items: Sequence[ImportedItem]) -> Imported:
    """By a lead: replace one item of a draft by others; it stays if they are refused (see `import_items`).

    The new item with its id in the import file gets its id in the store, so that pages that show it find it again.
    If it was made from a live conversation, so were the new ones: they go when its visitor deletes it.
    """
    study, _ = _draft(session, access)
    encounter = _item(session, study, context_id).encounter_id
    key = drop_item(session=session, access=access, context_id=context_id)
    made = [replace(item, encounter_id=encounter) for item in items]
    return import_items(session=session, access=access, items=made, ids={key: context_id})


def empty_draft(do: Do) -> int:
    """By a lead: remove all items from a draft, in batches, so that other writers get their turn; returns how many.

    If this is interrupted, some items are removed; each batch is in the study's events.
    """
    count, do = 0, with_pauses(do)
    while gone := do(_take_some):
        count += gone
    return count


def delete_draft(do: Do) -> str:
    """By a lead: delete a draft with its items, members and events, so that its name is free; returns the name.

    The items go first, in batches; if this is interrupted, a draft with the remaining items is left. Raises NotAllowed
    when there are talks under its name.
    """
    for gathering in do(_begin_deletion):
        clear_gathering(with_pauses(do), gathering)
    empty_draft(do)
    return do(_delete)


def _take_some(*, session: Session, access: Access) -> int:
    study, lead = _draft(session, access)
    some = list(session.scalars(select(Context.id).where(Context.study_id == study.id).limit(BATCH_ITEMS)))
    if some:
        _take_out(session, study, lead, some)
    return len(some)


def _begin_deletion(*, session: Session, access: Access) -> list[str]:
    """Imports that are running or were interrupted. Raises NotAllowed when the draft must stay."""
    study, _ = _draft(session, access)
    _require_no_talks(session, study.name)
    return list(session.scalars(select(Study.id).where(Study.gathers_for == study.id)))


def _delete(*, session: Session, access: Access) -> str:
    study, _ = _draft(session, access)
    name = study.name
    _require_no_talks(session, name)
    gone = or_(Study.id == study.id, Study.gathers_for == study.id)
    session.execute(delete(Study).where(gone))  # foreign keys delete the rest
    mark_erasure(session)
    return name


def _draft(session: Session, access: Access) -> tuple[Study, Member]:
    study, lead = require(session, access, Role.LEAD, lock=True)
    if study.state is not StudyState.DRAFT:
        raise NotAllowed(f"This study is {study.state.value}; only a draft can be changed. Close it and make another.")
    return study, lead


def _check_name(session: Session, name: str, talks_now: str | None) -> None:
    """Raise ValueError unless a draft may take this name.

    The name decides whose talks on the first page a lead may import, and whose results they see there. So a lead of any
    draft could read another study's talks.
    """
    if session.scalar(select(Study.id).where(Study.name == name)) is not None:
        raise ValueError(f"there is a study named {name!r} already; choose another name")
    if name == talks_now or _has_talks(session, name):
        raise ValueError(
            f"{name!r} is the name under which people talk on the first page (--study {name}), so no draft can take it"
            " later on; choose another name, or have a new study made under this one"
        )


def _require_no_talks(session: Session, name: str) -> None:
    """Raise NotAllowed where giving up this name would leave its talks to the next study of that name."""
    if _has_talks(session, name):
        raise NotAllowed(
            f"People have talked on the first page under the name {name!r}, and their talks would go to the next study"
            " of that name. So this draft keeps its name and cannot be deleted; you can change the rest of its plan and"
            " take its items out."
        )


def _has_talks(session: Session, name: str) -> bool:
    return bool(session.scalar(select(exists().where(Encounter.study == name))))


def _item(session: Session, study: Study, context_id: str) -> Context:
    context = session.get(Context, context_id)
    if context is None or context.study_id != study.id:
        raise LookupError("This item is not in the draft (any more).")
    return context


def _take_out(session: Session, study: Study, lead: Member, ids: list[str]) -> None:
    """Delete contexts. The event has their number as `old_value`, as that of an import has it as `new_value`."""
    result = session.execute(delete(Context).where(Context.study_id == study.id, Context.id.in_(ids)))
    assert isinstance(result, CursorResult)
    count = str(result.rowcount)
    record_study(session, study.id, StudyEventKind.IMPORTED, actor=lead.pseudonym(), old_value=count)
    session.flush()
