"""The nets trained from scratch: what is their own, and folders that need no base."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from models.backbones.interface import CONTEXT, Past
from models.data.examples import ContextShape
from models.nets.emotion_loss import emotion_loss
from models.nets.mime import MIMICKED, OTHER, divergence
from models.nets.moel import LISTENERS
from models.nets.net import make_config
from models.nets.registry import NETS
from models.nets.scratch import Size, fresh_backbone
from models.nets.stored import load_net, save_net, start_net
from tests.tiny import tiny_batch, tiny_net, tiny_tokenizer

SCRATCH = [name for name, (_, net) in NETS.items() if net.from_scratch]
SMALL = {"size": {"width": 16, "heads": 2, "ffn": 8, "positions": 64}, "shape": ContextShape(48, strategies=False)}


def test_the_published_settings_are_the_defaults() -> None:
    for name in SCRATCH:
        config = make_config(name, NETS[name][0], {})
        assert (config.size.width, config.size.layers, config.size.heads, config.size.ffn) == (300, 1, 2, 50)
        assert (config.smoothing, config.shape.strategies) == (0.1, False)
    assert [make_config(n, NETS[n][0], {}).emotion_weight for n in ("transformer", "mt-transformer", "moel")] == [
        0.0,
        1.0,
        1.0,
    ]


def test_only_the_multi_task_transformer_reads_emotions() -> None:
    plain, multi = tiny_net("transformer"), tiny_net("mt-transformer")
    assert plain.losses(tiny_batch(plain)).keys() == {"reply"}
    assert plain.plan(tiny_batch(plain)).extras == {}
    batch = tiny_batch(multi)
    right, wrong = (multi.losses(replace(batch, emotion_labels=batch.emotion_labels + n))["emotion"] for n in (0, 1))
    assert right != wrong
    torch.testing.assert_close(multi.plan(batch).extras["emotion"].sum(dim=1), torch.ones(4))


def test_unknown_emotions_are_passed_over() -> None:
    scores = torch.randn(3, 11, requires_grad=True)
    one = emotion_loss(scores, torch.tensor([-1, 4, -1]))
    torch.testing.assert_close(one, -scores.log_softmax(dim=1)[1, 4])
    none = emotion_loss(scores, torch.full((3,), -1))
    none.backward()
    assert float(none.detach()) == 0
    assert float(scores.grad.abs().sum()) == 0


def test_moel_hears_its_likeliest_listeners() -> None:
    net = tiny_net("moel", top_k=2)
    batch = tiny_batch(net)
    with torch.no_grad():
        weights = net.plan(batch).extras[LISTENERS]
        scores = net.key(net.encode(batch).states[:, 0])
    assert (weights > 0).sum(dim=1).tolist() == [2] * 4
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(4))
    assert weights.argmax(dim=1).tolist() == scores.argmax(dim=1).tolist()
    with pytest.raises(ValueError, match="top_k is 12; allowed: 1 to 11"):
        tiny_net("moel", top_k=12)


def test_moel_is_told_the_gold_listener_in_training_only() -> None:
    batch = tiny_batch(tiny_net("moel"))
    known = batch.emotion_labels >= 0
    told, free = tiny_net("moel", gold_share=1.0), tiny_net("moel", gold_share=0.0)
    weights = torch.full((4, 11), 1 / 11)
    found = told._with_gold(weights, batch.emotion_labels)
    assert found[known].argmax(dim=1).tolist() == batch.emotion_labels[known].tolist()
    assert found[known].amax(dim=1).tolist() == [1.0] * int(known.sum())
    assert torch.equal(found[~known], weights[~known])
    assert torch.equal(free._with_gold(weights, batch.emotion_labels), weights)
    assert torch.equal(told.plan(batch).extras[LISTENERS], free.plan(batch).extras[LISTENERS])


def test_moel_with_one_listener_is_that_listener_beside_the_shared_one() -> None:
    net = tiny_net("moel")
    batch = tiny_batch(net)
    with torch.no_grad():
        context = net.encode(batch)
        weights = torch.zeros(4, 11)
        weights[:, 7] = 1.0
        memories, x = net.listeners.project(context, weights), torch.randn(4, 5, 16)
        everyone = net.train().listeners.project(context, weights)
        net.eval()
        assert memories.keys() == {"0", "8", LISTENERS}
        assert len(everyone) == 1 + 11 + 1
        found = net.listeners(x, memories)
        alone = [net.listeners.layers[i](x, {CONTEXT: memories[str(i)]}) for i in (0, 8)]
        past = Past()
        steps = [net.listeners(x[:, i : i + 1], memories, past) for i in range(5)]
        torch.testing.assert_close(net.listeners(x, everyone), found, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found, alone[0] + alone[1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.cat(steps, dim=1), found, atol=1e-5, rtol=1e-5)


def test_mime_draws_in_training_and_not_in_replies() -> None:
    net = tiny_net("mime")
    batch = tiny_batch(net)
    with torch.no_grad():
        one, other = net.losses(batch), net.losses(batch)
        plans = [net.plan(batch) for _ in range(2)]
        assert float(one["kl"]) > 0
        assert float(one["reply"]) != float(other["reply"])
        assert torch.equal(plans[0].memories[0][CONTEXT].values, plans[1].memories[0][CONTEXT].values)
        for name, count in ((MIMICKED, 11), (OTHER, 13)):
            assert plans[0].extras[name].shape == (4, count)
            torch.testing.assert_close(plans[0].extras[name].sum(dim=1), torch.ones(4))


def test_the_divergence_is_that_of_torch() -> None:
    mean, log, mean_other, log_other = torch.randn(4, 3, 5)
    expected = kl_divergence(Normal(mean, (0.5 * log).exp()), Normal(mean_other, (0.5 * log_other).exp())).sum(dim=1)
    torch.testing.assert_close(divergence((mean, log), (mean_other, log_other)), expected)


@pytest.mark.parametrize("name", SCRATCH)
def test_a_folder_is_complete_without_any_base(name: str, tmp_path: Path) -> None:
    words = tiny_tokenizer()
    net, rank = start_net(name, SMALL, 24, words, None)
    assert all(parameter.requires_grad for parameter in net.parameters())
    save_net(net, name, rank, {"data": "made up"}, tmp_path / name, words)
    card = json.loads((tmp_path / name / "card.json").read_text())
    assert (card["net"], card["rank"], card["base"]) == (name, 0, None)
    loaded = load_net(tmp_path / name)
    assert loaded.config == net.config
    with torch.no_grad():
        expected, found = (n.eval().reply_nll(n.plan(tiny_batch(n)), tiny_batch(n).labels) for n in (net, loaded))
    torch.testing.assert_close(found, expected, atol=0.05, rtol=1e-2)  # float16 on disk


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"up to 48 tokens, size\.positions is 32"):
        fresh_backbone(Size(positions=32), ContextShape(48), 100)
    with pytest.raises(ValueError, match=r"size\.width is 301"):
        fresh_backbone(Size(width=301), ContextShape(48), 100)
    with pytest.raises(ValueError, match=r"'moel: size' has no setting \['depth'\]; allowed: .*'width'"):
        make_config("moel", NETS["moel"][0], {"size": {"depth": 2}})
    assert len(tiny_tokenizer().digest()) == 12
