"""Our answers to risky openings: the screen, which knows nothing of them, lets every one of them pass."""

from __future__ import annotations

from escdemo.screening.answer_screen import may_answer
from escdemo.screening.message_screen import danger_now
from escdemo.screening.reply_screen import must_not_show
from models.data.dialogue import Speaker
from models.data.safe_answers import safe_answers
from models.data.strategies import STRATEGIES
from models.data.support_corpora import SAFE_TIMES, support_dialogues


def test_each_is_one_opening_and_one_answer_that_may_be_shown() -> None:
    for dialogue in safe_answers():
        opening, answer = dialogue.turns
        assert (opening.speaker, answer.speaker) == (Speaker.SEEKER, Speaker.SUPPORTER)
        assert answer.strategy in STRATEGIES
        assert not must_not_show(answer.text), answer.text
        assert may_answer(answer.text, danger_now("", [opening.text])), (opening.text, answer.text)


def test_no_opening_is_there_twice() -> None:
    openings = [dialogue.turns[0].text for dialogue in safe_answers()]
    assert len(openings) == len(set(openings)) > 40


def test_the_support_mix_has_them() -> None:
    ids = [dialogue.id for dialogue in support_dialogues([], None, 13)]
    assert sorted(ids) == sorted(dialogue.id for dialogue in safe_answers() * SAFE_TIMES)
