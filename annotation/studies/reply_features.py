"""The traces of replies as numbers, read from the store to be compared with the votes. Only for the lead."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from annotation.choices import ClaimState, HeldBack, ReplyState, Role, Side, StudyKind
from annotation.statistics.explanations import ReplyFeature, features_of
from annotation.store.live_schema import StudyTalk
from annotation.store.schema import Encounter, Reply
from annotation.store.study_schema import Claim, Context, Item, Study, SystemReply
from annotation.studies.members import require
from annotation.studies.stored_replies import read_stored
from annotation.studies.study_views import Access
from annotation.studies.task_projection import systems_of
from annotation.talks.projection import latest_replies


def reply_features(*, session: Session, access: Access) -> tuple[ReplyFeature, ...]:
    """By a lead: the features of every judged reply whose trace is known, by item."""
    study, _ = require(session, access, Role.LEAD)
    if study.kind is StudyKind.LIVE:
        return _talk_features(session, study)
    columns = (SystemReply.context_id, SystemReply.system, SystemReply.replies_json, Context.strategy)
    traced = (Context.study_id == study.id, SystemReply.replies_json.is_not(None))
    known = {
        (context, system): _mean_features(read_stored(made), gold)
        for context, system, made, gold in session.execute(select(*columns).join(Context).where(*traced))
    }
    items = session.scalars(select(Item).where(Item.study_id == study.id).order_by(Item.position))
    return tuple(
        ReplyFeature(item.id, system, name, value)
        for item in items
        for system in systems_of(item)
        for name, value in known.get((item.context_id, system), ())
    )


def encounter_features(*, session: Session, study: str) -> tuple[ReplyFeature, ...]:
    """The same for the live talks held under the name `study`: each side's replies, averaged over the talk."""
    encounters = select(Encounter).where(Encounter.study == study).order_by(Encounter.created_at, Encounter.id)
    return tuple(
        ReplyFeature(encounter.id, system, *one)
        for encounter in session.scalars(encounters)
        for system, made in _sides(session, encounter).items()
        for one in _mean_features(made, None)
    )


def _talk_features(session: Session, study: Study) -> tuple[ReplyFeature, ...]:
    """The features of each system's replies in the handed-in talks, averaged over the talks of an item."""
    talks = (
        select(Item.id, Encounter)
        .join(Claim, Claim.item_id == Item.id)
        .join(StudyTalk, StudyTalk.claim_id == Claim.id)
        .join(Encounter, Encounter.id == StudyTalk.encounter_id)
        .where(Item.study_id == study.id, Claim.state == ClaimState.DONE)
        .order_by(Item.position, Claim.id)
    )
    made: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for item, encounter in session.execute(talks):
        for system, replies in _sides(session, encounter).items():
            made[item, system] += replies
    return tuple(ReplyFeature(*key, *one) for key, found in made.items() for one in _mean_features(found, None))


def _sides(session: Session, encounter: Encounter) -> dict[str, list[Mapping[str, Any]]]:
    """System -> its replies in a talk with their traces, oldest first."""
    rows = select(Reply).where(Reply.encounter_id == encounter.id, Reply.state == ReplyState.DONE)
    latest = latest_replies(session.scalars(rows.options(undefer(Reply.reply_json))))
    made: dict[str, list[Mapping[str, Any]]] = {encounter.system_on(side): [] for side in Side}
    for (_, at), row in sorted(latest.items()):
        if row.held_back is HeldBack.REPLACED:  # no net wrote it
            continue
        made[encounter.system_on(at)].append(json.loads(row.reply_json or ""))
    return made


def _mean_features(replies: Iterable[Mapping[str, Any]], gold: str | None) -> Sequence[tuple[str, float]]:
    """Each feature, averaged over the replies that have it: a single reply, or one side of a whole talk."""
    values: dict[str, list[float]] = defaultdict(list)
    for reply in replies:
        for name, value in features_of(reply, gold):
            values[name].append(value)
    return [(name, sum(known) / len(known)) for name, known in values.items()]
