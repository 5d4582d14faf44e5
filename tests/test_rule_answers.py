"""Answers by rule: strategy, words and message belong together, and none says what must not be said."""

from __future__ import annotations

import random

import pytest

from escdemo.screening.reply_screen import must_not_show
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.own_talks import VOICE, everyday_talks, own_talks
from models.data.rule_answers import (
    AFFIRMS,
    ASKS,
    EARLY,
    FRAMES,
    OTHERS,
    REFLECTS,
    RESTATES,
    SUGGESTS,
    WEIGH,
    WHETHER,
    answer,
    answerable,
    beginnings,
    doing_asked_about,
    rule_talks,
)
from models.data.said_back import said_back, without_hesitation
from models.data.support_corpora import voiced_talks
from models.data.themes import ANY, BETTER, BLAME, PLAN, feeling_in


def talk(*posts: str) -> Dialogue:
    turns = [turn for post in posts for turn in (Turn(Speaker.SEEKER, post), Turn(Speaker.SUPPORTER, "Oh.", RESTATES))]
    return Dialogue(tuple(turns), "my flat", id="7")


def framed(said: str) -> tuple[str, ...]:
    return tuple(frame.format(said=said).capitalize() for frame in FRAMES)


def answers(post: str) -> set[tuple[str, str]]:
    said = max(said_back(post), key=len, default="")
    return {answer(post, said, random.Random(n)) for n in range(400)}


@pytest.mark.parametrize(
    ("post", "strategy", "one"),
    [
        ("I lied to my wife.", AFFIRMS, "It takes courage to say that."),
        ("I feel like a failure.", AFFIRMS, "You are being hard on yourself. Who else knows how you feel?"),
        ("Should I call my mum?", ASKS, "Whether to call your mum is for you to decide. What holds you back?"),
        (
            "I am stressed. What should I do?",
            SUGGESTS,
            "It may help to write everything down, so that your head need not hold it.",
        ),
        ("Okay, I will ask him tomorrow.", AFFIRMS, "That sounds like a good step. What would make it easier?"),
        ("Maybe I could call my aunt", AFFIRMS, "It takes courage to do that."),
        ("i feel a little better today", AFFIRMS, "I am glad to hear that. What helped most?"),
        ("I talked to my foreman. He apologised!", AFFIRMS, "I am happy for you. How does that feel?"),
        ("ok thank you", OTHERS, "You are welcome. Be kind to yourself today."),
        ("Thanks for your suggestions", OTHERS, "You are welcome. Be kind to yourself today."),
        ("Good evening everyone!", ASKS, "Hello, and welcome. What is on your mind?"),
        ("hi, i need someone to talk to", ASKS, "Hello. I am glad you wrote. What brings you here today?"),
        ("I don't know.", ASKS, "Not knowing is hard, too. What comes to your mind first?"),
        (
            "I am so sad in my home.",
            REFLECTS,
            "I can hear how sad that is. You are so sad in your home. What still gives you a little light?",
        ),
        ("I sold my old bike today.", RESTATES, "So you sold your old bike today. What is the hardest part of it?"),
        ("I got fired by my boss.", ASKS, "You got fired by your boss. Who knows about it so far?"),
    ],
)
def test_the_message_tells_the_strategy(post: str, strategy: str, one: str) -> None:
    found = answers(post)
    assert {kind for kind, _ in found} == {strategy}
    assert (strategy, one) in found
    assert not any(must_not_show(text) for _, text in found)
    assert all(text[0].isupper() and text[-1] in ".?" for _, text in found)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("I avoid some letters for, um, three years", "I avoid some letters for three years"),
        ("Uhm, hi. I am, uh... scared", "hi. I am scared"),
        ("My umbrella and my drum hummed", "My umbrella and my drum hummed"),
        ("um", ""),
    ],
)
def test_hesitation_is_not_said_back(text: str, left: str) -> None:
    assert without_hesitation(text) == left


def test_what_is_told_at_length_is_said_back() -> None:
    long = (
        "I got fired by my boss. "
        + "It was on a Friday, then the whole week was raining, so they sat inside and looked out of it."
    )
    assert {kind for kind, _ in answers(long)} == {RESTATES}
    assert all(text.startswith(framed("you got fired by your boss")) for _, text in answers(long))


@pytest.mark.parametrize(
    ("text", "doing"),
    [
        ("Should I tell her tonight?", "tell her tonight"),
        ("Yes. Do you think I should leave my job?", "leave your job"),
        ("What should I say?", ""),
        ("Who should I talk to?", ""),
        ("Should I be so stupid?", ""),
        ("I should tell her.", ""),
    ],
)
def test_what_is_asked_about_is_named(text: str, doing: str) -> None:
    assert doing_asked_about(text) == doing
    if doing:
        told = {f"{way.format(doing=doing)} {question}" for way in WHETHER for question in WEIGH}
        assert {said for _, said in answers(text)} <= told


