"""A reply as its net made it: text, strategy, and the trace that says how it came about.

A shortened example in JSON; `models` writes it, this module checks the parts that the analysis reads:

    {"text": "When was that?", "strategy": "Question",
     "trace": {"net": "misc", "checkpoint": "ab12", "strategies": [0.6, 0.2, 0.2, 0, 0, 0, 0, 0],
               "blocks": [{"source": "post", "relation": "xReact", "text": "sad", "weight": 0.4, ...}], ...}}

A trace names the net, so it stays in the store: before the vote, nothing that a rater sees is made from it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

MAX_TRACE_CHARS = 1_000_000
"""longest trace as JSON; those of our nets have some tens of thousands"""


def stored_form(turns: Sequence[Mapping[str, Any]], what: str) -> str | None:
    """The turns with a trace, as a JSON list of replies for the store; None when no turn has one.

    Raises ValueError naming `what` and the field, when a trace is invalid or does not belong to a supporter's turn.
    """
    made = []
    for turn in turns:
        trace = turn.get("trace")
        if trace is None:
            continue
        if turn.get("speaker") != "supporter":
            raise ValueError(f"{what}: only a supporter's turn has a trace")
        _check_trace(trace, f"{what}, trace")
        if not isinstance(turn.get("strategy") or "", str):
            raise ValueError(f"{what}: strategy is a {type(turn['strategy']).__name__}; text is needed")
        made.append({"text": turn["text"], "strategy": turn.get("strategy") or "", "trace": trace})
    if not made:
        return None
    try:
        text = json.dumps(made, allow_nan=False)
    except ValueError as error:
        raise ValueError(f"{what}, trace: a number is not finite") from error
    if len(text) > MAX_TRACE_CHARS * len(made):
        raise ValueError(f"{what}, trace: {len(text):,} characters; at most {MAX_TRACE_CHARS:,} per turn are allowed")
    return text


def read_stored(replies_json: str | None) -> tuple[dict[str, Any], ...]:
    """The replies of a stored list, in order; empty when there are none."""
    return tuple(json.loads(replies_json)) if replies_json else ()


def _check_trace(trace: Any, what: str) -> None:
    if not isinstance(trace, Mapping):
        raise ValueError(f"{what} is a {type(trace).__name__}; an object is needed")
    shares = trace.get("strategies")
    if not isinstance(shares, list) or not all(_is_share(share) for share in shares) or abs(sum(shares) - 1) > 0.01:
        raise ValueError(f"{what}: strategies must be a list of probabilities that sum to 1")
    checkpoint = trace.get("checkpoint")
    if checkpoint is not None and not isinstance(checkpoint, str):
        raise ValueError(f"{what}: checkpoint is a {type(checkpoint).__name__}; text is needed")
    blocks = trace.get("blocks", [])
    if not isinstance(blocks, list) or not all(_is_block(block) for block in blocks):
        raise ValueError(f"{what}: blocks must be a list of objects with source, relation and weight (0 to 1)")
    tokens = trace.get("tokens", [])
    if not isinstance(tokens, list) or not all(
        isinstance(token, Mapping) and isinstance(token.get("text"), str) for token in tokens
    ):
        raise ValueError(f"{what}: tokens must be a list of objects with a text")


def _is_share(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and -1e-6 <= value <= 1 + 1e-6


def _is_block(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and all(isinstance(value.get(name), str) for name in ("source", "relation"))
        and _is_share(value.get("weight"))
    )
