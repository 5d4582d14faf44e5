"""The items of a study with everything said about them, one by one. Only for the lead, never for raters.

    lines = browse(session=session, access=lead)                      # all items, in the plan's order
    browse_item(session=session, access=lead, item_id=lines[0].id)    # one of them, in full

In a draft nothing is planned yet, so a line is an imported context, with the context's id.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from annotation.choices import ClaimState, Purpose, Role, StudyKind, StudyState
from annotation.store.study_schema import Answer, Claim, Context, Item, Member, Review, Study, SystemReply
from annotation.studies.members import require
from annotation.studies.quality import rater_quality
from annotation.studies.stored_replies import read_stored
from annotation.studies.studies import plan_of
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access, Line
from annotation.studies.task_projection import Question, content, questions


class ItemLine(NamedTuple):
    """One item in the list; a tuple, since there may be 100,000 of them."""

    id: str
    key: str
    """key of its context, as in the import file"""
    purpose: Purpose
    systems: tuple[str, ...]
    votes: int = 0
    """number of raters who handed it in"""
    open_questions: int = 0
    """questions on which these raters have no majority"""
    split_questions: int = 0
    """questions on which these raters do not all agree"""
    reasons: int = 0
    flagged: bool = False
    """one of these raters has a flag"""


@dataclass(frozen=True)
class ReadReply:
    """What one system said, and how its replies came about."""

    system: str
    turns: tuple[Line, ...]
    strategy: str | None = None
    checkpoint: str | None = None
    made: tuple[Mapping[str, Any], ...] = ()
    """its replies with their traces, if known (see `stored_replies`)"""


@dataclass(frozen=True)
class ReadVote:
    """What one rater handed in; answers name systems."""

    rater: str
    answers: tuple[tuple[str, str], ...]
    """("Empathy", "misc"), ("Overall", "tie"), or ("Fluency, misc", "2")"""
    reason: str | None
    seconds: float
    flags: tuple[str, ...]


@dataclass(frozen=True)
class ReadItem:
    """One item in full."""

    line: ItemLine
    situation: str
    context: tuple[Line, ...]
    replies: tuple[ReadReply, ...]
    votes: tuple[ReadVote, ...] = ()
    decision: str | None = None
    """the reviewer's decision, with its cause"""
    dialogue: str = ""
    problem_type: str | None = None
    emotion_type: str | None = None
    strategy: str | None = None
    """annotated for the turn that is replied to, if known"""


def browse(*, session: Session, access: Access) -> tuple[ItemLine, ...]:
    """By a lead: one line per item, in the plan's order; in a draft one per imported context."""
    study, _ = require(session, access, Role.LEAD)
    return _drafted(session, study) if study.state is StudyState.DRAFT else _planned(session, access, study)


def browse_item(*, session: Session, access: Access, item_id: str) -> ReadItem:
    """By a lead: one of the items of `browse` in full. Raises LookupError."""
    study, _ = require(session, access, Role.LEAD)
    draft = study.state is StudyState.DRAFT
    lines = _drafted(session, study, item_id) if draft else _planned(session, access, study, item_id)
    if not lines:
        raise LookupError("This item is not in the study (any more).")
    (line,) = lines
    item = None if study.state is StudyState.DRAFT else session.get_one(Item, item_id)
    context = session.get_one(Context, item_id if item is None else item.context_id)
    if study.kind is StudyKind.LIVE:
        talks = () if item is None else content(session, item, range(len(line.systems)))[2]
        replies = tuple(ReadReply(name, turns) for name, turns in zip(line.systems, talks, strict=False))
    else:
        replies = _replies(session, context, line.systems)
    opening = () if study.kind is StudyKind.LIVE else _lines(context.turns_json)
    found = ReadItem(
        line,
        context.situation,
        opening,
        replies,
        dialogue=context.dialogue,
        problem_type=context.problem_type,
        emotion_type=context.emotion_type,
        strategy=context.strategy,
    )
    return found if item is None else replace(found, **_judged(session, access, study, line))


def _judged(session: Session, access: Access, study: Study, line: ItemLine) -> dict[str, Any]:
    """The judgments of raters and reviewer on an item."""
    flags = {one.rater: one.flags for one in rater_quality(session=session, access=access)}
    votes = []
    for claim, member, given in _handed_in(session, study, line.id):
        name, answers = member.pseudonym(), _named(line.systems, given)
        votes.append(ReadVote(name, answers, claim.note or None, claim.seconds, flags.get(name, ())))
    review = session.scalar(select(Review).where(Review.item_id == line.id, Review.decided_at.is_not(None)))
    decision = None
    if review is not None and review.decision is not None:
        decision = f"{review.decision.value}: {review.cause}" if review.cause else review.decision.value
    return {"votes": tuple(votes), "decision": decision}


