"""Answers by rule: a sentence of the seeker's said back with its persons exchanged, and only what may be said back."""

from __future__ import annotations

import re

import pytest

from escdemo.screening.reply_screen import must_not_show
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.feelings import ANY, BLAME, FEELINGS, feeling_in
from models.data.own_talks import VOICE, plain_answers, warm_answers
from models.data.restated import ASKS, FRAMES, REFLECTS, RESTATES, restated_talks, said_back, sayable
from models.data.support_corpora import voiced_talks


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


def talk(*posts: str) -> Dialogue:
    turns = [turn for post in posts for turn in (Turn(Speaker.SEEKER, post), Turn(Speaker.SUPPORTER, "Oh.", RESTATES))]
    return Dialogue(tuple(turns), "my flat", id="7")


def capital(text: str) -> str:
    return text[0].upper() + text[1:]


def test_each_talk_ends_with_one_of_the_answers() -> None:
    talks = [talk("Hi.", "I had to leave my old flat.", f"My sister lent me her {thing}.") for thing in "abcdefgh"]
    found = restated_talks(sayable(talks), 3, 100)
    assert len(found) == 16
    for dialogue in found:
        *_, post, answer = dialogue.turns
        assert (post.speaker, answer.speaker) == (Speaker.SEEKER, Speaker.SUPPORTER)
        (said,) = said_back(post.text)
        feeling = feeling_in(post.text)
        bare = {capital(frame.format(said=said)) for frame in FRAMES}
        asking = {f"{text} {question}" for text in bare for question in feeling.questions}
        pairs = [(capital(f"{said}."), heard) for heard in feeling.answers]
        reflecting = {" ".join(pair[::way]) for pair in pairs for way in (1, -1)}
        assert answer.text in {ASKS: asking, RESTATES: asking | bare, REFLECTS: reflecting}[answer.strategy or ""]
        assert not must_not_show(answer.text)
        assert dialogue.situation.startswith(VOICE)
    assert {dialogue.turns[-1].strategy for dialogue in found} <= {ASKS, RESTATES, REFLECTS}
    assert found == restated_talks(sayable(talks), 3, 100) != restated_talks(sayable(talks), 4, 100)
    assert len(restated_talks(sayable(talks), 3, 5)) == 5


def test_who_takes_the_blame_is_asked_kindly_and_hears_nothing_said_back() -> None:
    blamed = [f"I lied to my {one}." for one in ("aunt", "boss", "wife", "son", "team", "dad", "mum", "girl")]
    assert said_back("I lied to my aunt last week.") == []
    found = restated_talks(sayable([talk(post, "My sister lent me her tent.") for post in blamed]), 3, 100)
    kind = [talk for talk in found if "lied" in talk.turns[-2].text]
    assert (len(found), len(kind)) == (16, 8)
    for dialogue in kind:
        answer = dialogue.turns[-1]
        sentences = {*BLAME.answers, *BLAME.questions}
        assert {part + mark for part, mark in _sentences(answer.text)} <= sentences
        assert ("?" in answer.text) or answer.strategy == REFLECTS
    assert sayable([talk("I feel like a failure.", "My sister lent me her tent.")])[0][1:] == (0, "")
    assert len(sayable([talk("I feel like a failure.", "My sister lent me her tent.")])) == 1
    assert sayable([talk("I lied to my aunt.", "He wants to kill me.")]) == []


def _sentences(text: str) -> list[tuple[str, str]]:
    return re.findall(r"([^.?]+?)([.?])(?: |$)", text)


@pytest.mark.parametrize(
    ("text", "takes"),
    [
        ("It is all my fault.", True),
        ("It just isn't my fault.", False),
        ("I feel so guilty.", True),
        ("They have been guilt tripping me.", False),
        ("I am such a bad mother.", True),
        ("She is a bad mother.", False),
        ("I have been lying to her.", True),
        ("He lied to me.", False),
    ],
)
def test_only_who_blames_oneself_takes_the_blame(text: str, takes: bool) -> None:
    assert (feeling_in(text) is BLAME) == takes


def test_of_several_sentences_the_longest_is_said_back() -> None:
    (found,) = restated_talks(
        sayable([talk("I moved to a town. I lost my way in our old street. I am so tired.")]), 1, 9
    )
    assert "you lost your way in your old street" in found.turns[-1].text.lower()


def test_messages_of_our_own_talks_are_said_back_too_and_freshly_drawn() -> None:
    found = restated_talks(sayable((*plain_answers(), *warm_answers())), 1, 10_000)
    assert len(found) > 500
    assert all(dialogue.situation.count(VOICE) == 1 for dialogue in found)
    rounds = voiced_talks((), 1, 2, 100)
    answers = [dialogue for dialogue in rounds if dialogue.id.startswith("restated-")]
    assert len(answers) == 200
    assert {dialogue.id for dialogue in answers[:100]} != {dialogue.id for dialogue in answers[100:]}
    assert voiced_talks((), 1, 0) == []


def test_what_is_asked_and_answered_fits_the_feeling_that_is_named() -> None:
    assert "What worries you most about it?" in feeling_in("I'm so scared of Monday.").questions
    assert "That sounds lonely." in feeling_in("They all went without me.").answers
    assert feeling_in("My neighbour has a new fence.") is ANY
    said = [text for feeling in (*FEELINGS, ANY) for text in (*feeling.answers, *feeling.questions)]
    assert not any(map(must_not_show, said))
