"""The Map tab without a browser: who sees what, paths of talks, files that do not fit, and maps made in the page."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotation.choices import Side
from annotation.talks.encounters import visitor_of
from escdemo import texts
from escdemo.chat.handlers import Page
from escdemo.chat.map_files import MapFiles
from escdemo.chat.map_page import MapPage
from escdemo.chat.own_replies import replies_in, replies_on
from models.analysis.map_file import map_path, write_map
from models.analysis.state_map import make_map
from models.data.dialogue import Dialogue, Turn
from models.data.strategies import STRATEGIES
from models.serving.trace import DecodeOptions
from tests.fakes import EchoResponder, FailingResponder
from tests.maps import made_up_about, made_up_map, made_up_states, made_up_turns
from tests.visitor import TOKEN, Visitor

NOTE, BOX, FIRST, SECOND, COLOUR, NOTE_A, PLOT_A, BAR_A, NOTE_B, PLOT_B, BAR_B, TABLE, MAKE, PROGRESS, TIMER = range(15)
"""places in what a handler gives"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Maps of the two fakes."""
    for net in ("joint", "misc"):
        write_map(made_up_map(net), map_path(tmp_path / "maps", net))
    return tmp_path / "maps"


@pytest.fixture
def maps_of(folder: Path, tmp_path: Path) -> Callable[[Page], MapPage]:
    """The handlers of the tab beside those of a page; no shipped files."""

    def make(page: Page) -> MapPage:
        tab = type("Tab", (), {"outputs": tuple(range(15))})()
        return MapPage(tab, page.talks, MapFiles(folder, tmp_path / "none"))

    return make


def shown(maps: MapPage, visitor: Visitor, *chosen: Any, until: float = 20.0) -> list[Any]:
    """What the tab shows when nothing is being made any more."""
    end = time.monotonic() + until
    values = maps.show(visitor.token, visitor.talk, *chosen)
    while values[TIMER].active and time.monotonic() < end:
        time.sleep(0.02)
        values = maps.show(visitor.token, visitor.talk, *chosen)
    return values


def traces(value: Any) -> list[Any]:
    return json.loads(value["value"].plot)["data"] if value.get("value") else []


def path_of(value: Any) -> Any:
    return next((trace for trace in traces(value) if trace["meta"]["kind"] == "path"), None)


def test_without_a_talk_the_maps_show_and_say_that_there_is_no_path(make_page: Any, maps_of: Any) -> None:
    page = make_page()
    values = shown(maps_of(page), Visitor(page))
    assert texts.MAP_NO_TALK in values[NOTE]
    assert values[FIRST]["choices"] == [("BlenderBot-Joint (joint)", "joint"), ("MISC (misc)", "misc")]
    assert (values[FIRST]["value"], values[SECOND]["value"]) == ("joint", "misc")
    assert [len(traces(values[at])) for at in (PLOT_A, PLOT_B)] == [8, 8]
    assert values[TIMER].active is False


def test_a_talk_is_a_path_on_the_map_of_each_net_that_took_part(make_page: Any, maps_of: Any) -> None:
    page = make_page()
    visitor = Visitor(page).start().say("I cannot sleep.").say("I know nobody here.")
    maps = maps_of(page)
    values = shown(maps, visitor)
    view = page.talks.find(TOKEN)
    assert (values[FIRST]["value"], values[SECOND]["value"]) == view.systems
    for at, side in ((PLOT_A, Side.A), (PLOT_B, Side.B)):
        path = path_of(values[at])
        assert path["text"] == ["1", "2"]
        assert [row[8] for row in path["customdata"]] == ["I cannot sleep.", "I know nobody here."]
        assert [row[9] for row in path["customdata"]] == [turn.side(side).text for turn in view.turns]
        net = view.systems[0 if side is Side.A else 1]
        said = [(one.said.context, one.said.reply) for one in replies_on(view, side)]
        states = page.talks.service.reader(net).read_replies(said, page.talks.options)[0]
        np.testing.assert_allclose(path["x"], made_up_map(net).tsne(states)[:, 0], atol=0.5)
    values = shown(maps, visitor, "esconv", view.systems[0], "", "pca", "cluster", "net")
    assert traces(values[PLOT_B]) == []
    assert path_of(values[PLOT_A])["y"] != path_of(shown(maps, visitor)[PLOT_A])["y"]


