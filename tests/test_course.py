"""How a talk has gone so far: the features, and what a net does with them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from models.data.batches import make_batch
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.examples import make_example
from models.data.strategies import STRATEGIES
from models.data.strategy_history import FEATURES, LATEST, Course, course_of
from models.nets.joint import JointConfig
from models.nets.net import COURSE
from models.nets.star import Star
from tests.tiny import tiny_net

QUESTION, OTHERS = STRATEGIES[0], STRATEGIES[7]


def _talk(*said: str) -> tuple[Turn, ...]:
    """A turn for each: "" of the seeker, else of the supporter with that strategy."""
    return tuple(Turn(Speaker.SUPPORTER if s else Speaker.SEEKER, "hello there", s or None) for s in said)


def _parts(talk: tuple[Turn, ...]) -> tuple[tuple[float, ...], ...]:
    """(lengths and rows, how often, how recently, latest) of the features."""
    found, n = course_of(talk), len(STRATEGIES)
    assert len(found) == FEATURES
    return found[:4], found[4 : 4 + n], found[4 + n : 4 + 2 * n], found[4 + 2 * n :]


def test_features_of_a_talk() -> None:
    lengths, often, recent, latest = _parts(_talk("", QUESTION, "", OTHERS, QUESTION))
    assert lengths == (math.log(6), 0.25, 0.0, 1.0)  # five turns, the last two are the supporter's
    assert often == pytest.approx((math.log(3), 0, 0, 0, 0, 0, 0, math.log(2)))
    assert recent == (1.0, 0, 0, 0, 0, 0, 0, 0.5)
    assert [i for i, value in enumerate(latest) if value] == [0, 8 + 7, 16 + 0]
    assert len(latest) == LATEST * len(STRATEGIES)


def test_features_of_a_talk_in_which_the_supporter_has_not_spoken_or_has_no_strategies() -> None:
    lengths, *others = _parts(_talk("", ""))
    assert lengths[2:] == (1.0, 0.0)
    assert not any(map(any, others))
    told = _talk("", QUESTION)
    untold = (*told[:1], replace(told[1], strategy=None))
    assert not any(map(any, _parts(untold)[1:])), "a supporter turn without a strategy counts as a turn only"


@pytest.mark.parametrize("name", ["joint", "misc", "admisc", "star"])
def test_what_the_encoder_no_longer_reads_still_tells_the_strategy(name: str) -> None:
    net = tiny_net(name)  # the settings on a causal base have it
    course = (net.below if isinstance(net, Star) else net).course
    assert isinstance(course, Course)
    torch.manual_seed(3)
    torch.nn.init.normal_(course.out.weight, std=2.0)
    end = _talk("")
    shape = replace(net.shape, tokens=6)  # room for the last turn only
    batches = [
        make_batch([make_example(Dialogue((*before, *end)), None, ((), ()), net.tokenizer, shape)])
        for before in (_talk("", QUESTION, "", QUESTION), _talk("", OTHERS, "", OTHERS))
    ]
    assert torch.equal(batches[0].ids, batches[1].ids)
    one, other = (net.plan(batch) for batch in batches)
    assert not torch.allclose(one.strategies, other.strategies, atol=1e-3)
    assert one.extras[COURSE].shape == (1, len(STRATEGIES))
    assert COURSE in net.extra_labels
    assert not torch.allclose(one.extras[COURSE], other.extras[COURSE], atol=1e-3)


def test_the_published_nets_know_nothing_of_the_course() -> None:
    net = tiny_net("joint", course=JointConfig().course)
    batch = make_batch([make_example(Dialogue(_talk("")), None, ((), ()), net.tokenizer, net.shape)])
    assert net.course is None
    assert COURSE not in net.plan(batch).extras
