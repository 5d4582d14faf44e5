"""What may identify a person is taken out of exports, and what does not stays; how much is found is measured."""

from __future__ import annotations

import pytest

from annotation.files.masking import mask

GONE = {
    "my name is ann lee": "my name is [name]",
    "My name is Ann and I can't sleep": "My name is [name] and I can't sleep",
    "my name's bob, hi": "my name's [name], hi",
    "Hi, I'm Ann": "Hi, I'm [name]",
    "I’m Ann Lee from Leeds": "I’m [name] from Leeds",
    "i am Zoë": "i am [name]",
    "call me Élodie": "call me [name]",
    "my name is E\u0301lodie": "my name is [name]",  # the accent as a mark of its own
    "I am called Jean-Luc Picard.": "I am called [name].",
    "I'm Seán O'Neil!": "I'm [name]!",
    "This is Priya again": "This is [name] again",
    "my husband Peter left": "my husband [name] left",
    "Our daughter Mia is four": "Our daughter [name] is four",
    "a girl named Chiara": "a girl named [name]",
    "My boss, Karim, shouts": "My boss, [name], shouts",
    "Mr. Smith and Dr Lee": "Mr. [name] and Dr [name]",
    "ann@example.org": "[email]",
    "ann (at) example (dot) org": "[email]",
    "ann.lee [at] example.org, please": "[email], please",
    "my SSN is 123-45-6789": "my SSN is [number]",
    "DE89 3704 0044 0532 0130 00 is mine": "[number] is mine",
    "IBAN GB29NWBK60161331926819": "IBAN [number]",
    "add me, snap: annlee99": "add me, [handle]",
    "discord ann#1234": "[handle]",
    "I go by Annie": "I go by [name]",
    "love, Maria": "love, [name]",
    "see https://example.org/ann": "see [link]",
    "I am on facebook.com/ann.lee.5 now": "I am on [link] now",
    "linkedin.com/in/ann-lee": "[link]",
    "find me @ann_lee": "find me [handle]",
    "I am u/lonely_ann there": "I am [handle] there",
    "call +49 30 1234567": "call [number]",
    "I live at 12 Maple Street": "I live at [address]",
    "at 7b Old Mill Lane, second floor": "at [address], second floor",
    "221 Baker St.": "[address]",
    "we moved to 5 station road": "we moved to [address]",
    "Hauptstraße 12": "[address]",
    "12, rue de la Paix": "[address]",
    "my postcode is SW1A 1AA": "my postcode is [address]",
}
STAYS = (
    "My name is on the list",
    "we met at (at last) a bar",
    "I use discord every day, and snap at people",
    "I love Paris",
    "item A1 and B22",
    "my name is not important",
    "I'm German and I'm OK",
    "I'm so tired. I'm the one who calls",
    "I am Catholic",
    "this is Monday",
    "it's the third winter",
    "5 years down the road",
    "I walked 12 miles along the lane",
    "on 12/11/2024 at 10:30, aged 34",
    "I paid 1,200 for it, and/or 300 more.",
    "She told me. So I left.",
    "my boss said no",
    "A question, e.g. about work",
)


@pytest.mark.parametrize("text", GONE)
def test_what_identifies_is_taken_out(text: str) -> None:
    assert mask(text) == GONE[text]


@pytest.mark.parametrize("text", STAYS)
def test_what_does_not_identify_stays(text: str) -> None:
    assert mask(text) == text


def test_masking_again_changes_nothing() -> None:
    masked = [mask(text) for text in GONE]
    assert [mask(text) for text in masked] == masked


def test_the_limit_is_what_it_is_said_to_be() -> None:
    """A name without an introduction is not found; should this begin to fail, `LIMITS` has to be told otherwise."""
    assert mask("Then Elodie said no.") == "Then Elodie said no."
