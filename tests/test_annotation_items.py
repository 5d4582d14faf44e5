"""Items from files and conversations: every bad row is listed, nothing is half imported."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Mode, Purpose
from annotation.files.item_files import ImportedItem, ItemFileError, read_items
from annotation.store.erasure import delete_visitor
from annotation.store.study_schema import Context, Item, SystemReply
from annotation.store.texts import clean_text, is_visible
from annotation.studies import item_import
from annotation.studies.drafts import replace_item
from annotation.studies.item_import import import_encounters, import_items
from annotation.studies.stored_replies import read_stored
from annotation.studies.studies import open_study
from annotation.studies.study_plan import StudyPlan
from annotation.talks.encounters import EncounterSetup
from tests.encounters import Story
from tests.studies import StudyRoom, item

STORES = ("sqlite", "postgresql")
ROW = {
    "id": "one",
    "context": [{"speaker": "seeker", "text": "I was fired."}],
    "replies": {"net-x": "Oh no.", "net-y": {"text": "When?", "strategy": "Question", "checkpoint": "ab"}},
}


def _jsonl(tmp_path: Path, *rows: object) -> Path:
    path = tmp_path / "items.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_other_writers_wait_only_while_rows_are_stored(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows are made, and searched for names of systems, before the import takes the store's write lock."""
    room, made = StudyRoom(sessions, items=(), opened=False), 0
    engine = sessions.kw["bind"]

    def seen(lines: object, turns_json: Callable[..., str] = item_import._turns_json) -> str:
        nonlocal made
        made += 1
        if engine.dialect.name == "sqlite" and made in (1, 24):  # the first context, the last reply
            with sessions.begin() as other:
                other.execute(text("UPDATE encounter SET situation = situation"))
        return turns_json(lines)

    monkeypatch.setattr("annotation.store.engine.BUSY_TIMEOUT_MS", 20)
    engine.dispose()
    monkeypatch.setattr(item_import, "_turns_json", seen)
    found = room.do(import_items, room.lead, items=tuple(item(number) for number in range(6)))
    assert (found.contexts, found.replies, made) == (6, 18, 24)
    with sessions() as session:
        counted = [session.scalar(select(func.count()).select_from(table)) for table in (Context, SystemReply)]
    assert counted == [6, 18]


def test_json_lines_and_csv_say_the_same(tmp_path: Path) -> None:
    more = {"dialogue": "d", "situation": "A job, gone", "turn": 4, "problem_type": "job crisis"}
    gold = {"id": "two", "purpose": "gold", "gold": {"Overall": "net-x"}}
    from_json = read_items(_jsonl(tmp_path, ROW | more, "", ROW | gold))
    (tmp_path / "items.csv").write_text(
        "id,dialogue,situation,turn,problem_type,context,reply:net-x,reply:net-y,strategy:net-y,checkpoint:net-y,"
        "reply:net-z,purpose,gold\n"
        'one,d,"A job, gone",4,job crisis,Seeker: I was fired.,Oh no.,When?,Question,ab,,,\n'
        'two,,,,,"seeker: I was fired.\n",Oh no.,When?,Question,ab,,gold,"{""Overall"": ""net-x""}"\n',
        encoding="utf-8-sig",
    )
    assert read_items(tmp_path / "items.csv") == from_json
    assert [row.purpose for row in from_json] == [Purpose.MAIN, Purpose.GOLD]
    assert from_json[0].replies[1].strategy == "Question"


