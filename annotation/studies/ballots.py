"""Handed-in answers as plain values for statistics and exports: `Ballot`, `Rating`, `Verdict`. Only for the lead.

They do not include drafts, released claims and items of erased conversations. Values are in terms of systems.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.choices import ClaimState, Decision, Purpose, Role
from annotation.store.live_schema import StudyTalk
from annotation.store.study_schema import Answer, Claim, Context, Item, Member, Review, ReviewAnswer, Study, SystemReply
from annotation.studies.members import NotAllowed, require
from annotation.studies.studies import plan_of
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access, Ballot, Rating, Verdict
from annotation.studies.task_projection import systems_of
from annotation.talks.held_back import held_back_count, held_back_turns


@dataclass(frozen=True)
class _HandedIn:
    """One claim, and what its answers have in common."""

    item: Item
    context: Context
    claim: Claim
    rater: str
    strategies: dict[str, str | None]
    discard_cause: str | None
    held_back: int

    def is_gold(self) -> bool:
        return self.item.purpose is not Purpose.MAIN


def ballots(*, session: Session, access: Access) -> tuple[Ballot, ...]:
    """By a lead: every answer handed in in a pairwise study, by item, rater and criterion. Raises NotAllowed."""
    study, plan = _study(session, access, pairwise=True)
    values = []
    for handed, answers in _handed_in(session, study):
        systems = systems_of(handed.item)
        for answer in _ordered(plan, answers):
            values.append(
                Ballot(
                    study=study.name,
                    item_id=handed.item.id,
                    rater=handed.rater,
                    criterion=answer.criterion,
                    system_a=systems[0],
                    system_b=systems[1],
                    outcome=answer.value,
                    first_shown=systems[handed.claim.places()[0]],
                    seconds=handed.claim.seconds,
                    is_duplicate_of=handed.item.duplicate_of,
                    is_gold=handed.is_gold(),
                    problem_type=handed.context.problem_type,
                    strategy=handed.context.strategy,
                    strategy_a=handed.strategies.get(systems[0]),
                    strategy_b=handed.strategies.get(systems[1]),
                    turn=handed.context.turn,
                    discard_cause=handed.discard_cause,
                    context=handed.context.key,
                    reason=handed.claim.note or None,
                    held_back=handed.held_back,
                    majority=plan.rubric.majority.value,
                )
            )
    return tuple(values)


def ratings(*, session: Session, access: Access) -> tuple[Rating, ...]:
    """By a lead: every score handed in in a pointwise study, by item, rater, criterion and system."""
    study, plan = _study(session, access, pairwise=False)
    values = []
    for handed, answers in _handed_in(session, study):
        systems, places = systems_of(handed.item), handed.claim.places()
        for answer in _ordered(plan, answers):
            values.append(
                Rating(
                    study=study.name,
                    item_id=handed.item.id,
                    rater=handed.rater,
                    criterion=answer.criterion,
                    system=answer.system,
                    score=int(answer.value),
                    position=places.index(systems.index(answer.system)),
                    seconds=handed.claim.seconds,
                    is_duplicate_of=handed.item.duplicate_of,
                    is_gold=handed.is_gold(),
                    problem_type=handed.context.problem_type,
                    strategy=handed.context.strategy,
                    system_strategy=handed.strategies.get(answer.system),
                    turn=handed.context.turn,
                    discard_cause=handed.discard_cause,
                    context=handed.context.key,
                    reason=handed.claim.note or None,
                    held_back=handed.held_back,
                )
            )
    return tuple(values)


def verdicts(*, session: Session, access: Access) -> tuple[Verdict, ...]:
    """By a lead: the reviewers' decisions, by item and criterion, and by system in a pointwise study."""
    study, _ = require(session, access, Role.LEAD)
    statement = (
        select(Review, ReviewAnswer, Context.key)
        .join(Item, Item.id == Review.item_id)
        .join(Context, Context.id == Item.context_id)
        .join(ReviewAnswer, ReviewAnswer.review_id == Review.id)
        .where(Item.study_id == study.id, Review.decided_at.is_not(None))
        .order_by(Item.position, ReviewAnswer.criterion, ReviewAnswer.system)
    )
    values = []
    for review, answer, key in session.execute(statement):
        assert review.decision is not None
        values.append(
            Verdict(
                study=study.name,
                item_id=review.item_id,
                criterion=answer.criterion,
                decision=review.decision.value,
                blind_outcome=answer.blind_value,
                outcome=answer.final_value,
                cause=review.cause,
                system=answer.system or None,
                context=key,
            )
        )
    return tuple(values)


