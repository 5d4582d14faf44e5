"""The fakes must behave as real nets do, or tests that pass with them prove nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from models.data.dialogue import Dialogue, Speaker, Turn
from models.serving.responder import Cancelled, Responder
from models.serving.trace import DecodeOptions, Reply
from tests.fakes import EchoResponder, FailingResponder


def test_same_input_same_reply_other_input_other_reply(dialogue: Dialogue) -> None:
    fake: Responder = EchoResponder()
    reply = fake.respond(dialogue, DecodeOptions(), 1)
    assert reply == EchoResponder().respond(dialogue, DecodeOptions(), 1)
    assert reply != fake.respond(dialogue, DecodeOptions(), 2)
    assert reply.trace.strategies != fake.respond(dialogue, DecodeOptions(top_p=0.5), 1).trace.strategies
    assert reply.trace.strategies != EchoResponder("other").respond(dialogue, DecodeOptions(), 1).trace.strategies


def test_trace_is_complete_and_adds_up(dialogue: Dialogue) -> None:
    reply = EchoResponder().respond(dialogue, DecodeOptions(), 3)
    trace = reply.trace
    assert reply.strategy == trace.strategy()
    assert sum(trace.strategies) == pytest.approx(1)
    assert "".join(token.text for token in trace.tokens) == reply.text
    assert [reading.turn for reading in trace.emotions] == [0, 2]
    for source in ("situation", "post"):
        blocks = [block for block in trace.blocks if block.source == source]
        assert sum(block.weight for block in blocks) == pytest.approx(1)
        assert all(len(block.token_weights) == len(trace.tokens) for block in blocks)
    assert Reply.from_dict(json.loads(json.dumps(reply.to_dict()))) == reply


def test_streams_word_by_word_and_can_be_cancelled(dialogue: Dialogue) -> None:
    seen: list[str] = []
    reply = EchoResponder().respond(dialogue, DecodeOptions(), 1, seen.append)
    assert seen[-1] == reply.text
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))

    def stop(text: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        EchoResponder().respond(dialogue, DecodeOptions(), 1, stop)


def test_keeps_to_the_token_limit(dialogue: Dialogue) -> None:
    assert len(EchoResponder().respond(dialogue, DecodeOptions(max_tokens=6), 1).trace.tokens) == 6


@pytest.mark.parametrize("turns", [(), (Turn(Speaker.SUPPORTER, "Hello."),), (Turn(Speaker.SEEKER, "  "),)])
def test_refuses_a_dialogue_with_nothing_to_answer(dialogue: Dialogue, turns: tuple[Turn, ...]) -> None:
    with pytest.raises(ValueError, match="non-empty seeker turn"):
        EchoResponder().respond(replace(dialogue, turns=turns), DecodeOptions(), 1)


def test_failing_fake_streams_and_then_breaks(dialogue: Dialogue) -> None:
    seen: list[str] = []
    with pytest.raises(RuntimeError, match="on purpose"):
        FailingResponder().respond(dialogue, DecodeOptions(), 1, seen.append)
    assert len(seen) == 2
