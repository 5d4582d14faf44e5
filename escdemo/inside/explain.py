"""The reasons behind two replies as tables: what the tab shows beside its figures, and the data of the figures.

Pure: traces in, HTML or CSV text out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from escdemo import texts
from escdemo.look import render
from escdemo.look.figures import Sided
from escdemo.screening.answer_screen import may_answer
from escdemo.screening.message_screen import Danger
from models.data.strategies import STRATEGIES
from models.serving.trace import DecodeOptions, Timings, Trace

_TIMING_NAMES = {
    "comet_s": "knowledge",
    "emotion_s": "emotion",
    "encode_s": "encoder",
    "first_token_s": "first token after",
}
# Five steps of Cividis from unlikely to likely; the title of each token gives the number.
_RAMP = ("#00204D", "#414D6B", "#7C7B78", "#BCAF6F", "#FFEA46")


def strategy_csv(sides: Sequence[Sided]) -> str:
    """One row per strategy, one column per side."""
    rows = [[name, *(side.trace.strategies[at] for side in sides)] for at, name in enumerate(STRATEGIES)]
    return render.csv_text(["strategy", *(side.label for side in sides)], rows)


def blocks_csv(trace: Trace) -> str:
    """One row per commonsense block with its mean attention."""
    rows = [[block.source, block.relation, block.text, block.weight] for block in trace.blocks]
    return render.csv_text(["source", "relation", "text", "mean_attention"], rows)


def heat_csv(trace: Trace) -> str:
    """One row per block, one column per token of the reply."""
    head = ["source", "relation", "text", *(token.text.strip() for token in trace.tokens)]
    rows = [[block.source, block.relation, block.text, *block.token_weights] for block in trace.blocks]
    return render.csv_text(head, rows)


def emotion_csv(trace: Trace) -> str:
    """One row per message and emotion."""
    rows = [
        [number, label, score]
        for number, reading in enumerate(trace.emotions, start=1)
        for label, score in reading.scores
    ]
    return render.csv_text(["message", "emotion", "probability"], rows)


def settings_table(sides: Sequence[Sided]) -> str:
    """How each reply was decoded and how long that took."""
    return render.table(
        ["", *(side.label for side in sides)], _settings_rows(sides), "Settings and times of the replies"
    )


def settings_csv(sides: Sequence[Sided]) -> str:
    """`settings_table` as CSV."""
    return render.csv_text(["setting", *(side.label for side in sides)], _settings_rows(sides))


def extras(side: Sided) -> str:
    """Values that only this side's net has (strategies before refinement, gates ...); "" when it has none."""
    rows = [
        (
            row.name,
            [
                (label, f"{value:.3f}")
                for label, value in zip(row.labels, row.values, strict=True)
                if _may_be_listed(label, side.danger)
            ],
        )
        for row in side.trace.extras
    ]
    told = [row for row in rows if row[1]]
    return render.named_values(told, f"Inside the net of {side.label}") if told else ""


def token_strip(side: Sided) -> str:
    """The reply token by token; the underline shows how probable each was (dark: unlikely, bright: likely)."""
    spans = "".join(
        # A leading blank starts a new word; without one, the piece belongs to the word before.
        f"{' ' if token.text[:1].isspace() else ''}"
        f'<span style="border-color:{_RAMP[min(4, int(token.probability * 5))]}" '
        f'title="{100 * token.probability:.1f} %">{render.escape(token.text.strip())}</span>'
        for token in side.trace.tokens
    )
    return (
        f'<p class="esc-hint">{render.escape(side.label)}: tokens of the reply; the line below each runs from unlikely '
        f'(dark) to likely (bright)</p><div class="esc-tokens"><bdi dir="auto">{spans}</bdi></div>'
    )


def _may_be_listed(label: str, danger: Danger | None) -> bool:
    """Whether to list a label. Some are whole replies that were drawn but not chosen; those must pass the screen."""
    is_reply = len(label.split()) > 4 or label.rstrip().endswith((".", "!", "?"))
    return may_answer(label, danger if is_reply else None)


def _words(name: str) -> str:
    """A field's name in readable form."""
    return name.replace("_", " ").replace("top ", "top-")


def _settings_rows(sides: Sequence[Sided]) -> list[list[str]]:
    traces = [side.trace for side in sides]
    rows = [
        ["strategy", *(trace.strategy() or texts.NO_STRATEGY for trace in traces)],
        ["checkpoint", *(trace.checkpoint for trace in traces)],
        ["seed", *(str(trace.seed) for trace in traces)],
    ]
    for option in fields(DecodeOptions):
        rows.append([_words(option.name), *(f"{getattr(trace.options, option.name)}" for trace in traces)])
    for timing in fields(Timings):
        shown = [f"{getattr(trace.timings, timing.name):.2f} s" for trace in traces]
        rows.append([_TIMING_NAMES.get(timing.name, _words(timing.name.removesuffix("_s"))), *shown])
    return rows
