"""What if: the form for changing one side, reading it, and both replies side by side. Pure.

The form is plain HTML, because its eight sliders keep their sum and must not wait for the server (page.js moves them).
It comes back as one JSON text, which is checked here like everything a browser sends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from escdemo import texts
from escdemo.inside.reasons import percent
from escdemo.inside.words import Part, compare
from escdemo.intake import Refusal
from escdemo.look import render
from escdemo.look.figures import Sided
from escdemo.look.relation_words import words_for
from escdemo.look.render import escape
from models.data.strategies import STRATEGIES
from models.knowledge.comet import Block
from models.knowledge.emotion import EMOTIONS
from models.serving.intervention import LIKELIHOOD, LIKELIHOODS, Intervention, Levers
from models.serving.trace import CometBlock, Trace


def form(letter: str, side: Sided, levers: Levers) -> str:
    """The form, with only the levers that the net has; for a net without any, a notice that says so."""
    if not levers.any():
        return render.notice(texts.WHAT_IF_NOTHING.format(name=side.label))
    parts = [_strategy(letter) if levers.strategy else "", _mixture(letter, side.trace) if levers.mixture else ""]
    parts += [_knowledge(side.trace) if levers.knowledge else ""]
    parts += [_emotion(letter, side.trace) if levers.emotion and side.trace.emotions else ""]
    title = texts.WHAT_IF_TITLE.format(name=escape(side.label))
    return (
        f'<details class="esc-whatif"><summary>{title}</summary>'
        f'<form data-side="{letter}" onsubmit="return false" aria-label="{title}">'
        f'<p class="esc-hint">{texts.WHAT_IF_HINT}</p>{"".join(parts)}{_missing(side, levers)}'
        f'<div class="esc-whatif-buttons"><button type="button" class="esc-run">{texts.WHAT_IF_RUN}</button>'
        f'<button type="reset" class="esc-save">{texts.WHAT_IF_RESET}</button></div></form></details>'
    )


def read_change(asked: Any, trace: Trace, beside: str) -> Intervention:
    """The change that a form asks for. Raises Refusal when it asks for none or did not come from this page."""
    try:
        strategy, emotion = str(asked.get("strategy") or ""), str(asked.get("emotion") or "")
        mixture = asked.get("mixture")
        off = [trace.blocks[int(at)] for at in asked.get("off") or () if 0 <= int(at) < len(trace.blocks)]
        change = Intervention(
            strategy=strategy or None,
            mixture=None if mixture is None or strategy else _shares(mixture),
            knowledge=asked.get("knowledge") is not False,
            blocks_off=frozenset(map(_block_of, off)),
            emotion=emotion or None,
            beside=beside,
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise Refusal(texts.WHAT_IF_ODD) from error
    if change == Intervention(beside=beside):
        raise Refusal(texts.WHAT_IF_SAME)
    return change


def making(text: str) -> str:
    """The new reply while it is being written; "" before its first word."""
    dots = '<span class="esc-dots" aria-hidden="true"><i></i><i></i><i></i></span>'
    said = f'<bdi dir="auto">{escape(text)}</bdi> ' if text else ""
    wait = f'<span class="esc-note">{dots}{texts.THINKING}</span>'
    return f'<div class="esc-beside"><p class="esc-new">{said}{wait}</p></div>'


def result(original: str, before_change: Trace, text: str, trace: Trace) -> str:
    """Both replies with their differences marked, their strategies, and how likely each is to the net."""
    before, after = compare(original, text)
    same = texts.WHAT_IF_EQUAL if original == text else ""
    return (
        '<div class="esc-beside">'
        f'<div><h4>{texts.WHAT_IF_ORIGINAL}</h4><p dir="auto">{_marked(before)}</p></div>'
        f'<div class="esc-new"><h4>{texts.WHAT_IF_NEW}</h4><p dir="auto">{_marked(after)}</p></div></div>'
        f"{render.notice(same)}{_likelihoods(trace)}"
        f"{_strategies(before_change, trace)}"
    )


def _shares(raw: Sequence[Any]) -> tuple[float, ...]:
    values = [float(value) for value in raw]
    total = sum(values)
    if not math.isfinite(total) or total <= 0:
        raise ValueError(f"the sliders add up to {total}; at least one must be above 0")
    return tuple(value / total for value in values)


def _block_of(block: CometBlock) -> Block:
    return Block(block.source, block.relation, block.text)


def _strategy(letter: str) -> str:
    return _select(f"what-if-strategy-{letter}", "strategy", texts.WHAT_IF_STRATEGY, texts.WHAT_IF_AS_IT_IS, STRATEGIES)


def _emotion(letter: str, trace: Trace) -> str:
    heard = texts.WHAT_IF_AS_HEARD.format(emotion=trace.emotions[-1].scores[0][0])
    return _select(f"what-if-emotion-{letter}", "emotion", texts.WHAT_IF_EMOTION, heard, EMOTIONS)


def _select(name: str, field: str, label: str, none: str, choices: Sequence[str]) -> str:
    options = "".join(f'<option value="{escape(one)}">{escape(one)}</option>' for one in choices)
    return (
        f'<p><label for="{name}">{label}</label> <select id="{name}" name="{field}"><option value="">{escape(none)}'
        f"</option>{options}</select></p>"
    )


def _mixture(letter: str, trace: Trace) -> str:
    rows = ""
    for at, (name, share) in enumerate(zip(STRATEGIES, trace.strategies, strict=True)):
        place, value = f"mix-{letter}-{at}", f"{100 * share:.1f}"
        rows += (
            f'<label for="{place}">{name}</label><input type="range" id="{place}" class="esc-mix" min="0" max="100"'
            f' step="0.1" value="{value}"><output for="{place}">{float(value):.0f} %</output>'
        )
    return f'<fieldset class="esc-sliders"><legend>{texts.WHAT_IF_MIXTURE}</legend>{rows}</fieldset>'


def _knowledge(trace: Trace) -> str:
    """One box for all knowledge; single pieces are folded, so that sliders and replies fit on one screen, and left out
    for a net that attends to none by itself."""
    boxes = "".join(
        f'<label><input type="checkbox" name="block" value="{at}" checked>'
        f" <b>{escape(words_for(one.relation).short)}</b> {escape(one.text)}</label>"
        for at, one in sorted(enumerate(trace.blocks), key=lambda pair: -pair[1].weight)
    )
    pieces = (
        f"<details><summary>{texts.WHAT_IF_PIECES.format(count=len(trace.blocks))}</summary>"
        f'<div class="esc-checks">{boxes}</div></details>'
    )
    return (
        f'<fieldset class="esc-knowledge"><legend>{texts.WHAT_IF_KNOWLEDGE}</legend>'
        f'<label><input type="checkbox" name="knowledge" checked> {texts.WHAT_IF_ALL}</label>'
        f"{pieces if boxes else ''}</fieldset>"
    )


def _missing(side: Sided, levers: Levers) -> str:
    names = {"strategy": "a strategy", "mixture": "a mixture", "knowledge": "knowledge", "emotion": "an emotion"}
    without = [words for lever, words in names.items() if not getattr(levers, lever)]
    if not without:
        return ""
    return f'<p class="esc-hint">{escape(texts.WHAT_IF_WITHOUT.format(name=side.label, what=", ".join(without)))}</p>'


def _marked(parts: Sequence[Part]) -> str:
    tags = {"same": ("", ""), "out": ("<del>", "</del>"), "in": ("<ins>", "</ins>")}
    return " ".join(f"{tags[part.kind][0]}{escape(part.text)}{tags[part.kind][1]}" for part in parts)


def _strategies(before: Trace, after: Trace) -> str:
    if not after.strategy() or not before.strategy():
        return ""
    first, second = (f"{one.strategy()} ({percent(max(one.strategies))})" for one in (before, after))
    return f"<p>{escape(texts.WHAT_IF_STRATEGIES.format(before=first, after=second))}</p>"


def _likelihoods(trace: Trace) -> str:
    row = next((row for row in trace.extras if row.name == LIKELIHOOD), None)
    if row is None:
        return ""
    # Rounded first, so that the change equals the difference of the two numbers shown.
    values = {name: round(value, 3) for name, value in zip(row.labels, row.values, strict=True)}
    lines = [
        [label, *(f"{values[name]:.3f}" for name in pair), f"{values[pair[1]] - values[pair[0]]:+z.3f}"]
        for label, pair in ((texts.WHAT_IF_ORIGINAL, LIKELIHOODS[:2]), (texts.WHAT_IF_NEW, LIKELIHOODS[2:]))
    ]
    change = values[LIKELIHOODS[1]] - values[LIKELIHOODS[0]]
    told = texts.WHAT_IF_LESS if change < -0.005 else texts.WHAT_IF_MORE if change > 0.005 else texts.WHAT_IF_AS_MUCH
    sentence = told.format(times=f"{math.exp(abs(change)):.2f}")
    return f"<p>{escape(sentence)}</p>" + render.table(texts.WHAT_IF_HEAD, lines, texts.WHAT_IF_CAPTION)