def _study(session: Session, access: Access, pairwise: bool) -> tuple[Study, StudyPlan]:
    study, _ = require(session, access, Role.LEAD)
    plan = plan_of(study)
    if plan.pairwise() is not pairwise:
        raise NotAllowed(f"The rubric of this study is {plan.rubric.scale.value}; read its other kind of answers.")
    return study, plan


def _handed_in(session: Session, study: Study) -> Iterator[tuple[_HandedIn, list[Answer]]]:
    strategies: dict[str, dict[str, str | None]] = {}
    replies = select(SystemReply.context_id, SystemReply.system, SystemReply.strategy).join(Context)
    for context_id, system, strategy in session.execute(replies.where(Context.study_id == study.id)):
        strategies.setdefault(context_id, {})[system] = strategy
    causes = discard_causes(session)
    talks = {row.claim_id: row.encounter_id for row in session.scalars(select(StudyTalk))}
    held = held_back_turns(session) if talks else {}
    of_study = (Item.study_id == study.id, Claim.state == ClaimState.DONE)
    answers: dict[int, list[Answer]] = {}
    for answer in session.scalars(select(Answer).join(Claim).join(Item).where(*of_study)):
        answers.setdefault(answer.claim_id, []).append(answer)
    statement = (
        select(Item, Context, Claim, Member)
        .join(Context, Context.id == Item.context_id)
        .join(Claim, Claim.item_id == Item.id)
        .join(Member, Member.id == Claim.member_id)
        .where(*of_study)
        .order_by(Item.position, Member.number)
    )
    for item, context, claim, member in session.execute(statement):
        # A duplicate of a discarded item is discarded too.
        cause = causes.get(item.id) or causes.get(item.duplicate_of or "")
        count = held_back_count(held.get(talks.get(claim.id, "")))
        handed = _HandedIn(item, context, claim, member.pseudonym(), strategies.get(context.id, {}), cause, count)
        yield handed, answers.get(claim.id, [])


def discard_causes(session: Session) -> dict[str, str | None]:
    """Item id -> why its reviewer discarded it; items that count are left out."""
    discarded = select(Review.item_id, Review.cause).where(Review.decision == Decision.DISCARD)
    return {row[0]: row[1] for row in session.execute(discarded)}


def _ordered(plan: StudyPlan, answers: list[Answer]) -> list[Answer]:
    names = plan.rubric.names()
    return sorted(answers, key=lambda answer: (names.index(answer.criterion), answer.system))


def known_answers(session: Session, study: Study) -> dict[str, dict[tuple[str, str], str]]:
    """Item id -> (criterion, system) -> the known answer as stored, for gold and onboarding items."""
    statement = select(Item, Context).join(Context).where(Item.study_id == study.id, Context.gold_json.is_not(None))
    return {
        item.id: _known(context.gold_json or "{}", systems_of(item)) for item, context in session.execute(statement)
    }


def _known(gold_json: str, systems: tuple[str, ...]) -> dict[tuple[str, str], str]:
    known: dict[tuple[str, str], str] = {}
    for criterion, answer in json.loads(gold_json).items():
        if isinstance(answer, dict):
            known |= {(criterion, system): str(score) for system, score in answer.items()}
        else:
            known[criterion, ""] = answer if answer == "tie" else "ab"[systems.index(answer)]
    return known
