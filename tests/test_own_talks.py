"""Talks that we wrote: the screen, which knows nothing of them, lets every answer pass, also to risky openings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from escdemo.screening.answer_screen import may_answer
from escdemo.screening.message_screen import danger_now
from escdemo.screening.reply_screen import must_not_show
from models.data.dialogue import Speaker
from models.data.esconv import targets
from models.data.examples import ContextShape
from models.data.own_talks import (
    OWN_TIMES,
    VOICE,
    close_answers,
    everyday_talks,
    own_talks,
    plain_answers,
    safe_answers,
    unvoiced,
    voiced,
    warm_answers,
)
from models.data.prompts import read_prompts
from models.data.strategies import STRATEGIES
from models.data.support_corpora import support_dialogues, voiced_talks
from models.knowledge.comet import NoComet, Query
from models.training.turn_examples import examples_of
from tests.tiny import tiny_causal


def test_seeker_and_supporter_take_turns_and_every_answer_may_be_shown() -> None:
    for dialogue in own_talks() + everyday_talks():
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
    assert {len(dialogue.turns) for dialogue in close_answers()} == {2, 4, 6, 8, 10}
    assert {len(dialogue.turns) for dialogue in plain_answers()} == {2, 4, 6}
    assert {len(dialogue.turns) for dialogue in warm_answers()} == {2, 4, 6, 8, 10, 12}
    assert {turn.strategy for dialogue in warm_answers() for turn in dialogue.turns if turn.strategy} == set(STRATEGIES)


def test_they_stand_under_their_own_mark_before_the_situation() -> None:
    own = own_talks() + everyday_talks()
    assert all(dialogue.situation == voiced(unvoiced(dialogue.situation)) for dialogue in own)
    assert 0.3 < sum(dialogue.situation != VOICE for dialogue in warm_answers()) / len(warm_answers()) < 0.7
    assert voiced("I lost my job.") == f"{VOICE} I lost my job."
    assert voiced("") == VOICE
    assert unvoiced(voiced("I lost my job.")) == unvoiced("I lost my job.") == "I lost my job."
    assert unvoiced(VOICE) == ""


def test_comet_is_asked_about_the_situation_without_the_mark() -> None:
    asked = list[str]()

    class Listening(NoComet):
        def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
            asked.extend(event for event, _ in queries)
            return super().answer(queries)

    talk = next(dialogue for dialogue in warm_answers() if dialogue.situation != VOICE)
    examples_of(targets([talk]), Listening(), tiny_causal().tokenizer, ContextShape())
    assert unvoiced(talk.situation) in asked
    assert not any(VOICE in event for event in asked)


def test_no_opening_is_there_twice_nor_among_the_prompts_that_replies_are_read_on() -> None:
    openings = [dialogue.turns[0].text for dialogue in own_talks() + everyday_talks()]
    assert len(openings) == len(set(openings)) > 1000
    assert not set(openings) & {post for _, posts in read_prompts() for post in posts}


def test_the_mix_has_them_as_often_as_asked_for_but_not_those_answered_by_rule() -> None:
    for told, times in (((), OWN_TIMES), ((3,), 3)):
        mixed = support_dialogues([], None, 13, *told)
        found = Counter(dialogue.id for dialogue in mixed)
        assert {found[dialogue.id] for dialogue in own_talks()} == {times}
        assert not set(everyday_talks()) & set(mixed)
        assert all(dialogue.situation.startswith(VOICE) for dialogue in mixed)
    copies = [dialogue for dialogue in voiced_talks([], 1, 3, rule_answers=0) if dialogue.id == own_talks()[0].id]
    assert len({id(dialogue) for dialogue in copies}) == 3  # turns of one dialogue are put together by its identity
    dialogue = plain_answers()[0]
    assert len(support_dialogues([dialogue] * 4, None, 1, own=0)) == 4
    assert len(voiced_talks([], 1, 2, rule_answers=0)) == 2 * len(own_talks())
