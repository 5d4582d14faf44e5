"""Twenty fixed prompts of our own, for inspecting and timing replies: situations and a seeker's posts."""

from __future__ import annotations

import json
from pathlib import Path

PROMPTS = Path(__file__).with_name("prompts.json")


def read_prompts() -> list[tuple[str, list[str]]]:
    """(situation, posts of the seeker) pairs."""
    return [(entry["situation"], entry["posts"]) for entry in json.loads(PROMPTS.read_text("utf-8"))]
