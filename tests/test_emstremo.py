"""Emstremo: an emotion of its own, led to by the strategy; what its losses pull at."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

import pytest
import torch

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv import targets
from models.data.esconv_labels import EMOTION_TYPES
from models.data.examples import REPLY_EMOTION
from models.knowledge.comet import NoComet
from models.knowledge.emotion import GO_EMOTIONS
from models.nets.emstremo import OWN_EMOTION, SEEKER_EMOTION, Emstremo, contrastive_loss, transfer_loss
from models.serving.hosting import NetResponder, Sources
from models.serving.trace import DecodeOptions
from models.training import turn_examples
from models.training.turn_examples import besides_for, examples_of
from tests.tiny import CAUSAL, tiny_batch, tiny_examples, tiny_loss, tiny_net


@pytest.fixture(params=["emstremo", f"{CAUSAL}emstremo"])
def net(request: pytest.FixtureRequest) -> Emstremo:
    made = tiny_net(request.param)
    with torch.no_grad():
        made.transfer.scores.normal_(std=2.0)
    return made


@torch.no_grad()
def test_the_strategy_leads_to_the_emotion_of_the_reply_and_both_move_it(net: Emstremo) -> None:
    batch = tiny_batch(net)
    plan = net.plan(batch)
    zero, five = (net.follow(plan, batch, torch.full((4,), k)) for k in (0, 5))
    assert torch.equal(zero.extras[SEEKER_EMOTION], five.extras[SEEKER_EMOTION])
    assert not torch.allclose(zero.extras[OWN_EMOTION], five.extras[OWN_EMOTION])
    felt, led = plan.extras[SEEKER_EMOTION], net.transfer.scores[5].softmax(dim=-1)
    torch.testing.assert_close(five.extras[OWN_EMOTION], felt @ led)
    before = net.reply_nll(five, batch.labels)
    net.transfer.scores[5] = net.transfer.scores[5].flip(1)  # the same strategy, another emotion
    after = net.reply_nll(net.follow(plan, batch, torch.full((4,), 5)), batch.labels)
    assert not torch.allclose(before, after)


def test_every_part_of_the_loss_falls(net: Emstremo) -> None:
    net.train()
    batch = tiny_batch(net)
    twins = replace(batch, strategies=torch.tensor([0, 0, 5, 5]))
    rate = 2e-2 if net.backbone.causal else 3e-3
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=rate)
    first = {name: float(part.detach()) for name, part in net.losses(twins).items()}
    for _ in range(25):
        parts = net.losses(twins)
        sum(parts.values()).backward()
        optimiser.step()
        optimiser.zero_grad()
    last = net.losses(twins)
    assert first.keys() == {"reply", "strategy", "emotion", "transfer", "contrast"}
    assert {name for name, value in first.items() if not float(last[name].detach()) < value} == set()


def test_published_settings_train(net: Emstremo) -> None:
    name = f"{CAUSAL}emstremo" if net.backbone.causal else "emstremo"
    published = tiny_net(name, batch_norm=True, pool="first", strategy_train="mixture", strategy_weight=0.05)
    tiny_loss(published.train(), tiny_batch(published)).backward()
    assert published.head_norm.weight.grad is not None


def test_the_contrastive_loss_by_hand() -> None:
    vectors = torch.tensor([[2.0, 0.0], [0.0, 3.0], [1.0, 0.0], [0.0, 1.0]])
    near = contrastive_loss(vectors, torch.tensor([0, 1, 0, 1]), 1.0)
    e = torch.e
    assert float(near) == pytest.approx(-torch.log(torch.tensor(e / (e + 2))).item(), rel=1e-5)
    assert float(near) < float(contrastive_loss(vectors, torch.tensor([0, 0, 1, 1]), 1.0))
    assert float(contrastive_loss(vectors, torch.tensor([0, 1, 2, -1]), 1.0)) == 0.0
    assert float(contrastive_loss(vectors, torch.tensor([-1, -1, -1, -1]), 1.0)) == 0.0


def test_replies_that_nobody_heard_have_no_share_in_the_loss() -> None:
    own = torch.full((2, 28), 1 / 28)
    heard = torch.zeros(2, 28)
    assert float(transfer_loss(own, heard)) == 0.0
    heard[1, 3] = 1.0
    assert float(transfer_loss(own, heard)) == pytest.approx(torch.tensor(28.0).log().item(), rel=1e-5)
    assert float(transfer_loss(heard.clamp_min(1e-6), heard)) == pytest.approx(0.0, abs=1e-5)


class Labels:
    """Hears joy in "great", anger in all else."""

    version = "made up"

    def read(self, texts: list[str]) -> list:
        raise AssertionError("only labels are wanted")

    def probabilities(self, texts: list[str]) -> torch.Tensor:
        scores = torch.full((len(texts), len(GO_EMOTIONS)), 1e-6)
        for row, text in enumerate(texts):
            scores[row, GO_EMOTIONS.index("joy" if text == "great" else "anger")] = 0.5
        return scores


def test_the_reply_is_heard_for_the_nets_that_learn_its_emotion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_examples, "open_emotion", lambda *_: Labels())
    said = ("hello", "great", "i am sad", "that is hard")
    speakers = (Speaker.SEEKER, Speaker.SUPPORTER) * 2
    turns = tuple(Turn(s, t, "Others" if s is Speaker.SUPPORTER else None) for s, t in zip(speakers, said, strict=True))
    flags = Namespace(emotion=None, cases=None, retriever="bm25")
    for name, expected in (("emstremo", ["joy", "anger"]), ("joint", [])):
        net = tiny_net(name)
        assert (REPLY_EMOTION in net.wants) == bool(expected)
        made = examples_of(
            targets([Dialogue(turns)]), NoComet(), net.tokenizer, net.shape, besides_for(flags, "cpu", net)
        )
        heard = [e.reply_emotion for e in made if e.reply_emotion]
        assert [GO_EMOTIONS[shares.index(max(shares))] for shares in heard] == expected
        assert all(sum(shares) == pytest.approx(1.0) for shares in heard)


def test_a_trace_tells_both_emotions_and_what_each_word_looked_at(net: Emstremo) -> None:
    hosted = NetResponder("emstremo", net, "0123456789ab", Sources(NoComet(), None))
    trace = hosted.respond(
        Dialogue((Turn(Speaker.SEEKER, "i am sad"),)), DecodeOptions(method="greedy", min_tokens=3, max_tokens=4), 1
    ).trace
    rows = {row.name: row for row in trace.extras}
    assert rows[SEEKER_EMOTION].labels == EMOTION_TYPES
    assert rows[OWN_EMOTION].labels == GO_EMOTIONS
    looked = rows["attention to strategy and emotion"]
    assert looked.labels == ("strategy", "emotion")
    assert sum(looked.values) == pytest.approx(1.0, abs=1e-3)
    assert all(share > 0 for share in looked.values)


def test_a_batch_in_which_no_strategy_comes_twice_still_trains(net: Emstremo) -> None:
    batch = tiny_batch(net)
    assert len(set(batch.strategies.tolist())) == len(batch) == len(tiny_examples(net))
    loss = net.train().losses(batch)["contrast"]
    assert float(loss.detach()) == 0.0
    loss.backward()
