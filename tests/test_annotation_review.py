"""The second look and the signs of careless work."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Decision, Purpose
from annotation.rubric import find_rubric
from annotation.statistics.study_report import analyse
from annotation.statistics.win_tie_lose import Counts
from annotation.studies.answers import Given, save_answer
from annotation.studies.ballots import ballots, verdicts
from annotation.studies.members import NotAllowed
from annotation.studies.progress import own_progress, team_progress
from annotation.studies.quality import rater_quality
from annotation.studies.review import Ruling, decide, get_review, give_verdict, open_review
from annotation.studies.study_source import stored_data
from annotation.studies.study_views import ReviewView, TaskView
from annotation.studies.withdrawal import withdraw
from tests.studies import PLAN, SYSTEMS, StudyRoom, item

STORES = ("sqlite", "postgresql")
CRITERIA = find_rubric("admisc-2024").names()
VERDICT = [Given(name, "a") for name in CRITERIA]


def _room(sessions: sessionmaker[Session], share: float, items: int = 6) -> StudyRoom:
    plan = replace(PLAN, raters=3, review_share=share)
    return StudyRoom(sessions, plan, tuple(item(number) for number in range(items)), raters=3)


def _split(room: StudyRoom) -> None:
    """One item without a majority: each rater says something else on Overall."""
    tasks = {rater: room.judge(rater, _first_system) for rater in room.people}
    replies = {tuple(sorted(lines[0].text for lines in task.replies)) for task in tasks.values() if task}
    assert len(replies) == 1, "the test needs all raters on one item"
    for rater, value in zip(room.people, ("a", "tie", "b"), strict=True):
        task = tasks[rater]
        assert task is not None
        shown = value if value == "tie" or _first_system(task) == "a" else {"a": "b", "b": "a"}[value]
        room.do(save_answer, rater, claim_id=task.claim_id, given=Given("Overall", shown))


def _side_of(task: TaskView | ReviewView, wanted: str) -> str:
    first = _first_system(task)
    return first if wanted == "first" else {"a": "b", "b": "a"}[first]


def _first_system(task: TaskView | ReviewView) -> str:
    """The place of the system that comes first in sorted order, known from the tests' replies."""
    return min("ab", key=lambda place: task.replies["ab".index(place)][0].text)


def test_the_sample_is_reviewed_and_nothing_else(sessions: sessionmaker[Session]) -> None:
    room = _room(sessions, share=0.5, items=4)
    reviewer = room.invited("reviewer")
    assert room.do(open_review, reviewer) is None  # nothing is complete
    room.finish(_first_system)
    seen = 0
    while (view := room.do(open_review, reviewer)) is not None:
        own = [Given(name, _first_system(view)) for name in CRITERIA]
        room.do(give_verdict, reviewer, review_id=view.review_id, verdict=own)
        room.do(decide, reviewer, review_id=view.review_id, ruling=Ruling(Decision.CONFIRM))
        seen += 1
    assert seen == 2
    found = room.do(verdicts, room.lead)
    assert Counter(verdict.decision for verdict in found) == {"confirm": 2 * len(CRITERIA)}
    assert {(verdict.blind_outcome, verdict.outcome) for verdict in found} == {("a", "a")}
    progress = room.do(team_progress, room.lead)
    assert (progress.items, progress.complete, progress.reviewed, progress.to_review) == (4, 4, 2, 0)
    assert progress.judgments_done == progress.judgments_needed == 12


def test_an_item_without_majority_is_reviewed(sessions: sessionmaker[Session]) -> None:
    room = _room(sessions, share=0.0, items=1)
    reviewer = room.invited("reviewer")
    _split(room)
    view = room.do(open_review, reviewer)
    assert view is not None
    assert (view.own, view.votes, view.in_sample) == ((), (), None)
    after = room.do(give_verdict, reviewer, review_id=view.review_id, verdict=VERDICT)
    overall = next(vote for vote in after.votes if vote.criterion == "Overall")
    assert dict(overall.counts) == {"a": 1, "tie": 1, "b": 1}
    assert overall.majority is None
    assert after.in_sample is False
    assert not any(name in repr(after) for name in (*SYSTEMS, "'r1'", "'r2'", "'r3'"))
    corrected = (Given("Overall", "tie"),)
    with pytest.raises(ValueError, match="give the cause"):
        Ruling(Decision.CORRECT, corrected=corrected)
    room.do(decide, reviewer, review_id=view.review_id, ruling=Ruling(Decision.CORRECT, "slip", corrected))
    outcome = {verdict.criterion: verdict.outcome for verdict in room.do(verdicts, room.lead)}
    assert outcome == dict.fromkeys(CRITERIA, None) | {"Overall": "tie"}


