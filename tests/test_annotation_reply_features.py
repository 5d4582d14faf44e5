"""Features of replies out of the store: from imported traces, and from those that live talks kept."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session, sessionmaker

from annotation.files.item_files import ImportedItem
from annotation.statistics.explanations import AGREES, ENTROPY, HEAVIEST
from annotation.statistics.study_report import analyse
from annotation.studies.reply_features import reply_features
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_source import find_study_data
from annotation.studies.study_views import TaskView
from tests.encounters import Story
from tests.live import LiveRoom
from tests.studies import StudyRoom, item

STORES = ("sqlite", "postgresql")
SYSTEMS = ("net-x", "net-y")


def traced(number: int, *shares: tuple[float, float]) -> ImportedItem:
    """An item whose replies by net-x and net-y have these mixtures of two strategies; net-x follows the gold one."""
    made = item(number, systems=SYSTEMS)
    replies = []
    for reply, mixture, strategy in zip(made.replies, shares, ("Question", "Others"), strict=True):
        stored = {"text": "...", "strategy": strategy, "trace": {"net": reply.system, "strategies": list(mixture)}}
        replies.append(replace(reply, replies_json=json.dumps([stored])))
    return replace(made, replies=tuple(replies))


def test_the_votes_are_set_against_the_stored_traces(sessions: sessionmaker[Session]) -> None:
    """The peaked reply (0 bits) is always preferred to the mixed one (1 bit), whichever net it is of."""
    peaked, mixed = (1.0, 0.0), (0.5, 0.5)
    items = [traced(at, *((peaked, mixed) if at % 2 else (mixed, peaked))) for at in range(12)]
    room = StudyRoom(sessions, StudyPlan("pilot", SYSTEMS, raters=3), tuple(items), raters=3)

    def peaked_one(task: TaskView) -> str:
        number = int(task.context[0].text.strip("Post ."))
        on_a = int(task.replies[0][0].text.split()[1][1])  # 0: net-x
        return "a" if (on_a == 0) == (number % 2 == 1) else "b"

    room.finish(peaked_one)
    with sessions() as session:
        found = reply_features(session=session, access=room.lead)
        data = find_study_data(session=session, study="pilot")
    assert data.features == found
    assert len(found) == 12 * 2 * 2
    assert {one.value for one in found if one.feature == ENTROPY} == {0.0, 1.0}
    assert {(one.system, one.value) for one in found if one.feature == AGREES} == {("net-x", 1.0), ("net-y", 0.0)}
    relations = {(one.feature, one.criterion): one for one in analyse(data, resamples=20).relations}
    assert relations[ENTROPY, "Overall"].correlation.value == pytest.approx(-1)
    assert "every winner without exception" in relations[ENTROPY, "Overall"].odds.reason
    assert "cannot be told apart" in relations[AGREES, "Overall"].within.reason


def test_items_without_traces_have_no_features(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions)
    room.finish()
    with sessions() as session:
        data = find_study_data(session=session, study="pilot")
    assert data.features == ()
    assert analyse(data, resamples=0).relations == ()


def test_a_live_talk_gives_the_mean_of_its_replies(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions)
    for _ in range(2):
        story.post()
        story.reply()
    story.freeze()
    story.judge()
    with sessions() as session:
        found = find_study_data(session=session, study="pilot").features
    assert {one.system for one in found} == {"net-x", "net-y"}
    assert {one.feature for one in found} >= {ENTROPY, HEAVIEST}
    assert len(found) == len({(one.system, one.feature) for one in found})
    assert {one.item_id for one in found} == {story.id}


def test_talks_of_a_live_study_bring_their_traces_along(sessions: sessionmaker[Session]) -> None:
    room = LiveRoom(sessions)
    room.finish_item(room.people[0])
    room.begin(room.people[1])  # not handed in: it has no vote to explain
    with sessions() as session:
        data = find_study_data(session=session, study=room.plan.name)
    assert {one.item_id for one in data.features} == {one.item_id for one in data.ballots}
    assert {one.system for one in data.features} == set(room.plan.systems)
    assert ENTROPY in {one.feature for one in data.features}
