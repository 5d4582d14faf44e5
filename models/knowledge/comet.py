"""Commonsense about an event: what its person feels, wants, needs (COMET over the 9 relations of ATOMIC).

Place in the flow: situation and last post -> tails -> blocks -> the nets that attend to them (MISC, AdMISC). Sources:
`models.knowledge.comet_shipped` (shipped), `models.knowledge.comet_hub` (a COMET-BART), `NoComet` (nets also work
without tails). A query is (event, relation), its answer up to 5 tails, best first:
    ("i lost my job last week", "xReact") -> ("sad", "upset", "worried")
"""

from __future__ import annotations

import json
import threading
from abc import abstractmethod
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol

from models.data.examples import POST_BLOCKS, SITUATION_BLOCKS
from models.data.relations import RELATIONS, SITUATION_RELATIONS
from models.files.json_lines import append_rows
from models.files.lru import Lru

TAILS = 5
"""maximum number of tails per query"""

TOGETHER = 72
"""maximum number of queries of several threads in one batch: eight events. More would take as long as one after the
other"""

Query = tuple[str, str]
"""(event, relation)"""

_Waiting = list[tuple[Query, Future[tuple[str, ...]]]]


@dataclass(frozen=True)
class Block:
    """One tail as given to a net: `[relation] text`."""

    source: Literal["situation", "post"]
    relation: str
    text: str


class Comet(Protocol):
    """A source of tails. `version` names the generator and its weights: answers of different versions never mix."""

    version: str

    @abstractmethod
    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        """Up to 5 tails per query in beam order, without "none" and case-insensitive duplicates; all in one batch."""
        ...

    def tails(self, events: Sequence[str], relations: Sequence[str] = RELATIONS) -> list[dict[str, tuple[str, ...]]]:
        """For each event: relation -> tails. All events and relations are answered in one batch."""
        check_relations(relations)
        answers = iter(self.answer([(event, relation) for event in events for relation in relations]))
        return [{relation: next(answers) for relation in relations} for _ in events]

    def lay_out(self) -> None:
        """Answer faster from now on, where that is possible; for a base that will not train any more."""
        return


class NoComet(Comet):
    """A source without any tails."""

    version = "none"

    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        """No tail for any query."""
        return [() for _ in queries]


class CachedComet(Comet):
    """Caches the answers of `source` per event and relation; `load` and `save` read and write them as JSON Lines.

    What several threads ask at the same time, `source` answers in one batch: that takes half as long as one after the
    other. Nothing is written unless `save` is called: what a seeker says stays in memory.
    """

    def __init__(self, source: Comet, entries: int = 50_000) -> None:
        self.source, self.version = source, source.version
        self._known: Lru[Query, tuple[str, ...]] = Lru(entries)
        self._wanted: dict[Query, Future[tuple[str, ...]]] = {}
        """queries that are waiting or being answered, oldest first"""
        self._changed = threading.Condition()
        self._asking = False

    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        """Answers from memory where known; `source` answers the other queries, each of them once."""
        keys = [(normalise(event), relation) for event, relation in queries]
        with self._changed:
            answers = {key: known for key in keys if (known := self._known.get(key)) is not None}
            missing = dict.fromkeys(key for key in keys if key not in answers)
            coming = {key: self._wanted.setdefault(key, Future()) for key in missing}
        while batch := self._next_batch(coming):
            self._ask(batch)
        answers |= {key: future.result() for key, future in coming.items()}
        return [answers[key] for key in keys]

    def _next_batch(self, coming: Mapping[Query, Future[tuple[str, ...]]]) -> _Waiting:
        """What this thread is to ask for all who wait, oldest first; nothing as soon as all of `coming` is there."""
        with self._changed:
            while self._asking and not _all_here(coming):
                self._changed.wait()
            if _all_here(coming):
                return []
            self._asking = True
            return list(islice(self._wanted.items(), max(TOGETHER, len(coming))))

    def _ask(self, batch: _Waiting) -> None:
        try:
            answers = self.source.answer([key for key, _ in batch])
            found = list(zip(batch, answers, strict=True))
        except BaseException as fault:
            with self._changed:
                for key, future in batch:
                    del self._wanted[key]
                    future.set_exception(fault)
                self._go_on()
            if not isinstance(fault, Exception):
                raise
            return  # each of those who wait for one of them hears of it
        with self._changed:
            for (key, future), tails in found:
                self._known.put(key, tails)
                del self._wanted[key]
                future.set_result(tails)
            self._go_on()

    def _go_on(self) -> None:
        self._asking = False
        self._changed.notify_all()

    def clear(self) -> None:
        """Forget all answers."""
        self._known.clear()

    def load(self, path: Path) -> int:
        """Add the answers of this generator version from a file written by `save`; returns how many queries are known.

        Raises FileNotFoundError, or ValueError naming file and line when a line is not an answer.
        """
        if not path.is_file():
            raise FileNotFoundError(
                f"file of tails {path} is missing; make it with `python -m models comet --precompute`"
            )
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    row = json.loads(line)
                    found = {(row["event"], r): tuple(map(str, tails)) for r, tails in row["tails"].items()}
                    version = row["version"]
                except (ValueError, KeyError, TypeError, AttributeError) as fault:
                    raise ValueError(f"{path}, line {number}: not a line of tails ({fault!r})") from fault
                for key, tails in found.items() if version == self.version else ():
                    self._known.put(key, tails)
        return len(self._known)

    def save(self, path: Path, events: Iterable[str]) -> None:
        """Append what is known about `events` to a JSON Lines file, one event per line."""
        append_rows(path, [self._row(event) for event in dict.fromkeys(map(normalise, events))])

    def _row(self, event: str) -> dict[str, Any]:
        known = {relation: self._known.get((event, relation)) for relation in RELATIONS}
        tails = {relation: found for relation, found in known.items() if found is not None}
        return {"version": self.version, "event": event, "tails": tails}


