"""The eight support strategies of ESConv: order, names, tokens and spellings. The single source for all of these.

The order is that of the dialogue-level reference implementation. It is saved with every checkpoint, and checkpoints
with another order are refused, so labels can never shift silently.
"""

from __future__ import annotations

STRATEGIES: tuple[str, ...] = (
    "Question",
    "Restatement or Paraphrasing",
    "Reflection of feelings",
    "Self-disclosure",
    "Affirmation and Reassurance",
    "Providing Suggestions",
    "Information",
    "Others",
)

DEFINITIONS: tuple[str, ...] = (
    "ask about the problem, so that the seeker can tell more of it",
    "say in fewer or other words what the seeker has told",
    "put into words what the seeker feels",
    "tell of something alike in your own life",
    "name the seeker's strengths, give hope and comfort",
    "suggest what the seeker could do, without ordering it",
    "give facts, figures or sources that help",
    "greet, thank, or talk of other things in a friendly way",
)
"""what the supporter does, in the same order; ESConv's guide in our own words"""

_SPELLINGS = {
    "questions": "Question",
    "restatement": "Restatement or Paraphrasing",
    "paraphrasing": "Restatement or Paraphrasing",
    "reflection": "Reflection of feelings",
    "self disclosure": "Self-disclosure",
    "affirmation": "Affirmation and Reassurance",
    "reassurance": "Affirmation and Reassurance",
    "suggestions": "Providing Suggestions",
    "suggestion": "Providing Suggestions",
    "providing suggestion": "Providing Suggestions",
    "providing suggestions or information": "Providing Suggestions",
    "other": "Others",
    # FailedESConv.json and MultiESC; the guide of ESConv counts pleasantries as Others
    "approval and reassurance": "Affirmation and Reassurance",
    "direct guidance": "Providing Suggestions",
    "greeting": "Others",
    "greetings": "Others",
} | {name.lower(): name for name in STRATEGIES}


def strategy_id(name: str) -> int:
    """The index 0..7 of a strategy in any spelling found in practice ("[Questions]", "Other", ...).

    Raises ValueError naming the allowed strategies when the spelling is unknown.
    """
    key = " ".join(name.strip().strip("[]").replace("_", " ").lower().split())
    if key not in _SPELLINGS:
        raise ValueError(f"unknown strategy {name!r}; allowed: {', '.join(STRATEGIES)}")
    return STRATEGIES.index(_SPELLINGS[key])
