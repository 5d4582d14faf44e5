"""The list of messages and the card of one side as HTML. Pure; everything typed or generated is escaped.

Words and blocks are buttons, so that touch and keyboard can highlight them too. light.js highlights them by the
attention that each block carries (`data-w`, one share per word).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from escdemo import texts
from escdemo.inside.reasons import SOURCES, found_row, gate_rows, percent, why
from escdemo.inside.words import Word, per_word, words_of
from escdemo.look.figures import Sided
from escdemo.look.relation_words import words_for
from escdemo.look.render import escape, net_head, notice
from escdemo.look.strategy_looks import LOOKS
from escdemo.net_texts import title_of
from models.serving.trace import CometBlock, Trace
from models.serving.tracing import TOGETHER

EXCERPT = 90
SHAPES = {
    "circle": "●",
    "square": "■",
    "diamond": "◆",
    "cross": "✚",
    "triangle-up": "▲",
    "star": "★",
    "pentagon": "⬟",
    "x": "✖",
}
"""plotly's name of a symbol -> a character that looks like it"""


@dataclass(frozen=True)
class Message:
    """One message of the seeker in the list."""

    turn: int
    text: str
    strategies: tuple[str, ...] = ()
    """strategies of the replies, A first, where they may be shown"""


def message_list(messages: Sequence[Message], now: int | None, button: str = "inside-open") -> str:
    """The messages as buttons, each with the strategies of its replies; `now` is the one that is open.

    `button` is the hidden button that the page's script presses when another message is chosen.
    """
    items = "".join(
        f'<li><button type="button" class="esc-turn" data-turn="{one.turn}"'
        f'{" aria-current=true" if one.turn == now else ""}><span class="esc-at">{number}</span>'
        f'<bdi dir="auto">{escape(_excerpt(one.text))}</bdi>'
        f'<span class="esc-marks">{"".join(map(strategy_mark, filter(None, one.strategies)))}</span></button></li>'
        for number, one in enumerate(messages, start=1)
    )
    return f'<ol class="esc-turns" data-button="{button}" aria-label="{texts.INSIDE_MESSAGES}">{items}</ol>'


def strategy_mark(name: str) -> str:
    """The shape of a strategy over a line in its colour, with its name as title and for screen readers."""
    look = LOOKS[name]
    return (
        f'<span class="esc-mark" style="border-color:{look.colour}" title="{name}" aria-hidden="true">'
        f'{SHAPES[look.symbol]}</span><span class="esc-sr">{name}. </span>'
    )


def post_card(text: str, link: str, reference: str = "") -> str:
    """The message that both sides answer, with a link to it and, in a pasted dialogue, the answer given there."""
    address = (
        f'<p class="esc-hint">{texts.INSIDE_LINK}: <a class="esc-link" href="{escape(link)}"></a>'
        f'<button type="button" class="esc-save esc-copy">{texts.INSIDE_COPY}</button></p>'
        if link
        else ""
    )
    said = (
        f'<p class="esc-hint">{texts.INSIDE_REFERENCE}: <bdi dir="auto">{escape(reference)}</bdi></p>'
        if reference
        else ""
    )
    return f'<div class="esc-msg esc-seeker esc-asked"><bdi dir="auto">{escape(text)}</bdi></div>{said}{address}'


def side_card(letter: str, side: Sided) -> str:
    """One side: the reasons, the reply word by word, the gates, and the commonsense that the net read."""
    trace, words = side.trace, words_of(side.trace)
    first, *more = why(side.label, trace)
    reasons = "".join(f"<li>{escape(sentence)}</li>" for sentence in more)
    return (
        f'<section class="esc-look esc-side-{letter}" aria-label="{texts.INSIDE_SIDE.format(name=escape(side.label))}">'
        f'<header class="esc-panel-head"><span class="esc-badge" aria-hidden="true">{letter.upper()}</span>'
        f"{net_head(side.label)}</header>"
        f'<p class="esc-because">{escape(first)}</p>{f"<ul class=esc-reasons>{reasons}</ul>" if reasons else ""}'
        f"{_words(words, trace)}"
        '<p class="esc-lit" role="status" aria-live="polite"></p>'
        f"{_blocks(trace, words)}</section>"
    )


def text_card(letter: str, name: str, text: str, note: str) -> str:
    """One side without reasons (yet): its text, and a note that says why."""
    said = f'<p class="esc-words"><bdi dir="auto">{escape(text)}</bdi></p>' if text else ""
    label = texts.INSIDE_SIDE.format(name=escape(title_of(name)))
    return (
        f'<section class="esc-look esc-side-{letter}" aria-label="{label}">'
        f'<header class="esc-panel-head"><span class="esc-badge" aria-hidden="true">{letter.upper()}</span>'
        f"{net_head(name)}</header>{said}{notice(note)}</section>"
    )


def _words(words: Sequence[Word], trace: Trace) -> str:
    gates = [(row.name, per_word(words, row.values)) for row in gate_rows(trace)]
    buttons = []
    for at, word in enumerate(words):
        told = f"probability {percent(word.probability)}" + "".join(f", {n} {percent(v[at])}" for n, v in gates)
        bar = f' style="--gate:{gates[-1][1][at]:.3f}"' if gates else ""
        # Tab reaches one word only; the arrow keys move on from there.
        buttons.append(
            f'<button type="button" class="esc-word" data-at="{at}" tabindex="{-1 if at else 0}" title="{told}"{bar}>'
            f"{escape(word.text)}</button>"
        )
    key = f'<p class="esc-hint">{texts.INSIDE_GATE.format(name=escape(gates[-1][0]))}</p>' if gates else ""
    label = texts.INSIDE_WORDS
    return f'<p class="esc-words" role="group" aria-label="{label}" dir="auto">{" ".join(buttons)}</p>{key}'


def _blocks(trace: Trace, words: Sequence[Word]) -> str:
    if not trace.blocks:
        return notice(texts.BLOCKS_TOGETHER if found_row(trace, TOGETHER) else texts.NO_BLOCKS)
    lists, first = "", True
    for source, title in (("situation", texts.INSIDE_SITUATION), ("post", texts.INSIDE_POST)):
        found = sorted((one for one in trace.blocks if one.source == source), key=lambda one: -one.weight)
        if not found:
            continue
        items = "".join(_block(one, words, first and not at) for at, one in enumerate(found))
        lists += (
            f'<h4>{title} <small>({len(found)})</small></h4><ul class="esc-blocks" aria-label="{title}"'
            f' data-about="about {SOURCES[source]}">{items}</ul>'
        )
        first = False
    return lists


def _block(block: CometBlock, words: Sequence[Word], reachable: bool) -> str:
    shares = " ".join(f"{share:.4f}" for share in per_word(words, block.token_weights))
    relation = words_for(block.relation)
    return (
        f'<li><button type="button" class="esc-block" data-w="{shares}" tabindex="{0 if reachable else -1}"'
        f' style="--share:{block.weight:.4f}" title="{escape(f"{block.relation}: {relation.told}")}">'
        f'<b>{escape(relation.short)}</b> <bdi dir="auto">{escape(block.text)}</bdi>'
        f' <span class="esc-n">{percent(block.weight)}</span></button></li>'
    )


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else f"{line[: EXCERPT - 1]}…"
