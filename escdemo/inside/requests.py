"""Requests to the nets: one side's reply once more, or a net's reply to a pasted dialogue. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from annotation.talks.views import EncounterView, PostAndReply, ReplyTask
from escdemo.replies import request_of
from models.data.dialogue import Dialogue, Speaker
from models.serving.job import ReplyRequest
from models.serving.trace import DecodeOptions, Trace

PASTED_SEED = 0
"""seed of every reply to a pasted dialogue: the same text gives the same replies"""


def again(view: EncounterView, turn: int, side: int, trace: Trace) -> ReplyRequest:
    """The request that made the reply with this trace: the talk as this side knew it, with the same seed and options.

    Raises ValueError while the names are hidden, because a request names its net.
    """
    system = view.systems[side]
    if system is None:
        raise ValueError("the names of this talk are hidden")
    upto = [one for one in view.turns if one.index <= turn]
    earlier = [(one.text, one.b if side else one.a) for one in upto[:-1]]
    exchanges = tuple(PostAndReply(text, reply.text, reply.strategy) for text, reply in earlier)
    last = upto[-1].b if side else upto[-1].a
    task = ReplyTask(
        slot=last.slot,
        system=system,
        seed=trace.seed,
        situation=view.situation,
        emotion_type=view.emotion_type,
        problem_type=view.problem_type,
        exchanges=(*exchanges, PostAndReply(upto[-1].text, None, None)),
    )
    return request_of(task, trace.options)


def answered_at(dialogue: Dialogue) -> tuple[int, ...]:
    """Indices of the seeker's turns to answer: the last of each run."""
    turns = dialogue.turns
    return tuple(
        at
        for at, turn in enumerate(turns)
        if turn.speaker is Speaker.SEEKER and (at + 1 == len(turns) or turns[at + 1].speaker is Speaker.SUPPORTER)
    )


def reference(dialogue: Dialogue, turn: int) -> str:
    """What the supporter in a pasted dialogue said after this turn, "" when it is the last one."""
    return dialogue.turns[turn + 1].text if turn + 1 < len(dialogue.turns) else ""


def of_pasted(dialogue: Dialogue, turn: int, nets: Sequence[str], options: DecodeOptions) -> tuple[ReplyRequest, ...]:
    """The requests for each net's reply to this turn."""
    upto = replace(dialogue, turns=dialogue.turns[: turn + 1])
    return tuple(ReplyRequest(net, upto, options, PASTED_SEED) for net in nets)


def job_name(request: ReplyRequest) -> str:
    """A name that equal requests share, so that a reply that the service still has is not made twice."""
    told = [request.net, request.dialogue.to_dict(), asdict(request.options), request.seed]
    return f"pasted:{hashlib.sha256(json.dumps(told).encode()).hexdigest()}"
