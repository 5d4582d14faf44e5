"""The second look: a drawn sample of the items, and every item on which the raters have no majority.

    view = open_review(session=session, access=reviewer)           # the next complete item, votes hidden
    view = give_verdict(..., review_id=..., verdict=[Given(...)])  # own verdict; closes the item and shows the votes
    decide(..., review_id=..., ruling=Ruling("confirm"))         # or correct, discard: with a cause

The reviewer never sees systems or raters. One item has one review.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from annotation.choices import ClaimState, Decision, Purpose, Role, StudyEventKind, StudyState
from annotation.store.schema import utc_now
from annotation.store.study_events import record_study
from annotation.store.study_schema import Answer, Claim, Item, Member, Review, ReviewAnswer, Study
from annotation.store.texts import MAX_LABEL_CHARS, accept_text
from annotation.studies.answers import Given
from annotation.studies.assignment import arrangements
from annotation.studies.members import NotAllowed, require, require_consent
from annotation.studies.studies import plan_of
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access, AnswerView, ReviewView, VoteCount
from annotation.studies.task_projection import Question, content, questions, systems_of, to_shown, to_stored

CAUSES = ("ambiguous", "guideline gap", "slip")
"""causes to choose from; the reviewer may also write another one"""


@dataclass(frozen=True)
class Ruling:
    """The reviewer's decision on one item. Checked on creation; raises ValueError."""

    decision: Decision
    cause: str | None = None
    """needed to correct or discard"""
    corrected: tuple[Given, ...] = ()
    """when correcting: the answers that count instead, as on the screen; for other questions the raters' stand"""

    def __post_init__(self) -> None:
        object.__setattr__(self, "decision", Decision(self.decision))
        cause = accept_text(self.cause or "", what="cause", limit=MAX_LABEL_CHARS).strip() or None
        object.__setattr__(self, "cause", cause)
        if self.decision is not Decision.CONFIRM and cause is None:
            raise ValueError(f"To {self.decision.value} an item, give the cause, such as {', '.join(CAUSES)}.")
        if (self.decision is Decision.CORRECT) != bool(self.corrected):
            raise ValueError("Give corrected answers when you correct, and only then.")


def open_review(*, session: Session, access: Access) -> ReviewView | None:
    """By a reviewer: the review they are working on, else the next one, now theirs; None when none is waiting.

    A review without activity for longer than a lease goes to the next reviewer, who starts from the beginning. Raises
    NotAllowed before consent.
    """
    study, member = require(session, access, Role.REVIEWER, lock=True)
    require_consent(session, member)
    own = select(Review).join(Item).where(Review.member_id == member.id, Review.decided_at.is_(None))
    review = session.scalars(own.order_by(Review.id)).first() or _next(session, study, member)
    if review is None:
        return None
    _renew(review, study)
    session.flush()
    return review_view(session, study, review)


def get_review(*, session: Session, access: Access, review_id: int) -> ReviewView:
    """By a reviewer: one of their own reviews. Raises LookupError."""
    study, member = require(session, access, Role.REVIEWER)
    return review_view(session, study, _own(session, member, review_id))


def give_verdict(*, session: Session, access: Access, review_id: int, verdict: Sequence[Given]) -> ReviewView:
    """By a reviewer: store their verdict, once, and close the item. Raises ValueError unless all is answered once."""
    study, member = require(session, access, Role.REVIEWER, lock=True)
    review = _own(session, member, review_id)
    if review.blind_at is not None:
        raise NotAllowed("You gave your own verdict before you saw the votes; it stays as it is.")
    item, plan = session.get_one(Item, review.item_id), plan_of(study)
    given = _stored(plan, item, review, verdict)
    missing = [
        question for question in questions(plan.rubric, plan.pairwise(), systems_of(item)) if question not in given
    ]
    if missing:
        raise ValueError(f"{len(missing)} question(s) have no answer; answer each once, then continue.")
    for (criterion, system), value in given.items():
        session.add(ReviewAnswer(review_id=review.id, criterion=criterion, system=system, blind_value=value))
    review.blind_at = utc_now()
    item.closed_at = item.closed_at or review.blind_at
    _renew(review, study)
    _record(session, study, member, StudyEventKind.REVIEW_BLIND, item.id)
    session.flush()
    return review_view(session, study, review)


