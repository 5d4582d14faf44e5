"""Opens responders by name: nets in this process or of a backend, other servers' models, the prompted base."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.knowledge.cases import RETRIEVERS
from models.serving.responder import Responder
from models.systems.backend import KEY, open_backend

if TYPE_CHECKING:
    from models.systems.prompts import Shot
    from models.systems.systems_file import SystemSettings


def open_systems(
    names: Sequence[str],
    device: str = "auto",
    *,
    weights: str | Path | None = None,
    comet: str | None = None,
    emotion: str | None = None,
    cases: str | None = None,
    retriever: str = RETRIEVERS[0],
    backend: str | None = None,
    systems: str | Path | None = None,
) -> dict[str, Responder]:
    """The responders called `names`, in that order.

    Args:
        weights: folder with one folder per net; None: the shipped one.
        backend: address of a server whose nets are used, instead of loading them.
        systems: file that defines further systems, see `models.systems.systems_file`.

    Raises ValueError or OSError, before anything is loaded, for names, files and keys that cannot be used; later what
    `models.serving.hosting.open_responders` and `models.systems.backend.open_backend` raise.
    """
    from models.systems.systems_file import PROMPTED, read_systems  # here, since it loads torch

    known = read_systems(None if systems is None else Path(systems))
    if backend is not None:
        known = {name: one for name, one in known.items() if name not in PROMPTED}  # the backend's, as its nets are
    asked = {name: known[name] for name in names if name in known}
    keys = {name: one.key_in() for name, one in asked.items()}
    shots = {name: _shots(one) for name, one in asked.items()}
    nets = list(
        dict.fromkeys([n for n in names if n not in known] + [s.strategy for s in asked.values() if s.strategy])
    )
    found: dict[str, Responder] = {}
    if nets and backend is not None:
        found = open_backend(backend, os.environ.get(KEY, ""), nets)
    elif nets:
        from models.files.checkpoint import WEIGHTS
        from models.serving import hosting

        found = hosting.open_responders(
            nets, device, Path(weights or WEIGHTS), comet=comet, emotion=emotion, cases=cases, retriever=retriever
        )
    made = {name: _system(name, asked[name], keys[name], shots[name], found, device) for name in asked}
    return {name: made[name] if name in made else found[name] for name in names}


def _shots(settings: SystemSettings) -> tuple[Shot, ...]:
    if not settings.examples:
        return ()
    from models.data.esconv import read_esconv
    from models.systems.prompts import draw_shots

    return draw_shots(read_esconv(settings.esconv), settings.examples)


def _system(
    name: str,
    settings: SystemSettings,
    key: str,
    shots: tuple[Shot, ...],
    nets: Mapping[str, Responder],
    device: str,
) -> Responder:
    classifier = nets[settings.strategy] if settings.strategy else None
    if settings.url:
        from models.systems.chat_system import ChatSystem

        return ChatSystem(name, settings, key, shots, classifier)
    from models.systems.prompted_base import PromptedBase, base_under
    from models.training.device import pick_device

    return PromptedBase(name, base_under(nets), pick_device(device), shots, classifier)
