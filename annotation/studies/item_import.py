"""Imports items into a study: from a file (`item_files`), or from finished live conversations. All or nothing.

import_in_batches(do, items)        # many: other writers wait for one batch at most, nobody sees a part of them
import_items(session=session, ...)  # a few, in the caller's transaction
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any, cast

from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.orm import Session, undefer

from annotation.choices import Purpose, ReplyState, Role, Side, StudyEventKind, StudyKind, StudyState
from annotation.files.item_files import ImportedItem, ImportedReply, ItemFileError
from annotation.rubric import Rubric
from annotation.store.schema import Encounter, Post, Reply, utc_now
from annotation.store.study_events import record_study
from annotation.store.study_schema import Context, Member, Study, SystemReply
from annotation.studies.item_checks import DraftItem, item_warnings, systems_wrong
from annotation.studies.members import Do, NotAllowed, require, with_pauses
from annotation.studies.studies import plan_of
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access, Line
from annotation.talks.projection import latest_replies
from annotation.talks.stages import Stage

BATCH_ITEMS = 250
"""maximum number of items that one transaction of an import stores"""
BATCH_CHARS = 4_000_000
"""length of traces, in characters, after which a batch ends"""
CUT_OFF = timedelta(hours=1)
"""age at which an import that has not ended is considered interrupted"""
_TAKEN = "an item of this id is in the study already"
_FINISHED = (Stage.FROZEN, Stage.JUDGED, Stage.REVEALED, Stage.REVIEWED)


@dataclass(frozen=True)
class Imported:
    """The result of an import."""

    contexts: int
    replies: int
    warnings: tuple[str, ...]
    """what `item_checks` finds in these items; `draft_warnings` checks earlier ones too"""


def import_items(
    *, session: Session, access: Access, items: Sequence[ImportedItem], ids: Mapping[str, str] = MappingProxyType({})
) -> Imported:
    """By a lead, into a draft: store a few contexts with their replies in one transaction.

    `ids` maps ids in the file to the ids that these contexts get in the store; others get a new one. Raises
    ItemFileError listing every item whose id is taken, whose gold answer does not fit or whose systems are not the
    plan's, NotAllowed once the study is open.
    """
    # Before the first query, so that other writers wait only while the rows are stored, not while they are made.
    rows = _Rows(access.study_id, items, ids)
    study, lead = _draft(session, access)
    plan = plan_of(study)
    _check(items, plan, _keys(session, study))
    rows.store(session, plan)
    return _imported(session, study, lead, items, _warnings(items, plan.systems))


def import_in_batches(do: Do, items: Sequence[ImportedItem], file: str = "") -> Imported:
    """The same for many items: other writers get their turn after each batch, and nobody sees a part of them.

    The batches gather in a study of their own, without members, and move to the draft all at once after the last one.
    Remains of an interrupted import are deleted by a later import, or with the draft. Raises as `import_items` does,
    with the name of `file`.
    """
    do = with_pauses(do)
    begun = do(_begin, file=file)
    for left in begun.left:
        clear_gathering(do, left)
    try:
        _check(items, begun.plan, begun.keys, file)  # outside of transactions, since it takes long with many items
        for batch in _batches(items):
            do(_gather, gathering=begun.gathering, items=batch)
        return do(_end, begun=begun, items=items, warnings=_warnings(items, begun.plan.systems))
    except Exception:
        clear_gathering(do, begun.gathering)
        raise


@dataclass(frozen=True)
class _Begun:
    gathering: str
    plan: StudyPlan
    keys: frozenset[str]
    """keys of the contexts that are there already"""
    left: tuple[str, ...]
    """remains of interrupted imports"""
    file: str


def _begin(*, session: Session, access: Access, file: str) -> _Begun:
    study, _ = _draft(session, access)
    old = select(Study.id).where(Study.gathers_for == study.id, Study.created_at < utc_now() - CUT_OFF)
    left = tuple(session.scalars(old))
    gathering = secrets.token_hex(16)
    row = {"id": gathering, "name": gathering, "gathers_for": study.id, "created_at": utc_now()}
    same = {name: getattr(study, name) for name in ("kind", "state", "seed", "plan_json", "rubric_json")}
    session.add(Study(**row, **same))
    session.flush()
    return _Begun(gathering, plan_of(study), _keys(session, study), left, file)


def _gather(*, session: Session, access: Access, gathering: str, items: Sequence[ImportedItem]) -> None:
    rows = _Rows(gathering, items)
    study, _ = _draft(session, access)
    _gathered(session, gathering)
    rows.store(session, plan_of(study))


def _end(
    *, session: Session, access: Access, begun: _Begun, items: Sequence[ImportedItem], warnings: tuple[str, ...]
) -> Imported:
    study, lead = _draft(session, access)
    gathering = begun.gathering
    if _gathered(session, gathering).plan_json != study.plan_json:
        raise NotAllowed("The plan was changed meanwhile, so nothing was imported; import the file again.")
    there = select(Context.key).where(Context.study_id == study.id)
    taken = set(session.scalars(select(Context.key).where(Context.study_id == gathering, Context.key.in_(there))))
    if taken:  # by another import at the same time
        wrong = [(item.line, f"{item.key}: {_TAKEN}") for item in items if item.key in taken]
        raise ItemFileError(wrong, begun.file)
    session.execute(update(Context).where(Context.study_id == gathering).values(study_id=study.id))
    session.execute(delete(Study).where(Study.id == gathering))
    return _imported(session, study, lead, items, warnings)


def _gathered(session: Session, gathering: str) -> Study:
    """The study in which the batches gather. Raises NotAllowed if it was cleared as interrupted after a long pause."""
    here = session.get(Study, gathering)
    if here is None:
        raise NotAllowed("The import was interrupted, so nothing was imported; import the file again.")
    return here


def clear_gathering(do: Do, gathering: str) -> None:
    """Delete what an import has gathered, also in batches."""
    while do(_clear_batch, gathering=gathering):
        pass


def _clear_batch(*, session: Session, access: Access, gathering: str) -> bool:
    """Delete one batch; returns whether more may be left."""
    require(session, access, Role.LEAD, lock=True)
    some = list(session.scalars(select(Context.id).where(Context.study_id == gathering).limit(BATCH_ITEMS)))
    session.execute(delete(Context).where(Context.id.in_(some)))
    if len(some) < BATCH_ITEMS:
        session.execute(delete(Study).where(Study.id == gathering, Study.gathers_for == access.study_id))
    return len(some) == BATCH_ITEMS


def _batches(items: Sequence[ImportedItem]) -> Iterator[Sequence[ImportedItem]]:
    """The items in order, in batches; since traces are long, a batch ends early after many of them."""
    batch: list[ImportedItem] = []
    chars = 0
    for item in items:
        batch.append(item)
        chars += sum(len(reply.replies_json or "") for reply in item.replies)
        if len(batch) == BATCH_ITEMS or chars > BATCH_CHARS:
            yield batch
            batch, chars = [], 0
    if batch:
        yield batch


class _Rows:
    """Contexts and replies as plain dicts, which the driver stores in one go, in a fifth of the time of objects."""

    def __init__(
        self, study_id: str, items: Sequence[ImportedItem], ids: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.items = items
        self.contexts = [_context_row(study_id, item, ids) for item in items]
        pairs = zip(self.contexts, items, strict=True)
        self.replies = [row for context, item in pairs for row in _reply_rows(context["id"], item)]

    def store(self, session: Session, plan: StudyPlan) -> None:
        """Store the rows in the transaction of `session`, with gold answers spelled out for the plan's rubric."""
        for row, item in zip(self.contexts, self.items, strict=True):
            row["gold_json"] = _gold_json(item, plan)
        for table, rows in ((Context, self.contexts), (SystemReply, self.replies)):
            if rows:
                session.connection().execute(insert(cast(Table, table.__table__)), rows)  # bypasses the ORM


