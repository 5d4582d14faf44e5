"""The conversation of an encounter: the seeker's posts and the two sides' replies to each.

A post creates one pending reply row per side with its seed, before any net has run. So the database always knows which
replies are owed, and after a crash `missing_replies` lists them again, to be made with the same seed. Each side knows
its own replies, except at turns where the preferred reply went into the history of both (see `live_schema`).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotation.choices import EventKind, HeldBack, ReplyState, Side
from annotation.store.events import SERVER, EventDetail, record
from annotation.store.live_schema import continued_sides
from annotation.store.schema import Encounter, Post, Reply, utc_now
from annotation.store.texts import MAX_POST_CHARS, MAX_POSTS, accept_text, clean_text
from annotation.talks.encounters import encounter_exists, find_encounter
from annotation.talks.projection import latest_replies, names_hidden, turn_view
from annotation.talks.stages import Stage, StageError, require_step
from annotation.talks.views import PostAndReply, ReplySlot, ReplyTask, TurnView


def add_post(*, session: Session, encounter_id: str, visitor: str, text: str, key: str) -> TurnView:
    """Store the seeker's next message and its two owed replies; for a `key` seen before, return that turn unchanged.

    Raises ValueError for an empty or too long text, StageError when the conversation is over, a reply is missing, or
    MAX_POSTS is reached.
    """
    encounter = find_encounter(session, encounter_id, visitor, lock=True)
    sent_before = session.scalar(select(Post).where(Post.encounter_id == encounter_id, Post.key == key))
    if sent_before is not None:
        return _turn(session, encounter, sent_before)
    require_step("post", encounter.stage)
    cleaned = accept_text(text, what="message", limit=MAX_POST_CHARS, required=True)
    turn_index = _next_turn(session, encounter)
    post = Post(encounter_id=encounter_id, turn_index=turn_index, text=cleaned, key=key, created_at=utc_now())
    session.add(post)
    session.flush()  # the post first, since its replies refer to it
    for side in Side:
        session.add(_new_reply(encounter, turn_index, side, attempt=0))
    encounter.stage = Stage.CHATTING
    record(session, encounter, EventKind.POSTED, turn_index=turn_index)
    session.flush()
    return _turn(session, encounter, post)


def save_reply(
    *,
    session: Session,
    slot: ReplySlot,
    reply: dict[str, Any] | None,
    error: str | None = None,
    held_back: HeldBack | None = None,
    danger: str | None = None,
) -> bool:
    """Store how a reply ended: `reply` from `models.serving.trace.Reply.to_dict`, or the error if there is none.

    `held_back` says what the safety screen changed about the reply, `danger` which kind of danger the talk showed signs
    of; both go into the event, so that votes on such replies can be told apart.

    The first ending counts: returns False and stores nothing when the slot has ended before or the visitor has deleted
    the conversation meanwhile. Raises LookupError for a slot never requested, ValueError for a malformed reply.
    """
    if (reply is None) == (error is None):
        raise ValueError("give either a reply or an error")
    if not encounter_exists(session, slot.encounter_id):
        return False
    encounter = find_encounter(session, slot.encounter_id, None, lock=True)
    row = session.get(Reply, (slot.encounter_id, slot.turn_index, slot.side, slot.attempt))
    if row is None:
        raise LookupError(f"no reply was asked for at {slot.job_id()}")
    if row.state is not ReplyState.PENDING:
        return False
    if reply is not None:
        _fill(row, reply)
        row.held_back = held_back
    else:
        row.state, row.error = ReplyState.FAILED, clean_text(error or "") or "unknown error"
    row.ended_at = utc_now()
    kind = EventKind.REPLY_DONE if reply is not None else EventKind.REPLY_FAILED
    place: EventDetail = {
        "actor": SERVER,
        "turn_index": slot.turn_index,
        "side": Side(slot.side),
        "attempt": slot.attempt,
    }
    if held_back is not None:
        place["new_value"] = f"{held_back.value}: {danger or 'no sign of danger'}"
    record(session, encounter, kind, **place)
    return True


def other_sides_text(*, session: Session, slot: ReplySlot) -> str | None:
    """The other side's answer to the same post; None while there is none."""
    here = (Reply.encounter_id == slot.encounter_id, Reply.turn_index == slot.turn_index, Reply.side != slot.side)
    found = latest_replies(session.scalars(select(Reply).where(*here)))
    return next((reply.text for reply in found.values()), None)


