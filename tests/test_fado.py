"""FADO: what seekers thought weighs what is learnt; the chosen strategy's meaning is read."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from models.data.batches import make_batch
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.outcome import Outcome
from models.data.strategies import DEFINITIONS, STRATEGIES
from models.knowledge.comet import NoComet
from models.nets.fado import Fado
from models.serving.hosting import NetResponder, Sources
from models.serving.trace import DecodeOptions
from tests.tiny import CAUSAL, tiny_batch, tiny_examples, tiny_net


@pytest.fixture(params=["fado", f"{CAUSAL}fado"])
def net(request: pytest.FixtureRequest) -> Fado:
    made = tiny_net(request.param)
    assert isinstance(made, Fado)
    return made


def test_feedback_by_hand(net: Fado) -> None:
    outcomes = (Outcome(5, 4), Outcome(1, -4), Outcome(3, None), Outcome(0, 2), Outcome())
    example = tiny_examples(net)[0]
    batch = make_batch([replace(example, outcome=outcome) for outcome in outcomes])
    assert net.feedback(batch).tolist() == pytest.approx([2.0, 0.0, 1.0, 1.25, 1.0])


@torch.no_grad()
def test_welcome_turns_count_more(net: Fado) -> None:
    examples = tiny_examples(net)[:2]

    def loss(first: Outcome, second: Outcome) -> float:
        told = [replace(e, outcome=o) for e, o in zip(examples, (first, second), strict=True)]
        return float(net.losses(make_batch(told))["strategy"])

    good, bad, none = Outcome(5, 4), Outcome(1, -4), Outcome()
    alone = [loss(good, bad) / 2, loss(bad, good) / 2]
    assert loss(none, none) == pytest.approx(sum(alone), rel=1e-4)
    assert loss(good, good) == pytest.approx(2 * sum(alone), rel=1e-4)
    assert loss(bad, bad) == 0.0


@torch.no_grad()
def test_what_came_of_a_turn_reaches_no_prediction(net: Fado) -> None:
    batch = tiny_batch(net)
    told = replace(batch, ratings=batch.ratings.flip(0), reliefs=-batch.reliefs, later=batch.later.flip(0))
    assert not torch.equal(batch.ratings, told.ratings)
    one, other = net.plan(batch), net.plan(told)
    assert torch.equal(one.strategies, other.strategies)
    assert torch.equal(net.reply_nll(one, batch.labels), net.reply_nll(other, batch.labels))


@torch.no_grad()
def test_the_meaning_of_the_strategy_moves_the_reply(net: Fado) -> None:
    batch = tiny_batch(net)
    before = net.plan(batch, gold=torch.zeros(4, dtype=torch.int64))
    one = net.reply_nll(before, batch.labels)
    net.words[0] = net.words[5]
    other = net.reply_nll(net.plan(batch, gold=torch.zeros(4, dtype=torch.int64)), batch.labels)
    assert not torch.allclose(one, other)
    assert len(DEFINITIONS) == len(STRATEGIES) == len(net.words)


def test_it_can_do_without_definitions(net: Fado) -> None:
    bare = tiny_net(f"{CAUSAL}fado" if net.backbone.causal else "fado", definitions=False)
    batch = tiny_batch(bare)
    net.train()
    bare.train().losses(batch)["reply"].backward()
    with torch.no_grad():
        bare.eval()
        plan = bare.plan(batch)
        followed = bare.follow(plan, batch, batch.strategies)
        torch.testing.assert_close(
            bare.reply_nll(followed, batch.labels), bare.reply_nll(bare.plan(batch, batch.strategies), batch.labels)
        )
    assert not hasattr(bare, "reader")


def test_feedback_that_would_teach_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="1 at most together"):
        tiny_net("fado", turn_feedback=0.8, talk_feedback=0.8)


def test_a_trace_tells_which_words_of_the_definition_were_read(net: Fado) -> None:
    hosted = NetResponder("fado", net, "0123456789ab", Sources(NoComet(), None))
    reply = hosted.respond(
        Dialogue((Turn(Speaker.SEEKER, "i am sad"),)), DecodeOptions(method="greedy", min_tokens=3, max_tokens=4), 1
    )
    rows = {row.name: row for row in reply.trace.extras}
    read = rows["attention to the definition of the strategy"]
    meaning = DEFINITIONS[STRATEGIES.index(reply.strategy)].replace(" ", "")
    assert meaning.startswith("".join(read.labels).replace(" ", "")[:8])
    assert sum(read.values) == pytest.approx(1.0, abs=1e-3)