def test_every_bad_row_is_listed_with_its_line(tmp_path: Path) -> None:
    bad = [
        "{",
        "[1]",
        ROW | {"id": ""},
        ROW,
        ROW,
        ROW | {"id": "2", "context": []},
        ROW | {"id": "3", "replies": {}},
        ROW | {"id": "4", "context": [{"speaker": "bot", "text": "x"}]},
        ROW | {"id": "5", "colour": "red"},
        ROW | {"id": "6", "purpose": "gold"},
        ROW | {"id": "7", "replies": {"net-x": {"text": "a", "turns": []}}},
        ROW | {"id": "8", "turn": -1},
        ROW | {"id": "9", "replies": {"net-x": "   "}},
    ]
    with pytest.raises(ItemFileError) as caught:
        read_items(_jsonl(tmp_path, *bad))
    assert [line for line, _ in caught.value.problems] == [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13]
    assert "12 bad row(s), nothing was imported" in str(caught.value)
    assert "line 5: id 'one' was used in line 4 already" in str(caught.value)


def test_bad_csv_rows_are_listed_with_their_first_line(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text(
        'id,context,reply:x,reply:y\n1,"seeker: a\nsupporter: b\nseeker: c",r,s\n2,no speaker,r,s\n3,seeker: a\n',
        encoding="utf-8",
    )
    with pytest.raises(ItemFileError) as caught:
        read_items(path)
    assert [line for line, _ in caught.value.problems] == [5, 6]


def test_a_trace_is_read_and_a_bad_one_listed_by_line(tmp_path: Path) -> None:
    trace = {"net": "net-x", "checkpoint": "ab", "strategies": [0.75, 0.25], "blocks": []}
    block = {"source": "post", "relation": "xReact", "weight": 0.5}
    said = {"text": "When?", "strategy": "Question"}

    def row(reply: object) -> dict[str, object]:
        return ROW | {"id": f"row-{hash(json.dumps(reply))}", "replies": {"net-x": reply, "net-y": "Oh no."}}

    turn = {"speaker": "supporter", **said}
    talk = {"turns": [turn | {"trace": trace}, {"speaker": "seeker", "text": "Now."}, turn]}
    x, y = (item.replies for item in read_items(_jsonl(tmp_path, row(said | {"trace": trace}), row(talk))))
    assert [reply.replies_json for reply in x] == [json.dumps([said | {"trace": trace}]), None]
    assert [reply.replies_json for reply in y] == [json.dumps([said | {"trace": trace}]), None]
    bad = [
        said | {"trace": "peaked"},
        said | {"trace": {}},
        said | {"trace": trace | {"strategies": [0.5, 0.1]}},
        said | {"trace": trace | {"strategies": [float("nan"), 0.1]}},
        said | {"trace": trace | {"blocks": [block | {"weight": "heavy"}]}},
        said | {"trace": trace | {"timings": {"total_s": float("inf")}}},
        talk | {"trace": trace},
        {"turns": [{"speaker": "seeker", "text": "Hm.", "trace": trace}]},
    ]
    good = row(said | {"trace": trace | {"blocks": [block]}})
    with pytest.raises(ItemFileError) as caught:
        read_items(_jsonl(tmp_path, good, *map(row, bad)))
    assert [line for line, _ in caught.value.problems] == list(range(2, 10))
    assert "line 4: reply of net-x, trace: strategies must be a list of probabilities that sum to 1" in str(
        caught.value
    )


def _csv(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "items.CSV"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("sign", ["\f", "\v", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_turn_ends_at_the_line_break_only(sign: str, tmp_path: Path) -> None:
    (found,) = read_items(
        _csv(tmp_path, f'id,context,reply:x,reply:y\n1,"seeker: a{sign}seeker: b\nsupporter: c",r,s\n')
    )
    assert [line.speaker for line in found.context] == ["seeker", "supporter"]
    assert found.context[0].text.split() == ["a", "seeker:", "b"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"replies": {"x": "\u200b\u2060", "y": "b"}}, "reply of x, turn 1 is empty"),
        ({"replies": {"x": "\u3164", "y": "b"}}, "reply of x, turn 1 is empty"),
        ({"turn": 10**29}, "has 30 digits; at most 19"),
        ({"turn": 10**12}, "turn is 1000000000000; want a whole number from 0 to 100,000"),
        ({"turn": True}, "turn is True; want a whole number"),
        ({"id": "a\u2028b"}, "id is 'a.*2028b'; it has a line break or a control character"),
        ({"dialogue": "a\nb"}, "dialogue is 'a.*nb'; it has a line break"),
        ({"replies": {"x\u2029y": "a", "y": "b"}}, "name of a system is 'x.*2029y'; it has a line break"),
        ({"replies": {"x": {"text": "a", "trace": {"strategies": [1.0], "tokens": [{"text": 5}]}}}}, "tokens must be"),
    ],
)
def test_what_nobody_can_see_or_store_is_refused(row: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ItemFileError, match=f"(?s)items.jsonl: 1 bad row.*line 2: .*{message}"):
        read_items(_jsonl(tmp_path, ROW, ROW | {"id": "two"} | row))


@pytest.mark.parametrize("other", ["one\u200b", "\uff4fne", "o ne", "\u043ene"])
def test_two_ids_that_read_alike_are_refused(other: str, tmp_path: Path) -> None:
    with pytest.raises(ItemFileError, match=r"line 2: id .* reads like 'one' in line 1 already; give each item an id"):
        read_items(_jsonl(tmp_path, ROW, ROW | {"id": other}))
    assert len(read_items(_jsonl(tmp_path, ROW, ROW | {"id": "One"}))) == 2  # machines tell cases apart


@pytest.mark.parametrize("other", ["d-1\u200b", "d -1", "\uff44-1"])
def test_two_spellings_of_one_dialogue_are_refused(other: str, tmp_path: Path) -> None:
    """A rater would read it twice."""
    rows = [ROW | {"id": str(number), "dialogue": name} for number, name in enumerate(("d-1", "d-1", other))]
    with pytest.raises(ItemFileError, match=r"line 3: dialogue .* looks like 'd-1' in line 1; use one spelling"):
        read_items(_jsonl(tmp_path, *rows))


def test_values_nested_without_end_are_refused(tmp_path: Path) -> None:
    deep = json.dumps(ROW | {"id": "two", "purpose": "gold"})[:-1] + ', "gold": ' + "[" * 100_000 + "]" * 100_000 + "}"
    with pytest.raises(ItemFileError, match=r"line 2: JSON nested too deeply"):
        read_items(_jsonl(tmp_path, ROW, deep))


def test_a_quote_left_open_swallows_nothing(tmp_path: Path) -> None:
    rows = "".join(f"{number},seeker: hi,fine,well\n" for number in range(20))
    with pytest.raises(ValueError, match=r"items\.CSV, line 2: unexpected end of data"):
        read_items(_csv(tmp_path, f'id,context,reply:x,reply:y\n99,seeker: hi,fine,"I am\n{rows}'))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"allowed: .jsonl, .csv"):
        read_items(tmp_path / "items.xlsx")
    (tmp_path / "items.csv").write_bytes(b"id,context\n\xff,\n")
    with pytest.raises(ValueError, match="not UTF-8"):
        read_items(tmp_path / "items.csv")
    with pytest.raises(ItemFileError, match="no item"):
        read_items(_jsonl(tmp_path, ""))