def decide(*, session: Session, access: Access, review_id: int, ruling: Ruling) -> ReviewView:
    """By a reviewer: confirm, correct or discard, once, after their verdict. Raises NotAllowed or ValueError."""
    study, member = require(session, access, Role.REVIEWER, lock=True)
    review = _own(session, member, review_id)
    if review.blind_at is None or review.decided_at is not None:
        raise NotAllowed("Give your own verdict first, then decide once.")
    item, plan = session.get_one(Item, review.item_id), plan_of(study)
    corrected = _stored(plan, item, review, ruling.corrected)
    votes = votes_of(session, item.id)
    for answer in session.scalars(select(ReviewAnswer).where(ReviewAnswer.review_id == review.id)):
        question = (answer.criterion, answer.system)
        if ruling.decision is Decision.CONFIRM:
            answer.final_value = plan.rubric.agreed(votes.get(question, []))
        else:
            answer.final_value = corrected.get(question)
    review.decision, review.cause, review.decided_at = ruling.decision, ruling.cause, utc_now()
    _record(session, study, member, StudyEventKind.REVIEWED, item.id, ruling.decision.value)
    session.flush()
    return review_view(session, study, review)


def waiting(session: Session, study: Study) -> list[Item]:
    """Complete items that are to be reviewed and have no review yet, in a drawn order."""
    reviewed = select(Review.item_id)
    statement = select(Item).where(Item.id.not_in(reviewed), *_complete(study)).order_by(Item.position)
    rubric, votes = plan_of(study).rubric, _all_votes(session, study)
    items = [
        item
        for item in session.scalars(statement)
        if item.in_sample or any(rubric.agreed(values) is None for values in votes.get(item.id, {}).values())
    ]
    random.Random(f"review order:{study.seed}").shuffle(items)
    return items


def votes_of(session: Session, item_id: str) -> dict[Question, list[str]]:
    """Question -> the handed-in answers, in no particular order."""
    return _votes(session, Claim.item_id == item_id).get(item_id, {})


def _all_votes(session: Session, study: Study) -> dict[str, dict[Question, list[str]]]:
    return _votes(session, Claim.item_id.in_(select(Item.id).where(*_complete(study))))


def _votes(session: Session, which: ColumnElement[bool]) -> dict[str, dict[Question, list[str]]]:
    """Item id -> question -> the handed-in answers, in one query."""
    statement = (
        select(Claim.item_id, Answer.criterion, Answer.system, Answer.value)
        .join(Answer, Answer.claim_id == Claim.id)
        .where(which, Claim.state == ClaimState.DONE)
    )
    votes: dict[str, dict[Question, list[str]]] = {}
    for item_id, criterion, system, value in session.execute(statement):
        votes.setdefault(item_id, {}).setdefault((criterion, system), []).append(value)
    return votes


def review_view(session: Session, study: Study, review: Review) -> ReviewView:
    """The review as its reviewer may see it."""
    item, plan = session.get_one(Item, review.item_id), plan_of(study)
    places = _places(review)
    situation, context, replies = content(session, item, places)
    blind = review.blind_at is None
    return ReviewView(
        review_id=review.id,
        situation=situation,
        context=context,
        replies=replies,
        own=() if blind else _own_answers(session, plan, item, review),
        votes=() if blind else _vote_counts(session, plan, item, places),
        in_sample=None if blind else item.in_sample,
        decision=review.decision,
        cause=review.cause,
        lease_until=review.lease_until,
    )


