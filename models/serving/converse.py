"""A talk whose seeker's posts are known: the responder answers each in turn."""

from __future__ import annotations

from collections.abc import Sequence

from models.data.dialogue import Dialogue, Speaker, Turn
from models.serving.responder import Responder
from models.serving.trace import DecodeOptions, Reply


def converse(responder: Responder, situation: str, posts: Sequence[str], options: DecodeOptions, seed: int) -> Reply:
    """Answer each post in turn; returns the last reply."""
    turns: tuple[Turn, ...] = ()
    for post in posts:
        turns += (Turn(Speaker.SEEKER, post),)
        reply = responder.respond(Dialogue(turns, situation), options, seed)
        turns += (Turn(Speaker.SUPPORTER, reply.text, reply.strategy),)
    return reply
