"""Contexts for a study: one a dialogue, every problem type by its share, the same for the same seed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escdemo.role_cards import CARDS_PATH, load_role_cards
from models.data.contexts import Context, card_contexts, draw_contexts, esconv_contexts
from models.data.dialogue import Dialogue, Speaker, Turn


def talk(number: int, problem: str = "job crisis", turns: int = 12) -> Dialogue:
    """Seeker and supporter in turn; at turn 7 the supporter speaks once more."""
    speakers = [Speaker.SUPPORTER if at % 2 or at == 8 else Speaker.SEEKER for at in range(turns)]
    said = tuple(
        Turn(who, f"Turn {at}.", "Question" if who is Speaker.SUPPORTER else None) for at, who in enumerate(speakers)
    )
    return Dialogue(said, f"Situation {number}.", "sadness", problem, f"talk-{number}")


def test_a_card_gives_its_opening_line() -> None:
    cards, contexts = load_role_cards(), card_contexts(CARDS_PATH)
    assert len(contexts) == len(cards)
    one, context = cards[0], contexts[0]
    assert [(turn.speaker, turn.text) for turn in context.dialogue.turns] == [("seeker", one.opening)]
    assert (context.dialogue.situation, context.dialogue.problem_type) == (one.situation, one.problem_type)
    assert (context.id, context.strategy) == (f"{one.id}-t1", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no JSON", "not a JSON file"),
        ("{}", "must hold a list of role cards, got dict"),
        ('["x"]', "card 1: id, emotion_type"),
        (json.dumps([{"id": "a", "emotion_type": "x", "problem_type": "y", "situation": " "}]), "situation, opening"),
    ],
)
def test_what_is_no_file_of_cards_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "cards.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        card_contexts(path)
    with pytest.raises(FileNotFoundError, match="no role cards at"):
        card_contexts(tmp_path / "none.json")


def test_turns_of_esconv_answer_the_seeker_within_the_bounds() -> None:
    found = esconv_contexts([talk(0)], "all", 4, 10)
    assert [context.id for context in found] == ["talk-0-t5", "talk-0-t7"]  # 8 follows the supporter, 9 too
    assert {context.strategy for context in found} == {"Question"}
    assert all(context.dialogue.turns[-1].speaker is Speaker.SEEKER for context in found)
    for bad in ((0, 3), (5, 4)):
        with pytest.raises(ValueError, match="turns are"):
            esconv_contexts([talk(0)], "all", *bad)
    with pytest.raises(ValueError, match="unknown part 'dev'; allowed: train"):
        esconv_contexts([talk(0)], "dev")


@given(
    sizes=st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 12), min_size=1),
    share=st.floats(0.01, 1.0),
    seed=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_every_type_comes_by_its_share_and_no_dialogue_twice(sizes: dict[str, int], share: float, seed: int) -> None:
    names = [kind for kind, size in sizes.items() for _ in range(size)]
    contexts = [
        Context(Dialogue((Turn(Speaker.SEEKER, "Hi."),) * turns, "", "", kind, f"d{at}"))
        for at, kind in enumerate(names)
        for turns in (1, 3)
    ]
    count = max(1, int(share * len(names)))
    drawn = draw_contexts(contexts, count, seed)
    assert len(drawn) == count
    assert len({context.dialogue.id for context in drawn}) == count
    per_type = Counter(context.dialogue.problem_type for context in drawn)
    for kind, size in sizes.items():
        assert abs(per_type[kind] - count * size / len(names)) < 1
    assert draw_contexts(contexts, count, seed) == drawn


def test_too_many_are_refused_and_the_turn_stays() -> None:
    contexts = esconv_contexts([talk(number, f"type {number % 3}") for number in range(9)], "all")
    with pytest.raises(ValueError, match="10 contexts are asked for; allowed: 1 to 9"):
        draw_contexts(contexts, 10, 1)
    with pytest.raises(ValueError, match="0 contexts"):
        draw_contexts(contexts, 0, 1)
    assert set(draw_contexts(contexts, 3, 1)) <= set(draw_contexts(contexts, 9, 1))
    assert draw_contexts(contexts, 9, 1) != draw_contexts(contexts, 9, 2)
