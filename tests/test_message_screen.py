"""The crisis screen: it must fire on whole phrases of danger and keep quiet on everyday figures of speech."""

from __future__ import annotations

import pytest

from escdemo.role_cards import load_role_cards
from escdemo.screening.message_screen import danger_in as screen

SELF = (
    "I want to die.",
    "i just wanna die",
    "Some nights I think about killing myself.",
    "I'm going to kill my self tonight",
    "I don't want to be here anymore.",
    "I don’t want to be here any more",
    "I do not want to live",
    "I dont want to live anymore",
    "I no longer want to be around",
    "I wish I was dead",
    "I wish I were never born",
    "Everyone would be better off without me.",
    "They'd be happier if I weren't here",
    "I'd be better off dead",
    "There is no reason to live",
    "I have nothing left to live for",
    "life is not worth living",
    "I'm tired of living",
    "I hope I don't wake up tomorrow",
    "I keep thinking of ending it all",
    "I want to end my life",
    "He made me want to take my own life",
    "I feel suicidal",
    "I have been having thoughts of suicide",
    "I started cutting myself again",
    "I cut my wrists last week",
    "I've been self-harming since spring",
    "I self harm when it gets bad",
    "I hurt myself on purpose",
    "I took too many pills",
    "I swallowed a whole bottle of pills",
    "I was thinking about overdosing",
    "I thought about jumping off a bridge",
    "Sometimes I want to step in front of a train",
    "I have written my suicide note",
    "You'll never talk to me again after tonight.",
    "Soon they will not be bothered by me any more.",
    "i can't go on living",
    "I can't do this anymore, I want it to end, goodbye",
    "kms",
    "I want to unalive myself",
    "Ich will sterben",
    "quiero morir",
    "Je veux mourir",
    "我不想活了",
    "I   WANT\nTO DIE",
)
OTHERS = (
    "I am going to kill him",
    "I want to kill my boss, I mean it",
    "I want to hurt someone",
    "I keep having thoughts of killing people",
)
ABUSE = (
    "My husband hits me",
    "my dad beats me when he drinks",
    "He choked me last night",
    "She hit me in the face",
    "my ex-husband is stalking me",
    "My boyfriend threatened to kill me",
    "He said he will kill me if I leave",
    "I am scared he will hurt me",
    "I was raped",
    "I'm being abused at home",
    "I don't feel safe at home",
    "I am afraid to go home",
    "I fear for my life",
    "I'm in danger",
    "He forced me to have sex",
    "my father is hitting my sister",
)
HARMLESS = (
    "My best friend does not talk to me any more.",
    "My sister won't talk to me again, because of the house.",
    "My kids don't see me anymore.",
    "He did not talk to me again until Sunday.",
    "I am dying to know what she said",
    "I was dying of laughter",
    "I wanted to die of embarrassment when I fell",
    "I want to die laughing at that",
    "We played cards to kill time",
    "You are killing it!",
    "I killed it at the interview",
    "My feet are killing me",
    "This deadline is killing me",
    "My mum will kill me when she sees my grades",
    "I could kill for a coffee",
    "that cake is to die for",
    "I nearly killed myself laughing",
    "I am killing myself with work",
    "I cut myself shaving",
    "I should cut myself some slack",
    "I cut myself off from my friends",
    "I hurt myself playing football",
    "Quitting now would be career suicide",
    "We watched Suicide Squad",
    "I want to take my life back",
    "I want to end my life in the city and move to the country",
    "I don't want to be here at this party",
    "I don't want to live with my parents",
    "I don't want to live in this flat",
    "I'm tired of living in a small town",
    "I am sick of living alone",
    "He beat me at chess",
    "My brother beats me in every game",
    "It hit me that I am alone",
    "The news hit me hard",
    "he hit me up yesterday",
    "She hit me with a question I could not answer",
    "I am in danger of failing the exam",
    "The phone died and the plant is dying",
    "My grandmother died last month",
    "I feel dead tired",
    "Should I shoot him an email?",
    "I have a crisis at work",
    "I don't want to wake up early",
    "no point in going to the gym",
    "He abandoned me and I feel worthless",
    "I hate myself for it",
    "I'm kicking myself for it",
    "I want to disappear from the group chat",
    "",
)


@pytest.mark.parametrize("text", SELF)
def test_danger_to_oneself(text: str) -> None:
    assert screen(text) == "self"


@pytest.mark.parametrize("text", OTHERS)
def test_danger_to_others(text: str) -> None:
    assert screen(text) == "others"


@pytest.mark.parametrize("text", ABUSE)
def test_danger_from_others(text: str) -> None:
    assert screen(text) == "abuse"


@pytest.mark.parametrize("text", HARMLESS)
def test_everyday_talk_is_left_alone(text: str) -> None:
    assert screen(text) is None


def test_a_long_message_is_screened_to_its_end_and_quickly() -> None:
    assert screen("I am fine and I don't want to " * 400) is None
    assert screen("All is well. " * 400 + "I want to die.") == "self"


def test_no_role_card_raises_the_alarm() -> None:
    """The shipped cards are troubles, not emergencies; a card that brought up the crisis card would dull it."""
    texts = [text for card in load_role_cards() for text in (card.situation, card.opening)]
    assert [text for text in texts if screen(text)] == []
