"""The open dialogue sets a compact backbone is trained on before it meets a net: JSON Lines -> Dialogue.

One record (made up), one per line, gzip or not:
    {"source": "...", "turns": [{"speaker": "a", "text": "Hi", "strategy": ["Question"]}, ...], "final_strategy": "..."}
In support sets `a` is the seeker and `b` the supporter; in open chat either side is answered, so the speakers are kept
apart but named only when a target turn is chosen (`models.commands.pretrain`).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.strategies import STRATEGIES, strategy_id

WEIGHTS: dict[str, float] = {
    # support, empathy, counselling: what the nets are for
    "empathetic_dialogues": 1.5,
    "escot": 1.0,
    "synthetic_es_gpt4": 1.0,
    "healme": 0.5,
    "counsel_chat": 0.5,
    "annomi": 1.0,
    # open chat: plain fluent talk
    "dialogsum": 0.6,
    "dailydialog_partial": 0.6,
    "dream": 0.3,
    "mutual": 0.3,
    "multi_session_chat_validtest": 0.5,
    "personachat_validtest": 0.3,
    "synthetic_persona_chat_validtest": 0.3,
}
"""How often a pass over the mix visits each set, by file name."""

SUPPORT_SETS = frozenset(("empathetic_dialogues", "escot", "synthetic_es_gpt4", "healme", "counsel_chat", "annomi"))
"""Sets in which speaker `b` supports speaker `a`; only `b` is answered for."""


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
    """The first known strategy of a label in any form; None where there is none (these sets are noisy)."""
    for name in [label] if isinstance(label, str) else label or []:
        try:
            return STRATEGIES[strategy_id(name)]
        except ValueError:
            continue
    return None


def corpus_files(folder: Path) -> dict[str, Path]:
    """The files of the mix found in `folder`, by set name. Raises FileNotFoundError when there is none."""
    found = {path.name.split(".")[0]: path for path in sorted(folder.glob("*.jsonl*"))}
    mix = {name: found[name] for name in WEIGHTS if name in found}
    if not mix:
        raise FileNotFoundError(f"no dialogue set in {folder}; expected any of {', '.join(WEIGHTS)} as .jsonl[.gz]")
    return mix
