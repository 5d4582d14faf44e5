"""The replies in a visitor's own talks as the nets read them: each with its net and what was said before it.

Pure: views in, plain values out. While names are hidden, nothing is returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from annotation.choices import HeldBack, Pick, ReplyState, Side
from annotation.talks.views import EncounterView
from models.analysis.map_turns import Said
from models.analysis.state_map import VERDICTS
from models.data.dialogue import Dialogue, Speaker, Turn


@dataclass(frozen=True)
class OwnReply:
    """One reply of a net in a visitor's own talk."""

    key: str
    """identifies the reply among all replies of the server"""
    net: str
    number: int
    """number of the message that it answers, from 1"""
    post: str
    said: Said


def replies_on(view: EncounterView, side: Side, dialogue: int = 1) -> tuple[OwnReply, ...]:
    """The replies of one side, oldest first; none while the names are hidden. `dialogue` is the number they get.

    A fixed sentence of the page that replaced a reply is not returned, but later replies have it in their context.
    """
    net = view.systems[0 if side is Side.A else 1]
    if net is None or view.hidden():
        return ()
    found: list[OwnReply] = []
    talk = Dialogue((), view.situation, view.emotion_type, view.problem_type, view.id)
    for number, turn in enumerate(view.turns, start=1):
        talk = replace(talk, turns=(*talk.turns, Turn(Speaker.SEEKER, turn.text)))
        reply = turn.side(side)
        if reply.state is not ReplyState.DONE or not reply.text:
            continue
        answer = Turn(Speaker.SUPPORTER, reply.text, reply.strategy or None)
        if reply.held_back is not HeldBack.REPLACED:
            said = Said(dialogue, len(talk.turns) + 1, talk, answer, verdict_on(view, side))
            found.append(OwnReply(f"{net}:{reply.slot.job_id()}", net, number, turn.text, said))
        talk = replace(talk, turns=(*talk.turns, answer))
    return tuple(found)


def replies_in(views: Sequence[EncounterView]) -> tuple[OwnReply, ...]:
    """All replies with a strategy in these talks; each side of a talk counts as its own dialogue."""
    sides = [(view, side) for view in views for side in Side]
    found = [one for number, (view, side) in enumerate(sides, 1) for one in replies_on(view, side, number)]
    return tuple(one for one in found if one.said.reply.strategy)


def verdict_on(view: EncounterView, side: Side) -> str:
    """The visitor's verdict on a side over all criteria: one of VERDICTS, "" before the vote."""
    if not view.judgments:
        return ""
    picked = [judgment.picked for judgment in view.judgments]
    lead = picked.count(Pick.A) - picked.count(Pick.B)
    lead = lead if side is Side.A else -lead
    return VERDICTS[0] if lead > 0 else VERDICTS[2] if lead < 0 else VERDICTS[1]
