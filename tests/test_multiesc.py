"""MultiESC: all sequences of strategies are weighed; the stars that a seeker would give change the choice."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from models.data.batches import make_batch
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.outcome import Outcome
from models.knowledge.comet import NoComet
from models.nets.multiesc import NOW, STARS, Multiesc, Planner
from models.serving.hosting import NetResponder, Sources
from models.serving.trace import DecodeOptions
from models.serving.tracing import NO_EMOTION
from tests.tiny import CAUSAL, MadeUpEmotions, tiny_batch, tiny_examples, tiny_net

NAMES = ["multiesc", f"{CAUSAL}multiesc"]


@torch.no_grad()
def test_looking_ahead_sums_over_every_sequence() -> None:
    torch.manual_seed(1)
    planner, talk = Planner(5, 6), torch.randn(1, 5)
    for parameter in planner.parameters():
        parameter.normal_()
    start = planner.start(talk)
    expected = torch.zeros(8)
    for plan in itertools.product(range(8), repeat=3):
        state, likely = start, torch.ones(1)
        for at, strategy in enumerate(plan):
            if at:
                likely = likely * planner.scores(state).softmax(dim=1)[:, strategy]
            state = planner.after(state, torch.tensor([strategy]))
        expected[plan[0]] += (likely * planner.expected(state))[0]
    torch.testing.assert_close(planner.look_ahead(start, 3)[0], expected, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(planner.look_ahead(start, 1)[0], expected)


@pytest.fixture(params=NAMES)
def net(request: pytest.FixtureRequest) -> Multiesc:
    return tiny_net(request.param)


@torch.no_grad()
def test_expected_stars_change_the_choice(net: Multiesc) -> None:
    torch.manual_seed(2)
    for parameter in net.planner.parameters():
        parameter.normal_(std=0.05)  # no more, so that all expect between 1 and 5 stars
    batch = tiny_batch(net)
    name = f"{CAUSAL}multiesc" if net.backbone.causal else "multiesc"
    found = {}
    for ahead in (0.0, 1e3):
        other = tiny_net(name, ahead=ahead)
        other.load_state_dict(net.state_dict())
        found[ahead] = other.plan(batch)
    assert torch.equal(found[0.0].chosen, found[0.0].extras[NOW].argmax(dim=1))
    torch.testing.assert_close(found[0.0].strategies, found[0.0].extras[NOW])
    assert torch.equal(found[1e3].chosen, found[1e3].extras[STARS].argmax(dim=1))
    assert not torch.equal(found[0.0].chosen, found[1e3].chosen)


def test_it_learns_stars_and_what_follows(net: Multiesc) -> None:
    batch = tiny_batch(net)
    optimiser = torch.optim.AdamW(net.planner.parameters(), lr=1e-2)
    seen = []
    for _ in range(30):
        parts = net.train().losses(batch)
        seen.append({name: float(part.detach()) for name, part in parts.items()})
        (parts["strategy"] + parts["later"] + parts["feedback"]).backward()
        optimiser.step()
        optimiser.zero_grad()
    assert all(seen[-1][name] < 0.5 * seen[0][name] for name in ("strategy", "later", "feedback"))


def test_only_what_is_known_is_learnt(net: Multiesc) -> None:
    example = tiny_examples(net)[1]

    def losses(outcome: Outcome) -> tuple[float, float]:
        parts = net.losses(make_batch([replace(example, outcome=outcome)]))
        return float(parts["later"].detach()), float(parts["feedback"].detach())

    assert losses(Outcome()) == (0.0, 0.0)
    assert losses(Outcome(later=(-1, 3))) == (0.0, 0.0)  # nothing is known of what led to the last one
    later, feedback = losses(Outcome(later=(2, 3)))
    assert later > 0
    assert feedback == 0.0
    assert losses(Outcome(rating=4))[1] > 0


@torch.no_grad()
def test_the_emotions_move_the_reply(net: Multiesc) -> None:
    batch = tiny_batch(net)
    deaf = replace(batch, emotion_ids=torch.zeros_like(batch.emotion_ids))
    heard, not_heard = (net.reply_nll(net.plan(b), batch.labels) for b in (batch, deaf))
    assert not torch.allclose(heard, not_heard)


def test_plans_of_a_length_that_nobody_can_learn_are_refused() -> None:
    for settings in ({"steps": 4}, {"steps": 0}, {"ahead": -1.0}):
        with pytest.raises(ValueError, match="allowed: 1 to 3"):
            tiny_net("multiesc", **settings)
    one = tiny_net("multiesc", steps=1).train()
    assert one.weighting().weights()["later"] == 0.0


def test_a_trace_tells_the_plan(net: Multiesc) -> None:
    hosted = NetResponder("multiesc", net, "0123456789ab", Sources(NoComet(), MadeUpEmotions()))
    options = DecodeOptions(method="greedy", min_tokens=3, max_tokens=4)
    trace = hosted.respond(Dialogue((Turn(Speaker.SEEKER, "i am sad"),)), options, 1).trace
    rows = {row.name: row for row in trace.extras}
    assert sum(rows[NOW].values) == pytest.approx(1.0, abs=1e-3)
    assert all(1 <= stars <= 5 for stars in rows[STARS].values)
    assert rows["attention to emotions"].labels == ("anxiety", NO_EMOTION)
    assert sum(rows["attention to emotions"].values) == pytest.approx(1.0)
