"""The best of several samples: scores as written, the same for the same seed, on topic rather than likely anywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from models.data.batches import make_batch, pad
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.examples import make_example
from models.nets.net import Plan
from models.nets.registry import NETS
from models.serving.batch_decoding import plan_row
from models.serving.rerank import best_replies, rank
from models.serving.trace import DECODING, DecodeOptions
from tests.tiny import tiny_batch, tiny_examples, tiny_net

OPTIONS = DecodeOptions("rerank", top_p=1.0, temperature=2.0, min_tokens=2, max_tokens=8, candidates=6)


@pytest.mark.parametrize("name", NETS)
def test_best_first_and_the_same_for_the_same_seed(name: str) -> None:
    net = tiny_net(name)
    with torch.inference_mode():
        plan = replace(net.plan(tiny_batch(net)), opening=())  # one of eight letters leaves nothing to draw
    ranked = rank(net, plan_row(plan, 1), OPTIONS, 5)
    assert 1 < len(ranked) == len({candidate.ids for candidate in ranked}) <= 6
    assert [c.score for c in ranked] == sorted((c.score for c in ranked), reverse=True)
    assert rank(net, plan_row(plan, 1), OPTIONS, 5) == ranked
    assert rank(net, plan_row(plan, 1), OPTIONS, 6) != ranked
    assert best_replies(net, plan, OPTIONS, (4, 5, 6, 7))[1] == ranked[0].ids


@pytest.mark.parametrize(("name", "topicality"), [("joint", 0.0), ("joint", 0.7), ("star", 0.7)])
def test_the_score_is_the_one_written_down(name: str, topicality: float) -> None:
    net = tiny_net(name)
    hi = Dialogue((Turn(Speaker.SEEKER, "hi"),))
    with torch.inference_mode():
        plan = plan_row(net.plan(tiny_batch(net)), 1)
        batch = make_batch([make_example(hi, None, ((), ()), net.tokenizer, net.shape)])
        alone = net.follow(net.plan(batch), batch, plan.strategies.argmax(dim=1))
        for candidate in rank(net, plan, replace(OPTIONS, topicality=topicality), 5):
            labels = pad([(*candidate.ids, net.tokenizer.eos)], -100)

            def nll(plan: Plan, labels: torch.Tensor = labels) -> float:
                return float(net.reply_nll(plan, labels))

            expected = (topicality * nll(alone) - nll(plan)) / labels.shape[1]
            assert candidate.score == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", ["joint", "misc", "admisc", "star"])
def test_a_reply_that_follows_a_told_strategy_is_weighed_against_that_strategy(name: str) -> None:
    net = tiny_net(name)
    hi = Dialogue((Turn(Speaker.SEEKER, "hi"),))
    with torch.inference_mode():
        batch = make_batch(tiny_examples(net)[1:2])
        predicted = net.plan(batch)
        told = (predicted.strategies.argmax(dim=1) + 3) % 8
        followed = net.follow(predicted, batch, told)
        short = make_batch([make_example(hi, None, ((), ()), net.tokenizer, net.shape)])
        alone = net.plan(short, gold=told)
        for candidate in rank(net, followed, OPTIONS, 5):
            labels = pad([(*candidate.ids, net.tokenizer.eos)], -100)
            expected = OPTIONS.topicality * net.reply_nll(alone, labels) - net.reply_nll(followed, labels)
            assert candidate.score == pytest.approx(float(expected) / labels.shape[1], abs=1e-4)


def test_one_reply_at_a_time() -> None:
    net = tiny_net("joint")
    with torch.inference_mode():
        plan = net.plan(tiny_batch(net))
    with pytest.raises(ValueError, match="one reply at a time, got 4"):
        rank(net, plan, OPTIONS, 1)


def test_the_settings_by_name() -> None:
    assert DECODING["published"] == DecodeOptions()
    assert DECODING["topical"].method == "rerank"