def _draft(session: Session, access: Access) -> tuple[Study, Member]:
    study, lead = require(session, access, Role.LEAD, lock=True)
    if study.state is not StudyState.DRAFT:
        raise NotAllowed(f"Items are imported into a draft; this study is {study.state.value}.")
    if study.kind is StudyKind.LIVE:
        raise NotAllowed("The items of a live study are role cards, with which raters talk; add those instead.")
    return study, lead


def _imported(
    session: Session, study: Study, lead: Member, items: Sequence[ImportedItem], warnings: tuple[str, ...]
) -> Imported:
    record_study(session, study.id, StudyEventKind.IMPORTED, actor=lead.pseudonym(), new_value=str(len(items)))
    session.flush()
    return Imported(len(items), sum(len(item.replies) for item in items), warnings)


def _warnings(items: Sequence[ImportedItem], systems: Sequence[str]) -> tuple[str, ...]:
    named = {reply.system for item in items for reply in item.replies}
    return item_warnings([_as_read(item) for item in items], sorted(named.union(systems)))


def drafted_dialogues(*, session: Session, access: Access) -> frozenset[str]:
    """By a lead: the dialogues that have items already, so that new ones can be made from others."""
    study, _ = require(session, access, Role.LEAD)
    return frozenset(session.scalars(select(Context.dialogue).where(Context.study_id == study.id)))