def test_states_are_read_behind_the_page_and_no_handler_waits(make_page: Any, maps_of: Any) -> None:
    page = make_page(joint=SlowReader("joint", "sha-joint"), misc=SlowReader("misc", "sha-misc"))
    visitor = Visitor(page).start().say("I cannot sleep.")
    reader = page.talks.service.reader("joint")
    maps = maps_of(page)
    values = maps.show(visitor.token, visitor.talk)
    assert path_of(values[PLOT_A]) is None
    assert texts.MAP_PLACING.format(left=2) in values[PROGRESS]
    assert values[TIMER].active is True
    looked = maps.look(visitor.token, visitor.talk)
    assert texts.MAP_PLACING.format(left=2) in looked[PROGRESS]
    assert "value" not in looked[PLOT_A], "the figure was drawn again while nothing had changed"
    page.send(visitor.token, visitor.talk, 1, "I know nobody here.")  # both fakes answer at once
    for one in (page.talks.service.reader("joint"), page.talks.service.reader("misc")):
        one.go.set()
    values = shown(maps, visitor.follow())
    assert path_of(values[PLOT_A])["text"] == ["1", "2"]
    assert reader.threads == {"maps"}


@dataclass(frozen=True)
class SlowReader(EchoResponder):
    """Reads replies when it is told to."""

    go: threading.Event = field(default_factory=threading.Event)
    threads: set[str] = field(default_factory=set)

    def read_replies(
        self, said: Sequence[tuple[Dialogue, Turn]], options: DecodeOptions
    ) -> tuple[np.ndarray, np.ndarray]:
        """As an `EchoResponder`, later."""
        self.threads.add(threading.current_thread().name)
        self.go.wait(10)
        return super().read_replies(said, options)


@dataclass(frozen=True)
class Unreadable(EchoResponder):
    """A net that fails on every reply that it is to read."""

    def read_replies(
        self, said: Sequence[tuple[Dialogue, Turn]], options: DecodeOptions
    ) -> tuple[np.ndarray, np.ndarray]:
        """Never returns."""
        raise RuntimeError(said[0][1].text)


def test_a_net_that_fails_has_no_path_and_is_not_asked_for_ever(make_page: Any, maps_of: Any, caplog: Any) -> None:
    page = make_page(joint=Unreadable("joint", "sha-joint"))
    visitor = Visitor(page).start().say("my secret")
    values = shown(maps_of(page), visitor)
    plots = dict(zip((values[FIRST]["value"], values[SECOND]["value"]), (values[PLOT_A], values[PLOT_B]), strict=True))
    assert path_of(plots["joint"]) is None
    assert path_of(plots["misc"]) is not None
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_a_failed_reply_has_no_place(make_page: Any, maps_of: Any) -> None:
    page = make_page(misc=FailingResponder("misc", "sha-misc"))
    visitor = Visitor(page).start().say("I cannot sleep.")
    values = shown(maps_of(page), visitor, "esconv", "misc", "joint")
    assert path_of(values[PLOT_A]) is None
    assert texts.MAP_NO_PATH.format(net="MISC") in values[NOTE_A]
    assert path_of(values[PLOT_B]) is not None


# blind studies


def test_in_a_study_nothing_shows_before_the_vote_and_then_the_two_of_the_talk(make_page: Any, maps_of: Any) -> None:
    page = make_page(study="pilot", star=EchoResponder("star", "sha-star"))
    maps, visitor = maps_of(page), Visitor(page)
    steps = (visitor.follow, visitor.start, lambda: visitor.say("hello"), lambda: page.finish(TOKEN, visitor.talk))
    for step in steps:
        step()
        for handler in (maps.show, maps.look, maps.make):
            values = handler(visitor.token, visitor.talk, "esconv", "joint", "misc")
            assert texts.MAP_HIDDEN in values[NOTE]
            assert not any(name in json.dumps(values, default=str) for name in ("joint", "misc", "star"))
            assert values[TIMER].active is False
    assert page.talks.map_work.states([])[1] == 0
    visitor.vote(*["a"] * len(page.parts.judge.picks))
    values = shown(maps, visitor)
    view = page.talks.find(TOKEN)
    assert {value for _, value in values[FIRST]["choices"]} == set(view.systems)
    assert values[MAKE]["visible"] is False
    visitor.take(page.again())
    assert texts.MAP_HIDDEN in maps.show(visitor.token, visitor.talk)[NOTE]


