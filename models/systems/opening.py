"""Who answers, by name: nets in this process, or those of a backend."""

from __future__ import annotations

import os
from collections.abc import Sequence

from models.serving.responder import Responder
from models.systems.backend import KEY, open_backend


def open_systems(
    names: Sequence[str],
    device: str = "auto",
    *,
    comet: str | None = None,
    emotion: str | None = None,
    backend: str | None = None,
) -> dict[str, Responder]:
    """The responders called `names`, nets of the server `backend` where one is given.

    Raises as `models.serving.hosting.open_responders` and `models.systems.backend.open_backend` do.
    """
    if backend is not None:
        return open_backend(backend, os.environ.get(KEY, ""), names)
    from models.serving import hosting  # loads torch, which nets elsewhere do not need

    return hosting.open_responders(names, device, comet=comet, emotion=emotion)