def _planned(session: Session, access: Access, study: Study, item_id: str | None = None) -> tuple[ItemLine, ...]:
    """The lines of an opened study, for all items or one. Reads columns only: there may be 100,000 items."""
    plan = plan_of(study)
    flagged = {one.rater for one in rater_quality(session=session, access=access) if one.flags}
    votes: dict[str, list[tuple[str, bool, dict[Question, str]]]] = defaultdict(list)
    for claim, member, given in _handed_in(session, study, item_id):
        votes[claim.item_id].append((member.pseudonym(), bool(claim.note), given))
    columns = (Item.id, Item.purpose, Item.systems_json, Context.key)
    rows = select(*columns).join(Context, Context.id == Item.context_id).where(Item.study_id == study.id)
    rows = rows if item_id is None else rows.where(Item.id == item_id)
    named: dict[str, tuple[str, ...]] = {}
    found = []
    for at, purpose, systems_json, key in session.execute(rows.order_by(Item.position)):
        systems = named.get(systems_json) or named.setdefault(systems_json, tuple(json.loads(systems_json)))
        line = ItemLine(at, key, purpose, systems)
        found.append(_counted(line, plan, votes[at], flagged) if at in votes else line)
    return tuple(found)


def _counted(
    line: ItemLine, plan: StudyPlan, mine: Sequence[tuple[str, bool, dict[Question, str]]], flagged: Set[str]
) -> ItemLine:
    """The line with the counts of its votes (rater, whether a reason was given, answers)."""
    asked = questions(plan.rubric, plan.pairwise(), line.systems)
    answers = [[given[question] for _, _, given in mine if question in given] for question in asked]
    return line._replace(
        votes=len(mine),
        open_questions=sum(plan.rubric.agreed(values) is None for values in answers if len(values) > 1),
        split_questions=sum(len(set(values)) > 1 for values in answers),
        reasons=sum(reason for _, reason, _ in mine),
        flagged=any(rater in flagged for rater, _, _ in mine),
    )


def _drafted(session: Session, study: Study, context_id: str | None = None) -> tuple[ItemLine, ...]:
    """The lines of a draft, for all contexts or one."""
    wanted = [Context.study_id == study.id] + ([] if context_id is None else [Context.id == context_id])
    systems: dict[str, list[str]] = defaultdict(list)
    rows = select(SystemReply.context_id, SystemReply.system).join(Context).where(*wanted)
    for at, system in session.execute(rows):
        systems[at].append(system)
    contexts = select(Context.id, Context.key, Context.purpose).where(*wanted).order_by(Context.key)
    return tuple(
        ItemLine(at, key, purpose, tuple(sorted(systems[at]))) for at, key, purpose in session.execute(contexts)
    )


def _handed_in(
    session: Session, study: Study, item_id: str | None = None
) -> list[tuple[Claim, Member, dict[Question, str]]]:
    """The handed-in claims, for all items or one, with their answers as stored."""
    done = [Item.study_id == study.id, Claim.state == ClaimState.DONE]
    if item_id is not None:
        done.append(Item.id == item_id)
    given: dict[int, dict[Question, str]] = defaultdict(dict)
    for answer in session.scalars(select(Answer).join(Claim).join(Item).where(*done).order_by(Answer.id)):
        given[answer.claim_id][answer.criterion, answer.system] = answer.value
    claims = select(Claim, Member).join(Item, Item.id == Claim.item_id).join(Member, Member.id == Claim.member_id)
    rows = session.execute(claims.where(*done).order_by(Member.number))
    return [(claim, member, given[claim.id]) for claim, member in rows]


def _named(systems: Sequence[str], given: Mapping[Question, str]) -> tuple[tuple[str, str], ...]:
    """Answers with system names in place of a and b."""
    names = {"a": systems[0], "b": systems[-1]}
    return tuple(
        (f"{criterion}, {system}", value) if system else (criterion, names.get(value, value))
        for (criterion, system), value in given.items()
    )


def _replies(session: Session, context: Context, systems: Sequence[str]) -> tuple[ReadReply, ...]:
    rows = session.scalars(
        select(SystemReply)
        .where(SystemReply.context_id == context.id, SystemReply.system.in_(systems))
        .options(undefer(SystemReply.replies_json))
        .order_by(SystemReply.system)
    )
    return tuple(
        ReadReply(row.system, _lines(row.turns_json), row.strategy, row.checkpoint, read_stored(row.replies_json))
        for row in rows
    )


def _lines(turns_json: str) -> tuple[Line, ...]:
    return tuple(Line(turn["speaker"], turn["text"]) for turn in json.loads(turns_json))