def test_an_unknown_net_is_never_shown(make_page: Any, maps_of: Any, folder: Path) -> None:
    write_map(made_up_map("zeta"), map_path(folder, "zeta"))
    page = make_page()
    values = shown(maps_of(page), Visitor(page), "esconv", "zeta", "../joint", "3d", "age", "x")
    assert (values[FIRST]["value"], values[SECOND]["value"]) == ("joint", "misc")
    assert "zeta" not in json.dumps(values, default=str)


# files


def test_damaged_foreign_and_stale_files_are_told_and_the_other_map_lives(
    make_page: Any, maps_of: Any, folder: Path
) -> None:
    page = make_page()
    maps, visitor = maps_of(page), Visitor(page)
    cases = {
        "{": "joint.json is no map this version reads",
        map_path(folder, "misc").read_text(): "this map is of the net misc, not of joint",
        "": "no map this version reads",
    }
    for content, told in cases.items():
        map_path(folder, "joint").write_text(content)
        values = shown(maps, visitor)
        assert told in values[NOTE_A]
        assert (values[PLOT_A]["visible"], values[PLOT_B]["visible"]) == (False, True)
        assert values[TABLE].count("<tr>") == 2
    write_map(made_up_map("joint", "old"), map_path(folder, "joint"))
    assert "stale: it was made with other weights of joint (old; running: sha-joint)" in shown(maps, visitor)[NOTE_A]
    map_path(folder, "joint").unlink()
    assert texts.MAP_MISSING.format(net="joint") in shown(maps, visitor)[NOTE_A]


def test_the_shipped_map_takes_the_place_of_a_file_that_does_not_fit(folder: Path, tmp_path: Path) -> None:
    write_map(made_up_map("joint", "old"), map_path(folder, "joint"))
    write_map(made_up_map("joint", "new"), map_path(tmp_path / "shipped", "joint"))
    found, note = MapFiles(folder, tmp_path / "shipped").of("joint", "new")
    assert found is not None
    assert found.about.checkpoint == "new"
    assert "stale" in note
    assert note.endswith(texts.MAP_SHIPPED)


def test_a_map_of_another_width_says_so(make_page: Any, maps_of: Any, folder: Path) -> None:
    write_map(make_map(made_up_about(), made_up_turns(), made_up_states(width=12)), map_path(folder, "joint"))
    page = make_page()
    visitor = Visitor(page).start().say("I cannot sleep.")
    values = shown(maps_of(page), visitor, "esconv", "joint", "misc")
    assert texts.MAP_MISFIT.format(net="BlenderBot-Joint") in values[NOTE_A]
    assert path_of(values[PLOT_A]) is None
    assert path_of(values[PLOT_B]) is not None


# maps made in the page


@pytest.fixture
def esconv(tmp_path: Path) -> Path:
    """Thirty talks with eight replies each."""
    records = []
    for number in range(30):
        talk = []
        for at in range(8):
            talk.append({"speaker": "seeker", "annotation": {}, "content": f"i am sad {number} {at}"})
            told = {"strategy": STRATEGIES[(number + at) % 8]}
            talk.append({"speaker": "supporter", "annotation": told, "content": f"sorry {number} {at}"})
        about = {"emotion_type": "sadness", "problem_type": "job crisis", "situation": "i lost my job"}
        records.append(json.dumps(about | {"dialog": talk}))
    path = tmp_path / "esconv.jsonl"
    path.write_text("\n".join(records))
    return path


def with_settings(page: Page, **changes: Any) -> Page:
    page.talks.settings = replace(page.talks.settings, **changes)
    return page


