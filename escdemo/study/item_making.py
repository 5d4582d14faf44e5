"""Items made by the nets of this server, in the background: contexts -> generation service -> store. No Gradio here.

One thread per study requests the replies for one context at a time, so that people who talk with the nets meanwhile
wait for only a few replies. The items are imported together when all are made; as always, all are imported or none.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from annotation.choices import StudyState
from annotation.files.item_files import parse_rows
from annotation.studies.drafts import replace_item
from annotation.studies.item_browser import ItemLine, ReadItem
from annotation.studies.item_import import Imported, import_in_batches
from annotation.studies.members import NotAllowed
from annotation.studies.studies import get_study
from annotation.studies.study_views import Access, StudyView
from escdemo.screening.answer_screen import may_answer
from escdemo.screening.message_screen import Danger, danger_now
from escdemo.study import texts
from escdemo.study.member_session import REFUSED, Desk, sentence
from models.data.contexts import Context, item_row
from models.data.dialogue import Dialogue, Speaker, Turn
from models.reading.rows import Row
from models.serving.job import JobState, ReplyRequest, ServiceBusy
from models.serving.service import GenerationService
from models.serving.trace import DecodeOptions, Reply

_log = logging.getLogger(__name__)

BUSY_WAIT_S = 600.0
"""how long a busy service is tried before giving up"""
ATTEMPTS = 3
"""most attempts at a reply that may be shown, each with another seed"""
NEXT_SEED = 1_000_003
"""step from the seed of one attempt to the next; larger than the number of items"""
RETRY_S = 1.0


@dataclass(frozen=True)
class Making:
    """Progress of the items of one study."""

    total: int
    made: int = 0
    found: Imported | None = None
    """the result of the import, once it is done"""
    left_out: tuple[str, ...] = ()
    """contexts without an item, because a reply was held back at every attempt"""
    error: str | None = None
    """why nothing was imported"""

    def running(self) -> bool:
        """Whether items are still being made."""
        return self.found is None and self.error is None


class ItemMaker:
    """Makes items and keeps the progress of each study, by study id."""

    def __init__(self, service: GenerationService, desk: Desk, options: DecodeOptions) -> None:
        self.service = service
        self.options = options
        self.desk = desk
        self._lock = threading.Lock()
        self._makings: dict[str, Making] = {}
        self._stopped: set[str] = set()

    def missing(self, systems: Sequence[str]) -> tuple[str, ...]:
        """The systems that this server does not host."""
        return tuple(name for name in systems if name not in self.service.names)

    def check(self, access: Access | None) -> StudyView:
        """For leads: the study, if items can be made for it now.

        Raises NotAllowed for anybody else and unless the study is a draft, and ValueError when a system is not hosted
        here or items are already being made.
        """
        study = self.desk.read(get_study, access)
        if study.state is not StudyState.DRAFT:
            raise NotAllowed(texts.MAKE_DRAFT.format(state=study.state.value))
        missing = self.missing(study.plan.systems)
        if missing:
            hosted = ", ".join(self.service.names)
            raise ValueError(texts.NOT_HOSTED.format(missing=", ".join(missing), hosted=hosted))
        with self._lock:
            known = self._makings.get(study.id)
            if known is not None and known.running():
                raise ValueError(texts.MAKING_ALREADY)
        return study

    def start(self, access: Access | None, contexts: Sequence[Context]) -> None:
        """For leads: have every system of the plan answer the contexts, then import the items into the draft.

        Raises as `check` does.
        """
        self._begin(access, contexts, None)

    def start_again(self, access: Access | None, old: ReadItem) -> None:
        """For leads: have the context of an item answered again, with another seed. The old replies stay until there
        are new ones. Raises as `check` does."""
        self._begin(access, [_context_of(old)], old.line)

    def _begin(self, access: Access | None, contexts: Sequence[Context], old: ItemLine | None) -> None:
        study = self.check(access)
        assert access is not None  # get_study has checked it
        with self._lock:
            known = self._makings.get(study.id)
            if known is not None and known.running():  # begun in the meantime
                raise ValueError(texts.MAKING_ALREADY)
            self._makings[study.id] = Making(len(contexts))
            self._stopped.discard(study.id)
        seed = study.plan.seed if old is None else secrets.randbelow(2**31)
        work = (access, tuple(contexts), study.plan.systems, seed, old)
        threading.Thread(target=self._make, args=work, name=f"items-{study.id}", daemon=True).start()

    def look(self, access: Access | None) -> Making | None:
        """For leads: the progress; None when nothing was started since the server started."""
        study = self.desk.read(get_study, access)
        with self._lock:
            return self._makings.get(study.id)

    def stop(self, access: Access | None) -> None:
        """For leads: make no more items; nothing is imported."""
        study = self.desk.read(get_study, access)
        with self._lock:
            self._stopped.add(study.id)

    def _make(
        self, access: Access, contexts: Sequence[Context], systems: Sequence[str], seed: int, old: ItemLine | None
    ) -> None:
        rows = []
        left_out = []
        run = secrets.token_hex(8)
        try:
            for number, context in enumerate(contexts):
                replies = self._answers(access.study_id, context, f"items-{run}-{number}", systems, seed + number)
                if replies is None:
                    left_out.append(context.id)
                else:
                    # As it would be in a file, so that it is checked like any other imported item.
                    row = json.loads(json.dumps(item_row(context, replies)))
                    rows.append(Row(number + 1, row if old is None else row | {"id": old.key}))
                self._tell(access.study_id, made=number + 1)
            if not rows:
                raise ValueError(texts.MAKE_FAILED.format(why=texts.MAKE_ALL_HELD))
            items = parse_rows(rows)
            if old is None:
                found = import_in_batches(self.desk.as_member(access), items)
            else:
                found = self.desk.do(replace_item, access, context_id=old.id, items=items)
            self._tell(access.study_id, found=found, left_out=tuple(left_out))
        except REFUSED as refusal:
            self._tell(access.study_id, error=sentence(refusal))
        finally:
            with self._lock:
                broken = self._makings[access.study_id].running()  # by an unforeseen error
            if broken:
                self._tell(access.study_id, error=texts.MAKE_FAILED.format(why=texts.MAKE_BROKEN))

    def _answers(
        self, study: str, context: Context, job: str, systems: Sequence[str], seed: int
    ) -> dict[str, Reply] | None:
        """The reply of each system; one that must not be shown is made again. None when all attempts are held back.

        Raises ValueError when a reply cannot be made.
        """
        replies: dict[str, Reply] = {}
        danger = danger_in_dialogue(context.dialogue)
        for attempt in range(ATTEMPTS):
            missing = [name for name in systems if name not in replies]
            for name in missing:
                request = ReplyRequest(name, context.dialogue, self.options, seed + attempt * NEXT_SEED)
                self._submit(study, f"{job}-{name}-{attempt}", request)
            for name in missing:
                done = self.service.wait(f"{job}-{name}-{attempt}")
                self.service.forget(done.id)  # an item made from a talk must not outlive it in memory
                if done.state is not JobState.DONE or done.reply is None:
                    raise ValueError(texts.MAKE_FAILED.format(why=done.error or texts.MAKE_STOPPED))
                if may_answer(done.reply.text, danger):
                    replies[name] = done.reply
        if len(replies) < len(systems):
            _log.warning("a context of study %s was left out: a reply was held back %d times", study, ATTEMPTS)
            return None
        return {name: replies[name] for name in systems}

    def _submit(self, study: str, job: str, request: ReplyRequest) -> None:
        until = time.monotonic() + BUSY_WAIT_S
        while True:
            with self._lock:
                if study in self._stopped:
                    raise ValueError(texts.MAKE_FAILED.format(why=texts.MAKE_STOPPED))
            try:
                self.service.submit(job, request)
                return
            except ServiceBusy as busy:
                if time.monotonic() > until:
                    raise ValueError(texts.MAKE_FAILED.format(why=busy)) from busy
                time.sleep(RETRY_S)

    def _tell(self, study: str, **changes: Any) -> None:
        with self._lock:
            self._makings[study] = replace(self._makings[study], **changes)


def _context_of(old: ReadItem) -> Context:
    """The context of a stored item, for the nets to answer."""
    turns = tuple(Turn(Speaker(line.speaker), line.text) for line in old.context)
    told = (old.situation, old.emotion_type or "", old.problem_type or "", old.dialogue)
    return Context(Dialogue(turns, *told), old.strategy)


def danger_in_dialogue(dialogue: Dialogue) -> Danger | None:
    """The danger that a reply to the dialogue must take seriously."""
    messages = [turn.text for turn in dialogue.turns if turn.speaker is Speaker.SEEKER]
    return danger_now(dialogue.situation, messages)
