"""Reads the sets of support talks that the support adapter learns from (`support_corpora.py`): JSON Lines -> Dialogue.

One record per line, gzipped or not, for example (made up):
    {"source": "...", "turns": [{"speaker": "a", "text": "Hi", "strategy": ["Question"]}, ...], "final_strategy": "..."}
`a` is the seeker, `b` the supporter.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.strategies import STRATEGIES, strategy_id


def read_corpus(path: Path) -> Iterator[Dialogue]:
    """The dialogues of one file, `a` as seeker and `b` as supporter. Raises ValueError naming file and line."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield _dialogue(json.loads(line))
            except (KeyError, TypeError, ValueError) as fault:
                raise ValueError(f"{path}, line {number}: not a dialogue record ({fault!r})") from fault


def _dialogue(record: dict[str, Any]) -> Dialogue:
    turns = [
        Turn(Speaker.SEEKER if t["speaker"] == "a" else Speaker.SUPPORTER, t["text"], _strategy(t.get("strategy")))
        for t in record["turns"]
        if t["text"].strip()
    ]
    final = _strategy(record.get("final_strategy"))
    if final and turns:
        turns[-1] = Turn(turns[-1].speaker, turns[-1].text, final)
    return Dialogue(tuple(turns), id=str(record.get("id", "")))


def _strategy(label: str | list[str] | None) -> str | None:
    """The first known strategy in a label of any form; None if there is none (these sets are noisy)."""
    for name in [label] if isinstance(label, str) else label or []:
        try:
            return STRATEGIES[strategy_id(name)]
        except ValueError:
            continue
    return None
