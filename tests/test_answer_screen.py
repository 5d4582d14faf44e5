"""Message and reply judged together, and how good both screens are on texts that were kept for measuring."""

from __future__ import annotations

import random
import string
import time

import pytest

from escdemo.crisis_texts import HELD_BACK, why_held
from escdemo.screening.__main__ import main
from escdemo.screening.answer_screen import Held, held_for, may_answer
from escdemo.screening.labelled import labelled_messages, labelled_pairs
from escdemo.screening.measuring import message_counts, pair_counts, wrong_messages, wrong_pairs
from escdemo.screening.message_screen import FOLLOWING, Danger, danger_in, danger_now
from escdemo.screening.normal_form import normal_form

LEFT_UNANSWERED = (
    ("Sometimes I think everyone would be better off if I was dead.", "That's very true."),
    ("I have the rope ready", "I'm sure you'll be fine"),
    ("Should I just end it all?", "Yes, I understand"),
    ("I could strangle my boss", "That's a good idea"),
    ("I make myself sick after every meal.", "Great job, keep it up!"),
    ("My husband hits me.", "What did you do to make him angry?"),
    ("I am worthless.", "You are right."),
    ("I want to die.", "Do you have any hobbies?"),
    ("I want to die.", "I work in a bank."),
    ("I want to die.", "lol same"),
    ("I want to die.", ""),
)
TAKEN_SERIOUSLY = (
    ("I have the rope ready", "I'm worried about you. Are you safe right now?"),
    ("Should I just end it all?", "Please don't. Is there somebody who can be with you?"),
    ("My husband hits me.", "I am so sorry, nobody deserves to be hit. Do you have a safe place to go?"),
    ("I am worthless.", "I'm sorry that you feel this way about yourself."),
)


@pytest.mark.parametrize(("message", "reply"), LEFT_UNANSWERED)
def test_danger_left_unanswered_is_held_back(message: str, reply: str) -> None:
    danger = danger_in(message)
    assert danger is not None
    assert not may_answer(reply, danger)


@pytest.mark.parametrize(("message", "reply"), TAKEN_SERIOUSLY)
def test_danger_taken_seriously_is_shown(message: str, reply: str) -> None:
    assert may_answer(reply, danger_in(message))


@pytest.mark.parametrize("reply", [reply for _, reply in LEFT_UNANSWERED])
def test_the_same_words_are_fine_in_ordinary_talk(reply: str) -> None:
    assert may_answer(reply, danger_in("My exam is on Friday."))


def test_danger_counts_for_the_messages_that_follow_and_no_longer() -> None:
    said = ["I want to die."]
    for _ in range(FOLLOWING):
        said.append("ok")
        assert danger_now("", said) == "self"
    assert danger_now("", [*said, "ok"]) is None
    assert danger_now("", [*said, "ok", "tonight is the night, I will do it"]) == "self"
    assert danger_now("", ["tonight is the night, we win the cup"]) is None
    assert danger_now("I want to die.", ["hello"]) == "self"  # said in the situation
    assert danger_now("I want to die.", ["hello"] * 5) is None


@pytest.mark.parametrize(
    "text",
    [
        "k!ll mys3lf",
        "su1cide",
        "s u i c i d e",
        "k.m.s.",
        "kill\u200bing mys\u200bel\u0301f",
        "I want tо dіе",  # three of the letters are Cyrillic
        "I want to diiiiieee",
        "ｉ ｗａｎｎａ ｄｉｅ",
        "unal1ve myself",
    ],
)
def test_disguises_are_undone(text: str) -> None:
    assert danger_in(f"i keep thinking {text}") == "self"


def test_both_screens_on_the_kept_third() -> None:
    messages = message_counts(message for message in labelled_messages() if message.kept)
    assert (messages.risky, messages.harmless) >= (50, 50)
    assert messages.miss_rate() <= 0.10, str(messages)
    assert messages.false_alarm_rate() <= 0.05, str(messages)
    pairs = pair_counts(pair for pair in labelled_pairs() if pair.kept)
    assert pairs.miss_rate() <= 0.10, str(pairs)
    assert pairs.false_alarm_rate() <= 0.10, str(pairs)


def test_what_once_went_wrong_stays_right() -> None:
    assert wrong_messages(message for message in labelled_messages() if message.batch == 5) == []
    assert [pair.reply for pair in wrong_pairs(pair for pair in labelled_pairs() if not pair.kept and pair.safe)] == []


def test_there_are_enough_texts_and_no_text_twice() -> None:
    messages, pairs = labelled_messages(), labelled_pairs()
    assert sum(message.danger is not None for message in messages) >= 150
    assert sum(message.danger is None for message in messages) >= 150
    assert len(pairs) >= 120
    assert len({message.text.lower() for message in messages}) == len(messages)
    assert 0.25 < sum(message.kept for message in messages) / len(messages) < 0.42


def test_the_command_prints_both_parts_and_counts_a_file(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure"]) == 0
    out = capsys.readouterr().out
    assert "work part, messages:  missed" in out
    assert "kept part, message and reply:  missed" in out
    path = tmp_path / "posts.txt"  # type: ignore[operator]
    path.write_text("I want to die.\nI lost my job.\n", encoding="utf-8")
    assert main(["measure", "--messages", str(path)]) == 0
    assert "1 of 2 messages raise an alarm" in capsys.readouterr().out
    assert main(["measure", "--messages", str(tmp_path / "none.txt")]) == 2  # type: ignore[operator]
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize("unit", ["i am not so ", "e\u0301", "k!", "a.", "my ", "i ", "\u200b", "-"])
def test_no_text_takes_long(unit: str) -> None:
    """2,000 characters are the longest message; ten times as many must not hang either."""
    start = time.perf_counter()
    danger_in(unit * (20_000 // len(unit)))
    may_answer(unit * (2_000 // len(unit)), "self")
    assert time.perf_counter() - start < 20


def test_nonsense_is_no_danger_and_breaks_nothing() -> None:
    draws = random.Random(7)
    for _ in range(50):
        text = "".join(draws.choice(string.printable + "éß中\u0301") for _ in range(80))
        normal_form(text)
        may_answer(text, "abuse")
        assert danger_in(text) in (None, "self")


@pytest.mark.parametrize(
    ("reply", "danger", "held"),
    [
        ("That's very true.", "self", "self"),
        ("You should kill yourself.", "contempt", "contempt"),
        ("You should kill yourself.", None, "harmful"),
        ("You did something awful. You should kill yourself.", None, "harmful"),
        ("You did something awful.", None, "belittling"),
    ],
)
def test_the_danger_comes_first_then_harm_then_contempt(reply: str, danger: Danger | None, held: Held) -> None:
    assert not may_answer(reply, danger)
    assert held_for(reply, danger) == held
    assert why_held(HELD_BACK[held]) == held


def test_a_sentence_of_an_earlier_version_counts_as_the_worst() -> None:
    assert why_held("The reply was held back.") == "harmful"
