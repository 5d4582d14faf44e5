"""Talks inside a study: bound to the claim, blind, resumed, compared turn by turn, judged once they are over."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import ClaimState, Pick, Side
from annotation.store.erasure import delete_visitor
from annotation.store.live_schema import StudyTalk, TurnPreference, TurnStar
from annotation.store.schema import Encounter, Event, Post, Reply, utc_now
from annotation.store.study_schema import Claim, Member, Study
from annotation.studies.answers import Given, save_answer, submit
from annotation.studies.claims import begin_break, get_task, give_back, open_task
from annotation.studies.item_import import import_items
from annotation.studies.live_items import Scene, add_scenes, choose_scenes, read_scenes
from annotation.studies.live_talks import (
    continuing_side,
    end_talk,
    keep_intensity,
    prefer,
    rate_side,
    retry_side,
    send_post,
    start_talk,
)
from annotation.studies.members import NotAllowed
from annotation.studies.review import give_verdict, open_review
from annotation.studies.studies import get_brief
from annotation.studies.study_plan import PlanError, plan_from_dict
from annotation.studies.withdrawal import withdraw
from annotation.talks.conversation import missing_replies, save_reply
from annotation.talks.encounters import freeze, is_token, reveal, visitor_of
from annotation.talks.judgments import Vote, judge
from annotation.talks.stages import Stage
from models.data.strategies import STRATEGIES
from tests.live import PLAN, SCENES, LiveRoom
from tests.studies import SYSTEMS, StudyRoom, item

STORES = ("sqlite", "postgresql")


def _count(sessions: sessionmaker[Session], *tables: type) -> list[int]:
    with sessions() as session:
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


def test_from_the_first_question_to_the_hand_in(sessions: sessionmaker[Session]) -> None:
    room = LiveRoom(sessions)
    rater = room.people[0]
    task = room.open(rater)
    assert task is not None
    assert task.talk is not None
    assert (task.talk.encounter, task.talk.emotion_type, task.talk.left()) == (None, "sadness", 2)
    assert task.talk.opening.startswith("Opening")
    claim = task.claim_id
    for early in (send_post, rate_side, end_talk):
        more = {send_post: {"text": "x", "key": "k"}, rate_side: {"side": "a", "stars": 3}}.get(early, {})
        with pytest.raises(NotAllowed, match="First say how strong"):
            room.do(early, rater, claim_id=claim, **more)
    with pytest.raises(ValueError, match="1 to 5; then the talk begins"):
        room.do(start_talk, rater, claim_id=claim, intensity=None)
    room.do(start_talk, rater, claim_id=claim, intensity=4)
    again = room.do(start_talk, rater, claim_id=claim, intensity=1)  # a second click changes nothing
    assert again.encounter is not None
    assert again.encounter.intensity_before == 4
    assert room.say(rater, claim).left() == 1
    with pytest.raises(NotAllowed, match=r"1 more answered message"):
        room.do(end_talk, rater, claim_id=claim)
    with pytest.raises(NotAllowed, match="Talk with the two supporters first"):
        room.do(save_answer, rater, claim_id=claim, given=Given("Overall", "a"))
    room.say(rater, claim)
    assert room.do(end_talk, rater, claim_id=claim).ended()
    assert room.do(end_talk, rater, claim_id=claim).ended()
    with pytest.raises(ValueError, match="finished"):
        room.do(send_post, rater, claim_id=claim, text="more", key="late")
    for name in PLAN.rubric.names():
        room.do(save_answer, rater, claim_id=claim, given=Given(name, "a"))
    assert room.task(rater, claim).missing == ("Intensity now",)
    with pytest.raises(ValueError, match="Please answer Intensity now"):
        room.do(submit, rater, claim_id=claim)
    room.do(keep_intensity, rater, claim_id=claim, intensity=3)
    done = room.do(submit, rater, claim_id=claim)
    assert done.state is ClaimState.DONE
    assert [line.speaker for line in done.replies[0]] == ["seeker", "supporter"] * 2
    with pytest.raises(NotAllowed, match="handed in"):
        room.do(rate_side, rater, claim_id=claim, side="a", stars=1)
    assert room.do(keep_intensity, rater, claim_id=claim, intensity=1).intensity_after == 1


def test_sides_follow_the_claim_and_nothing_names_a_system(sessions: sessionmaker[Session]) -> None:
    room = LiveRoom(sessions, turn_preference="preferred")
    rater, seen, first = room.people[0], "", Counter()
    for _ in SCENES:
        room.finish_item(rater, picked="tie")
    with sessions() as session:
        for claim in session.scalars(select(Claim)):
            talk = session.get_one(StudyTalk, claim.id)
            encounter = session.get_one(Encounter, talk.encounter_id)
            assert (encounter.side_a, encounter.side_b()) == tuple(SYSTEMS[:2][place] for place in claim.places())
            assert encounter.rubric == PLAN.rubric.name
            first[encounter.side_a] += 1
            view = get_task(session=session, access=rater, claim_id=claim.id)
            seen += json.dumps(asdict(view), default=str)
    assert set(first.values()) == {2}
    assert [name for name in (*SYSTEMS, "checkpoint-", *STRATEGIES) if name in seen] == []


def test_both_replies_are_released_together(sessions: sessionmaker[Session]) -> None:
    room = LiveRoom(sessions)
    rater = room.people[0]
    task = room.begin(rater)
    talk = room.do(send_post, rater, claim_id=task.claim_id, text="Hello.", key="k")
    assert talk.encounter is not None
    with sessions.begin() as session:
        one, other = missing_replies(session=session, encounter_id=talk.encounter.id)
        save_reply(session=session, slot=one.slot, reply=None, error=f"{one.system} broke")
    turn = room.talk(rater, task.claim_id).encounter.turns[0]  # type: ignore[union-attr]
    assert (turn.a.text, turn.b.text) == (None, None)
    assert SYSTEMS[0] not in str(turn)
    with pytest.raises(ValueError, match="still answering"):
        room.do(send_post, rater, claim_id=task.claim_id, text="More.", key="k2")
    again = room.do(send_post, rater, claim_id=task.claim_id, text="Hello.", key="k")  # the same click twice
    assert len(again.encounter.turns) == 1  # type: ignore[union-attr]
    room.do(retry_side, rater, claim_id=task.claim_id, side=one.slot.side)
    room.reply(talk.encounter.id)
    assert room.talk(rater, task.claim_id).answered() == (0,)
    assert other.slot.side is not one.slot.side


@pytest.mark.parametrize("form", ["own", "preferred"])
def test_what_the_systems_get_as_history(sessions: sessionmaker[Session], form: str) -> None:
    """own: each its own replies. preferred: both the preferred one, word for word."""
    room = LiveRoom(sessions, turn_preference=form, min_turns=1)
    rater = room.people[0]
    claim = room.begin(rater).claim_id
    picks = ("a", "b", "tie")
    for picked in picks:
        room.say(rater, claim, picked=picked)
    talk = room.do(send_post, rater, claim_id=claim, text="And now?", key="last")
    encounter = talk.encounter
    assert encounter is not None
    with sessions() as session:
        tasks = missing_replies(session=session, encounter_id=encounter.id)
        seed = session.get_one(Encounter, encounter.id).seed
    kept = {"a": Side.A, "b": Side.B, "tie": continuing_side(seed, 2, Pick.TIE)}
    for task in tasks:
        for turn, picked in zip(encounter.turns, picks, strict=False):
            side = kept[picked] if form == "preferred" else task.slot.side
            assert task.exchanges[turn.index].reply == turn.side(side).text
        assert task.exchanges[-1].reply is None
    assert talk.continued == (tuple(enumerate(kept.values())) if form == "preferred" else ())
    histories = {tuple(one.reply for one in task.exchanges) for task in tasks}
    assert len(histories) == (1 if form == "preferred" else 2)


def test_about_the_same_favours_no_side() -> None:
    drawn = Counter(continuing_side(seed, turn, Pick.TIE) for seed in range(200) for turn in range(5))
    assert 430 < drawn[Side.A] < 570
    assert continuing_side(7, 3, Pick.TIE) is continuing_side(7, 3, Pick.TIE)


def test_a_choice_is_needed_and_can_be_changed_until_the_next_message(sessions: sessionmaker[Session]) -> None:
    room = LiveRoom(sessions, turn_preference="own", min_turns=1)
    rater = room.people[0]
    claim = room.begin(rater).claim_id
    assert room.say(rater, claim).must_prefer()
    with pytest.raises(NotAllowed, match="which of the two replies is better"):
        room.do(send_post, rater, claim_id=claim, text="More.", key="k")
    with pytest.raises(NotAllowed, match="which of the last two replies"):
        room.do(end_talk, rater, claim_id=claim)
    with pytest.raises(ValueError, match="allowed: a, tie, b"):
        room.do(prefer, rater, claim_id=claim, turn_index=0, picked="c")
    room.do(prefer, rater, claim_id=claim, turn_index=0, picked="a")
    assert room.do(prefer, rater, claim_id=claim, turn_index=0, picked="b").preferences == ((0, Pick.B),)
    room.say(rater, claim, picked="a")
    with pytest.raises(NotAllowed, match="Only the two replies to the last"):
        room.do(prefer, rater, claim_id=claim, turn_index=0, picked="a")
    assert _count(sessions, TurnPreference) == [2]
    with sessions() as session:  # every choice is in the record, the changed one as well
        chosen = session.scalars(select(Event.new_value).where(Event.criterion == "preference").order_by(Event.id))
        assert chosen.all() == ["a", "b", "a"]


def test_a_plan_without_choices_asks_for_none(sessions: sessionmaker[Session]) -> None:
    room = LiveRoom(sessions)
    claim = room.begin(room.people[0]).claim_id
    assert not room.say(room.people[0], claim).must_prefer()
    with pytest.raises(NotAllowed, match="Only the two replies"):
        room.do(prefer, room.people[0], claim_id=claim, turn_index=0, picked="a")


def test_stars_every_second_message_and_never_needed(sessions: sessionmaker[Session]) -> None:
    room = LiveRoom(sessions)
    rater = room.people[0]
    claim = room.begin(rater).claim_id
    room.say(rater, claim)
    with pytest.raises(NotAllowed, match="every second message"):
        room.do(rate_side, rater, claim_id=claim, side="a", stars=3)
    room.say(rater, claim)
    room.do(rate_side, rater, claim_id=claim, side="a", stars=3)
    with pytest.raises(ValueError, match="allowed: 1"):
        room.do(rate_side, rater, claim_id=claim, side="b", stars=6)
    talk = room.do(rate_side, rater, claim_id=claim, side="a", stars=5)
    assert talk.stars == ((1, Side.A, 5),)
    assert room.say(rater, claim).to_star() == 1  # still open, until the next two messages are answered
    assert room.say(rater, claim).to_star() == 3
    assert room.do(end_talk, rater, claim_id=claim).ended()


def test_a_talk_is_resumed_after_the_lease_and_a_break_stops_it(sessions: sessionmaker[Session]) -> None:
    room = LiveRoom(sessions)
    rater, other = room.people
    claim = room.begin(rater).claim_id
    room.open(other)
    before = room.task(rater, claim).lease_until
    said = room.say(rater, claim)
    assert room.task(rater, claim).lease_until > before  # talking keeps the item
    room.do(begin_break, rater)
    with pytest.raises(NotAllowed, match="on a break"):
        room.do(send_post, rater, claim_id=claim, text="More.", key="k")
    with sessions.begin() as session:
        session.execute(update(Member).values(break_since=None))
        session.execute(update(Claim).where(Claim.id == claim).values(lease_until=utc_now() - timedelta(minutes=1)))
    room.open(other)  # their own item again; the seat whose lease is over goes back
    with pytest.raises(NotAllowed, match="went back"):
        room.do(send_post, rater, claim_id=claim, text="More.", key="k")
    again = room.open(rater)
    assert again is not None
    assert (again.claim_id, again.talk) == (claim, said)


def test_nobody_else_reaches_a_talk(sessions: sessionmaker[Session]) -> None:
    room = LiveRoom(sessions)
    mine, other = room.people
    claim = room.begin(mine).claim_id
    for access, error in ((other, LookupError), (room.lead, NotAllowed), (room.invited("reviewer"), NotAllowed)):
        with pytest.raises(error):
            room.do(send_post, access, claim_id=claim, text="Hello.", key="k")
    room.do(give_back, mine, claim_id=claim)
    with pytest.raises(NotAllowed, match="went back"):
        room.do(send_post, mine, claim_id=claim, text="Hello.", key="k")


def test_what_a_rater_is_hashed_from_opens_nothing_on_the_first_page(sessions: sessionmaker[Session]) -> None:
    room = LiveRoom(sessions)
    rater = room.people[0]
    claim = room.begin(rater).claim_id
    room.say(rater, claim)
    for text in (f"member of a study: {rater.member_id}", f"member of a study: {room.lead.member_id}"):
        assert not is_token(text)
        with pytest.raises(ValueError, match="reload it"):
            visitor_of(text)


def test_the_first_page_neither_judges_nor_ends_nor_deletes_the_talk_of_a_study(
    sessions: sessionmaker[Session],
) -> None:
    """Even for the right visitor: there a vote shows the names."""
    room = LiveRoom(sessions)
    rater = room.people[0]
    claim = room.begin(rater).claim_id
    for _ in range(2):
        room.say(rater, claim)
    talk = room.talk(rater, claim).encounter
    assert talk is not None
    with sessions() as session:
        visitor = session.get_one(Encounter, talk.id).visitor
    own = {"encounter_id": talk.id, "visitor": visitor}
    vote = Vote(dict.fromkeys(PLAN.rubric.names(), "a"))
    with sessions.begin() as session, pytest.raises(LookupError):
        freeze(session=session, **own)
    room.do(end_talk, rater, claim_id=claim)
    with sessions.begin() as session, pytest.raises(LookupError):
        judge(session=session, **own, vote=vote)
    with sessions.begin() as session:
        session.get_one(Encounter, talk.id).stage = Stage.JUDGED
    with sessions.begin() as session, pytest.raises(LookupError):
        reveal(session=session, **own)
    with sessions.begin() as session:
        assert delete_visitor(session=session, visitor=visitor).encounters == ()
    assert _count(sessions, Encounter, Post, StudyTalk) == [1, 2, 1]


def test_items_that_are_read_have_no_talk(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions)
    task = room.open(room.people[0])
    assert task is not None
    assert task.talk is None
    with pytest.raises(NotAllowed, match="you do not talk"):
        room.do(start_talk, room.people[0], claim_id=task.claim_id, intensity=3)
    with pytest.raises(NotAllowed, match="for live studies"):
        room.do(add_scenes, room.lead, scenes=SCENES)


@pytest.mark.parametrize("what", ["claim", "member", "study", "withdrawal"])
def test_deleting_takes_everything_that_was_said(sessions: sessionmaker[Session], what: str) -> None:
    room = LiveRoom(sessions, turn_preference="own")
    first, second = room.people
    room.finish_item(first, picked="a")
    claim = room.begin(second).claim_id
    for _ in range(2):
        room.say(second, claim, picked="b")
    room.do(rate_side, second, claim_id=claim, side="a", stars=3)
    tables = (Encounter, Post, Reply, TurnPreference, TurnStar, StudyTalk)
    assert _count(sessions, *tables) == [2, 4, 8, 4, 1, 2]
    targets = {"claim": (Claim, claim), "member": (Member, second.member_id), "study": (Study, room.lead.study_id)}
    if what == "withdrawal":
        room.do(withdraw, second)
    else:
        table, key = targets[what]
        with sessions.begin() as session:
            session.execute(delete(table).where(table.id == key))  # type: ignore[attr-defined]
    assert _count(sessions, *tables) == ([0] * 6 if what == "study" else [1, 2, 4, 2, 0, 1])


def test_a_reviewer_reads_the_talks_of_an_item(sessions: sessionmaker[Session]) -> None:
    room = LiveRoom(sessions, raters_per_item=2, review_share=1.0)
    for rater in room.people:
        for _ in SCENES:
            room.finish_item(rater)
    reviewer = room.invited("reviewer")
    brief = room.do(get_brief, reviewer)
    assert not brief.live  # a reviewer reads, plays nobody and has no problem in these talks
    assert brief.criteria == tuple(one.to_onlooker() for one in PLAN.rubric.criteria)
    assert room.do(get_brief, room.people[0]).criteria == PLAN.rubric.criteria
    view = room.do(open_review, reviewer)
    assert view is not None
    for side in view.replies:
        assert [line.speaker for line in side] == [*["seeker", "supporter"] * 2, "talk", *["seeker", "supporter"] * 2]
    assert view.replies[0] != view.replies[1]
    verdict = [Given(name, "a") for name in PLAN.rubric.names()]
    assert room.do(give_verdict, reviewer, review_id=view.review_id, verdict=verdict).votes
    assert not any(name in str(view) for name in SYSTEMS)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"gold_share": 0.1}, "gold_share is 0.1, but a live talk"),
        ({"duplicate_share": 0.1}, "duplicate_share is 0.1, but a live talk"),
        ({"min_turns": 0}, "min_turns is 0; allowed: 1 to 200"),
        ({"turn_preference": "best"}, "turn_preference is 'best'; allowed: none, own, preferred"),
        ({"kind": "lively"}, "kind is 'lively'; allowed: live, frozen"),
        ({"kind": "frozen", "turn_preference": "own"}, "set kind to live"),
        ({"rubric": "misc-2022", "systems": ["x", "y", "z"]}, "a live talk is with two"),
    ],
)
def test_plans_that_do_not_go_with_talks(change: dict[str, object], reason: str) -> None:
    values = {"name": "n", "systems": ["x", "y"], "raters": 3, "kind": "live"}
    assert plan_from_dict(values).min_turns == 4
    with pytest.raises(PlanError, match=reason):
        plan_from_dict(values | change)


def test_a_live_study_needs_scenes_and_takes_no_replies(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, PLAN, items=(), opened=False)
    with pytest.raises(NotAllowed, match="role cards"):
        room.do(import_items, room.lead, items=(item(0),))
    assert room.do(add_scenes, room.lead, scenes=SCENES[:1]) == 1
    assert room.do(add_scenes, room.lead, scenes=SCENES) == 3
    again = LiveRoom(sessions, name="another")
    with pytest.raises(NotAllowed, match="this study is open"):
        again.do(add_scenes, again.lead, scenes=SCENES)
    assert again.do(open_task, again.people[0]) is not None


def test_scenes_come_from_a_file_of_role_cards(tmp_path: Path) -> None:
    path = tmp_path / "cards.json"
    cards = [asdict(scene) | {"id": scene.key, "intensity": 3} for scene in SCENES]
    path.write_text(json.dumps(cards), encoding="utf-8")
    assert read_scenes(path) == SCENES
    assert read_scenes(path, ids=["card-2"]) == SCENES[2:3]
    assert read_scenes(path, problems=["job crisis"]) == SCENES
    other = replace(SCENES[0], key="o", problem_type="Sleep Problems")
    assert choose_scenes([*SCENES, other], problems=["Sleep Problems"], ids=["card-0"]) == (SCENES[0], other)
    for bad, message in (
        ([{"id": "x"}], "card 1 needs the texts"),
        ({}, "a list of role cards"),
        ([cards[0] | {"situation": " "}], "card 1: The situation is empty"),
        ([cards[0] | {"opening": 5}], "card 1: opening is 5; a text is needed"),
        ([*cards, cards[1]], "card 5: id 'card-1' is that of card 2 already"),
        ([], "no role card"),
    ):
        path.write_text(json.dumps(bad), encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            read_scenes(path)
    with pytest.raises(ValueError, match="no such role card: nobody"):
        choose_scenes(SCENES, ids=["nobody"])
    with pytest.raises(ValueError, match="id is empty"):
        Scene("", "s", "e", "p")
