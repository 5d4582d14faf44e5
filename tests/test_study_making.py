"""Items that the nets of the server make for a draft: through the page's interface, and the maker by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from annotation.store.study_schema import Context, SystemReply
from annotation.studies.item_import import import_items
from annotation.studies.members import NotAllowed
from annotation.studies.studies import open_study
from escdemo.role_cards import CARDS_PATH, load_role_cards
from escdemo.study import lead_render
from escdemo.study.item_making import ItemMaker, Making
from escdemo.study.member_session import Desk
from models.data.contexts import card_contexts
from models.data.dialogue import Dialogue
from models.serving.responder import OnText
from models.serving.service import GenerationService
from models.serving.trace import DecodeOptions, Reply
from tests.fakes import EchoResponder, FailingResponder, HarmfulResponder, SlowResponder
from tests.running import CREATE_KEY, Site, running
from tests.studies import PLAN, StudyRoom, item
from tests.test_esconv import lines, record
from tests.test_study_client import Member, links

PAIR = ("fake-1", "fake-2")
DRAFT = {"name": "made", "systems": list(PAIR), "raters": 3, "seed": 5}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    nets = {name: EchoResponder(name, f"sha-{name}") for name in PAIR}
    with running(f"sqlite:///{tmp_path_factory.mktemp('making') / 'site.db'}", nets) as running_site:
        yield running_site


def founded(site: Site, **changes: Any) -> Member:
    """The lead of a new draft."""
    lead = Member(site, key=CREATE_KEY)
    assert "?invite=" in lead.call("create_from_file", lead.send_file("plan.json", json.dumps(DRAFT | changes)))
    return lead


def waited(lead: Member) -> str:
    """What the page says once the items are made."""
    until = time.monotonic() + 60
    while "Making items" in lead.told and time.monotonic() < until:
        time.sleep(0.05)
        lead.call("made")
    return lead.told


def test_a_lead_has_items_made_and_opens_the_study(site: Site) -> None:
    lead = founded(site)
    assert "fake-1, fake-2 answer role cards" in lead.call("overview")
    assert "999 contexts are asked for" in lead.call("make_from_cards", 999)
    lead.call("make_from_cards", 5)
    told = waited(lead)
    assert "Imported 5 contexts with 10 replies" in told
    assert "5 contexts imported" in told
    esconv = lines([record(number, problem_type=f"type {number % 2}", dialog=_talk()) for number in range(4)])
    lead.call("make_from_esconv", 2, lead.send_file("ESConv.jsonl", esconv))
    assert "Imported 2 contexts with 4 replies" in waited(lead)
    assert "Open: raters work" in lead.call("open")
    assert "Items are made for a draft" in lead.call("make_from_cards", 5)
    rater = Member(site, links(lead.call("invite", "rater", 1))[0])
    rater.call("agree", True)
    rater.call("begin")
    assert "You said:" in rater.told  # what an EchoResponder says
    assert [secret for secret in (*PAIR, "sha-") if secret in "".join(rater.seen)] == []
    for action, values in (("make_from_cards", [5]), ("stop_making", []), ("made", [])):
        assert "lead" in rater.call(action, *values)
        assert not any(name in rater.told for name in PAIR)


def _talk() -> list[dict[str, Any]]:
    turn = {"annotation": {"strategy": "Question"}, "content": "And then?"}
    return [turn | {"speaker": "supporter" if at % 2 else "seeker"} for at in range(8)]


def test_a_system_that_is_not_hosted_is_named(site: Site) -> None:
    lead = founded(site, name="elsewhere", systems=["fake-1", "gpt"])
    assert "does not host gpt. It hosts fake-1, fake-2" in lead.call("overview")
    assert "does not host gpt. It hosts fake-1, fake-2" in lead.call("make_from_cards", 5)
    bad = lead.call("make_from_esconv", 2, lead.send_file("other.json", "{}"))
    assert "not ESConv" in bad
    assert "gradio" not in bad  # the server's folder


Maker = Callable[..., tuple[ItemMaker, GenerationService]]


@pytest.fixture
def make(sessions: sessionmaker[Session]) -> Iterator[Maker]:
    """A maker over nets; their services are closed afterwards."""
    services = []

    def made(*nets: EchoResponder, **settings: Any) -> tuple[ItemMaker, GenerationService]:
        service = GenerationService({net.name: net for net in nets}, **settings)
        services.append(service)
        return ItemMaker(service, Desk(sessions), DecodeOptions()), service

    yield made
    for service in services:
        service.close()


def draft(sessions: sessionmaker[Session]) -> StudyRoom:
    return StudyRoom(sessions, replace(PLAN, systems=PAIR), items=(), opened=False)


def ended(maker: ItemMaker, room: StudyRoom) -> Making:
    until = time.monotonic() + 60
    while True:
        far = maker.look(room.lead)
        assert far is not None
        if not far.running() or time.monotonic() > until:
            return far
        time.sleep(0.02)


def test_items_are_stored_with_their_traces(sessions: sessionmaker[Session], make: Maker) -> None:
    room, contexts = draft(sessions), card_contexts(CARDS_PATH)[:3]
    maker, _ = make(*(EchoResponder(name, f"sha-{name}") for name in PAIR))
    assert maker.look(room.lead) is None
    maker.start(room.lead, contexts)
    found = ended(maker, room).found
    assert found is not None
    assert (found.contexts, found.replies) == (3, 6)
    with sessions() as session:
        keys = set(session.scalars(select(Context.key)))
        replies = session.execute(select(SystemReply.checkpoint, SystemReply.replies_json)).all()
    assert keys == {f"{card.id}-t1" for card in load_role_cards()[:3]}
    assert {row[0] for row in replies} == {"sha-fake-1", "sha-fake-2"}
    assert all(json.loads(row[1])[0]["trace"]["tokens"] for row in replies)


def test_a_net_that_fails_leaves_nothing_behind(sessions: sessionmaker[Session], make: Maker) -> None:
    room = draft(sessions)
    maker, _ = make(EchoResponder("fake-1"), FailingResponder("fake-2"))
    maker.start(room.lead, card_contexts(CARDS_PATH)[:2])
    error = ended(maker, room).error
    assert error is not None
    assert "Nothing was imported: fake-2 could not answer" in error
    with sessions() as session:
        assert session.scalars(select(Context.id)).all() == []


@dataclass(frozen=True)
class OnceHarmful(HarmfulResponder):
    """Harmful from the first seed, harmless from the next."""

    seen: list[int] = field(default_factory=list)

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        self.seen.append(seed)
        words = self.words if len(self.seen) == 1 else "I hear you."
        return replace(super().respond(dialogue, options, seed), text=words)


def test_a_reply_that_must_not_be_shown_is_made_again(sessions: sessionmaker[Session], make: Maker) -> None:
    room = draft(sessions)
    once = OnceHarmful("fake-2")
    maker, _ = make(EchoResponder("fake-1"), once)
    maker.start(room.lead, card_contexts(CARDS_PATH)[:2])
    assert ended(maker, room).found is not None
    assert len(once.seen) == len(set(once.seen)) == 3
    with sessions() as session:
        stored = session.scalars(select(SystemReply.turns_json)).all()
    assert len(stored) == 4
    assert not any("hurt yourself" in turns for turns in stored)


def test_a_net_that_only_harms_makes_no_items(sessions: sessionmaker[Session], make: Maker) -> None:
    room = draft(sessions)
    maker, _ = make(EchoResponder("fake-1"), HarmfulResponder("fake-2"))
    maker.start(room.lead, card_contexts(CARDS_PATH)[:2])
    assert "every context was left out" in (ended(maker, room).error or "")
    with sessions() as session:
        assert session.scalars(select(Context.id)).all() == []


def test_a_context_whose_danger_no_reply_takes_seriously_is_left_out_and_named(
    sessions: sessionmaker[Session], make: Maker
) -> None:
    room = draft(sessions)
    maker, _ = make(*(HarmfulResponder(name, words="I work in a bank.") for name in PAIR))
    calm, grave = card_contexts(CARDS_PATH)[:2]
    turn = replace(grave.dialogue.turns[-1], text="I have the rope ready.")
    grave = replace(grave, dialogue=replace(grave.dialogue, turns=(*grave.dialogue.turns[:-1], turn)))
    maker.start(room.lead, (calm, grave))
    far = ended(maker, room)
    assert far.left_out == (grave.id,)
    assert grave.id in lead_render.making(far)
    with sessions() as session:
        assert len(session.scalars(select(Context.id)).all()) == 1


def test_it_runs_once_at_a_time_and_can_be_stopped(sessions: sessionmaker[Session], make: Maker) -> None:
    room = draft(sessions)
    maker, _ = make(*(SlowResponder(name, delay_s=0.01) for name in PAIR))
    contexts = card_contexts(CARDS_PATH)
    maker.start(room.lead, contexts)
    with pytest.raises(ValueError, match="are being made; wait"):
        maker.start(room.lead, contexts)
    maker.stop(room.lead)
    far = ended(maker, room)
    assert "stopped before the last item" in (far.error or "")
    assert far.made < len(contexts)
    maker.start(room.lead, contexts[:1])  # and again, if wanted
    assert ended(maker, room).found is not None


def test_a_busy_service_is_asked_again(
    sessions: sessionmaker[Session], make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("escdemo.study.item_making.RETRY_S", 0.01)
    room = draft(sessions)
    maker, _ = make(*(SlowResponder(name, delay_s=0.01) for name in PAIR), workers=1, max_waiting=1)
    maker.start(room.lead, card_contexts(CARDS_PATH)[:2])
    found = ended(maker, room).found
    assert found is not None
    assert found.contexts == 2


def test_what_the_import_refuses_is_told(sessions: sessionmaker[Session], make: Maker) -> None:
    """The study is opened while its items are being made."""
    room = draft(sessions)
    maker, _ = make(*(SlowResponder(name, delay_s=0.01) for name in PAIR))
    maker.start(room.lead, card_contexts(CARDS_PATH)[:2])
    room.do(import_items, room.lead, items=(item(0, systems=PAIR),))
    room.do(open_study, room.lead)
    assert "this study is open" in (ended(maker, room).error or "")
    with pytest.raises(NotAllowed, match="made for a draft"):
        maker.start(room.lead, card_contexts(CARDS_PATH)[:2])
