"""SUPPORTER: experts that learn what they are experts of, a policy that learns which of them pay."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from models.data.batches import Batch, make_batch
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.examples import make_example
from models.knowledge.comet import NoComet
from models.nets.misc import pooled
from models.nets.supporter import EXPERTS, FIRST, SECOND, Supporter
from models.nets.weighting import Staged
from models.serving.hosting import NetResponder, Sources
from models.serving.trace import DecodeOptions
from tests.tiny import CAUSAL, tiny_batch, tiny_net

PAIRS = list(itertools.permutations(range(len(EXPERTS)), 2))


@pytest.fixture(params=["supporter", f"{CAUSAL}supporter"])
def net(request: pytest.FixtureRequest) -> Supporter:
    made = tiny_net(request.param, comfort=0.0)
    assert isinstance(made, Supporter)
    with torch.no_grad():
        for expert in made.experts:  # experts differ clearly, as after training
            expert.weight.normal_(std=1.0)
    return made


@torch.no_grad()
def rewards(net: Supporter, batch: Batch) -> torch.Tensor:
    """(B, 20) log-likelihood per token of the replies with each pair of experts."""
    reading = net.read(batch)[1]
    views, count = net._views(pooled(reading, "first+mean")), (batch.labels >= 0).sum(dim=1)
    chosen = (torch.tensor([pair]).expand(len(batch), 2) for pair in PAIRS)
    plans = (net._plan(reading, views, pair, {}) for pair in chosen)
    return torch.stack([-net._each_loss(net.reply_states(p, batch.labels), batch.labels)[0] / count for p in plans], 1)


@torch.no_grad()
def shares(net: Supporter, batch: Batch) -> torch.Tensor:
    """(B, 20) probability of each pair."""
    talk = pooled(net.read(batch)[1], "first+mean")
    begin = net.policy.begin(talk)
    after = torch.stack([net.policy.go_on(talk, torch.full((len(batch),), k)) for k in range(len(EXPERTS))], dim=1)
    return torch.stack([(begin[:, a] + after[:, a, b]).exp() for a, b in PAIRS], dim=1)


def test_the_policy_learns_to_pick_what_pays(net: Supporter) -> None:
    torch.manual_seed(3)
    batch = tiny_batch(net)
    paid, before = rewards(net, batch), shares(net, batch)
    torch.testing.assert_close(before.sum(dim=1), torch.ones(4))
    assert float(paid.std(dim=1).min()) > 0.01  # the choice matters for every reply
    optimiser = torch.optim.Adam(net.policy.parameters(), lr=2e-2)
    for _ in range(100):
        parts = net.losses(batch)
        (parts["actor"] + parts["critic"]).backward()
        optimiser.step()
        optimiser.zero_grad()
    after = shares(net, batch)
    gained = ((after - before) * paid).sum(dim=1)
    assert float(gained.mean()) > 0.3 * float((paid.amax(dim=1) - (before * paid).sum(dim=1)).mean())


def test_an_expert_never_comes_twice(net: Supporter) -> None:
    talk = torch.randn(64, 2 * net.backbone.width)
    with torch.no_grad():
        for first in range(len(EXPERTS)):
            again = net.policy.go_on(talk, torch.full((64,), first)).exp()
            assert float(again[:, first].max()) == 0.0


def test_what_experts_learn_falls_for_each_of_them(net: Supporter) -> None:
    batch = tiny_batch(net)
    optimiser = torch.optim.AdamW([p for n, p in net.named_parameters() if "backbone" not in n], lr=1e-2)
    first = net.losses(batch)
    for _ in range(30):
        parts = net.losses(batch)
        (parts["experts"] + parts["feedback"]).backward()
        optimiser.step()
        optimiser.zero_grad()
    assert float(parts["experts"].detach()) < 0.7 * float(first["experts"].detach())
    unknown = replace(batch, ratings=torch.zeros_like(batch.ratings))
    assert float(net.losses(unknown)["feedback"].detach()) == 0.0


def test_words_now_are_those_of_the_last_turn(net: Supporter) -> None:
    turns = (Turn(Speaker.SEEKER, "hello"), Turn(Speaker.SUPPORTER, "thank you"), Turn(Speaker.SEEKER, "i am tired"))
    talks = [Dialogue(turns, "lost my job"), Dialogue(turns[:1], "lost my job"), Dialogue((Turn(Speaker.SEEKER, "i"),))]
    batch = make_batch([make_example(talk, None, ((), ()), net.tokenizer, net.shape) for talk in talks])
    ids, there = net._last_turn(batch)
    said = [net.tokenizer.decode(row[keep].tolist()).lower() for row, keep in zip(ids, there, strict=True)]
    assert said == ["i am tired", "hello", "i"], "neither the situation nor the words for the roles"


def test_the_weights_change_once_when_the_warm_start_is_over(net: Supporter) -> None:
    weighting = net.weighting()
    assert weighting.weights()["actor"] == 0.0
    weighting.tell({}, 0.5)
    assert weighting.weights()["actor"] == 0.0
    weighting.tell({}, 0.6)
    assert weighting.weights()["actor"] == weighting.weights()["reply"] == 1.0
    resumed = net.weighting()
    resumed.load_state_dict(weighting.state_dict())
    assert resumed.weights() == weighting.weights()
    assert Staged({"reply": 1.0}, {"reply": 0.5}, 0.0).weights() == {"reply": 0.5}
    with pytest.raises(ValueError, match="allowed: 0 to 1"):
        Staged({}, {}, 1.5)


def test_a_trace_tells_the_experts(net: Supporter) -> None:
    hosted = NetResponder("supporter", net, "0123456789ab", Sources(NoComet(), None))
    options = DecodeOptions(method="greedy", min_tokens=3, max_tokens=4)
    trace = hosted.respond(Dialogue((Turn(Speaker.SEEKER, "i am sad"),)), options, 1).trace
    rows = {row.name: row for row in trace.extras}
    picked = [max(zip(rows[n].values, rows[n].labels, strict=True))[1] for n in (FIRST, SECOND)]
    looked = rows["attention to the chosen experts"]
    assert looked.labels == tuple(picked)
    assert sum(looked.values) == pytest.approx(1.0, abs=1e-3)
