"""Logs Gradio's errors by kind and place, without their messages, which quote what people have sent.

Gradio prints whole tracebacks: "Value: I am so sad is not in the list of choices". It offers no setting for this.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator

from gradio import queueing, route_utils, routes

_log = logging.getLogger(__name__)


class QuietTracebacks:
    """Stands in for the module `traceback` where Gradio prints one."""

    @staticmethod
    def print_exc() -> None:
        """Log the error that is being handled, and what caused it."""
        error = sys.exc_info()[1]
        if error is None:
            return
        chain = list(_causes(error))
        kinds = ", caused by ".join(type(one).__name__ for one in chain)
        place = "".join(traceback.format_tb(chain[-1].__traceback__))
        _log.error("an event failed: %s\n%s", kinds, place)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def quiet_gradio() -> None:
    """From now on, Gradio's modules log errors so."""
    for module in (queueing, route_utils, routes):
        module.traceback = QuietTracebacks  # type: ignore[attr-defined]
