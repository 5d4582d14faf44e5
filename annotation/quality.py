"""Signs of careless work, for the lead: known answers, duplicates, speed, one-sidedness. Nothing is blocked by them.

`rater_quality` reads the store; `flags` is pure and holds the thresholds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.ballots import known_answers
from annotation.choices import ClaimState, Purpose, Role
from annotation.members import require
from annotation.studies import plan_of
from annotation.study_plan import StudyPlan
from annotation.study_schema import Answer, Claim, Item, Member
from annotation.study_views import Access, RaterQuality
from annotation.task_projection import Question, systems_of, to_shown

MIN_ITEMS = 8
"""with fewer items handed in, nothing is said about sides and sameness"""
FAST_SHARE = 0.2
GOLD_SHARE = 0.7
SAME_SHARE = 0.6
SIDE_SHARE = 0.9


@dataclass(frozen=True)
class Work:
    """One item that a rater handed in."""

    item_id: str
    purpose: Purpose
    duplicate_of: str | None
    seconds: float
    answers: Mapping[Question, str]
    """in terms of systems"""
    shown: Sequence[str]
    """the same answers as on the screen"""


def rater_quality(*, session: Session, access: Access) -> tuple[RaterQuality, ...]:
    """By a lead: one row per rater, those without work included."""
    study, _ = require(session, access, Role.LEAD)
    plan, known = plan_of(study), known_answers(session, study)
    raters = session.scalars(
        select(Member).where(Member.study_id == study.id, Member.role == Role.RATER).order_by(Member.number)
    )
    return tuple(measure(rater.pseudonym(), works_of(session, rater), known, plan) for rater in raters)


def works_of(session: Session, rater: Member) -> list[Work]:
    """What the rater handed in, in their own order."""
    done = (Claim.member_id == rater.id, Claim.state == ClaimState.DONE)
    answers: dict[int, list[Answer]] = {}
    for row in session.scalars(select(Answer).join(Claim).where(*done)):
        answers.setdefault(row.claim_id, []).append(row)
    works = []
    for claim, item in session.execute(select(Claim, Item).join(Item).where(*done).order_by(Claim.ordinal)):
        given = {(row.criterion, row.system): row.value for row in answers.get(claim.id, [])}
        systems, places = systems_of(item), claim.places()
        shown = [to_shown(systems, places, (*question, value))[2] for question, value in given.items()]
        works.append(Work(item.id, item.purpose, item.duplicate_of, claim.seconds, given, shown))
    return works


def measure(
    rater: str, works: Sequence[Work], known: Mapping[str, Mapping[Question, str]], plan: StudyPlan
) -> RaterQuality:
    """The figures of one rater and the flags that follow; pure."""
    by_id = {work.item_id: work for work in works}
    gold = _right(works, known, Purpose.GOLD)
    onboarding = _right(works, known, Purpose.ONBOARDING)
    pairs = [
        (work.answers[question], by_id[work.duplicate_of].answers.get(question))
        for work in works
        if work.duplicate_of in by_id
        for question in work.answers
    ]
    picks = Counter(value for work in works for value in work.shown) if plan.pairwise() else Counter()
    figures = RaterQuality(
        rater=rater,
        items=len(works),
        median_seconds=median(work.seconds for work in works) if works else None,
        too_fast=sum(work.seconds < plan.min_seconds for work in works),
        gold_right=gold[0],
        gold_answers=gold[1],
        onboarding_right=onboarding[0],
        onboarding_answers=onboarding[1],
        same_on_duplicates=sum(again == before for again, before in pairs),
        duplicate_answers=len(pairs),
        first_picked=picks["a"],
        decided=picks["a"] + picks["b"],
        flags=(),
    )
    return replace(figures, flags=flags(figures, plan.min_seconds) + _sameness(works, plan.pairwise()))


def flags(figures: RaterQuality, min_seconds: float) -> tuple[str, ...]:
    """What is unusual, one sentence each."""
    found = []
    if figures.items and figures.too_fast >= max(2, FAST_SHARE * figures.items):
        found.append(f"too fast: {figures.too_fast} of {figures.items} items in under {min_seconds:g} s")
    for name, right, total in (
        ("gold", figures.gold_right, figures.gold_answers),
        ("onboarding", figures.onboarding_right, figures.onboarding_answers),
    ):
        if total and right < GOLD_SHARE * total:
            found.append(f"{name}: {right} of {total} known answers right")
    if figures.duplicate_answers and figures.same_on_duplicates < SAME_SHARE * figures.duplicate_answers:
        found.append(
            f"duplicates: {figures.same_on_duplicates} of {figures.duplicate_answers} answers stayed the same "
            "when the sides were swapped"
        )
    side = max(figures.first_picked, figures.decided - figures.first_picked)
    if figures.items >= MIN_ITEMS and figures.decided >= MIN_ITEMS and side >= SIDE_SHARE * figures.decided:
        which = "first" if side == figures.first_picked else "second"
        found.append(f"always one side: {side} of {figures.decided} decided answers for the reply shown {which}")
    return tuple(found)


def _sameness(works: Sequence[Work], pairwise: bool) -> tuple[str, ...]:
    """Flag one answer given nearly always; pairwise only the tie, since sides have a flag of their own."""
    counts = Counter(value for work in works for value in work.shown)
    if len(works) < MIN_ITEMS or not counts:
        return ()
    value, count = counts.most_common(1)[0]
    if count < SIDE_SHARE * counts.total() or (pairwise and value != "tie"):
        return ()
    return (f"always the same answer: {count} of {counts.total()} are {value}",)


def _right(works: Sequence[Work], known: Mapping[str, Mapping[Question, str]], purpose: Purpose) -> tuple[int, int]:
    """(answers that agree with the known one, answers with a known one)."""
    checks = [
        work.answers.get(question) == value
        for work in works
        if work.purpose is purpose
        for question, value in known.get(work.item_id, {}).items()
    ]
    return sum(checks), len(checks)
