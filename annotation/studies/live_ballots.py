"""Judgments of live talks as Ballots, so that every statistic of a study works on them too.

Each encounter is its own item with one rater, the visitor who had the talk, so there is no agreement to measure.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotation.choices import Mode, Outcome
from annotation.rubric import Rubric
from annotation.store.live_schema import StudyTalk
from annotation.store.schema import Ballot as Vote
from annotation.store.schema import Encounter, Judgment
from annotation.store.study_schema import Claim, Member
from annotation.studies.study_views import Ballot
from annotation.talks.held_back import held_back_count, held_back_turns

OUTCOMES = {Outcome.WIN: "a", Outcome.TIE: "tie", Outcome.LOSE: "b"}


def encounter_ballots(
    *, session: Session, rubric: Rubric, study: str | None = None, mode: Mode | None = None
) -> tuple[Ballot, ...]:
    """All judgments by the rubric of that name, oldest first, optionally of one study or one mode."""
    statement = (
        select(Encounter, Judgment, Vote.reason)
        .join(Judgment, Judgment.encounter_id == Encounter.id)
        .join(Vote, Vote.id == Judgment.ballot_id)
        .where(Judgment.rubric == rubric.name)
        .order_by(Judgment.id)
    )
    if study is not None:
        statement = statement.where(Encounter.study == study)
    if mode is not None:
        statement = statement.where(Encounter.mode == mode)
    raters, held = rater_numbers(session), held_back_turns(session)
    return tuple(
        replace(
            _ballot(encounter, judgment, raters[encounter.visitor], reason),
            held_back=held_back_count(held.get(encounter.id)),
            majority=rubric.majority.value,
        )
        for encounter, judgment, reason in session.execute(statement)
    )


def rater_numbers(session: Session) -> dict[str, str]:
    """Visitor -> r1, r2, ... in the order in which they first came. Raters of live studies keep their names there, so a
    name is unique only within a study."""
    first = func.min(Encounter.created_at)
    visitors = session.scalars(select(Encounter.visitor).group_by(Encounter.visitor).order_by(first, Encounter.visitor))
    statement = (
        select(Encounter.visitor, Member)
        .select_from(StudyTalk)
        .join(Encounter, Encounter.id == StudyTalk.encounter_id)
        .join(Claim, Claim.id == StudyTalk.claim_id)
        .join(Member, Member.id == Claim.member_id)
    )
    members = {visitor: member.pseudonym() for visitor, member in session.execute(statement)}
    others = [visitor for visitor in visitors if visitor not in members]
    return members | {visitor: f"r{number}" for number, visitor in enumerate(others, start=1)}


def _ballot(encounter: Encounter, judgment: Judgment, rater: str, reason: str | None) -> Ballot:
    return Ballot(
        study=encounter.study or "",
        item_id=encounter.id,
        rater=rater,
        criterion=judgment.criterion,
        system_a=judgment.system_1,
        system_b=judgment.system_2,
        outcome=OUTCOMES[judgment.outcome],
        first_shown=encounter.system_on(judgment.shown_first),
        seconds=judgment.seconds,
        problem_type=encounter.problem_type or None,
        context=encounter.role_card,
        reason=reason or None,
    )