@given(st.text(min_size=1, max_size=30), st.text(max_size=50))
@settings(max_examples=40, deadline=None)
def test_any_text_is_read_or_refused_by_line(tmp_path_factory: pytest.TempPathFactory, name: str, reply: str) -> None:
    path = tmp_path_factory.mktemp("items") / "items.jsonl"
    path.write_text(json.dumps(ROW | {"id": name, "replies": {"x": reply, "y": "b"}}), encoding="utf-8")
    cleaned = [name.strip(), clean_text(reply).strip()]
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in cleaned[0]):
        with pytest.raises(ItemFileError, match=r"line 1: id is .*; it has a line break or a control character"):
            read_items(path)
    elif all(map(is_visible, cleaned)):
        (found,) = read_items(path)
        assert [found.key, found.replies[0].turns[0].text.strip()] == cleaned
    else:
        with pytest.raises(ItemFileError, match=r"line 1: .* empty"):
            read_items(path)


def test_nothing_is_half_imported(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, items=(item(0),), opened=False)
    gold = replace(item(2, Purpose.GOLD, ("human", "weak")), gold_json='"somebody"')
    with pytest.raises(ValueError, match=r"2 bad row.*\n.*main-0: an item of this id(.|\n)*gold-2.*somebody"):
        room.do(import_items, room.lead, items=(item(1), item(0), gold))
    with room.sessions() as session:
        assert session.scalars(select(Context.key)).all() == ["main-0"]


