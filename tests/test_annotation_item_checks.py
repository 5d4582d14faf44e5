"""What the lead hears of a draft's items before the study opens, and which items never get in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from annotation.__main__ import main
from annotation.choices import Mode, Purpose
from annotation.files.item_files import ImportedItem, ImportedReply
from annotation.store.study_schema import Context
from annotation.studies.item_checks import DraftItem, draft_warnings, item_warnings
from annotation.studies.item_import import import_encounters, import_items
from annotation.studies.studies import open_study
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Line
from annotation.talks.encounters import EncounterSetup
from tests.encounters import Story
from tests.studies import StudyRoom, item

PLAN = StudyPlan("pilot", ("net-x", "net-y"), raters=3)


def draft(key: str, x: str, y: str = "Since when?", context: str = "I was fired.") -> DraftItem:
    return DraftItem(key, "", (context,), {"net-x": (x,), "net-y": (y,)})


@pytest.mark.parametrize(
    "reply",
    [
        "[Question] What happened?",
        " <strategy> What happened?",
        "{Others} hello",
        "Question: what happened?",
        "Strategy: Reflection of feelings | You sound sad.",
        "(Providing Suggestions) Try a walk.",
        "I see. [Self-disclosure] I was fired too.",
        "You sound sad. </s>",
        "Oh no. [SEP]",
        "Oh no <|im_end|>",
        "**Question** What happened?",
        "__Question__ What happened?",
        "\uff3bQuestion\uff3d What happened?",
        "\u3010Others\u3011 hello",
        "Self-disclosure - I was fired too.",
        "Strategy: Question. What happened?",
        "@Question What happened?",
        "Question\nWhat happened?",
        "Question What happened?",
        "[Ques\u200btion] What happened?",
        "Assistant: What happened?",
        "System A: What happened?",
        "\u300cQuestion\u300d What happened?",
        "Self-disclosure I was fired too.",
        "Question. What happened?",
        "#Question What happened?",
        "\\[Question\\] What happened?",
        "### Response: What happened?",
        "Q: What happened?",
    ],
)
def test_a_tag_of_the_net_is_pointed_out(reply: str) -> None:
    (warning,) = item_warnings([draft("one", reply)], PLAN.systems)
    assert warning == f"one: the reply of net-x carries a tag of its net: {reply[:40]!r}"


@pytest.mark.parametrize(
    "reply",
    [
        "What happened? (Take your time.)",
        "I <3 that idea",
        "Other people feel so, too.",
        "That is a good question.",
        "Others I know felt so.",
        "Questions remain; what do you think?",
        "My question: why then?",
        "Information helps. Read it.",
    ],
)
def test_what_people_write_is_no_tag(reply: str) -> None:
    assert item_warnings([draft("one", reply)], PLAN.systems) == ()


def test_replies_and_contexts_that_are_alike_are_pointed_out() -> None:
    items = [
        draft("one", "I am  Net-X."),
        draft("two", "since WHEN?", context="I failed."),
        draft("three", "Oh no.", context=" i was fired. "),
        draft("four", "Oh no.", context="I moved."),
    ]
    assert item_warnings(items, PLAN.systems) == (
        "one: the reply of net-x contains the name 'net-x'",
        "two: the replies of net-x and net-y are identical",
        "three: the same context as one; a rater may read it twice",
    )


NAMES = ["I am net x!", "NET_X says", "As NetX I", "I am ne\u200bt-x", "net-x_small"]
SPELLED = ["I am n\u0435t-x.", "N.E.T.X. here", "net-x2 says", "net-x bot", "I am NetXbot"]


@pytest.mark.parametrize("reply", NAMES + SPELLED)
def test_a_name_is_found_however_it_is_written(reply: str) -> None:
    assert item_warnings([draft("one", reply)], PLAN.systems) == ("one: the reply of net-x contains the name 'net-x'",)
    assert item_warnings([draft("one", "The internet exists, my net xylophone too.")], PLAN.systems) == ()


@pytest.mark.parametrize(
    ("one", "two", "alike"),
    [
        ("I'm sorry.", "I\u2019m sorry", True),
        ("I am sorry.", "i am\u200b sorry!", True),
        ("\U0001f44d", "\U0001f642", False),
        ("I am sorry.", "I am so sorry.", False),
    ],
)
def test_two_replies_of_the_same_words_are_the_same(one: str, two: str, alike: bool) -> None:
    assert bool(item_warnings([draft("one", one, two)], PLAN.systems)) is alike


def test_warnings_are_of_the_whole_draft_until_it_opens(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, PLAN, items=(item(0, systems=PLAN.systems),), opened=False)
    twin = replace(item(0, systems=PLAN.systems), key="twin", dialogue="another")
    assert room.do(import_items, room.lead, items=(twin,)).warnings == ()
    assert room.do(draft_warnings, room.lead) == ("twin: the same context as main-0; a rater may read it twice",)
    room.do(open_study, room.lead)
    assert room.do(draft_warnings, room.lead) == ()


def _replied(*systems: str) -> ImportedItem:
    replies = tuple(ImportedReply(name, (Line("supporter", f"Reply {place}."),)) for place, name in enumerate(systems))
    return ImportedItem("one", "one", (Line("seeker", "I was fired."),), replies)


@pytest.mark.parametrize(
    ("systems", "message"),
    [
        (("NET-X", "net-y"), "one: a reply of 'NET-X', which is not in the plan; write 'net-x'"),
        (("net\u200b-x", "net-y"), r"one: a reply of 'net.*-x', which is not in the plan; write 'net-x'"),
        (("n\u0435t-x", "net-y"), r"one: a reply of 'n.t-x', which is not in the plan; write 'net-x'"),
        (
            ("net-x", "net-y", "gpt"),
            "one: a reply of 'gpt', which is not in the plan; the plan's systems are",
        ),
        (("net-x",), "one: replies of 1 of the plan's systems; at least 2 are needed"),
    ],
)
def test_items_that_can_never_be_judged_are_refused(
    systems: tuple[str, ...], message: str, sessions: sessionmaker[Session]
) -> None:
    room = StudyRoom(sessions, PLAN, items=(), opened=False)
    with pytest.raises(ValueError, match=f"1 bad row.s., nothing was imported:\n  {message}"):
        room.do(import_items, room.lead, items=(_replied(*systems),))
    with room.sessions() as session:
        assert session.scalars(select(Context.key)).all() == []
    gold = replace(_replied("human", "weak"), purpose=Purpose.GOLD, gold_json='"human"')
    assert room.do(import_items, room.lead, items=(gold,)).contexts == 1  # a known answer needs no system of the plan


def test_talks_with_other_systems_are_left_out(sessions: sessionmaker[Session]) -> None:
    for systems in (PLAN.systems, ("net-x", "net-z")):
        Story(sessions, EncounterSetup(systems, Mode.STUDY, study=PLAN.name)).told_until("frozen")
    room = StudyRoom(sessions, PLAN, items=(), opened=False)
    assert room.do(import_encounters, room.lead).contexts == 1


def test_the_commands_say_so_too(database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.json").write_text('{"name": "tags", "systems": ["x", "y"], "raters": 3}')
    row = {
        "id": "one",
        "context": [{"speaker": "seeker", "text": "Hi."}],
        "replies": {"x": "[Question] Why?", "y": "Oh."},
    }
    (tmp_path / "items.jsonl").write_text(json.dumps(row))
    database = ["--database", database_url]
    assert main(["migrate", *database]) == 0
    assert main(["study", "create", *database, "--file", str(tmp_path / "plan.json")]) == 0
    assert main(["study", "import", *database, "--study", "tags", "--items", str(tmp_path / "items.jsonl")]) == 0
    for action in ("status", "open"):
        assert main(["study", action, *database, "--study", "tags"]) == 0
        assert "warning: one: the reply of x carries a tag of its net" in capsys.readouterr().out
