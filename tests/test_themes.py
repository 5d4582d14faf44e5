"""What is answered, asked and suggested fits what a message is about, and may be said to anybody."""

from __future__ import annotations

import random
import re

import pytest

from escdemo.screening.reply_screen import must_not_show
from models.data.themes import (
    ANY,
    BLAME,
    FEELINGS,
    THANKS,
    TROUBLES,
    UNSURE,
    WHO,
    Theme,
    answer_to,
    feeling_in,
    question_about,
    step_for,
    trouble_in,
)

THEMES = (BLAME, THANKS, UNSURE, *TROUBLES, *FEELINGS, ANY)


def sentences(theme: Theme) -> tuple[str, ...]:
    return theme.answers + theme.questions + theme.steps


def test_every_sentence_may_be_shown_and_ends_as_its_kind_does() -> None:
    for theme in THEMES:
        assert all((theme.answers, theme.questions, theme.steps))
        assert all(question.endswith("?") for question in theme.questions)
        assert not any("?" in said for said in theme.answers + theme.steps)
        assert not any(must_not_show(said.replace(WHO, "friend")) for said in sentences(theme))
        assert len(set(sentences(theme))) == len(sentences(theme))


def test_a_person_is_named_only_where_the_message_names_one() -> None:
    for theme in THEMES:
        assert theme.named.groups == any(WHO in said for said in sentences(theme))
    asked = {question_about("My Mother never listens.", random.Random(n)) for n in range(60)}
    assert "What would you most like your mother to understand?" in asked
    assert not any(WHO in said for said in asked)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("I got fired on Friday.", "What did the job mean to you?"),
        ("I failed my exams.", "Who could study with you?"),
        ("We broke up in May.", "What are the evenings like now?"),
        ("I haven't been sleeping.", "What goes through your mind when you lie awake?"),
        ("I owe the bank my rent.", "What has to be paid first?"),
        ("My daughter struggles with school work.", "What would you wish for your child?"),
        ("I moved to a new city.", "Whom could you call tonight?"),
    ],
)
def test_the_trouble_tells_what_is_asked(text: str, question: str) -> None:
    assert question in {question_about(text, random.Random(n)) for n in range(80)}


def test_the_feeling_is_answered_before_the_trouble() -> None:
    text = "I am so scared of my exam."
    assert {answer_to(text, random.Random(n)) for n in range(60)} == set(_first(FEELINGS, text).answers)
    asked = {question_about(text, random.Random(n)) for n in range(300)}
    theirs = {*_first(FEELINGS, text).questions, *_first(TROUBLES, text).questions}
    assert theirs <= asked <= theirs | set(ANY.questions)
    assert step_for("I am a bit bored.", random.Random(1)) in ANY.steps
    assert feeling_in("I sold my bike.") is trouble_in("I sold my bike.") is None


def test_a_short_message_may_be_thanks_or_know_no_answer() -> None:
    assert feeling_in("ok thanks, bye") is THANKS
    assert feeling_in("Maybe, yes.") is UNSURE
    assert feeling_in("no, my brother maybe") is None
    assert feeling_in("I don't know why she left me, and I miss her so.") is not UNSURE


def _first(themes: tuple[Theme, ...], text: str) -> Theme:
    return next(theme for theme in themes if re.search(theme.named, text))


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
        ("I did something awful to a friend.", True),
    ],
)
def test_only_who_blames_oneself_takes_the_blame(text: str, takes: bool) -> None:
    assert (feeling_in(text) is BLAME) == takes


@pytest.mark.parametrize("text", ["I left my flat in the rain.", "I am sick of the news.", "Sit down here."])
def test_words_of_two_meanings_name_nothing(text: str) -> None:
    assert feeling_in(text) is trouble_in(text) is None