def test_a_reply_that_names_a_system_is_pointed_out(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, items=(), opened=False)
    told = item(0)
    replies = (
        replace(told.replies[0], turns=(replace(told.replies[0].turns[0], text="I am NET-X!"),)),
        *told.replies[1:],
    )
    found = room.do(import_items, room.lead, items=(replace(told, replies=replies),))
    assert found.warnings == ("main-0: the reply of net-x contains the name 'net-x'",)


def test_finished_conversations_become_items(sessions: sessionmaker[Session]) -> None:
    setup = EncounterSetup(("net-x", "net-y"), Mode.STUDY, study="live-1", problem_type="job crisis")
    story = Story(sessions, setup)
    story.post("First message")
    story.reply()
    story.told_until("frozen")
    Story(sessions, setup)  # not finished
    Story(sessions, replace(setup, study="another")).told_until("frozen")
    plan = StudyPlan("live-1", ("net-x", "net-y"), raters=3)
    room = StudyRoom(sessions, plan, items=(), opened=False)
    assert room.do(import_encounters, room.lead).contexts == 1
    assert room.do(import_encounters, room.lead).contexts == 0
    with sessions() as session:
        stored = session.scalars(select(SystemReply.replies_json).order_by(SystemReply.system)).all()
    for system, replies in zip(("net-x", "net-y"), stored, strict=True):  # with the traces that the talk kept
        assert [reply["trace"]["net"] for reply in read_stored(replies)] == [system, system]
    room.do(open_study, room.lead)
    task = room.open(room.invited("rater"))
    assert task is not None
    assert [line.speaker for line in task.context] == ["seeker"]
    assert task.context[0].text == "First message"
    assert [line.speaker for line in task.replies[0]] == ["supporter", "seeker", "supporter"]
    with sessions.begin() as session:
        delete_visitor(session=session, visitor=story.visitor)
    with sessions() as session:  # the visitor's texts are gone from the study too
        assert session.scalars(select(Context.id)).all() == []
        assert session.scalars(select(Item.id)).all() == []


def test_an_item_that_is_made_again_goes_with_its_conversation(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions, EncounterSetup(("net-x", "net-y"), Mode.STUDY, study="live-1"))
    story.told_until("frozen")
    room = StudyRoom(sessions, StudyPlan("live-1", ("net-x", "net-y"), raters=3), items=(), opened=False)
    room.do(import_encounters, room.lead)
    with sessions() as session:
        old = session.scalars(select(Context)).one()
    again = replace(item(0, systems=("net-x", "net-y")), key=old.key)
    room.do(replace_item, room.lead, context_id=old.id, items=(again,))
    room.do(replace_item, room.lead, context_id=old.id, items=(again,))
    assert room.do(import_encounters, room.lead).contexts == 0  # it is in the draft already
    with sessions.begin() as session:
        assert session.scalars(select(Context.id)).all() == [old.id]
        delete_visitor(session=session, visitor=story.visitor)
    with sessions() as session:
        assert session.scalars(select(Context.id)).all() == []
        assert session.scalars(select(SystemReply.system)).all() == []


def test_an_imported_item_is_a_plain_value() -> None:
    assert isinstance(item(0), ImportedItem)
    assert hash(item(0)) == hash(item(0))
