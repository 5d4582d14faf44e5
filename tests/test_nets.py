"""The suite every net of the registry inherits: a new net is tested by adding its line to the registry."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.backbones.adapters import adapt, load_trained, merge, trained
from models.data.batches import make_batch
from models.files.checkpoint import load_packed, save_packed
from models.nets.net import Net
from models.nets.registry import build_net, net_names, streams_of
from models.serving.decoding import decode
from models.serving.trace import DecodeOptions
from models.training.fit import Fit, FitConfig, parameter_groups
from tests.tiny import CAUSAL, on_each_backbone, tiny_batch, tiny_examples, tiny_loss, tiny_net


@pytest.fixture(params=on_each_backbone(net_names()))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def net(name: str) -> Net:
    return tiny_net(name)


@torch.no_grad()
def outcome(net: Net, examples: list) -> tuple[torch.Tensor, torch.Tensor]:
    """Strategy probabilities (B, 8) and reply likelihoods (B,) of examples in one batch."""
    batch = make_batch(examples)
    plan = net.plan(batch)
    return plan.strategies, net.reply_nll(plan, batch.labels)


def test_shapes(net: Net) -> None:
    batch = tiny_batch(net)
    with torch.no_grad():
        plan = net.plan(batch)
        assert plan.strategies.shape == (4, 8)
        assert plan.prefix.shape[0] == 4
        assert net.reply_states(plan, batch.labels).shape == (*batch.labels.shape, 16)
        assert net.reply_nll(plan, batch.labels).shape == (4,)


def test_the_parts_of_the_loss_carry_gradients_and_are_those_its_weighting_knows(net: Net) -> None:
    parts = net.train().losses(tiny_batch(net))
    assert parts.keys() == net.weighting().weights().keys()
    assert all(part.ndim == 0 and part.requires_grad for part in parts.values())


def test_loss_falls(net: Net) -> None:
    net.train()
    batch = tiny_batch(net)
    rate = 2e-2 if net.backbone.causal else 3e-3  # low-rank changes of a random, frozen net
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=rate)
    losses = []
    for _ in range(12):
        loss = tiny_loss(net, batch)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_every_parameter_that_trains_gets_a_gradient(net: Net) -> None:
    net.train()
    parts = list(net.losses(tiny_batch(net)).values())
    sum(parts[1:], parts[0]).backward()
    idle = {n for n, p in net.named_parameters() if p.grad is None and p.requires_grad}
    assert all(map(asks_for_one_vector, idle)), sorted(idle)


def asks_for_one_vector(name: str) -> bool:
    """A source of one vector needs no query and no key: its attention is 1 whatever they are."""
    causal = "sources.strategy.q." in name or "sources.fused.q." in name
    return causal or ("extra_attn.strategy" in name and (".q_proj" in name or ".k_proj" in name))


def low_rank(name: str) -> Net:
    """A tiny net whose backbone changes by low rank; on a causal base it always does."""
    net = tiny_net(name)
    if not name.startswith(CAUSAL):
        adapt(net.backbone, 4)
    return net


def test_every_low_rank_change_gets_a_gradient_in_training(name: str, tmp_path: Path) -> None:
    """Also that of a matrix which is first read without gradients, as when MISC encodes its blocks."""
    net = low_rank(name)
    groups = parameter_groups([(net, 1.0)], 0.0)
    fit = Fit(net.train(), groups, FitConfig(device="cpu", bfloat16=True), tmp_path, net.weighting())
    loss, _ = fit.prepare(net.losses)(tiny_batch(net), fit.device)
    loss.backward()
    changes = {n: p.grad for n, p in net.backbone.named_parameters() if n.endswith((".a", ".b")) and p.requires_grad}
    idle = {n for n, gradient in changes.items() if gradient is None}
    assert len(changes) > len(idle)
    assert all(map(asks_for_one_vector, idle)), sorted(idle)


def test_padding_changes_nothing(net: Net) -> None:
    examples = tiny_examples(net)
    longer = replace(
        examples[2],
        context=examples[2].context * 2,
        post_blocks=examples[2].post_blocks * 3,
        emotion_ids=examples[1].emotion_ids * 3,
    )
    alone, padded = outcome(net, examples[:1]), outcome(net, [examples[0], longer])
    torch.testing.assert_close(padded[0][0], alone[0][0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(padded[1][0], alone[1][0], atol=1e-4, rtol=1e-4)


def test_batch_of_one_equals_batch_of_n(net: Net) -> None:
    examples = tiny_examples(net)
    together = outcome(net, examples)
    for row, example in enumerate(examples):
        alone = outcome(net, [example])
        torch.testing.assert_close(together[0][row], alone[0][0], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(together[1][row], alone[1][0], atol=1e-4, rtol=1e-4)


def test_strategy_probabilities_sum_to_one(net: Net) -> None:
    strategies, _ = outcome(net, tiny_examples(net))
    torch.testing.assert_close(strategies.sum(dim=1), torch.ones(4))
    assert bool((strategies >= 0).all())


@pytest.mark.parametrize("name", ["joint", "misc", "admisc", "star"])
def test_balancing_makes_rare_strategies_dearer_and_leaves_predictions(name: str) -> None:
    net = tiny_net(name)
    batch = replace(tiny_batch(net), strategies=torch.full_like(tiny_batch(net).strategies, 7))
    before, chances = float(net.losses(batch)["strategy"].detach()), net.plan(batch).strategies
    rare = torch.tensor([0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.15, 0.05])
    net.balance(rare, 1.0)
    mean = (chances.detach() * rare).sum(dim=1).log()
    assert float(net.losses(batch)["strategy"].detach()) == pytest.approx(
        before - math.log(0.05) + float(mean.mean()), abs=1e-3
    )
    assert torch.equal(net.plan(batch).strategies, chances)


def test_no_gold_label_reaches_a_prediction(net: Net) -> None:
    batch = tiny_batch(net)
    told_wrong = replace(
        batch,
        strategies=(batch.strategies + 3) % 8,
        labels=torch.full_like(batch.labels, 40),
        emotion_labels=(batch.emotion_labels + 3) % 11,
    )
    with torch.no_grad():
        one, other = net.plan(batch), net.plan(told_wrong)
    assert torch.equal(one.strategies, other.strategies)
    assert torch.equal(one.prefix, other.prefix)
    for layer, layer_told in zip(one.memories, other.memories, strict=True):
        assert all(torch.equal(layer[n].values, layer_told[n].values) for n in layer)


def test_the_plan_given_gold_is_that_made_with_gold(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of the plan without gold, so that evaluation encodes a batch once."""
    batch = tiny_batch(net)
    with torch.no_grad():
        plan = net.plan(batch)
        nll = net.reply_nll(plan, batch.labels)
        with monkeypatch.context() as blind:
            blind.setattr(net.backbone, "encode", None, raising=False)
            blind.setattr(net.backbone, "read", None)
            followed = net.follow(plan, batch, batch.strategies)
        found = net.reply_nll(followed, batch.labels)
        expected = net.reply_nll(net.plan(batch, gold=batch.strategies), batch.labels)
        after = net.reply_nll(plan, batch.labels)
    torch.testing.assert_close(found, expected)
    assert torch.equal(nll, after)


