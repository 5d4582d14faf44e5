"""How the store copes with many raters at once: `python -m annotation benchmark --raters 50`.

Makes a study in a fresh database and lets all raters work at the same time: each answers, saves every answer separately
and hands in, with pauses between saves like those of people. Afterwards checks that no judgment was lost or doubled.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import StudyEventKind
from annotation.files.item_files import ImportedItem, ImportedReply
from annotation.store.database import open_sessions
from annotation.store.study_schema import Study, StudyEvent
from annotation.studies.answers import Given, save_answer, submit
from annotation.studies.ballots import ballots
from annotation.studies.claims import open_task
from annotation.studies.item_import import import_items
from annotation.studies.members import consent, invite, whose_link
from annotation.studies.studies import create_study, open_study
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access, Line

SYSTEMS = ("one", "three", "two")


@dataclass(frozen=True)
class Load:
    """The load on the store."""

    raters: int = 50
    items_each: int = 2
    pause_s: float = 1.0
    """mean pause between two saves of one rater, in seconds; drawn from 0 to twice as much"""
    raters_per_item: int = 5


@dataclass(frozen=True)
class Figures:
    """The measurements; times in seconds."""

    saves: tuple[float, ...]
    opens: tuple[float, ...]
    sent: int
    """answers that the store confirmed"""
    stored: int
    """different answers found afterwards"""
    doubled: int
    events: int
    wall: float

    def faultless(self) -> bool:
        """Whether nothing was lost or doubled and every answer is in the record."""
        return self.sent == self.stored == self.events and self.doubled == 0


def measure(sessions: sessionmaker[Session], load: Load) -> Figures:
    """Let the raters work, and count what they sent and what is stored."""
    lead, raters = _prepare(sessions, load)
    barrier = threading.Barrier(len(raters))
    saves: list[list[float]] = [[] for _ in raters]
    opens: list[list[float]] = [[] for _ in raters]

    def work(number: int) -> None:
        barrier.wait()
        _rate(sessions, raters[number], load, (saves[number], opens[number]))

    begun = time.perf_counter()
    with ThreadPoolExecutor(len(raters)) as pool:
        list(pool.map(work, range(len(raters))))
    wall = time.perf_counter() - begun
    with sessions() as session:
        found = Counter(
            (ballot.item_id, ballot.rater, ballot.criterion) for ballot in ballots(session=session, access=lead)
        )
        answered = select(func.count()).where(
            StudyEvent.study_id == lead.study_id, StudyEvent.kind == StudyEventKind.ANSWERED
        )
        events = session.scalar(answered) or 0
    sent = [seconds for own in saves for seconds in own]
    return Figures(
        saves=tuple(sent),
        opens=tuple(seconds for own in opens for seconds in own),
        sent=len(sent),
        stored=len(found),
        doubled=sum(count - 1 for count in found.values()),
        events=events,
        wall=wall,
    )


def _prepare(sessions: sessionmaker[Session], load: Load) -> tuple[Access, list[Access]]:
    needed = -(-load.raters * load.items_each // load.raters_per_item)
    plan = StudyPlan("benchmark", SYSTEMS, load.raters, raters_per_item=load.raters_per_item)
    with sessions.begin() as session:
        if session.scalar(select(Study.id)) is not None:
            raise ValueError("the database holds studies; name a new one, or leave --database out")
        lead = create_study(session=session, plan=plan).access
        import_items(session=session, access=lead, items=[_item(number) for number in range(needed + load.raters)])
        open_study(session=session, access=lead)
        people = [invite(session=session, access=lead, role="rater") for _ in range(load.raters)]
        entered = [whose_link(session=session, token=person.token) for person in people]
        raters = [access for access in entered if access is not None]
        for rater in raters:
            consent(session=session, access=rater)
    return lead, raters


def _item(number: int) -> ImportedItem:
    context = (Line("seeker", f"Message {number}."),)
    replies = tuple(ImportedReply(name, (Line("supporter", f"Reply {number}."),)) for name in SYSTEMS)
    return ImportedItem(f"item-{number}", f"item-{number}", context, replies)


def _rate(sessions: sessionmaker[Session], access: Access, load: Load, times: tuple[list[float], list[float]]) -> None:
    """One rater's work; records the time of each save and of each opening, including the wait for others."""
    saves, opens = times
    draw = random.Random(access.pseudonym)
    for _ in range(load.items_each):
        begun = time.perf_counter()
        with sessions.begin() as session:
            task = open_task(session=session, access=access)
        opens.append(time.perf_counter() - begun)
        assert task is not None, "the benchmark has more items than are judged"
        for criterion in task.missing:
            time.sleep(draw.uniform(0, 2 * load.pause_s))
            given = Given(criterion, draw.choice(("a", "tie", "b")))
            begun = time.perf_counter()
            with sessions.begin() as session:
                save_answer(session=session, access=access, claim_id=task.claim_id, given=given)
            saves.append(time.perf_counter() - begun)
        with sessions.begin() as session:
            submit(session=session, access=access, claim_id=task.claim_id)


def quantile(values: tuple[float, ...], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of `python -m annotation benchmark`."""
    parser.add_argument(
        "--database", metavar="URL", default=None, help="SQLAlchemy URL of an empty database; else a temporary file"
    )
    parser.add_argument("--raters", type=int, default=Load.raters, metavar="N", help="raters working at once")
    parser.add_argument("--items", type=int, default=Load.items_each, metavar="N", help="items each of them judges")
    parser.add_argument(
        "--pause", type=float, default=Load.pause_s, metavar="S", help="mean seconds between two saves of one rater"
    )


def run(args: Namespace) -> int:
    """Measure and print; the exit status is 1 when a judgment was lost or doubled."""
    if min(args.raters, args.items) < 1 or args.pause < 0:
        raise ValueError(f"--raters {args.raters} --items {args.items} --pause {args.pause}: give positive numbers")
    load = Load(args.raters, args.items, args.pause, min(Load.raters_per_item, args.raters))
    with tempfile.TemporaryDirectory() as folder:
        sessions = open_sessions(args.database or f"sqlite:///{Path(folder) / 'benchmark.db'}")
        figures = measure(sessions, load)
        name = sessions.kw["bind"].dialect.name
        sessions.kw["bind"].dispose()
    print(f"{name}: {load.raters} raters at once, {figures.sent} answers in {figures.wall:.1f} s")
    for what, values in (("save of an answer", figures.saves), ("opening of an item", figures.opens)):
        shown = ", ".join(f"p{share * 100:.0f} {quantile(values, share) * 1000:.1f} ms" for share in (0.5, 0.95, 0.99))
        print(f"{what}: {shown}, most {max(values) * 1000:.1f} ms")
    print(f"sent {figures.sent}, stored {figures.stored}, doubled {figures.doubled}, in the record {figures.events}")
    print("nothing lost, nothing doubled" if figures.faultless() else "FAULT: see the line above")
    return 0 if figures.faultless() else 1