def retry_reply(*, session: Session, encounter_id: str, visitor: str, turn_index: int, side: Side | str) -> int:
    """Ask for one side's reply again, with a new seed; returns the attempt that is now owed.

    While an attempt is being made, that one is returned (so a double click asks once). Only the reply to the last post
    can be made again, and while names are hidden only a failed one: otherwise raises StageError, or LookupError for an
    unknown turn.
    """
    encounter = find_encounter(session, encounter_id, visitor, lock=True)
    require_step("retry", encounter.stage)
    here = (Reply.encounter_id == encounter_id, Reply.turn_index >= turn_index, Reply.side == Side(side))
    latest = latest_replies(session.scalars(select(Reply).where(*here)))
    current = latest.get((turn_index, Side(side)))
    if current is None:
        raise LookupError(f"this conversation has no turn {turn_index}")
    if len(latest) > 1:
        raise StageError("Only the reply to the last message can be made again.", encounter.stage)
    if current.state is ReplyState.PENDING:
        return current.attempt
    if current.state is ReplyState.DONE and names_hidden(encounter):
        raise StageError("In a blind talk a reply is made once; only one that failed is made again.", encounter.stage)
    attempt = current.attempt + 1
    session.add(_new_reply(encounter, turn_index, Side(side), attempt))
    record(session, encounter, EventKind.REPLY_RETRIED, turn_index=turn_index, side=Side(side), attempt=attempt)
    session.flush()
    return attempt


def missing_replies(*, session: Session, encounter_id: str | None = None) -> tuple[ReplyTask, ...]:
    """Every owed reply, of one encounter or of all, with what is needed to make it. Only for the server."""
    statement = select(Reply).where(Reply.state == ReplyState.PENDING).order_by(Reply.created_at, Reply.side)
    if encounter_id is not None:
        statement = statement.where(Reply.encounter_id == encounter_id)
    return tuple(_task(session, reply) for reply in session.scalars(statement))


def reply_seed(seed: int, turn_index: int, side: Side, attempt: int) -> int:
    """The seed of one reply, 0 to 2**31 - 1, derived from the encounter's; the same place gives the same seed."""
    digest = hashlib.sha256(f"{seed}:{turn_index}:{side}:{attempt}".encode()).digest()
    return int.from_bytes(digest[:4]) & 0x7FFFFFFF


def _next_turn(session: Session, encounter: Encounter) -> int:
    """Index of the next post. Raises StageError while the last one lacks an answer."""
    last = session.scalar(select(func.max(Post.turn_index)).where(Post.encounter_id == encounter.id))
    here = (Reply.encounter_id == encounter.id, Reply.turn_index == last)
    states = {reply.state for reply in latest_replies(session.scalars(select(Reply).where(*here))).values()}
    if ReplyState.PENDING in states:
        raise StageError("The supporters are still answering your last message; wait or stop them.", encounter.stage)
    if ReplyState.FAILED in states:
        raise StageError("A reply to your last message is missing; retry it before you go on.", encounter.stage)
    turn_index = 0 if last is None else last + 1
    if turn_index >= MAX_POSTS:
        raise StageError(
            f"This conversation has reached {MAX_POSTS} messages; finish it and judge it, or start a new one.",
            encounter.stage,
        )
    return turn_index


def _new_reply(encounter: Encounter, turn_index: int, side: Side, attempt: int) -> Reply:
    return Reply(
        encounter_id=encounter.id,
        turn_index=turn_index,
        side=side,
        attempt=attempt,
        system=encounter.system_on(side),
        seed=reply_seed(encounter.seed, turn_index, side, attempt),
        state=ReplyState.PENDING,
        created_at=utc_now(),
    )


def _fill(row: Reply, reply: dict[str, Any]) -> None:
    try:
        trace = reply["trace"]
        text, strategy, checkpoint, options = reply["text"], reply["strategy"], trace["checkpoint"], trace["options"]
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a reply: {error} is missing; expected text, strategy and trace") from error
    row.text, row.strategy, row.checkpoint = clean_text(text), clean_text(strategy), checkpoint
    row.seed = trace.get("seed", row.seed)  # differs from the planned seed when an earlier draft was held back
    row.options_json = json.dumps(options, allow_nan=False)
    row.reply_json = json.dumps(reply, allow_nan=False)
    row.state = ReplyState.DONE


def _turn(session: Session, encounter: Encounter, post: Post) -> TurnView:
    here = (Reply.encounter_id == post.encounter_id, Reply.turn_index == post.turn_index)
    latest = latest_replies(session.scalars(select(Reply).where(*here)))
    reply_a, reply_b = (latest[post.turn_index, side] for side in Side)
    return turn_view(post, reply_a, reply_b, names_hidden(encounter))


def _task(session: Session, reply: Reply) -> ReplyTask:
    encounter = find_encounter(session, reply.encounter_id, None)
    upto = (Post.encounter_id == encounter.id, Post.turn_index <= reply.turn_index)
    posts = session.scalars(select(Post).where(*upto).order_by(Post.turn_index))
    before = (Reply.encounter_id == encounter.id, Reply.turn_index < reply.turn_index)
    answers = latest_replies(session.scalars(select(Reply).where(*before)))
    shared = continued_sides(session, encounter.id)
    exchanges = []
    for post in posts:
        answer = answers.get((post.turn_index, shared.get(post.turn_index, reply.side)))
        exchanges.append(PostAndReply(post.text, answer.text if answer else None, answer.strategy if answer else None))
    return ReplyTask(
        slot=ReplySlot(reply.encounter_id, reply.turn_index, reply.side, reply.attempt),
        system=reply.system,
        seed=reply.seed,
        situation=encounter.situation,
        emotion_type=encounter.emotion_type,
        problem_type=encounter.problem_type,
        exchanges=tuple(exchanges),
    )
