"""What the server keeps in memory for each open page: the values of its states, and no more.

Gradio also keeps a copy of the whole page for each (for links to a page as it stands, which are not offered here), an
own list of all controls and events, an own copy of each control that was changed, 300 to 800 KB in all, and drops none
before 10,000 have come: a program that only opens pages would fill the memory. Nor does it ever drop the empty lists of
a page's events in its queue.
"""

from __future__ import annotations

import datetime
from collections import ChainMap, OrderedDict
from types import MappingProxyType, SimpleNamespace
from typing import Any

from fastapi import FastAPI
from fastapi.routing import Mount
from gradio.blocks import Block, Blocks
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder

IDLE = datetime.timedelta(hours=12)
"""as long as a ticket: who comes back later signs in again anyway, and a talk is in the store"""


MOST_CONTROLS = 2_000
"""changed controls that are remembered, to be shared by all pages that changed them alike"""


class _Nothing(dict[int, Any]):
    """Stays empty."""

    def __setitem__(self, key: int, value: Any) -> None:
        """Forget it."""


class PageSession(SessionState):
    """One open page."""

    def __init__(self, page: Blocks, changed: OrderedDict[tuple[int, str], Any]) -> None:
        read = SimpleNamespace(default_config=page.default_config, blocks=())  # no more of it
        super().__init__(read)  # type: ignore[arg-type]
        # Seen by all pages and changed by none: what is changed in this one stays in a list of its own.
        self.blocks_config.blocks = ChainMap({}, page.default_config.blocks)  # type: ignore[assignment]  # read as a dict
        self.blocks_config.fns = MappingProxyType(page.default_config.fns)  # type: ignore[assignment]  # likewise
        self.config_values = _Nothing()
        self._changed = changed

    def __setitem__(self, key: int, value: Any) -> None:
        """Keep a state's value; of a control that is changed the copy that another page has, if they are alike."""
        if isinstance(value, Block):  # nothing in it changes any more
            like = (key, repr(value.constructor_args))
            value = self._changed.setdefault(like, value)
            if len(self._changed) > MOST_CONTROLS:
                self._changed.popitem(last=False)
        super().__setitem__(key, value)

    def _update_config(self, key: int) -> None:
        """Keep no copy."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Keep no copy."""


class PageSessions(StateHolder):
    """All open pages, the one that was used longest ago first."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # gradio leaves it untyped
        self._changed: OrderedDict[tuple[int, str], Any] = OrderedDict()

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self._make_room()
            self.session_data[session_id] = PageSession(self.blocks, self._changed)
        return super().__getitem__(session_id)

    def _make_room(self) -> None:
        """Forget who was idle for long, and the oldest when there are too many."""
        now = datetime.datetime.now()
        queue = self.blocks._queue
        with self.lock:
            while self.session_data:
                oldest = next(iter(self.session_data))
                idle = now - self.time_last_used.get(oldest, now)
                if idle < IDLE and len(self.session_data) < self.capacity:
                    return
                del self.session_data[oldest]
                self.time_last_used.pop(oldest, None)
                queue.pending_event_ids_session.pop(oldest, None)
                queue.pending_messages_per_session.pop(oldest, None)


def keep_little(site: FastAPI) -> None:
    """Have all pages that are mounted in `site` keep no more than this. Call it before the first request."""
    for route in site.routes:
        if isinstance(route, Mount) and isinstance(route.app, App):
            route.app.state_holder = PageSessions()
            route.app.state_holder.set_blocks(route.app.get_blocks())