def import_encounters(*, session: Session, access: Access) -> Imported:
    """By a lead: import the finished conversations held in study mode under this study's name, each as one item.

    Left out are conversations that were imported before, have other systems than the plan, or have no turn that both
    sides answered.
    """
    study, _ = require(session, access, Role.LEAD, lock=True)
    known = select(Context.encounter_id).where(Context.study_id == study.id, Context.encounter_id.is_not(None))
    statement = (
        select(Encounter)
        .where(Encounter.study == study.name, Encounter.stage.in_(_FINISHED), Encounter.id.not_in(known))
        .order_by(Encounter.created_at, Encounter.id)
    )
    planned = set(plan_of(study).systems)
    rows = [row for row in session.scalars(statement) if {row.side_a, row.side_b()} <= planned]
    found = [item for row in rows if (item := _from_encounter(session, row)) is not None]
    if not found:
        return Imported(0, 0, ())
    return import_items(session=session, access=access, items=found)


def _from_encounter(session: Session, encounter: Encounter) -> ImportedItem | None:
    posts = session.scalars(select(Post).where(Post.encounter_id == encounter.id).order_by(Post.turn_index)).all()
    replies_of = select(Reply).where(Reply.encounter_id == encounter.id).options(undefer(Reply.reply_json))
    latest = latest_replies(session.scalars(replies_of))
    sides: dict[Side, list[Line]] = {side: [] for side in Side}
    made: dict[Side, list[str]] = {side: [] for side in Side}
    for post in posts:
        answers = [latest[post.turn_index, side] for side in Side]
        if any(answer.state is not ReplyState.DONE or not (answer.text or "").strip() for answer in answers):
            break  # what follows a missing reply was not said to both sides
        for side, answer in zip(Side, answers, strict=True):
            sides[side] += [Line("seeker", post.text), Line("supporter", answer.text or "")]
            made[side].append(answer.reply_json or "")
    if not sides[Side.A]:
        return None
    names = {Side.A: encounter.side_a, Side.B: encounter.side_b()}
    replies = [
        ImportedReply(names[side], tuple(lines[1:]), replies_json=f"[{','.join(made[side])}]")
        for side, lines in sides.items()
    ]
    return ImportedItem(
        key=f"encounter-{encounter.id}",
        dialogue=f"encounter-{encounter.id}",
        context=(sides[Side.A][0],),
        replies=tuple(sorted(replies, key=lambda reply: reply.system)),
        situation=encounter.situation,
        problem_type=encounter.problem_type or None,
        emotion_type=encounter.emotion_type or None,
        encounter_id=encounter.id,
    )


