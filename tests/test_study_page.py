"""The study page's handlers over a real store: no browser, no server. The whole way through is in test_study_client."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from annotation.rubric import find_rubric
from annotation.studies.members import NotAllowed
from annotation.studies.studies import get_brief
from annotation.studies.study_plan import PlanError
from annotation.studies.study_source import find_study_data
from annotation.studies.study_views import Access
from escdemo.settings import Settings
from escdemo.study import create_panel, lead_render, render, results
from escdemo.study.build import build_studies
from escdemo.study.member_session import Desk
from escdemo.study.question_form import MAX_QUESTIONS, Known, changed, questions_of, values_of
from escdemo.study.raters import Raters
from models.serving.service import GenerationService
from tests.simulated_study import features, simulated
from tests.studies import PLAN, SYSTEMS, StudyRoom

SCORES = replace(PLAN, rubric=find_rubric("misc-2022"))


@pytest.fixture
def raters(sessions: sessionmaker[Session]) -> Raters:
    """The handlers behind the controls of a page; they hold nothing of a visitor, so all tabs share them."""
    handlers = {fn.api_name: fn.fn for fn in build_studies(GenerationService({}), sessions, Settings()).fns.values()}
    return handlers["save"].__self__  # type: ignore[union-attr]


class Tab:
    """One tab of a rater: remembers what its components showed last."""

    def __init__(self, raters: Raters, access: Access) -> None:
        self.raters, self.access, self.shown = raters, access, {}
        self.take(self.raters.continue_(access))

    def take(self, values: dict[Any, Any]) -> str:
        self.shown |= values
        return str(list(values.values()))

    @property
    def item(self) -> int:
        return int(self.shown[self.raters.parts.shown])

    def known(self) -> Known:
        known = self.shown[self.raters.parts.known]
        assert isinstance(known, Known)
        return known

    def save(self, *values: str | None) -> str:
        return self.take(self.raters.save(self.access, self.item, self.known(), *_padded(values)))

    def submit(self, *values: str | None, reason: str = "") -> str:
        return self.take(self.raters.submit(self.access, self.item, self.known(), reason, *_padded(values)))


def _padded(values: tuple[str | None, ...]) -> tuple[str | None, ...]:
    return (*values, *[None] * (MAX_QUESTIONS - len(values)))


def test_a_rater_saves_undoes_rests_skips_and_comes_back(sessions: sessionmaker[Session], raters: Raters) -> None:
    room = StudyRoom(sessions)
    rater = room.people[0]
    tab = Tab(raters, rater)
    assert "Still open: Accuracy, Empathy" in tab.save("a")
    assert "Please answer Empathy" in tab.submit("a", "b")
    tab.take(tab.raters.undo(rater, tab.item))
    assert tab.known().values[:2] == ("a", None)
    tab.take(tab.raters.pause(rater))
    assert tab.shown[tab.raters.parts.rater.rest]["visible"]
    tab.take(tab.raters.go_on(rater))
    first = tab.item
    assert "Item 2" in tab.submit(*["b"] * 5, reason=" because ")
    assert room.task(rater, first).note == "because"
    again = Tab(raters, rater)  # elsewhere: the same item
    assert again.item == tab.item
    skipped = tab.item
    assert "Skipped" in tab.take(tab.raters.skip(rater, tab.item))
    assert tab.item != skipped
    assert "Item 1, handed in" in tab.take(tab.raters.back(rater, tab.item))
    assert "first item" in tab.take(tab.raters.back(rater, tab.item))
    assert "went back" in str(tab.raters.alive(rater, skipped, True).values())
    assert not any(name in str(tab.shown.values()) for name in SYSTEMS)


def test_a_save_reaches_only_the_item_it_was_given_on(sessions: sessionmaker[Session], raters: Raters) -> None:
    room = StudyRoom(sessions)
    rater = room.people[0]
    tab = Tab(raters, rater)
    late, known = tab.item, tab.known()
    tab.submit(*["a"] * 5)
    assert tab.item != late
    tab.take(tab.raters.save(rater, late, known, *_padded(("b", "a", "a", "a", "a"))))
    assert room.task(rater, late).answers[0].value == "b"
    assert room.task(rater, tab.item).answers == ()


def test_another_tab_is_not_overwritten(sessions: sessionmaker[Session], raters: Raters) -> None:
    room = StudyRoom(sessions)
    rater = room.people[0]
    Tab(raters, rater).save("a")
    one, two = Tab(raters, rater), Tab(raters, rater)
    one.save("b")
    two.save("a", "tie")  # still shows "a", but did not choose it
    assert [answer.value for answer in room.task(rater, one.item).answers] == ["b", "tie"]


def test_scores_are_asked_reply_by_reply(sessions: sessionmaker[Session], raters: Raters) -> None:
    room = StudyRoom(sessions, SCORES)
    rater = room.people[0]
    tab = Tab(raters, rater)
    labels = [radio["label"] for radio in map(tab.shown.get, tab.raters.parts.form.radios) if radio["visible"]]
    assert labels[:4] == [f"{name} · Supporter A" for name in ("Fluency", "Knowledge", "Empathy")] + [
        "Fluency · Supporter B"
    ]
    assert "Please answer Empathy (c)" in tab.submit(*["2"] * 8)
    assert "Item 2" in tab.submit(*["2"] * 8, "0")


def test_more_questions_than_the_page_has_are_refused(sessions: sessionmaker[Session], raters: Raters) -> None:
    room = StudyRoom(sessions, SCORES)
    tab = Tab(raters, room.people[0])
    brief = tab.raters.desk.read(get_brief, tab.access)
    assert len(questions_of(brief, 8)) == MAX_QUESTIONS
    with pytest.raises(ValueError, match="27 questions"):
        questions_of(brief, 9)


def test_only_what_the_reader_did_is_saved() -> None:
    asked = (("Empathy", None), ("Overall", None))
    assert values_of(asked, {("Overall", None): "b"})[:3] == (None, "b", None)
    values = ("a", "b", None)
    assert [given.criterion for given in changed(asked, values, 1, Known(1, (None, "b")))] == ["Empathy"]
    assert [given.criterion for given in changed(asked, values, 1, Known(2, ("a", "b")))] == ["Empathy", "Overall"]


def test_the_form_makes_a_plan_or_says_why_not() -> None:
    fields = ["s", "x, y", "admisc-2024", "frozen", 5.0, 3.0, 0, 1.0, 0.1, 0.0, 0.0, 5.0, 1, 4, "none", "", "", False]
    plan = create_panel.read_plan(*fields)
    assert (plan.systems, plan.raters, plan.pairs_per_context, plan.passwords) == (("x", "y"), 5, None, False)
    with pytest.raises(PlanError, match="at least 2 are needed"):
        create_panel.read_plan("s", "x", *fields[2:])
    with pytest.raises(PlanError, match="seed"):
        create_panel.read_plan(*fields[:12], None, *fields[13:])
    live = [*fields[:3], "live", *fields[4:13], 3.0, "preferred", "", "", True]
    assert (create_panel.read_plan(*live).min_turns, create_panel.read_plan(*live).turn_preference) == (3, "preferred")


def test_who_may_make_a_study(sessions: sessionmaker[Session]) -> None:
    assert not Desk(sessions).may_create("")  # no key, nobody
    desk = Desk(sessions, "key")
    with pytest.raises(NotAllowed, match="cannot make studies"):
        desk.create("kex", PLAN)
    assert desk.create("key", PLAN).study.name == "pilot"
    with pytest.raises(NotAllowed, match="reload"):
        desk.read(get_brief, None)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_results_and_files_come_from_the_store(sessions: sessionmaker[Session], form: str) -> None:
    room = StudyRoom(sessions)
    with sessions() as session, pytest.raises(ValueError, match="there is no study 'other'; studies: pilot"):
        find_study_data(session=session, study="other")
    with sessions() as session:
        empty = find_study_data(session=session, study="pilot")
    assert "Nothing has been handed in" in str(results.fill(empty, None))
    for rater in room.people[:3]:
        room.judge(rater)
    with sessions() as session:
        data = find_study_data(session=session, study="pilot")
    assert len(data.ballots) == 15
    told = results.files(data, "pilot", form)
    assert f'download="pilot-ballots.{form}"' in told
    assert 'download="pilot-tables.tex"' in told
    pair, note, *_, tables = results.fill(data, "no such pair")
    assert (note, "Win, lose and tie by items" in tables) == ("", True)
    assert pair["value"] in pair["choices"]
    assert "No reply in this study came with a trace" in str(results.fill(data, None))


def test_what_the_traces_say_is_drawn_beside_the_votes() -> None:
    study = simulated()
    data = replace(study, features=features(study))
    _, _, *plots, tables = results.fill(data, None)
    assert [plot["visible"] for plot in plots[::2]] == [True, True, True]
    assert "strategy entropy" in plots[4]["value"].plot
    assert "Does an explanation predict the vote?" in tables
    told = results.files(data, "sim", "csv")
    assert 'download="sim-features.csv"' in told


def test_what_people_wrote_is_escaped() -> None:
    assert "<b>" not in lead_render.refused("2 bad rows\n line 1: <b>")
    assert "<b>" not in render.item("<b>", (), ())
    json.dumps(render.links([("r1", "rater", '"><b>')], ""))
    assert "<b>" not in render.links([("r1", "rater", '"><b>')], "")
