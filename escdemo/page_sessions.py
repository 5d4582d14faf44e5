"""Keeps little in memory for each open page: only the values of its states.

By itself, Gradio keeps 300 to 800 KB for each page: a copy of the whole page (for deep links, which are not offered
here), a list of all controls and events, and a copy of each changed control. It drops no page before there are 10,000,
so a program that only opens pages would fill the memory. It also never drops the empty event lists in its queue.
"""

from __future__ import annotations

import datetime
from collections import ChainMap
from types import MappingProxyType, SimpleNamespace
from typing import Any
from weakref import WeakValueDictionary

from fastapi import FastAPI
from fastapi.routing import Mount
from gradio.blocks import Block, Blocks
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder

IDLE = datetime.timedelta(hours=12)
"""as long as a ticket: whoever comes back later must sign in again anyway, and talks are in the store"""


_Changed = WeakValueDictionary[tuple[int, str], Block]
"""changed controls that some page uses, by component and change"""


class _Nothing(dict[int, Any]):
    """A dict that stays empty."""

    def __setitem__(self, key: int, value: Any) -> None:
        """Ignore the value."""


class PageSession(SessionState):
    """One open page."""

    def __init__(self, page: Blocks, changed: _Changed) -> None:
        read = SimpleNamespace(default_config=page.default_config, blocks=())  # it needs nothing else
        super().__init__(read)  # type: ignore[arg-type]
        # Shared by all pages and changed by none: this page's changes go into a dict of its own.
        self.blocks_config.blocks = ChainMap({}, page.default_config.blocks)  # type: ignore[assignment]  # read as a dict
        self.blocks_config.fns = MappingProxyType(page.default_config.fns)  # type: ignore[assignment]  # likewise
        self.config_values = _Nothing()
        self._changed = changed

    def __setitem__(self, key: int, value: Any) -> None:
        """Keep a state's value. A changed control is shared with other pages that have the same change."""
        if isinstance(value, Block):  # it does not change any more
            like = (key, repr(value.constructor_args))
            value = self._changed.setdefault(like, value)
        super().__setitem__(key, value)

    def _update_config(self, key: int) -> None:
        """Keep no copy."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Keep no copy."""


class PageSessions(StateHolder):
    """All open pages, the least recently used first."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # gradio leaves it untyped
        # Weak, since the choices of a control may name a visitor's talk: they go with the last page that shows them.
        self._changed: _Changed = WeakValueDictionary()

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self._make_room()
            self.session_data[session_id] = PageSession(self.blocks, self._changed)
        return super().__getitem__(session_id)

    def _make_room(self) -> None:
        """Drop pages that were idle too long, and the least recently used when there are too many."""
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
    """Make all pages mounted in `site` keep only this. Call it before the first request."""
    for route in site.routes:
        if isinstance(route, Mount) and isinstance(route.app, App):
            route.app.state_holder = PageSessions()
            route.app.state_holder.set_blocks(route.app.get_blocks())
