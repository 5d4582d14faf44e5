"""What is said in our own talks, as pairs of an answer and the message that it answers."""

from __future__ import annotations

from models.data.dialogue import Speaker
from models.data.own_talks import everyday_talks, own_talks
from models.data.said_back import said_back


def said_back_pairs() -> list[tuple[str, str]]:
    """Every sentence that rules say back, with its message."""
    turns = [turn for talk in (*own_talks(), *everyday_talks()) for turn in talk.turns]
    told = [turn.text for turn in turns if turn.speaker is Speaker.SEEKER]
    return [(said, message) for message in told for said in said_back(message)]


def answer_pairs() -> list[tuple[str, str]]:
    """Every answer right after a message, with that message."""
    return [
        (answer.text, message.text)
        for talk in (*own_talks(), *everyday_talks())
        for message, answer in zip(talk.turns, talk.turns[1:], strict=False)
        if answer.speaker is Speaker.SUPPORTER and message.speaker is Speaker.SEEKER
    ]