@torch.no_grad()
def test_where_no_strategy_is_known_the_prediction_is_followed(net: Net) -> None:
    batch = tiny_batch(net)
    plan, unknown = net.plan(batch), torch.full_like(batch.strategies, -1)
    predicted = net.reply_nll(plan, batch.labels)
    for same in (net.plan(batch, gold=unknown), net.follow(plan, batch, unknown)):
        torch.testing.assert_close(net.reply_nll(same, batch.labels), predicted)


def test_a_character_without_a_word_piece_is_neither_summed_nor_counted() -> None:
    net = tiny_net("joint")
    batch = tiny_batch(net)
    labels = batch.labels.clone()
    labels[0, 1] = net.tokenizer.unk
    missing, ends = labels[0] == net.tokenizer.unk, labels[0] == net.tokenizer.eos
    expected = batch.labels[0] >= 0
    assert torch.equal(net.counted(labels)[0], expected & ~missing)
    assert bool(net.counted(labels)[0][ends].all())
    with torch.no_grad():
        plan = net.plan(batch)
        scores = net.backbone.logits(net.reply_states(plan, labels)).masked_fill(net.banned, -torch.inf)
        each = -scores.log_softmax(dim=-1)[0].gather(1, labels[0].clamp_min(0)[:, None])[:, 0]
        assert float(net.reply_nll(plan, labels)[0]) == pytest.approx(float(each[net.counted(labels)[0]].sum()), 1e-4)


