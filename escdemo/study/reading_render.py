"""HTML of one item for its lead: texts, votes with reasons, and how each reply came about. It names the systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from annotation.studies.item_browser import ItemLine, ReadItem, ReadReply, ReadVote
from annotation.studies.study_views import Line
from escdemo.look import render
from escdemo.look.render import escape
from escdemo.study import texts
from models.data.strategies import STRATEGIES

_SHOWN = 3
"""most strategies, and most commonsense blocks, named per reply, heaviest first"""


def label(line: ItemLine) -> str:
    """The label of an item in the list."""
    parts = [line.key, " vs. ".join(line.systems)]
    parts += [line.purpose.value] if line.purpose.value != "main" else []
    parts += [f"{line.votes} handed in"] if line.votes else []
    return " · ".join(parts)


def item(found: ReadItem, draft: bool) -> str:
    """Everything about one item; in a draft there are no votes yet."""
    about = (
        f'<div class="esc-situation"><bdi dir="auto">{escape(found.situation)}</bdi></div>' if found.situation else ""
    )
    said = "".join(_turn(line) for line in found.context)
    before = (
        f'<h2 class="esc-h2">{texts.SO_FAR}</h2>'
        f'<div class="esc-panel"><div class="esc-log esc-context">{said}</div></div>'
    )
    replies = "".join(_reply(place, reply) for place, reply in zip("abcdefgh", found.replies, strict=False))
    decided = "" if found.decision is None else render.notice(texts.READ_REVIEWED.format(decision=found.decision))
    votes = "" if draft else _votes(found.votes)
    return (
        f"{about if found.situation else ''}{before if said else ''}"
        f'<h2 class="esc-h2">{texts.REPLIED}</h2><div class="esc-replies">{replies}</div>{decided}{votes}'
    )


def _turn(line: Line) -> str:
    kind = "esc-seeker" if line.speaker == "seeker" else "esc-supporter"
    if line.speaker == "talk":  # in a live study, several raters' talks follow one another
        return f'<p class="esc-note">{escape(line.text)}</p>'
    return (
        f'<div class="esc-msg {kind}"><span class="esc-sr">{line.speaker}: </span><bdi>{escape(line.text)}</bdi></div>'
    )


def _reply(place: str, reply: ReadReply) -> str:
    told = " · ".join(part for part in (reply.strategy, reply.checkpoint and reply.checkpoint[:12]) if part)
    made = "".join(f"<li>{escape(line)}</li>" for one in reply.made for line in _made(one))
    folded = f"<details><summary>{texts.READ_MADE}</summary><ul>{made}</ul></details>" if made else ""
    return (
        f'<section class="esc-panel esc-side-{place}" aria-label="{escape(reply.system)}">'
        f'<header class="esc-panel-head"><h3>{escape(reply.system)}</h3></header>'
        f'<div class="esc-log esc-context">{"".join(map(_turn, reply.turns))}</div>'
        f'<div class="esc-made"><p class="esc-hint">{escape(told)}</p>{folded}</div></section>'
    )


def _made(reply: Mapping[str, Any]) -> list[str]:
    """The likeliest strategies and the heaviest commonsense blocks of one reply, as text."""
    trace = reply["trace"]
    shares = sorted(zip(trace["strategies"], STRATEGIES, strict=False), reverse=True)[:_SHOWN]
    lines = ["Strategies: " + ", ".join(f"{name} {100 * share:.0f} %" for share, name in shares)] if shares else []
    blocks = sorted(trace.get("blocks", ()), key=lambda block: -float(block["weight"]))[:_SHOWN]
    told = [f"{block['relation']} {block.get('text', '')} ({float(block['weight']):.2f})" for block in blocks]
    return [*lines, *(["Commonsense: " + ", ".join(told)] if told else [])]


def _votes(votes: Sequence[ReadVote]) -> str:
    if not votes:
        return render.notice(texts.READ_UNJUDGED)
    asked = list(dict.fromkeys(name for vote in votes for name, _ in vote.answers))
    rows = []
    for vote in votes:
        given = dict(vote.answers)
        answers = [given.get(name, "") for name in asked]
        rows.append((vote.rater, *answers, vote.reason or "", f"{vote.seconds:.0f}", "; ".join(vote.flags)))
    return render.table(("Rater", *asked, texts.READ_REASON, "Seconds", "Stands out"), rows, texts.READ_VOTES)