def _all_here(coming: Mapping[Query, Future[tuple[str, ...]]]) -> bool:
    return all(future.done() for future in coming.values())


def normalise(event: str) -> str:
    """An event as a cache key: lower case (generators ignore case), single blanks."""
    return " ".join(event.lower().split())


def check_relations(relations: Iterable[str]) -> None:
    """Raises ValueError for a relation that is not one of the nine."""
    unknown = [relation for relation in relations if relation not in RELATIONS]
    if unknown:
        raise ValueError(f"unknown relation {unknown[0]!r}; allowed: {', '.join(RELATIONS)}")


def clean(tails: Iterable[str], limit: int = TAILS) -> tuple[str, ...]:
    """At most `limit` tails in the given order, stripped; no "none", empty tails or case-insensitive duplicates."""
    kept: dict[str, str] = {}
    for tail in tails:
        text = " ".join(tail.split()).strip(" .")
        if text and text.lower() != "none":
            kept.setdefault(text.lower(), text)
    return tuple(kept.values())[:limit]


def blocks_for(comet: Comet, situation: str, post: str) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
    """The blocks of situation (at most 20) and last post (at most 30), in MISC's order: by relation, then by beam.

    An empty text has none. Both texts are answered in one batch. If there are too many, the last tails of each relation
    are dropped first, so that no relation is lost (MISC's own blocks never reach these limits).
    """
    wanted = [(situation, relation) for relation in SITUATION_RELATIONS] if situation.strip() else []
    cut = len(wanted)
    wanted += [(post, relation) for relation in RELATIONS] if post.strip() else []
    answers = comet.answer(wanted) if wanted else []
    asked = list(zip(wanted, answers, strict=True))
    return _blocks("situation", asked[:cut], SITUATION_BLOCKS), _blocks("post", asked[cut:], POST_BLOCKS)


def _blocks(
    source: Literal["situation", "post"], asked: Sequence[tuple[Query, tuple[str, ...]]], cap: int
) -> tuple[Block, ...]:
    ranked = [(rank, n, Block(source, r, t)) for n, ((_, r), ts) in enumerate(asked) for rank, t in enumerate(ts)]
    kept = sorted(ranked, key=lambda entry: entry[:2])[:cap]
    return tuple(block for _, _, block in sorted(kept, key=lambda entry: (entry[1], entry[0])))


def add_tails_argument(parser: ArgumentParser) -> None:
    """Add the flag `--tails`, which every command that measures nets on a data set has."""
    parser.add_argument(
        "--tails",
        help="file of COMET tails made by `python -m models comet --precompute`; without one, a net that reads them"
        " waits until they are generated, which takes long without a GPU",
    )