def test_works_without_a_single_comet_block(net: Net) -> None:
    batch = tiny_batch(net, tails=0)
    with torch.no_grad():
        plan = net.plan(batch)
        assert bool(net.reply_nll(plan, batch.labels).isfinite().all())
    net.train()
    tiny_loss(net, batch).backward()
    grads = [p.grad for p in net.parameters() if p.grad is not None]
    assert all(bool(g.isfinite().all()) for g in grads)
    row = make_batch([tiny_examples(net, tails=0)[0]])
    net.eval()
    with torch.no_grad():
        assert decode(net, net.plan(row), DecodeOptions(method="greedy"), 1).ids


def test_saved_as_low_rank_change_and_loaded_again_is_equal(name: str, tmp_path: Path) -> None:
    torch.manual_seed(5)
    net = low_rank(name).train()
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(3):
        tiny_loss(net, tiny_batch(net)).backward()
        optimiser.step()
        optimiser.zero_grad()
    net.eval()
    save_packed(tmp_path / "net", trained(net), {})
    loaded = low_rank(name)
    load_trained(loaded, load_packed(tmp_path / "net")[0])
    with torch.no_grad():
        expected = outcome(net, tiny_examples(net))
    merge(loaded)
    found = outcome(loaded.eval(), tiny_examples(loaded))
    torch.testing.assert_close(found[0], expected[0], atol=2e-2, rtol=0)  # float16 on disk
    again = low_rank(name)
    load_trained(again, trained(net))
    exact = outcome(again.eval(), tiny_examples(again))
    torch.testing.assert_close(exact[0], expected[0], atol=1e-6, rtol=1e-5)


def test_settings_it_does_not_know_are_refused(name: str) -> None:
    net = tiny_net(name)
    with pytest.raises(ValueError, match="no setting"):
        build_net(name.removeprefix(CAUSAL), {"depth": 3}, net.backbone, net.tokenizer)


@pytest.mark.parametrize("refine", ["last", "per_layer"])
@pytest.mark.parametrize("scale", ["sqrt", "paper", "code"])
@pytest.mark.parametrize("batch_norm", ["none", "once", "twice"])
def test_misc_variants_train_and_predict(refine: str, scale: str, batch_norm: str) -> None:
    net = tiny_net("misc", refine=refine, scale=scale, batch_norm=batch_norm, pool="first", strategy_train="mixture")
    net.train()
    tiny_loss(net, tiny_batch(net)).backward()
    strategies, nll = outcome(net.eval(), tiny_examples(net))
    assert bool(strategies.isfinite().all())
    assert bool(nll.isfinite().all())


def test_a_batch_of_one_trains(name: str) -> None:
    """The rest of an epoch may be a single example: 12,271 turns in batches of 10."""
    net = tiny_net(name, **({"batch_norm": "once"} if name == "misc" else {})).train()
    loss = tiny_loss(net, make_batch(tiny_examples(net)[:1]))
    loss.backward()
    assert math.isfinite(float(loss.detach()))


def test_misc_attends_to_blocks_and_the_mixture_moves_the_reply() -> None:
    net = tiny_net("misc")
    batch = tiny_batch(net)
    with torch.no_grad():
        free = net.reply_nll(net.plan(batch), batch.labels)
        one = net.reply_nll(net.plan(batch, gold=torch.zeros(4, dtype=torch.int64)), batch.labels)
        other = net.reply_nll(net.plan(batch, gold=torch.full((4,), 5)), batch.labels)
        without = net.reply_nll(net.plan(tiny_batch(net, tails=0)), batch.labels)
    assert not torch.allclose(one, other)
    assert not torch.allclose(free, without)


def test_admisc_starts_at_the_loss_of_its_backbone() -> None:
    net, plain = tiny_net("admisc"), tiny_net("admisc-wo-a")
    plain.backbone.load_state_dict(net.backbone.state_dict(), strict=False)
    net.backbone.copy_context_attention()
    batch = tiny_batch(net)
    with torch.no_grad():
        found, expected = (n.reply_nll(n.plan(batch), batch.labels) for n in (net, plain))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_admisc_gold_strategy_and_emotions_move_the_reply() -> None:
    net = tiny_net("admisc", fusion="attention", sources="joined", raw_streams=True, refine="attention")
    batch = tiny_batch(net)
    deaf = replace(batch, emotion_ids=torch.zeros_like(batch.emotion_ids))
    with torch.no_grad():
        one, other = (net.reply_nll(net.plan(batch, torch.full((4,), n)), batch.labels) for n in (0, 5))
        heard, not_heard = (net.reply_nll(net.plan(b), batch.labels) for b in (batch, deaf))
    assert not torch.allclose(one, other)
    assert not torch.allclose(heard, not_heard)


