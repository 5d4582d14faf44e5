"""Background work for maps: the states of a talk's replies, and new maps. One thread does it, so that no page waits.

The thread pauses while replies are being made, so that no talk gets slower. States stay in memory only and are dropped
when their talk is deleted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from escdemo.chat.own_replies import OwnReply
from models.analysis.map_file import map_path, write_map
from models.analysis.map_turns import Said, described, hash_of
from models.analysis.state_map import StateMap, make_map
from models.files.lru import Lru
from models.serving.responder import ReadsReplies
from models.serving.service import GenerationService
from models.serving.trace import DECODING, DecodeOptions

_log = logging.getLogger(__name__)

STATES_KEPT = 4000
MAPS_KEPT = 64
READ_TOGETHER = 8
"""replies read in one batch; between batches the thread gives way to replies that are being made"""
DIALOGUES = 40
"""dialogues of ESConv in a map that the page makes"""
SEED = 13
LOOK_EVERY_S = 0.1
LONGEST_WAIT_S = 60.0
"""longest time that one step waits for replies that are being made"""


@dataclass(frozen=True)
class Making:
    """Progress of making maps."""

    nets: tuple[str, ...]
    net: str
    """the net whose map is being made"""
    done: int = 0
    total: int = 0
    """replies of all nets; 0 while the source is being read"""
    error: str = ""
    """why it ended early, for the visitor"""
    ended: bool = False
    order: object = None
    """identifies what was asked for, which a visitor may have deleted, or asked for anew, in the meantime"""


class _NotWanted(Exception):  # noqa: N818  (control flow, not an error)
    """What is being made was deleted meanwhile."""


Source = Callable[[], tuple[Sequence[Said], tuple[str, str]]]
"""returns the replies and, for ESConv, (split, part); raises ValueError or OSError with a message for visitors"""
_Order = tuple[str, object]
"""the visitor and what they asked for, see `Making`"""


class MapWork:
    """The work behind the Map tab, for all visitors of the server."""

    def __init__(self, service: GenerationService, options: DecodeOptions) -> None:
        """`options` are those of the talks' replies."""
        self._service, self._options = service, options
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None
        self._states: Lru[str, np.ndarray | None] = Lru(STATES_KEPT)
        self._asked: dict[str, OwnReply] = {}
        """replies still to be read, by key; only here, so that a deletion takes the words along"""
        self._own: Lru[tuple[str, str], StateMap] = Lru(MAPS_KEPT)
        self._making: Lru[str, Making] = Lru(MAPS_KEPT)

    # the talk that is going on

    def states(self, replies: Sequence[OwnReply]) -> tuple[dict[str, np.ndarray], int]:
        """The states known so far, by key, and how many are still to come. Missing ones are requested."""
        found: dict[str, np.ndarray] = {}
        left = 0
        with self._lock:
            ended = set(self._states.recent())
        for one in replies:
            state = self._states.get(one.key)
            if state is not None:
                found[one.key] = state
            elif one.key not in ended and self._service.reader(one.net) is not None:
                left += 1
                self._ask(one)
        return found, left

    def _ask(self, one: OwnReply) -> None:
        with self._lock:
            if one.key in self._asked:
                return
            self._asked[one.key] = one
        key = one.key
        self._do(lambda: self._read(key))

    def _read(self, key: str) -> None:
        with self._lock:
            one = self._asked.get(key)
        if one is None:  # deleted meanwhile
            return
        state = None  # stays None if the net fails on this reply, which is then not tried again
        try:
            reader = self._service.reader(one.net)
            if reader is not None:
                state = reader.read_replies([(one.said.context, one.said.reply)], self._options)[0][0]
        finally:
            with self._lock:
                if self._asked.pop(key, None) is not None:
                    self._states.put(key, state)

    # new maps

    def own(self, owner: str, net: str) -> StateMap | None:
        """The map of a visitor's own talks, if one was made."""
        return self._own.get((owner, net))

    def progress(self, owner: str) -> Making | None:
        """Progress of the maps that this visitor asked for last."""
        return self._making.get(owner)

    def make(self, owner: str, nets: Sequence[str], source: Source, folder: Path | None) -> None:
        """Make maps of these nets: as files in `folder`, or with None in memory, for `owner` alone.

        Raises ValueError while other maps are being made.
        """
        with self._lock:
            known = [self._making.get(name) for name in self._making.recent()]
            running = next((one for one in known if one is not None and not one.ended), None)
            if running is not None:
                raise ValueError(f"A map of {running.net} is being made at the moment; try again when it is done.")
            order = object()
            self._making.put(owner, Making(tuple(nets), nets[0], order=order))
        self._do(lambda: self._make((owner, order), nets, source, folder))

    def _make(self, whose: _Order, nets: Sequence[str], source: Source, folder: Path | None) -> None:
        error = "The map could not be made; try again."
        try:
            replies, part = source()
            self._tell(whose, total=len(replies) * len(nets))
            for net in nets:
                self._tell(whose, net=net)
                reader = self._service.reader(net)
                if reader is None:
                    raise ValueError(f"The states of {net} cannot be read here.")
                made = self._map(whose, reader, replies, part)
                if folder is None:
                    self._keep(whose, net, made)
                else:
                    write_map(made, map_path(folder, net))
            error = ""
        except (ValueError, OSError) as fault:
            error = str(fault)
        except _NotWanted:
            return
        finally:
            with suppress(_NotWanted):
                self._tell(whose, ended=True, error=error)

    def _map(self, whose: _Order, reader: ReadsReplies, replies: Sequence[Said], part: tuple[str, str]) -> StateMap:
        states, strategies = [], []
        options = DECODING["published"] if part[0] else self._options  # ESConv's replies are nobody's
        for start in range(0, len(replies), READ_TOGETHER):
            some = replies[start : start + READ_TOGETHER]
            self._stand_back()
            read = reader.read_replies([(one.context, one.reply) for one in some], options)
            states.append(read[0])
            strategies.append(read[1])
            self._tell(whose, more=len(some))
        if not states:
            raise ValueError("There is no reply to map yet.")
        dialogues = len({one.dialogue for one in replies})
        kind = "ESConv" if part[0] else "own talks"
        about = reader.describe_map(kind, part, dialogues, hash_of(replies), SEED)
        return make_map(about, described(replies, np.concatenate(strategies)), np.concatenate(states))

    def _tell(self, whose: _Order, more: int = 0, **changes: object) -> None:
        """Raises _NotWanted when the visitor has deleted everything meanwhile."""
        with self._lock:
            now = self._wanted(whose)
            self._making.put(whose[0], replace(now, done=now.done + more, **changes))  # type: ignore[arg-type]

    def _keep(self, whose: _Order, net: str, made: StateMap) -> None:
        with self._lock:
            self._wanted(whose)
            self._own.put((whose[0], net), made)

    def _wanted(self, whose: _Order) -> Making:
        owner, order = whose
        now = self._making.get(owner)
        if now is None or now.order is not order:
            raise _NotWanted
        return now

    def forget(self, owner: str, encounters: Sequence[str]) -> None:
        """Drop everything made from these conversations, and all maps of `owner`."""
        with self._lock:
            self._making.drop(owner)
            gone = set(encounters)
            self._asked = {key: one for key, one in self._asked.items() if key.split(":")[1] not in gone}
            for key in self._states.recent():
                if key.split(":")[1] in gone:
                    self._states.drop(key)
            for place in self._own.recent():
                if place[0] == owner:
                    self._own.drop(place)

    # the thread

    def _do(self, work: Callable[[], None]) -> None:
        with self._lock:
            self._waiting.append(work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="maps", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                work = self._waiting.popleft()
            self._stand_back()
            try:
                work()
            except Exception as fault:  # must not end the thread; the message is not logged, as it may quote the seeker
                _log.error("work for a map failed: %s", type(fault).__name__)

    def _stand_back(self) -> None:
        """Wait while replies are being made."""
        until = time.monotonic() + LONGEST_WAIT_S
        while self._service.busy and time.monotonic() < until:
            time.sleep(LOOK_EVERY_S)