def gold_answers(gold: object, rubric: Rubric, systems: Sequence[str]) -> dict[str, object]:
    """`gold` from an item file, by criterion: the better system or "tie", or {system: score}. Raises ValueError."""
    names = rubric.names()
    if isinstance(gold, str):
        gold = dict.fromkeys(names, gold)
    if not isinstance(gold, dict) or not gold or not gold.keys() <= set(names):
        raise ValueError(f"gold must name a system, or give answers to some of {', '.join(names)}")
    for criterion, known in gold.items():
        if rubric.answers()[0] == "a":
            if known != "tie" and known not in systems:
                raise ValueError(f"gold of {criterion} is {known!r}; allowed: tie or one of {', '.join(systems)}")
        elif not isinstance(known, dict) or not all(
            system in systems and str(score) in rubric.answers() for system, score in known.items()
        ):
            raise ValueError(f"gold of {criterion} is {known!r}; give each system a score ({rubric.low}-{rubric.high})")
    return gold


def _keys(session: Session, study: Study) -> frozenset[str]:
    return frozenset(session.scalars(select(Context.key).where(Context.study_id == study.id)))


def _check(items: Sequence[ImportedItem], plan: StudyPlan, keys: Set[str], file: str = "") -> None:
    taken = set(keys)
    wrong: list[tuple[int, str]] = []
    for item in items:
        faults = _faults(item, plan)
        if item.key in taken:
            faults.insert(0, _TAKEN)
        wrong += [(item.line, f"{item.key}: {fault}") for fault in faults]
        taken.add(item.key)
    if wrong:
        raise ItemFileError(wrong, file)


def _faults(item: ImportedItem, plan: StudyPlan) -> list[str]:
    """Why the item cannot be judged as planned."""
    systems = [reply.system for reply in item.replies]
    faults = systems_wrong(item.purpose, systems, plan)
    if item.purpose is not Purpose.MAIN and plan.pairwise() and len(systems) != 2:
        faults.append(f"a {item.purpose.value} item compares exactly 2 replies, this one has {len(systems)}")
    if item.gold_json is not None:
        try:
            gold_answers(json.loads(item.gold_json), plan.rubric, systems)
        except ValueError as error:
            faults.append(str(error))
    return faults


def _as_read(item: ImportedItem) -> DraftItem:
    replies = {reply.system: tuple(line.text for line in reply.turns) for reply in item.replies}
    return DraftItem(item.key, item.situation, tuple(line.text for line in item.context), replies)


def _turns_json(lines: Sequence[Line]) -> str:
    return json.dumps([{"speaker": line.speaker, "text": line.text} for line in lines], ensure_ascii=False)


def _context_row(study_id: str, item: ImportedItem, ids: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": ids.get(item.key) or secrets.token_hex(16),
        "study_id": study_id,
        "key": item.key,
        "dialogue": item.dialogue,
        "purpose": item.purpose,
        "situation": item.situation,
        "turns_json": _turns_json(item.context),
        "problem_type": item.problem_type,
        "emotion_type": item.emotion_type,
        "strategy": item.strategy,
        "turn": item.turn,
        "gold_json": None,
        "encounter_id": item.encounter_id,
    }


def _gold_json(item: ImportedItem, plan: StudyPlan) -> str | None:
    if item.gold_json is None:
        return None
    systems = [reply.system for reply in item.replies]
    return json.dumps(gold_answers(json.loads(item.gold_json), plan.rubric, systems), ensure_ascii=False)


def _reply_rows(context_id: str, item: ImportedItem) -> list[dict[str, Any]]:
    return [
        {
            "context_id": context_id,
            "system": reply.system,
            "turns_json": _turns_json(reply.turns),
            "strategy": reply.strategy,
            "checkpoint": reply.checkpoint,
            "replies_json": reply.replies_json,
        }
        for reply in item.replies
    ]