def test_admisc_published_settings_train_and_predict() -> None:
    net = tiny_net(
        "admisc",
        pool="first",
        head_width=0,
        refine="attention",
        gate="relu",
        gate_values="each",
        ffn_width=0,
        sources="joined",
        fusion="attention",
        raw_streams=True,
        strategy_train="mixture",
    ).train()
    tiny_loss(net, tiny_batch(net)).backward()
    strategies, nll = outcome(net.eval(), tiny_examples(net))
    assert bool(strategies.isfinite().all())
    assert bool(nll.isfinite().all())


def test_joint_gives_the_strategy_its_share_of_the_sequence_loss() -> None:
    net = tiny_net("joint", strategy_weight=0.0, course=False, state_head=False)
    batch = tiny_batch(net)
    with torch.no_grad():
        losses = net.losses(batch)
        plan = net.plan(batch, gold=batch.strategies)
        scores = net.backbone.logits(net.reply_states(plan, batch.labels)).float().log_softmax(dim=-1)
        reply = -scores.gather(2, batch.labels.clamp_min(0)[..., None])[..., 0][batch.labels >= 0].sum()
        begin = net.backbone.logits(net.backbone.decode(net.begin(4), plan.memories)[:, 0]).log_softmax(dim=-1)
        strategy = -begin.gather(1, net.strategy_ids[batch.strategies][:, None]).sum()
    expected = (reply + strategy) / ((batch.labels >= 0).sum() + 4)
    torch.testing.assert_close(net.weighting().combine(losses), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("misc", {"refine": "lsat"}, "net 'misc': setting 'refine' is 'lsat'; allowed: 'per_layer', 'last'"),
        ("misc", {"refine": ["last"]}, r"setting 'refine' is \['last'\]; allowed: 'per_layer', 'last'"),
        ("joint", {"strategy_weight": "1"}, "setting 'strategy_weight' is '1'; allowed: a number"),
        ("joint", {"strategy_weight": True}, "setting 'strategy_weight' is True; allowed: a number"),
        ("joint", {"strategy_weight": None}, "setting 'strategy_weight' is None; allowed: a number"),
        ("joint", {"course": 1}, "setting 'course' is 1; allowed: true or false"),
        ("admisc", {"head_width": 9.5}, "setting 'head_width' is 9.5; allowed: a whole number"),
        ("admisc", {"head_width": False}, "setting 'head_width' is False; allowed: a whole number"),
        ("joint", {"shape": 96}, "setting 'shape' is 96; allowed: settings by name"),
        ("joint", {"shape": {"tokens": "96"}}, "net 'joint: shape': setting 'tokens' is '96'; allowed: a whole number"),
        ("star", {"below": ["course"]}, r"setting 'below' is \['course'\]; allowed: settings by name"),
        ("star", {"below": {"course": "yes"}}, "net 'joint': setting 'course' is 'yes'; allowed: true or false"),
    ],
)
def test_a_value_that_a_setting_does_not_allow_is_refused(name: str, settings: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        streams_of(name, settings)


def test_a_whole_number_is_a_number() -> None:
    assert tiny_net("joint", strategy_weight=2).weighting().weights()["strategy"] == 2.0


@pytest.mark.parametrize("net", ["joint", "kemi"])
@pytest.mark.parametrize("name", ["course", "state_head"])
def test_joint_refuses_to_train_with_what_would_not_learn(name: str, net: str) -> None:
    settings = {"course": False, "state_head": False} | {name: True}
    wanted = rf"net '{net}': with {name}=true and a strategy_weight of 0 .* set strategy_weight above 0"
    with pytest.raises(ValueError, match=wanted):
        tiny_net(net, strategy_weight=0.0, **settings).weighting()


@pytest.mark.parametrize("name", ["joint", CAUSAL + "joint"])
def test_the_state_head_adds_nothing_at_first_and_then_tells_strategies_apart(name: str) -> None:
    torch.manual_seed(0)
    net, batch = tiny_net(name, state_head=True), tiny_batch(tiny_net(name))
    head, with_it = net.state_head, net.plan(batch).strategies
    net.state_head = None
    torch.testing.assert_close(net.plan(batch).strategies, with_it)
    net.state_head = head
    optimiser = torch.optim.Adam(head.parameters(), lr=0.05)
    before = net.losses(batch)["strategy"].item()
    for _ in range(20):
        loss = net.losses(batch)["strategy"]
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    assert loss.item() < 0.5 * before
    assert net.plan(batch).strategies.argmax(dim=1).tolist() == batch.strategies.tolist()