def test_maps_of_the_operator_s_esconv_are_made_with_a_progress_bar(
    make_page: Any, maps_of: Any, folder: Path, esconv: Path
) -> None:
    page = with_settings(make_page(), maps=str(folder), esconv=str(esconv))
    maps, visitor = maps_of(page), Visitor(page)
    assert shown(maps, visitor)[MAKE] == {"value": texts.MAP_MAKE["esconv"], "visible": True, "__type__": "update"}
    begun = maps.make(visitor.token, visitor.talk, "esconv", "joint", "misc")
    assert "<progress" in begun[PROGRESS]
    assert begun[TIMER].active is True
    values = shown(maps, visitor)
    assert texts.MAP_MADE in values[PROGRESS]
    for net in ("joint", "misc"):
        found, note = maps.files.of(net, f"sha-{net}")
        assert note == ""
        assert (found.about.dialogues, len(found.turns), found.about.source) == (4, 32, "ESConv")
    assert "sad" not in map_path(folder, "joint").read_text().replace("sadness", "")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"reviews": []}', "not ESConv, no field dialog"),
        ("", "empty, no dialogue in it"),
        (None, "no ESConv file at"),
    ],
)
def test_an_esconv_path_that_is_none_is_told_and_the_maps_stay(
    content: str | None, told: str, make_page: Any, maps_of: Any, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "other.jsonl"
    if content is not None:
        path.write_text(content)
    page = with_settings(make_page(), maps=str(folder), esconv=str(path))
    maps, visitor = maps_of(page), Visitor(page)
    before = map_path(folder, "joint").read_bytes()
    maps.make(visitor.token, visitor.talk, "esconv", "joint", "misc")
    values = shown(maps, visitor)
    assert told in values[PROGRESS]
    assert str(tmp_path) not in values[PROGRESS], "a visitor learns where the server keeps its files"
    assert len(traces(values[PLOT_A])) == 8
    assert map_path(folder, "joint").read_bytes() == before


def test_only_where_the_operator_allowed_it(make_page: Any, maps_of: Any, folder: Path) -> None:
    page = make_page()
    maps, visitor = maps_of(page), Visitor(page)
    assert shown(maps, visitor)[MAKE]["visible"] is False
    maps.make(visitor.token, visitor.talk, "esconv", "joint", "misc")
    assert page.talks.map_work.progress(page_owner()) is None


def page_owner() -> str:
    return visitor_of(TOKEN)


def test_own_talks_are_mapped_with_their_texts_for_their_visitor_alone(make_page: Any, maps_of: Any) -> None:
    page = make_page()
    visitor, maps = Visitor(page).start(), maps_of(page)
    values = shown(maps, visitor, "own", "joint", "misc")
    assert texts.MAP_OWN_MISSING.format(net="BlenderBot-Joint") in values[NOTE_A]
    maps.make(visitor.token, visitor.talk, "own", "joint", "misc")
    assert "There is no reply to map yet." in shown(maps, visitor, "own", "joint", "misc")[PROGRESS]
    for number in range(8):
        visitor.say(f"message {number}")
    visitor.take(page.finish(TOKEN, visitor.talk))
    visitor.vote(*["a"] * len(page.parts.judge.picks))
    maps.make(visitor.token, visitor.talk, "own", "joint", "misc")
    values = shown(maps, visitor, "own", "joint", "misc", "tsne", "verdict")
    assert texts.MAP_MADE in values[PROGRESS]
    assert values[COLOUR]["value"] == "verdict"
    turns = [trace for trace in traces(values[PLOT_A]) if trace["meta"]["kind"] == "turns"]
    assert [trace["name"] for trace in turns] == ["better (8)", "worse (8)"]
    rows = [row for trace in turns for row in trace["customdata"]]
    assert {row[8] for row in rows} == {f"message {number}" for number in range(8)}
    assert len({row[0] for row in rows}) == 16
    other = Visitor(page, token="another browser's token")
    assert texts.MAP_OWN_MISSING.format(net="BlenderBot-Joint") in shown(maps, other, "own", "joint", "misc")[NOTE_A]
    visitor.take(page.again())
    visitor.start().say("one more")
    assert texts.MAP_OWN_OLD in shown(maps, visitor, "own", "joint", "misc")[NOTE_A]


def test_deleting_my_data_takes_states_and_maps_with_it(make_page: Any, maps_of: Any) -> None:
    page = make_page()
    visitor, maps = Visitor(page).start(), maps_of(page)
    for number in range(8):
        visitor.say(f"message {number}")
    maps.make(visitor.token, visitor.talk, "own", "joint", "misc")
    shown(maps, visitor, "own", "joint", "misc")
    work = page.talks.map_work
    assert len(work.states(replies_in(page.talks.all_of(TOKEN)))[0]) == 16
    replies = replies_in(page.talks.all_of(TOKEN))
    visitor.take(page.erase(TOKEN))
    assert work.own(page_owner(), "joint") is None
    assert work.progress(page_owner()) is None
    assert not any(one.key in work._states.recent() for one in replies)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """The thread ends when its work is done."""
    yield
    end = time.monotonic() + 10
    while any(thread.name == "maps" for thread in threading.enumerate()) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(thread.name == "maps" for thread in threading.enumerate())
