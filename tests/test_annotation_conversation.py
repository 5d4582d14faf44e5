"""Posts and replies: nothing lost, nothing doubled; after a restart the same replies are owed, with the same seeds."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import ReplyState, Side
from annotation.store.database import for_reading, open_sessions
from annotation.store.texts import MAX_POST_CHARS, MAX_POSTS, clean_text
from annotation.talks.conversation import add_post, missing_replies, reply_seed, retry_reply, save_reply
from annotation.talks.encounters import EncounterSetup, freeze
from annotation.talks.projection import HIDDEN_ERROR
from annotation.talks.stages import StageError
from annotation.talks.views import ReplySlot
from models.serving.trace import Reply
from tests.encounters import SYSTEMS, Story, answer

STORES = ("sqlite", "postgresql")

ANY_TEXT = st.text(st.characters(), max_size=60)  # surrogates and control characters too


def test_each_side_gets_its_own_history(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions, EncounterSetup(SYSTEMS, situation="I moved.", emotion_type="sadness"))
    story.post("one")
    story.reply()
    story.post("two")
    shown = story.view()
    for task in story.owed():
        assert task.system == shown.systems[0 if task.slot.side is Side.A else 1]
        assert (task.situation, task.emotion_type) == ("I moved.", "sadness")
        first, last = task.exchanges
        assert (first.post, first.reply) == ("one", shown.turns[0].side(task.slot.side).text)
        assert first.strategy
        assert (last.post, last.reply, last.strategy) == ("two", None, None)


def test_a_reply_is_stored_whole(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions, EncounterSetup(SYSTEMS))
    story.post()
    made = {task.slot.side: answer(task) for task in story.owed()}
    seeds = {task.slot.side: task.seed for task in story.owed()}
    story.reply()
    for side in Side:
        stored = story.view().turns[0].side(side)
        assert Reply.from_dict(json.loads(story.whole(stored.slot) or "")) == Reply.from_dict(made[side])
        assert stored.seed == seeds[side]
        assert stored.checkpoint == made[side]["trace"]["checkpoint"]


def test_a_restarted_server_owes_the_same_replies(database_url: str) -> None:
    sessions = open_sessions(database_url)
    story = Story(sessions)
    story.post()
    first, second = story.owed()
    with sessions.begin() as session:
        save_reply(session=session, slot=first.slot, reply=answer(first))
    sessions.kw["bind"].dispose()
    with for_reading(open_sessions(database_url))() as session:
        assert missing_replies(session=session) == (second,)


def test_the_first_ending_of_a_reply_counts(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions)
    story.post()
    task, _ = story.owed()
    with sessions.begin() as session:
        assert save_reply(session=session, slot=task.slot, reply=answer(task))
        assert not save_reply(session=session, slot=task.slot, reply=answer(task) | {"text": "other"})
        assert not save_reply(session=session, slot=task.slot, reply=None, error="too late")
    story.reply()
    assert story.view().turns[0].side(task.slot.side).text == answer(task)["text"]


def test_a_key_is_posted_once(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions)
    first = story.post("Hello", key="k")
    assert story.post("Hello", key="k") == first
    story.reply()
    assert story.post("Hello", key="k").index == 0
    assert len(story.view().turns) == 1


def test_a_post_waits_for_the_replies_before_it(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions)
    story.post()
    assert not story.view().can_post()
    with pytest.raises(StageError, match="still answering"):
        story.post()
    first, second = story.owed()
    with sessions.begin() as session:
        save_reply(session=session, slot=first.slot, reply=answer(first))
        save_reply(session=session, slot=second.slot, reply=None, error="net-y ran out of memory")
    view = story.view().turns[0].side(second.slot.side)
    assert (view.state, view.error) == (ReplyState.FAILED, HIDDEN_ERROR)
    assert story.view().turns[0].side(first.slot.side).state is ReplyState.PENDING  # not shown before the other
    with pytest.raises(StageError, match="retry it"):
        story.post()
    with story.step() as own:
        retry_reply(**own, turn_index=0, side=second.slot.side)
    story.reply()
    assert story.view().can_post()


def test_a_failed_last_turn_does_not_hold_up_the_vote(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions).told_until("chatting")
    story.post("second")
    for task in story.owed():
        with sessions.begin() as session:
            save_reply(session=session, slot=task.slot, reply=None, error="stopped")
    with story.step() as own:
        freeze(**own)


def test_without_any_answered_turn_there_is_nothing_to_judge(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions)
    story.post()
    for task in story.owed():
        with sessions.begin() as session:
            save_reply(session=session, slot=task.slot, reply=None, error="stopped")
    with pytest.raises(StageError, match="at least once"):
        story.freeze()


@pytest.mark.parametrize("text", ["", " \n\t ", "\x00\x07", "x" * (MAX_POST_CHARS + 1), "x" * 10_000])
def test_empty_and_huge_messages_are_refused(sessions: sessionmaker[Session], text: str) -> None:
    story = Story(sessions)
    with pytest.raises(ValueError, match=r"empty|at most 4,000 are allowed"):
        story.post(text)
    assert story.view().turns == ()


def test_a_malformed_reply_is_refused(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions)
    story.post()
    task, _ = story.owed()
    with sessions.begin() as session:
        with pytest.raises(ValueError, match="not a reply"):
            save_reply(session=session, slot=task.slot, reply={"text": "Hello"})
        with pytest.raises(ValueError, match="either"):
            save_reply(session=session, slot=task.slot, reply=None, error=None)
        with pytest.raises(LookupError, match="no reply was asked for"):
            save_reply(session=session, slot=ReplySlot(story.id, 0, Side.A, 5), reply=answer(task))
    assert len(story.owed()) == 2


def test_two_hundred_turns_are_kept_and_the_next_is_refused(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions)
    with sessions.begin() as session:
        own = {"session": session, "encounter_id": story.id, "visitor": story.visitor}
        for index in range(MAX_POSTS):
            add_post(**own, text=f"message {index}", key=str(index))
            for side in Side:
                reply = {"text": "yes", "strategy": "Question", "trace": {"checkpoint": "c", "options": {}}}
                save_reply(session=session, slot=ReplySlot(story.id, index, side, 0), reply=reply)
        with pytest.raises(StageError, match="200 messages"):
            add_post(**own, text="one more", key="more")
    assert [turn.text for turn in story.view().turns] == [f"message {index}" for index in range(MAX_POSTS)]


def test_seeds_differ_by_place_and_repeat() -> None:
    places = [(7, turn, side, attempt) for turn in range(10) for side in Side for attempt in range(3)]
    seeds = [reply_seed(*place) for place in places]
    assert len(set(seeds)) == len(seeds)
    assert seeds == [reply_seed(*place) for place in places]
    assert all(0 <= seed < 2**31 for seed in seeds)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ANY_TEXT, situation=ANY_TEXT)
def test_any_text_comes_back(sessions: sessionmaker[Session], text: str, situation: str) -> None:
    """Emoji, right-to-left, markup, anything: equal but for control characters and lone surrogates."""
    story = Story(sessions, EncounterSetup(SYSTEMS, situation=situation))
    text = f"a{text}"
    story.post(text)
    assert story.view().turns[0].text == clean_text(text)
    assert story.view().situation == clean_text(situation)


@settings(deadline=None)
@given(ANY_TEXT)
def test_cleaning_takes_only_what_cannot_be_kept(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    cleaned.encode()  # no lone surrogate left
    assert not any(ord(char) < 32 and char not in "\n\t" for char in cleaned)
    kept = [char for char in text if char.isprintable()]
    assert [char for char in cleaned if char.isprintable()] == kept
