"""What the screen shows of a talk: stored rows and running jobs -> `Exchange`s and the state of the controls. Pure.

Nothing else goes in, so a reload gives the same screen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from annotation.choices import HeldBack, ReplyState
from annotation.talks.stages import Stage
from annotation.talks.views import EncounterView, ReplyView, TurnView
from escdemo import texts
from escdemo.crisis_texts import why_held
from escdemo.look import render
from escdemo.look.render import Exchange, ReplyShown
from escdemo.replies import STOPPED_ERROR
from escdemo.screening.answer_screen import Held
from escdemo.screening.message_screen import Danger, danger_now, last_sign
from escdemo.screening.reply_screen import must_not_show
from models.serving.job import Job, JobState

Step = Literal["setup", "consent", "chat", "judge", "result"]
MISSING = ("failed", "stopped")
"""states of an owed reply that will not come by itself"""
STEP_NUMBERS: dict[Step, int] = {"setup": 0, "consent": 1, "chat": 2, "judge": 3, "result": 4}
ALIKE_SHARE = 0.9
"""share of matching words from which two replies count as alike"""

_ENDED: dict[str, render.ReplyState] = {STOPPED_ERROR: "stopped"}


@dataclass(frozen=True)
class Controls:
    """Which chat buttons are active, and the status sentence."""

    can_send: bool
    can_stop: bool
    can_finish: bool
    can_retry: tuple[bool, bool]
    status: str
    """"" when the talk is over"""


def step_of(view: EncounterView) -> Step:
    """Where this talk stands."""
    if view.stage in (Stage.CONSENTED, Stage.CHATTING):
        return "chat"
    return "judge" if view.stage is Stage.FROZEN else "result"


def ways_back(step: Step, view: EncounterView | None) -> dict[int, str]:
    """The clickable steps: number -> where it leads, "setup" (choosing a talk) or "talk" (the talk of `view`)."""
    if step == "setup":
        return {} if view is None else {STEP_NUMBERS[step_of(view)]: "talk"}
    return {STEP_NUMBERS["setup"]: "setup"}


def exchanges(view: EncounterView, jobs: Mapping[str, Job]) -> tuple[Exchange, ...]:
    """The talk as both panels show it. `jobs`: those that make the missing replies."""
    return tuple(Exchange(turn.text, _replies(view, turn, jobs)) for turn in view.turns)


def is_open(talk: tuple[Exchange, ...]) -> bool:
    """Whether a reply may still change by itself."""
    return any(reply.open for exchange in talk[-1:] for reply in exchange.replies)


def all_asked(view: EncounterView, jobs: Mapping[str, Job]) -> bool:
    """False when an owed reply to the last message is not being made because the service had no room."""
    last = view.turns[-1:]
    owed = [one.slot.job_id() for turn in last for one in (turn.a, turn.b) if one.state is ReplyState.PENDING]
    return all(job_id in jobs for job_id in owed)


def controls(view: EncounterView, talk: tuple[Exchange, ...]) -> Controls:
    """The state of the buttons for this talk, as `exchanges` returned it."""
    last = talk[-1].replies if talk else None
    busy = is_open(talk)
    may_repeat = not view.hidden()  # in a blind talk, a good reply is not made again
    retry = [
        last is not None
        and view.stage is Stage.CHATTING
        and not reply.open
        and (reply.state in MISSING or (may_repeat and reply.state in ("done", "replaced")))
        for reply in (last or (None, None))
        if reply is not None
    ]
    return Controls(
        can_send=view.can_post(),
        can_stop=busy,
        can_finish=view.can_freeze() and not busy,
        can_retry=(retry[0], retry[1]) if retry else (False, False),
        status=_status(view, last, busy) if step_of(view) == "chat" else "",
    )


def _status(view: EncounterView, last: tuple[ReplyShown, ReplyShown] | None, busy: bool) -> str:
    if last is None or busy:
        return texts.WORKING if busy else texts.FIRST_POST
    missing = sum(reply.state in MISSING for reply in last)
    if missing:
        return texts.BOTH_MISSING if missing == len(last) else texts.ONE_MISSING
    if alike(last[0].text, last[1].text):
        return texts.ALIKE_BLIND if view.hidden() else texts.ALIKE
    return texts.READY_BLIND if view.hidden() else texts.READY


def alike(first: str, second: str) -> bool:
    """Whether two replies say (almost) the same: at least ALIKE_SHARE of their words match, in order."""
    one, two = (tuple(re.findall(r"\w+", text.casefold())) for text in (first, second))
    return bool(SequenceMatcher(a=one, b=two, autojunk=False).ratio() >= ALIKE_SHARE)


def danger_of(view: EncounterView) -> tuple[Held, int] | None:
    """The latest sign of danger: its kind and the index of its message (-1: the situation).

    A sign is in what the seeker wrote. A harmful reply that a fixed sentence replaced counts as one too, unless a sign
    of danger came before it.
    """
    sign = last_sign(view.situation, [turn.text for turn in view.turns])
    harmful = [turn.index for turn in view.turns if _was_harmful(turn.a) or _was_harmful(turn.b)]
    if harmful and (sign is None or danger_before(view, harmful[-1]) is None):
        return "harmful", harmful[-1]
    return (sign.kind, sign.place) if sign else None


def _was_harmful(reply: ReplyView) -> bool:
    return reply.held_back is HeldBack.REPLACED and why_held(reply.text or "") != "belittling"


def danger_before(view: EncounterView, turn_index: int) -> Danger | None:
    """The danger that the replies to this turn must take seriously."""
    return danger_now(view.situation, [turn.text for turn in view.turns if turn.index <= turn_index])


def _replies(view: EncounterView, turn: TurnView, jobs: Mapping[str, Job]) -> tuple[ReplyShown, ReplyShown]:
    if view.hidden():
        return _paired(turn, jobs)
    quiet = any(reply.state is ReplyState.PENDING for reply in (turn.a, turn.b)) and bool(
        danger_before(view, turn.index)
    )
    return _single(turn.a, jobs, quiet), _single(turn.b, jobs, quiet)


def _done(reply: ReplyView) -> ReplyShown:
    state: render.ReplyState = "replaced" if reply.held_back is HeldBack.REPLACED else "done"
    told = reply.slot.turn_index if reply.has_reasons else None
    return ReplyShown(state, reply.text or "", reply.strategy, turn=told)


def _single(reply: ReplyView, jobs: Mapping[str, Job], quiet: bool) -> ReplyShown:
    """One side on its own, shown as it is written; `quiet`: only once it is complete and screened."""
    if reply.state is ReplyState.DONE:
        return _done(reply)
    if reply.state is ReplyState.FAILED:
        return ReplyShown(_ENDED.get(reply.error or "", "failed"))
    job = jobs.get(reply.slot.job_id())
    if job is None:
        return ReplyShown("failed")
    if job.state is JobState.QUEUED:
        return _waiting([job])
    if job.state is JobState.RUNNING:
        hidden = quiet or not job.text or must_not_show(job.text)
        return ReplyShown("thinking") if hidden else ReplyShown("writing", job.text)
    # The job has ended but its row was not read yet: only the row says what may be shown.
    return ReplyShown("thinking" if job.state is JobState.DONE else "failed")


def _waiting(queued: Sequence[Job]) -> ReplyShown:
    """A reply that waits until the last of these jobs begins."""
    known = [job.expected_s for job in queued if job.expected_s is not None]
    return ReplyShown("waiting", ahead=max(job.waiting for job in queued), expected_s=max(known, default=None))


def _paired(turn: TurnView, jobs: Mapping[str, Job]) -> tuple[ReplyShown, ReplyShown]:
    """Both sides at once: nothing shows until both are complete, so that speed does not reveal a model."""
    replies = (turn.a, turn.b)
    if turn.answered():
        return _done(turn.a), _done(turn.b)
    queued = [job for one in replies if (job := jobs.get(one.slot.job_id())) and job.state is JobState.QUEUED]
    if queued:
        return _waiting(queued), _waiting(queued)
    if any(job is not None and not job.state.ended for job in (jobs.get(one.slot.job_id()) for one in replies)):
        state: render.ReplyState = "held"
    elif any(one.state is ReplyState.FAILED for one in replies):
        # Both look the same: which one was ready when the other stopped or failed could reveal a model.
        state = "failed"
    else:
        both_made = all(one.slot.job_id() in jobs and jobs[one.slot.job_id()].state is JobState.DONE for one in replies)
        state = "held" if both_made else "failed"
    return ReplyShown(state), ReplyShown(state)
