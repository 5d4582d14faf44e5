"""A sentence of the seeker's said back with its persons exchanged, and only what may be said back."""

from __future__ import annotations

import pytest

from models.data.said_back import exchanged, said_back


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("I lost my job last week.", "you lost your job last week"),
        ("Well, I'm so tired of my flat!", "you're so tired of your flat"),
        ("And I was really sad at our home.", "you were really sad at your home"),
        ("My sister was left by her husband.", "your sister was left by her husband"),
        ("She left me for my brother.", "she left you for your brother"),
        (
            "I am worried, and I\N{RIGHT SINGLE QUOTATION MARK}ve told my mother.",
            "you are worried, and you've told your mother",
        ),
        ("Um, I dont sleep in my flat.", "you don't sleep in your flat"),
        ("Hello there. We moved to our new town alone. Right?", "you moved to your new town alone"),
    ],
)
def test_persons_are_exchanged_with_their_verbs(text: str, said: str) -> None:
    assert said_back(text) == [said]


@pytest.mark.parametrize(
    "text",
    [
        "I am a stupid and worthless person.",
        "I want to die before the winter.",
        "I am white trash. I moved to a new town.",
        "I am the pig of the family.",
        "I see no point in my life.",
        "My husband hits me every week.",
        "I want to punch my neighbour today.",
        "I deserve what my boss does.",
        "I thank you for your time.",
        "I lost my job?",
        "I am sad.",
        "She left him for his brother.",
        "I live in flat 12 of our house.",
        "I am lying to my husband about money.",
        "I lost my way and so am I.",
        "I lost my way and HIS way.",
        "I want to smash my old radio.",
    ],
)
def test_harm_judgments_questions_and_what_is_about_others_are_not_said_back(text: str) -> None:
    assert said_back(text) == []


def test_of_a_message_all_such_sentences_are_found() -> None:
    found = said_back("I moved to a town. I lost my way in our old street. It is so cold.")
    assert found == ["you moved to a town", "you lost your way in your old street"]
    assert exchanged("tell my mother I was with her") == "tell your mother you were with her"
