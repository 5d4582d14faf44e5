"""Items into a study's store: from a file (`item_files`), or from finished live conversations. All or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session, undefer

from annotation.choices import Purpose, ReplyState, Role, Side, StudyEventKind, StudyKind, StudyState
from annotation.files.item_files import ImportedItem, ImportedReply
from annotation.rubric import Rubric
from annotation.store.schema import Encounter, Post, Reply
from annotation.store.study_events import record_study
from annotation.store.study_schema import Context, Study, SystemReply
from annotation.studies.item_checks import DraftItem, item_warnings, names_told, systems_wrong
from annotation.studies.members import NotAllowed, require
from annotation.studies.studies import plan_of
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access, Line
from annotation.talks.projection import latest_replies
from annotation.talks.stages import Stage

_FINISHED = (Stage.FROZEN, Stage.JUDGED, Stage.REVEALED, Stage.REVIEWED)


@dataclass(frozen=True)
class Imported:
    """What an import brought."""

    contexts: int
    replies: int
    warnings: tuple[str, ...]
    """what `item_checks` finds in these items; `draft_warnings` looks at earlier ones too"""


def import_items(*, session: Session, access: Access, items: Sequence[ImportedItem]) -> Imported:
    """By a lead, into a draft: store contexts and replies.

    Raises ValueError listing every item whose id is taken, whose gold answer does not fit or whose systems are not the
    plan's, NotAllowed once opened.
    """
    # Before the first question to the database: other writers wait only while the rows are stored, not while they are
    # made. They are plain dicts, stored by the driver in one go, which takes a fifth of the time that objects take.
    named = {reply.system for item in items for reply in item.replies}
    drafted = [_as_read(item) for item in items]
    warned = item_warnings(drafted, sorted(named))
    contexts = [_context_row(access.study_id, item) for item in items]
    replies = [row for item in items for row in _reply_rows(access.study_id, item)]
    study, lead = require(session, access, Role.LEAD, lock=True)
    if study.state is not StudyState.DRAFT:
        raise NotAllowed(f"Items are imported into a draft; this study is {study.state.value}.")
    if study.kind is StudyKind.LIVE:
        raise NotAllowed("The items of a live study are role cards, with which raters talk; add those instead.")
    plan = plan_of(study)
    _check(session, study, plan, items)
    warned += names_told(drafted, [name for name in plan.systems if name not in named])
    for row, item in zip(contexts, items, strict=True):
        row["gold_json"] = _gold_json(item, plan)
    for table, rows in ((Context, contexts), (SystemReply, replies)):
        if rows:
            session.connection().execute(insert(cast(Table, table.__table__)), rows)  # past the objects' own way
    record_study(session, study.id, StudyEventKind.IMPORTED, actor=lead.pseudonym(), new_value=str(len(items)))
    session.flush()
    return Imported(len(contexts), len(replies), warned)


def drafted_dialogues(*, session: Session, access: Access) -> frozenset[str]:
    """By a lead: the dialogues that have items already, so that more can be made of others."""
    study, _ = require(session, access, Role.LEAD)
    return frozenset(session.scalars(select(Context.dialogue).where(Context.study_id == study.id)))


def import_encounters(*, session: Session, access: Access) -> Imported:
    """By a lead: the finished conversations that were held in study mode under this study's name, each as one item.

    Conversations imported before, with other systems than the plan's, or without a turn that both sides answered, are
    left out.
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
            break  # what follows a missing reply was never said to both
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


def context_id(study_id: str, key: str) -> str:
    """The id of a context in the tables, 32 hexadecimal digits."""
    return hashlib.sha256(f"context:{study_id}:{key}".encode()).hexdigest()[:32]


def gold_answers(gold: object, rubric: Rubric, systems: Sequence[str]) -> dict[str, object]:
    """`gold` of an item file per criterion: the better system or "tie", or {system: score}. Raises ValueError."""
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


def _check(session: Session, study: Study, plan: StudyPlan, items: Sequence[ImportedItem]) -> None:
    taken = set(session.scalars(select(Context.key).where(Context.study_id == study.id)))
    wrong = []
    for item in items:
        systems = [reply.system for reply in item.replies]
        needed = 2 if plan.pairwise() else 1
        if item.key in taken:
            wrong.append(f"{item.key}: an item of this id is in the study already")
        if item.purpose is not Purpose.MAIN and plan.pairwise() and len(systems) != needed:
            wrong.append(
                f"{item.key}: a {item.purpose.value} item compares exactly 2 replies, this one has {len(systems)}"
            )
        if item.gold_json is not None:
            try:
                gold_answers(json.loads(item.gold_json), plan.rubric, systems)
            except ValueError as error:
                wrong.append(f"{item.key}: {error}")
        wrong += systems_wrong(item.key, item.purpose, systems, plan)
        taken.add(item.key)
    if wrong:
        raise ValueError("\n  ".join([f"{len(wrong)} bad item(s), nothing was imported:", *wrong[:20]]))


def _as_read(item: ImportedItem) -> DraftItem:
    replies = {reply.system: tuple(line.text for line in reply.turns) for reply in item.replies}
    return DraftItem(item.key, item.situation, tuple(line.text for line in item.context), replies)


def _turns_json(lines: Sequence[Line]) -> str:
    return json.dumps([{"speaker": line.speaker, "text": line.text} for line in lines], ensure_ascii=False)


def _context_row(study_id: str, item: ImportedItem) -> dict[str, Any]:
    return {
        "id": context_id(study_id, item.key),
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


def _reply_rows(study_id: str, item: ImportedItem) -> list[dict[str, Any]]:
    here = context_id(study_id, item.key)
    return [
        {
            "context_id": here,
            "system": reply.system,
            "turns_json": _turns_json(reply.turns),
            "strategy": reply.strategy,
            "checkpoint": reply.checkpoint,
            "replies_json": reply.replies_json,
        }
        for reply in item.replies
    ]