def test_a_correction_leaves_the_other_questions_to_the_raters(sessions: sessionmaker[Session]) -> None:
    """Two of three prefer the first system; the reviewer corrects Overall; then these two take their votes back."""
    room = _room(sessions, share=1.0, items=1)
    for rater, wanted in zip(room.people, ("first", "first", "second"), strict=True):
        room.judge(rater, lambda task, wanted=wanted: _side_of(task, wanted))
    reviewer = room.invited("reviewer")
    view = room.do(open_review, reviewer)
    assert view is not None
    room.do(give_verdict, reviewer, review_id=view.review_id, verdict=VERDICT)
    ruling = Ruling(Decision.CORRECT, "slip", (Given("Overall", "tie"),))
    room.do(decide, reviewer, review_id=view.review_id, ruling=ruling)

    def items() -> dict[str, Counts]:
        data = room.do(stored_data, room.lead)
        return {one.criterion: one.items for one in analyse(data, resamples=0).pairs}

    won, tied, lost = Counts(1, 0, 0), Counts(0, 1, 0), Counts(0, 0, 1)
    assert items() == dict.fromkeys(CRITERIA, won) | {"Overall": tied}
    for rater in room.people[:2]:
        room.do(withdraw, rater)
    assert items() == dict.fromkeys(CRITERIA, lost) | {"Overall": tied}


def test_a_discarded_item_says_why(sessions: sessionmaker[Session]) -> None:
    room = _room(sessions, share=1.0, items=1)
    reviewer = room.invited("reviewer")
    room.finish()
    view = room.do(open_review, reviewer)
    assert view is not None
    with pytest.raises(NotAllowed, match="own verdict first"):
        room.do(decide, reviewer, review_id=view.review_id, ruling=Ruling(Decision.CONFIRM))
    with pytest.raises(ValueError, match="no answer"):
        room.do(give_verdict, reviewer, review_id=view.review_id, verdict=VERDICT[:2])
    room.do(give_verdict, reviewer, review_id=view.review_id, verdict=VERDICT)
    with pytest.raises(NotAllowed, match="stays as it is"):
        room.do(give_verdict, reviewer, review_id=view.review_id, verdict=VERDICT)
    room.do(decide, reviewer, review_id=view.review_id, ruling=Ruling(Decision.DISCARD, "ambiguous"))
    assert {ballot.discard_cause for ballot in room.do(ballots, room.lead)} == {"ambiguous"}
    assert {verdict.outcome for verdict in room.do(verdicts, room.lead)} == {None}


def test_the_blind_verdict_closes_the_item(sessions: sessionmaker[Session]) -> None:
    room = _room(sessions, share=1.0, items=1)
    reviewer = room.invited("reviewer")
    task = room.judge(room.people[0])
    room.finish()
    view = room.do(open_review, reviewer)
    assert task is not None
    assert view is not None
    room.do(save_answer, room.people[0], claim_id=task.claim_id, given=Given("Overall", "b"))
    room.do(give_verdict, reviewer, review_id=view.review_id, verdict=VERDICT)
    with pytest.raises(NotAllowed, match="closed"):
        room.do(save_answer, room.people[0], claim_id=task.claim_id, given=Given("Overall", "a"))


def test_two_reviewers_never_share_an_item(sessions: sessionmaker[Session]) -> None:
    room = _room(sessions, share=1.0, items=2)
    reviewers = [room.invited("reviewer") for _ in range(3)]
    room.finish()
    views = [room.do(open_review, reviewer) for reviewer in reviewers]
    assert views[0] is not None
    assert views[1] is not None
    assert views[0].review_id != views[1].review_id
    assert views[2] is None
    assert room.do(open_review, reviewers[0]) is not None  # the same again
    with pytest.raises(LookupError):
        room.do(get_review, reviewers[1], review_id=views[0].review_id)
    with pytest.raises(NotAllowed, match="for a reviewer"):
        room.do(open_review, room.people[0])


def test_a_careless_rater_is_flagged_and_a_careful_one_is_not(sessions: sessionmaker[Session]) -> None:
    """r1 always takes the first side; r2 prefers the first system, which the gold items confirm."""
    gold = tuple(item(number, Purpose.GOLD, ("human", "weak")) for number in range(4))
    plan = replace(PLAN, raters=2, raters_per_item=2, gold_share=0.2, duplicate_share=1.0, min_seconds=0.0)
    room = StudyRoom(sessions, plan, (*(item(number) for number in range(10)), *gold), raters=2)
    careless, careful = room.people
    while room.judge(careless, "a") is not None:
        pass
    while room.judge(careful, _first_system) is not None:
        pass
    bad, good = room.do(rater_quality, room.lead)
    assert good.flags == ()
    assert good.gold_right == good.gold_answers > 0
    assert good.same_on_duplicates == good.duplicate_answers > 0
    assert bad.same_on_duplicates == 0
    assert bad.first_picked == bad.decided
    assert any("one side: the first one" in flag for flag in bad.flags)
    assert any("alike when swapped" in flag for flag in bad.flags)
    own = room.do(own_progress, careful)
    assert own.done == good.items
    assert own.expected >= own.done
