"""Talks that we wrote: the screen, which knows nothing of them, lets every answer pass, also to risky openings."""

from __future__ import annotations

from escdemo.screening.answer_screen import may_answer
from escdemo.screening.message_screen import danger_now
from escdemo.screening.reply_screen import must_not_show
from models.data.dialogue import Speaker
from models.data.own_talks import OWN_TIMES, VOICE, safe_answers, voiced, warm_answers
from models.data.prompts import read_prompts
from models.data.strategies import STRATEGIES
from models.data.support_corpora import support_dialogues


def test_seeker_and_supporter_take_turns_and_every_answer_may_be_shown() -> None:
    for dialogue in safe_answers() + warm_answers():
        posts = list[str]()
        for number, turn in enumerate(dialogue.turns):
            assert turn.speaker is (Speaker.SUPPORTER if number % 2 else Speaker.SEEKER)
            if turn.speaker is Speaker.SEEKER:
                posts.append(turn.text)
                continue
            assert turn.strategy in STRATEGIES
            assert not must_not_show(turn.text), turn.text
            assert may_answer(turn.text, danger_now("", posts)), (posts, turn.text)
    assert {len(dialogue.turns) for dialogue in safe_answers()} == {2}
    assert {len(dialogue.turns) for dialogue in warm_answers()} == {4, 6, 8}
    assert {turn.strategy for dialogue in warm_answers() for turn in dialogue.turns if turn.strategy} == set(STRATEGIES)


def test_they_stand_under_their_own_mark_and_so_may_a_situation() -> None:
    assert {dialogue.situation for dialogue in safe_answers() + warm_answers()} == {VOICE}
    assert voiced("I lost my job.") == f"{VOICE} I lost my job."
    assert voiced("") == VOICE


def test_no_opening_is_there_twice_nor_among_the_prompts_that_replies_are_read_on() -> None:
    openings = [dialogue.turns[0].text for dialogue in safe_answers() + warm_answers()]
    assert len(openings) == len(set(openings)) > 250
    assert not set(openings) & {post for _, posts in read_prompts() for post in posts}


def test_the_support_mix_has_them() -> None:
    own = safe_answers() + warm_answers()
    for told, times in (((), OWN_TIMES), ((3,), 3)):
        mixed = support_dialogues([], None, 13, *told)
        assert sorted(dialogue.id for dialogue in mixed) == sorted(dialogue.id for dialogue in own * times)
        assert {dialogue.situation for dialogue in mixed} == {VOICE}
