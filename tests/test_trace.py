"""Dialogue, trace and reply survive JSON unchanged and can be compared and hashed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.strategies import STRATEGIES, strategy_id
from models.serving.trace import CometBlock, DecodeOptions, EmotionReading, NamedRow, Reply, Timings, TokenStep, Trace

TEXT = st.text(max_size=40)
SHARE = st.floats(0, 1, allow_nan=False)
TURNS = st.builds(Turn, st.sampled_from(Speaker), TEXT, st.none() | st.sampled_from(STRATEGIES))
DIALOGUES = st.builds(Dialogue, st.lists(TURNS, max_size=6).map(tuple), TEXT, TEXT, TEXT, TEXT)
BLOCKS = st.builds(
    CometBlock, st.sampled_from(["situation", "post"]), TEXT, TEXT, SHARE, st.lists(SHARE, max_size=4).map(tuple)
)
EMOTIONS = st.builds(EmotionReading, st.integers(0, 400), st.lists(st.tuples(TEXT, SHARE), max_size=4).map(tuple))
ROWS = st.builds(NamedRow, TEXT, st.lists(TEXT, max_size=3).map(tuple), st.lists(SHARE, max_size=3).map(tuple))
TRACES = st.builds(
    Trace,
    net=TEXT,
    checkpoint=TEXT,
    seed=st.integers(0, 2**31),
    strategies=st.lists(SHARE, min_size=8, max_size=8).map(tuple),
    options=st.builds(DecodeOptions, top_p=st.floats(0.1, 1.0), beams=st.integers(1, 32)),
    tokens=st.lists(st.builds(TokenStep, TEXT, SHARE), max_size=4).map(tuple),
    blocks=st.lists(BLOCKS, max_size=3).map(tuple),
    emotions=st.lists(EMOTIONS, max_size=3).map(tuple),
    extras=st.lists(ROWS, max_size=2).map(tuple),
    timings=st.builds(Timings, total_s=SHARE),
)


@given(DIALOGUES)
def test_dialogue_round_trip(dialogue: Dialogue) -> None:
    again = Dialogue.from_dict(json.loads(json.dumps(dialogue.to_dict())))
    assert again == dialogue
    assert hash(again) == hash(dialogue)


@given(st.builds(Reply, TEXT, st.sampled_from(STRATEGIES), TRACES))
def test_reply_round_trip(reply: Reply) -> None:
    again = Reply.from_dict(json.loads(json.dumps(reply.to_dict())))
    assert again == reply
    assert hash(again) == hash(reply)
    assert again.trace.timings == reply.trace.timings


def test_a_trace_stored_before_there_were_extras_is_read() -> None:
    told = Trace("misc", "0", 1, (0.125,) * 8).to_dict()
    del told["extras"]
    assert Trace.from_dict(told).extras == ()


def test_equal_shares_name_no_strategy() -> None:
    assert Trace("moel", "0", 1, (0.125,) * 8).strategy() == ""
    assert Trace("misc", "0", 1, (0.1, 0.3, *(0.1,) * 6)).strategy() == STRATEGIES[1]


def test_timings_do_not_make_traces_differ() -> None:
    one = Trace("misc", "0", 1, (0.125,) * 8)
    assert one == Trace("misc", "0", 1, (0.125,) * 8, timings=Timings(total_s=3.0))


def test_last_post() -> None:
    seeker, supporter = Turn(Speaker.SEEKER, "hi"), Turn(Speaker.SUPPORTER, "hello")
    assert Dialogue((seeker, supporter)).last_post() == "hi"
    assert Dialogue((supporter,)).last_post() == ""


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("[Questions]", "Question"),
        ("Other", "Others"),
        ("[Affirmation and Reassurance] ", "Affirmation and Reassurance"),
        ("reflection of Feelings", "Reflection of feelings"),
        ("Self-disclosure", "Self-disclosure"),
    ],
)
def test_every_spelling_of_a_strategy(spelling: str, name: str) -> None:
    assert STRATEGIES[strategy_id(spelling)] == name


def test_an_unknown_strategy_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'Hugging'; allowed: Question, "):
        strategy_id("Hugging")