def test_each_talk_ends_with_an_answer_under_the_mark() -> None:
    talks = [talk("Rain.", "I had to leave my old flat.", f"My sister lent me her {thing}.") for thing in "abcdefgh"]
    found = rule_talks(answerable(talks), 3, 100)
    assert len(found) == 16
    for dialogue in found:
        *_, post, said = dialogue.turns
        assert (post.speaker, said.speaker) == (Speaker.SEEKER, Speaker.SUPPORTER)
        if len(dialogue.turns) == 2:  # later in a talk other answers are drawn, too
            assert said.strategy == (ASKS if "sister" in post.text else RESTATES)
            assert said.strategy == ASKS or said.text.startswith(framed(said_back(post.text)[0]))
        assert dialogue.situation.startswith(VOICE)
    assert found == rule_talks(answerable(talks), 3, 100) != rule_talks(answerable(talks), 4, 100)
    assert len(rule_talks(answerable(talks), 3, 5)) == 5
    assert {dialogue.id for dialogue in found} == {"7"}, "that of the talk"


def test_in_a_talk_no_answer_begins_as_an_earlier_one_and_none_is_anybody_elses() -> None:
    posts = [f"My sister lent me her {thing} in May." for thing in ("old car", "blue bike", "big tent", "red coat")]
    talks = answerable([talk(*posts)])
    found = [one for seed in range(30) for one in rule_talks(talks, seed, 4) if len(one.turns) == 8]
    assert found
    for dialogue in found:
        said = [turn.text for turn in dialogue.turns if turn.speaker is Speaker.SUPPORTER]
        begun = [beginning for text in said for beginning in beginnings(text)]
        assert len(begun) == len(set(begun)) >= 4
        assert "Oh." not in said  # what the talk itself had
    assert beginnings("So you left. What is it like? What now?") == {"so you", "what is", "what now?"}


def test_a_message_with_nothing_to_say_back_is_answered_kindly_in_the_middle_of_a_talk() -> None:
    found = answerable([talk("Hm, the thing is, well.", "My sister lent me her car.")])
    talks = [one for seed in range(30) for one in rule_talks(found, seed, 1) if len(one.turns) == 4]
    assert talks
    for one in talks:
        assert one.turns[1].strategy == ASKS
        assert one.turns[1].text.split(". ")[0] + "." in ANY.answers


@pytest.mark.parametrize(
    "post",
    [
        "I will hit him tomorrow.",
        "I could tell her, but I am not ready.",
        "I can try some pills.",
        "I can call him now?",
        "I could not ask her.",
        "I can ask her, I just don't know how.",
        "I can tell he is lying.",
        "I could start crying any minute.",
        "I will talk to nobody.",
        "I could join her in heaven.",
        "I will tell you what happened.",
    ],
)
def test_not_everything_somebody_could_do_is_called_a_good_step(post: str) -> None:
    assert feeling_in(post) is not PLAN
    assert not any(one in said for _, said in answers(post) for one in PLAN.answers)


@pytest.mark.parametrize(
    "post",
    [
        "I want to feel better.",
        "They hugged me, but I was still scared.",
        "He hugged me and then he hit me.",
        "What would make me feel better?",
        "I would feel calmer if they were dead.",
        "It is better to be alone.",
    ],
)
def test_not_everything_with_a_glad_word_is_good_news(post: str) -> None:
    assert feeling_in(post) is not BETTER


def test_who_takes_the_blame_hears_nothing_said_back() -> None:
    (one, other) = answerable([talk("I lied to my aunt last week.", "I am stressed by my aunt.")])
    assert (one.at, one.said, other.at) == (0, "", 2)
    first = {text.split(".")[0] + "." for _, text in answers("I lied to my aunt last week.")}
    assert first <= set(BLAME.answers)


@pytest.mark.parametrize(
    "posts",
    [
        ("I lied to my aunt.", "He wants to kill me."),
        ("Should I stop taking my meds?",),
        ("Thank you for your advice in all of these things.",),
        ("Thank you.",),
        ("I am happy about my new job!",),
        *((*("Hm.",) * (EARLY // 2), "I am stressed."),),
    ],
)
def test_harm_thanks_joy_and_what_comes_late_are_not_answered(posts: tuple[str, ...]) -> None:
    assert answerable([talk(*posts)]) == []


def test_our_own_messages_are_answered_too_and_freshly_drawn() -> None:
    found = rule_talks(answerable(everyday_talks()), 1, 10_000)
    assert len(found) > 1500
    assert all(dialogue.situation.count(VOICE) == 1 for dialogue in found)
    assert not any(must_not_show(dialogue.turns[-1].text) for dialogue in found[:200])
    rounds = voiced_talks((), 1, 2, 100)
    written = {dialogue.id for dialogue in own_talks()}
    drawn = [dialogue for dialogue in rounds if dialogue.id not in written]
    assert len(drawn) == 200
    assert {dialogue.id for dialogue in drawn[:100]} != {dialogue.id for dialogue in drawn[100:]}
    assert voiced_talks((), 1, 0) == []