def _complete(study: Study) -> tuple[ColumnElement[bool], ...]:
    done = select(func.count()).where(Claim.item_id == Item.id, Claim.state == ClaimState.DONE).scalar_subquery()
    return (Item.study_id == study.id, Item.purpose == Purpose.MAIN, Item.duplicate_of.is_(None), Item.seats == done)


def _next(session: Session, study: Study, member: Member) -> Review | None:
    if study.state is StudyState.DRAFT:
        return None
    left = (
        select(Review)
        .join(Item)
        .where(Item.study_id == study.id, Review.decided_at.is_(None), Review.lease_until < utc_now())
    )
    review = session.scalars(left.order_by(Review.id)).first()
    if review is not None:
        session.execute(delete(ReviewAnswer).where(ReviewAnswer.review_id == review.id))
        review.member_id, review.blind_at = member.id, None
    else:
        items = waiting(session, study)
        if not items:
            return None
        options = arrangements(len(systems_of(items[0])))
        arrangement = random.Random(f"review sides:{study.seed}:{items[0].id}").choice(options)
        now = utc_now()
        review = Review(
            item_id=items[0].id,
            member_id=member.id,
            arrangement=",".join(str(place) for place in arrangement),
            claimed_at=now,
            lease_until=now,
        )
        session.add(review)
    session.flush()
    _record(session, study, member, StudyEventKind.REVIEW_CLAIMED, review.item_id)
    return review


def _own(session: Session, member: Member, review_id: int) -> Review:
    review = session.get(Review, review_id, populate_existing=True)
    if review is None or review.member_id != member.id:
        raise LookupError("This review is not (or no longer) yours; open the next one.")
    return review


def _renew(review: Review, study: Study) -> None:
    review.lease_until = utc_now() + timedelta(minutes=plan_of(study).lease_minutes)


def _places(review: Review) -> tuple[int, ...]:
    return tuple(int(place) for place in review.arrangement.split(","))


def _stored(plan: StudyPlan, item: Item, review: Review, given: Sequence[Given]) -> dict[Question, str]:
    stored: dict[Question, str] = {}
    for answer in given:
        shown = (answer.criterion, answer.place, answer.value)
        criterion, system, value = to_stored(plan, systems_of(item), _places(review), shown)
        if (criterion, system) in stored:
            raise ValueError(f"{criterion} is answered twice; answer each question once.")
        stored[criterion, system] = value
    return stored


def _own_answers(session: Session, plan: StudyPlan, item: Item, review: Review) -> tuple[AnswerView, ...]:
    assert review.blind_at is not None
    rows = session.scalars(select(ReviewAnswer).where(ReviewAnswer.review_id == review.id))
    names, systems = plan.rubric.names(), systems_of(item)
    views = [
        AnswerView(*to_shown(systems, _places(review), (row.criterion, row.system, row.blind_value)), review.blind_at)
        for row in rows
    ]
    return tuple(sorted(views, key=lambda view: (names.index(view.criterion), view.place or "")))


def _vote_counts(session: Session, plan: StudyPlan, item: Item, places: Sequence[int]) -> tuple[VoteCount, ...]:
    systems, votes = systems_of(item), votes_of(session, item.id)
    counts = []
    for question in questions(plan.rubric, plan.pairwise(), systems):
        values = [to_shown(systems, places, (*question, value))[2] for value in votes.get(question, [])]
        place = to_shown(systems, places, (*question, "tie"))[1]
        found = Counter(values)
        ordered = tuple((answer, found[answer]) for answer in plan.rubric.answers())
        counts.append(VoteCount(question[0], place, ordered, plan.rubric.agreed(values)))
    return tuple(counts)


def _record(
    session: Session, study: Study, member: Member, kind: StudyEventKind, item_id: str, value: str | None = None
) -> None:
    record_study(session, study.id, kind, actor=member.pseudonym(), item_id=item_id, new_value=value)
