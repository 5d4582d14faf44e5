"""Encounters of any stage for tests of the store: `Story` plays visitor and server, one transaction per step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Mode
from annotation.rubric import RUBRICS
from annotation.store.database import for_reading
from annotation.talks.conversation import add_post, missing_replies, save_reply
from annotation.talks.encounters import (
    EncounterSetup,
    freeze,
    get_encounter,
    reveal,
    start_encounter,
    visitor_of,
    whole_reply,
)
from annotation.talks.judgments import Vote, judge
from annotation.talks.views import EncounterView, ReplySlot, ReplyTask, TurnView
from models.data.dialogue import Dialogue, Speaker, Turn
from models.serving.trace import DecodeOptions
from tests.fakes import EchoResponder

CRITERIA = RUBRICS["admisc-2024"].names()
SYSTEMS = ("net-x", "net-y")


def answer(task: ReplyTask) -> dict[str, object]:
    """The reply of a fake net of the task's name."""
    turns: list[Turn] = []
    for exchange in task.exchanges:
        turns.append(Turn(Speaker.SEEKER, exchange.post))
        if exchange.reply is not None:
            turns.append(Turn(Speaker.SUPPORTER, exchange.reply, exchange.strategy))
    responder = EchoResponder(task.system, f"checkpoint-{task.system}")
    return responder.respond(Dialogue(tuple(turns), task.situation), DecodeOptions(), task.seed).to_dict()


@dataclass
class Story:
    """One visitor's encounter, told step by step."""

    sessions: sessionmaker[Session]
    setup: EncounterSetup = field(default_factory=lambda: EncounterSetup(SYSTEMS, Mode.STUDY, study="pilot"))
    visitor: str = visitor_of("a browser's token")
    id: str = ""

    def __post_init__(self) -> None:
        with self.sessions.begin() as session:
            self.id = start_encounter(session=session, visitor=self.visitor, setup=self.setup).id

    @contextmanager
    def step(self) -> Iterator[dict[str, object]]:
        """A transaction and the arguments that every store function of a visitor takes."""
        with self.sessions.begin() as session:
            yield {"session": session, "encounter_id": self.id, "visitor": self.visitor}

    def post(self, text: str = "I feel alone.", key: str | None = None) -> TurnView:
        with self.step() as own:
            return add_post(**own, text=text, key=key or f"key-{len(self.view().turns)}")

    def whole(self, slot: ReplySlot) -> str | None:
        with for_reading(self.sessions)() as session:
            return whole_reply(session=session, slot=slot, visitor=self.visitor)

    def owed(self) -> tuple[ReplyTask, ...]:
        with for_reading(self.sessions)() as session:
            return missing_replies(session=session, encounter_id=self.id)

    def reply(self) -> None:
        for task in self.owed():
            with self.sessions.begin() as session:
                save_reply(session=session, slot=task.slot, reply=answer(task))

    def freeze(self) -> EncounterView:
        with self.step() as own:
            return freeze(**own)

    def judge(self, vote: Vote | None = None) -> EncounterView:
        with self.step() as own:
            return judge(**own, vote=vote or Vote(dict.fromkeys(CRITERIA, "a")))

    def reveal(self) -> EncounterView:
        with self.step() as own:
            return reveal(**own)

    def view(self) -> EncounterView:
        with for_reading(self.sessions)() as session:
            return get_encounter(session=session, encounter_id=self.id, visitor=self.visitor)

    def told_until(self, stage: str) -> Story:
        """Play the steps up to `stage` ("consented" ... "revealed")."""
        steps = {"chatting": (self.post, self.reply), "frozen": (self.freeze,), "judged": (self.judge,)}
        for name, actions in (steps | {"revealed": (self.reveal,)}).items():
            if stage == "consented":
                break
            for action in actions:
                action()
            if name == stage:
                break
        return self
