"""Plans, items and members: what cannot work is refused with the reason, and the seed replays the plan."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Mode, Purpose, Role
from annotation.encounters import EncounterSetup
from annotation.erasure import delete_visitor
from annotation.item_files import ImportedItem, ItemFileError, read_items
from annotation.item_import import import_encounters, import_items
from annotation.item_plan import plan_items
from annotation.members import (
    MAX_FAILURES,
    WINDOW,
    NotAllowed,
    invite,
    members,
    revoke,
    set_password,
    sign_in,
    sign_in_with_password,
)
from annotation.rubric import RUBRICS, find_rubric, load_rubric, rubric_from_dict, rubric_to_json
from annotation.studies import close_study, get_brief, get_study, lead_access, open_study, pause_study, replay_plan
from annotation.study_plan import ContextKey, PlanError, StudyPlan, load_plan, plan_from_dict, raters_needed
from annotation.study_schema import Context, FailedSignIn, Item, Member
from annotation.study_views import Access, SignIn
from annotation.texts import clean_text
from tests.encounters import Story
from tests.studies import PLAN, SYSTEMS, StudyRoom, item

CONTEXTS = [ContextKey(f"c{number}", f"d{number}", SYSTEMS) for number in range(12)]

STORES = ("sqlite", "postgresql")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"systems": ("net-x",)}, "1 system.*at least 2"),
        ({"systems": ("net-x", "net-x")}, "different"),
        ({"raters": 2}, "2 rater.*3 different raters"),
        ({"raters_per_item": 0}, "raters_per_item is 0; allowed: 1 to"),
        ({"pairs_per_context": 4}, "pairs_per_context is 4; allowed: 1 to 3"),
        ({"overlap": 1.5}, "overlap is 1.5; allowed: 0 to 1"),
        ({"gold_share": 0.9}, "gold_share is 0.9; allowed: 0 to 0.5"),
        ({"duplicate_spacing": 0}, "duplicate_spacing is 0"),
        ({"lease_minutes": 0}, "lease_minutes is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"name": " "}, "name is empty"),
    ],
)
def test_a_plan_that_cannot_work_is_refused_with_the_reason(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        replace(PLAN, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "contexts", "reason"),
    [
        ({}, [], "no item to judge; import items first"),
        ({}, [ContextKey("c", "d", ("net-x",))], "fewer than 2 of the study's systems: c"),
        ({}, [ContextKey("c", "d", ("net-x", "net-y"))], "no item has a reply of net-z"),
        ({"gold_share": 0.1}, CONTEXTS, "no item is marked gold"),
        ({"pairs_per_context": None}, CONTEXTS, "9 raters are needed.*the plan has 5"),
        ({}, [replace(context, dialogue="d") for context in CONTEXTS], "36 raters are needed"),
    ],
)
def test_items_that_cannot_be_judged_as_planned_are_refused(
    change: dict[str, object], contexts: list[ContextKey], reason: str
) -> None:
    with pytest.raises(PlanError, match=reason):
        plan_items(replace(PLAN, **change), contexts)  # type: ignore[arg-type]


@given(
    st.integers(1, 25), st.integers(2, 4), st.integers(1, 4), st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.integers(0, 99)
)
@settings(max_examples=60, deadline=None)
def test_any_plan_balances_its_pairs_and_keeps_its_shares(
    count: int, systems: int, raters: int, share: float, seed: int
) -> None:
    names = tuple(f"s{number}" for number in range(systems))
    plan = StudyPlan("p", names, raters, raters_per_item=raters, seed=seed, overlap=share, review_share=share)
    plan = replace(plan, duplicate_share=share)
    contexts = [ContextKey(f"c{number}", f"d{number}", names) for number in range(count)]
    assert raters_needed(plan, contexts) == (raters if share else 1)
    items = plan_items(plan, contexts)
    assert items == plan_items(plan, contexts[::-1])
    main = [row for row in items if row.duplicate_of is None]
    pairs = Counter(row.systems for row in main)
    assert len(main) == count
    assert max(pairs.values()) - min(pairs.values()) <= 1
    wanted = -(-round(share * count, 9) // 1)
    assert sum(row.in_sample for row in items) == wanted
    assert len(items) - count == wanted
    assert sum(row.seats == raters for row in main) >= wanted
    assert [row.position for row in items] == list(range(len(items)))
    by_name = {row.name: row for row in items}
    assert len(by_name) == len(items)
    assert all(by_name[row.duplicate_of].seats == row.seats for row in items if row.duplicate_of)


def test_a_sample_is_drawn_from_every_pair() -> None:
    items = plan_items(replace(PLAN, review_share=0.5), CONTEXTS)
    assert Counter(row.systems for row in items if row.in_sample) == dict.fromkeys({row.systems for row in items}, 2)


def test_plans_and_rubrics_survive_their_files(tmp_path: Path) -> None:
    rubric = rubric_from_dict({"name": "warmth", "criteria": [{"name": "Warmth", "question": "Who is warmer?"}]})
    (tmp_path / "warmth.json").write_text(rubric_to_json(rubric), encoding="utf-8")
    values = {"name": "p", "systems": ["b", "a"], "raters": 3, "rubric": "warmth.json", "overlap": 1}
    (tmp_path / "plan.json").write_text(json.dumps(values), encoding="utf-8")
    plan = load_plan(tmp_path / "plan.json")
    assert (plan.rubric, plan.systems) == (rubric, ("a", "b"))
    assert plan_from_dict(json.loads(plan.to_json())) == plan
    for preset in RUBRICS.values():
        assert rubric_from_dict(json.loads(rubric_to_json(preset))) == preset


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "an object is needed"),
        ("{", "plan.json"),
        ('{"name": "p"}', "missing.*raters.*systems"),
        ('{"name": "p", "systems": ["a", "b"], "raters": 3, "rater": 1}', "unknown.*rater"),
        ('{"name": "p", "systems": "ab", "raters": 3}', "a list of names"),
        ('{"name": "p", "systems": ["a", "b"], "raters": "3"}', "raters is '3'; a number"),
        ('{"name": "p", "systems": ["a", "b"], "raters": 3, "rubric": "x"}', "unknown rubric 'x'"),
        ('{"name": "p", "systems": ["a", "b"], "raters": 3, "rubric": "x.json"}', "cannot read the rubric"),
    ],
)
def test_a_bad_plan_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "plan.json").write_text(content, encoding="utf-8")
    with pytest.raises(PlanError, match=message):
        load_plan(tmp_path / "plan.json")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "r"}, "missing.*criteria"),
        ({"name": "r", "criteria": []}, "needs a name and criteria"),
        ({"name": "r", "criteria": [{"name": "x"}]}, "name and question"),
        ({"name": "r", "criteria": [{"name": "x", "question": "?"}], "scale": "stars"}, "stars"),
        ({"name": "r", "criteria": [{"name": "x", "question": "?"}], "low": 2}, "low must be below high"),
    ],
)
def test_a_bad_rubric_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rubric_from_dict(values)


def test_majorities_follow_the_preset() -> None:
    admisc, misc = find_rubric("admisc-2024"), load_rubric("misc-2022")
    assert admisc.agreed(["a", "a", "b", "tie"]) == "a"  # at least half
    assert misc.agreed(["1", "1", "0", "2"]) is None  # more than half
    assert admisc.agreed(["a", "a", "b", "b"]) is None
    assert admisc.agreed([]) is None


def _jsonl(tmp_path: Path, *rows: object) -> Path:
    path = tmp_path / "items.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


ROW = {
    "id": "one",
    "context": [{"speaker": "seeker", "text": "I was fired."}],
    "replies": {"net-x": "Oh no.", "net-y": {"text": "When?", "strategy": "Question", "checkpoint": "ab"}},
}


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
    cleaned = [clean_text(part).strip() for part in (name, reply)]
    if all(cleaned):
        (found,) = read_items(path)
        assert [found.key, found.replies[0].turns[0].text.strip()] == cleaned
    else:
        with pytest.raises(ItemFileError, match=r"line 1: .* empty"):
            read_items(path)


def test_nothing_is_half_imported(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, items=(item(0),), opened=False)
    gold = replace(item(2, Purpose.GOLD, ("human", "weak")), gold_json='"somebody"')
    with pytest.raises(ValueError, match=r"2 bad item.*\n.*main-0: an item of this id(.|\n)*gold-2.*somebody"):
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
    plan = StudyPlan("live-1", ("net-x", "net-y"), raters=3, kind="live")  # type: ignore[arg-type]
    room = StudyRoom(sessions, plan, items=(), opened=False)
    assert room.do(import_encounters, room.lead).contexts == 1
    assert room.do(import_encounters, room.lead).contexts == 0
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


def test_the_seed_replays_the_plan(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, replace(PLAN, duplicate_share=0.3, review_share=0.3))
    assert room.do(replay_plan, room.lead) == ()
    with sessions.begin() as session:
        session.execute(update(Item).where(Item.position == 0).values(seats=9))
    (difference,) = room.do(replay_plan, room.lead)
    assert "seats is 9, planned 3" in difference


def test_a_study_name_is_taken_once(sessions: sessionmaker[Session]) -> None:
    StudyRoom(sessions)
    with pytest.raises(ValueError, match="named 'pilot' already"):
        StudyRoom(sessions)
    with sessions() as session, pytest.raises(LookupError, match="studies: pilot"):
        lead_access(session=session, name="other")


def test_steps_come_in_order(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, opened=False)
    for action, message in ((close_study, "only an open"), (pause_study, "must be open"), (replay_plan, "draft")):
        with pytest.raises(NotAllowed, match=message):
            room.do(action, room.lead)
    with pytest.raises(NotAllowed, match="Open it first"):
        room.do(invite, room.lead, role="rater")
    room.do(open_study, room.lead)
    with pytest.raises(NotAllowed, match="only a draft"):
        room.do(open_study, room.lead)
    with pytest.raises(NotAllowed, match="into a draft"):
        room.do(import_items, room.lead, items=(item(9),))


@pytest.mark.parametrize("action", [get_study, open_study, close_study, members, replay_plan, import_encounters])
def test_only_leads_lead(sessions: sessionmaker[Session], action: Callable[..., object]) -> None:
    room = StudyRoom(sessions, raters=1)
    for access in (room.people[0], room.invited("reviewer"), replace(room.people[0], role=Role.LEAD)):
        with pytest.raises(NotAllowed, match="for a lead"):
            room.do(action, access)
        assert room.do(get_brief, access).criteria == PLAN.rubric.criteria
    with pytest.raises(NotAllowed, match="not valid"):
        room.do(action, replace(room.lead, member_id="nobody"))


def _sign_in(room: StudyRoom, token: str, origin: str = "1.2.3.4") -> SignIn:
    with room.sessions.begin() as session:
        return sign_in(session=session, token=token, origin=origin)


def test_a_link_opens_until_it_is_revoked(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, raters=0)
    invitation = room.do(invite, room.lead, role="rater")
    access = _sign_in(room, invitation.token).access
    assert access is not None
    assert access.pseudonym == "r1"
    assert room.open(access) is not None
    room.do(revoke, room.lead, pseudonym="r1")
    assert "not valid" in (_sign_in(room, invitation.token).refusal or "")
    with pytest.raises(NotAllowed, match="not valid"):
        room.open(access)
    with pytest.raises(NotAllowed, match="own link"):
        room.do(revoke, room.lead, pseudonym="lead1")
    with pytest.raises(LookupError):
        room.do(revoke, room.lead, pseudonym="r7")
    assert [row.pseudonym for row in room.do(members, room.lead)] == ["lead1", "r1"]


def test_no_token_is_stored(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, raters=0)
    with sessions() as session:
        stored = repr([vars(row) for row in session.scalars(select(Member))])
        tables = [row[0] for row in session.execute(text("SELECT token_hash FROM study_member"))]
    assert room.lead_token not in stored
    assert all(len(value) == 64 for value in tables)


def test_guessing_is_slowed_down(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, raters=0)
    for number in range(MAX_FAILURES):
        assert _sign_in(room, f"guess {number}").refusal
    assert "Too many" in (_sign_in(room, room.lead_token).refusal or "")
    assert _sign_in(room, room.lead_token, origin="elsewhere").access is not None
    with sessions.begin() as session:
        session.execute(update(FailedSignIn).values(at=FailedSignIn.at))
        for row in session.scalars(select(FailedSignIn)):
            row.at -= WINDOW
    assert _sign_in(room, room.lead_token).access is not None


def test_a_password_opens_too(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, raters=1)

    def enter(password: str, study: str = "pilot", origin: str = "here") -> Access | None:
        with room.sessions.begin() as session:
            name = {"study": study, "pseudonym": "r1"}
            return sign_in_with_password(session=session, password=password, origin=origin, **name).access

    assert enter("a long password") is None
    room.do(set_password, room.people[0], password="a long password")
    assert enter("a long password") == room.people[0]
    assert enter("another password") is None
    assert enter("a long password", study="other") is None
    with sessions() as session:
        assert "a long password" not in repr([vars(row) for row in session.scalars(select(Member))])
    with pytest.raises(ValueError, match="10 to 200"):
        room.do(set_password, room.people[0], password="short")
    for number in range(MAX_FAILURES):  # one account, many origins
        enter("another password", origin=str(number))
    assert enter("a long password", origin="new") is None


def test_an_imported_item_is_a_plain_value() -> None:
    assert isinstance(item(0), ImportedItem)
    assert hash(item(0)) == hash(item(0))
