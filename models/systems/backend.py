"""The nets of a `python -m models serve` elsewhere: the same replies, traces and changes as nets in this process."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import openai

from models.data.dialogue import Dialogue, Speaker
from models.serving.intervention import NO_CHANGE, Intervention, Levers
from models.serving.responder import OnText, Responder
from models.serving.trace import DecodeOptions, Reply, Trace
from models.systems.asking import AnswerUnreadable, ServerFault, ask, open_client, read_models

KEY = "ESCDEMO_BACKEND_KEY"
"""environment variable with the key of the server, if it requires one"""
TIMEOUT_S = 120.0
"""seconds for one reply, including the wait in the server's queue"""
TALK_HEADER = "x-session-id"
"""header that identifies the talk, so that a balancer sends all of it to one server; Ray Serve reads it"""
WORKERS = 64
"""replies requested at the same time: the server does the queueing"""
ROLES = {Speaker.SEEKER: "user", Speaker.SUPPORTER: "assistant"}


class BackendNet:
    """One net of that server. Thread-safe, as its client is."""

    def __init__(self, name: str, checkpoint: str, levers: Levers, client: openai.OpenAI) -> None:
        self.name, self.checkpoint, self.levers = name, checkpoint, levers
        self._client = client

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        """See `models.serving.responder.Responder`. Raises ServerFault when the server gives no answer."""
        return self.intervene(dialogue, options, seed, NO_CHANGE, on_text)

    def intervene(
        self,
        dialogue: Dialogue,
        options: DecodeOptions,
        seed: int,
        change: Intervention,
        on_text: OnText | None = None,
    ) -> Reply:
        """See `models.serving.responder.Changeable`."""
        self.levers.check(self.name, change)
        ours = {"trace": True, "decode": asdict(options), "change": _json_of(change)}
        pinned = {TALK_HEADER: talk_of(dialogue)}
        request = {
            "model": self.name,
            "messages": messages_of(dialogue),
            "seed": seed,
            "extra_body": ours,
            "extra_headers": pinned,
        }
        answer = ask(self._client, request, TIMEOUT_S, on_text)
        try:
            trace = Trace.from_dict(dict(answer.trace or {}))
        except (KeyError, TypeError, ValueError):
            raise AnswerUnreadable("the server sends no trace that can be read; is it of the same version?") from None
        return Reply(answer.text, trace.strategy(), trace)


def talk_of(dialogue: Dialogue) -> str:
    """An id that is the same for all turns and nets of a talk; nothing of the talk can be read from it."""
    opening = [dialogue.id, dialogue.situation, *(turn.text for turn in dialogue.turns[:1])]
    return hashlib.sha256("\n".join(opening).encode(errors="surrogatepass")).hexdigest()[:32]


def messages_of(dialogue: Dialogue) -> list[dict[str, str]]:
    """The dialogue as messages of the protocol; see `models.api.protocol`."""
    found = [{"role": "system", "content": dialogue.situation}] if dialogue.situation else []
    for turn in dialogue.turns:
        known = {"strategy": turn.strategy} if turn.speaker is Speaker.SUPPORTER and turn.strategy else {}
        found.append({"role": ROLES[turn.speaker], "content": turn.text, **known})
    return found


def _json_of(change: Intervention) -> dict[str, Any]:
    """The fields that differ from no change, as JSON."""
    values = {f.name: getattr(change, f.name) for f in fields(change)}
    told = {name: value for name, value in values.items() if value != getattr(NO_CHANGE, name)}
    if "blocks_off" in told:
        told["blocks_off"] = [asdict(block) for block in told["blocks_off"]]
    return told


def open_backend(url: str, key: str, names: Sequence[str]) -> dict[str, Responder]:
    """The nets `names` of the server at `url`, the address with or without /v1.

    Raises ValueError when it is no `models serve` or does not host them all, and OSError when it cannot be reached.
    """
    url = url if url.endswith("/v1") else f"{url.rstrip('/')}/v1"
    client = open_client(url, key, timeout_s=TIMEOUT_S)
    try:
        served = {str(entry.get("id")): entry for entry in read_models(client)}
    except ServerFault as fault:
        raise OSError(f"the backend {url} cannot be asked: {fault}") from None
    missing = [name for name in names if name not in served]
    if missing:
        raise ValueError(f"the backend {url} does not serve {', '.join(missing)}; it serves {', '.join(served)}")
    return {name: _net(name, served[name], client, url) for name in names}


def _net(name: str, entry: Mapping[str, Any], client: openai.OpenAI, url: str) -> BackendNet:
    try:
        return BackendNet(name, str(entry["checkpoint"]), Levers(**entry["levers"]), client)
    except (KeyError, TypeError):
        raise ValueError(
            f"the backend {url} is no `python -m models serve` of this version; give another one, or name any other"
            " server as a system (--systems)"
        ) from None
