"""Rows -> views. The only place that decides what a visitor may see at which stage."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.choices import HeldBack, Mode, ReplyState, Side
from annotation.store.schema import Ballot, Encounter, Judgment, Post, Reply
from annotation.talks.stages import Stage
from annotation.talks.views import EncounterView, JudgmentView, ReplySlot, ReplyView, TurnView

HIDDEN_ERROR = "This reply could not be made."
"""shown instead of the error while names are hidden, since the error may name the system"""


def encounter_view(session: Session, encounter: Encounter) -> EncounterView:
    """The encounter with all its turns and judgments; what must be hidden is left out."""
    hidden = names_hidden(encounter)
    ballot = session.scalar(select(Ballot).where(Ballot.encounter_id == encounter.id))
    return EncounterView(
        id=encounter.id,
        mode=encounter.mode,
        study=encounter.study,
        stage=encounter.stage,
        systems=(None, None) if hidden else (encounter.side_a, encounter.side_b()),
        situation=encounter.situation,
        emotion_type=encounter.emotion_type,
        problem_type=encounter.problem_type,
        intensity_before=encounter.intensity_before,
        intensity_after=ballot.intensity_after if ballot else None,
        role_card=encounter.role_card,
        consent_version=encounter.consent_version,
        rubric=encounter.rubric,
        turns=_turn_views(session, encounter, hidden),
        judgments=_judgment_views(session, ballot, hidden),
        reason=ballot.reason if ballot else None,
        created_at=encounter.created_at,
        saved_at=encounter.saved_at,
    )


def names_hidden(encounter: Encounter) -> bool:
    """Whether this encounter's visitor must not know yet which system is which."""
    hides = encounter.mode is Mode.STUDY or bool(encounter.blind)
    return hides and encounter.stage not in (Stage.REVEALED, Stage.REVIEWED)


def latest_replies(replies: Iterable[Reply]) -> dict[tuple[int, Side], Reply]:
    """(turn, side) -> its reply with the highest attempt."""
    ordered = sorted(replies, key=lambda reply: reply.attempt)
    return {(reply.turn_index, reply.side): reply for reply in ordered}


def _turn_views(session: Session, encounter: Encounter, hidden: bool) -> tuple[TurnView, ...]:
    posts = session.scalars(select(Post).where(Post.encounter_id == encounter.id).order_by(Post.turn_index))
    latest = latest_replies(session.scalars(select(Reply).where(Reply.encounter_id == encounter.id)))
    return tuple(
        turn_view(post, latest[post.turn_index, Side.A], latest[post.turn_index, Side.B], hidden) for post in posts
    )


def turn_view(post: Post, reply_a: Reply, reply_b: Reply, hidden: bool) -> TurnView:
    """One turn; with `hidden` its replies stay pending until both are done, and show only their text."""
    both_done = reply_a.state is ReplyState.DONE and reply_b.state is ReplyState.DONE
    show = _open_reply if not hidden else _released_reply if both_done else _withheld_reply
    return TurnView(post.turn_index, post.text, show(reply_a), show(reply_b))


def _slot(reply: Reply) -> ReplySlot:
    return ReplySlot(reply.encounter_id, reply.turn_index, reply.side, reply.attempt)


def _open_reply(reply: Reply) -> ReplyView:
    return ReplyView(
        slot=_slot(reply),
        state=reply.state,
        text=reply.text,
        error=reply.error,
        strategy=reply.strategy,
        checkpoint=reply.checkpoint,
        seed=reply.seed,
        has_reasons=reply.state is ReplyState.DONE,
        held_back=reply.held_back,
    )


def _released_reply(reply: Reply) -> ReplyView:
    replaced = HeldBack.REPLACED if reply.held_back is HeldBack.REPLACED else None
    return ReplyView(_slot(reply), reply.state, reply.text, None, None, None, None, held_back=replaced)


def _withheld_reply(reply: Reply) -> ReplyView:
    failed = reply.state is ReplyState.FAILED
    state = ReplyState.FAILED if failed else ReplyState.PENDING
    return ReplyView(_slot(reply), state, None, HIDDEN_ERROR if failed else None, None, None, None)


def _judgment_views(session: Session, ballot: Ballot | None, hidden: bool) -> tuple[JudgmentView, ...]:
    if ballot is None:
        return ()
    rows = session.scalars(select(Judgment).where(Judgment.ballot_id == ballot.id).order_by(Judgment.id))
    return tuple(JudgmentView(row.criterion, row.picked, None if hidden else row.outcome) for row in rows)
