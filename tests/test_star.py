"""STAR: the pool is causal, decoding step by step gives the states of training, two stages, every base net."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from models.backbones.interface import Past
from models.data.batches import make_batch
from models.files.checkpoint import WeightsError
from models.nets.emstremo import OWN_EMOTION, SEEKER_EMOTION, Emstremo
from models.nets.net import BEFORE, REFINED, Plan
from models.nets.registry import CAUSAL, HERE, NETS
from models.nets.star import CHOICE_GATE, GATE, CausalPool, Star, star_on
from models.nets.stored import load_net, new_net, save_net, start_net
from models.serving.batch_decoding import decode_batch
from models.serving.decoding import decode
from models.serving.trace import DecodeOptions
from tests.tiny import tiny_batch, tiny_causal, tiny_checkpoint, tiny_examples, tiny_loss, tiny_net, tiny_tokenizer

UNREGISTERED = ("transformer", "mt-transformer", "moel", "mime")
NAMES = ("star", "star-misc", "star-admisc", *(f"star-{name}" for name in UNREGISTERED))


@pytest.fixture(autouse=True)
def _on_any_net(monkeypatch: pytest.MonkeyPatch) -> None:
    """STAR on the nets that have no such line in the registry."""
    small = {name: value for name, value in CAUSAL["star"].items() if name != "below"}
    for name in UNREGISTERED:
        monkeypatch.setitem(HERE, f"star-{name}", star_on(name, *NETS[name]))
        monkeypatch.setitem(CAUSAL, f"star-{name}", small)


def star_net(name: str, **settings: object) -> Star:
    """A tiny STAR whose gates and experts differ clearly, as after training."""
    net = tiny_net(name, **settings)
    assert isinstance(net, Star)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in net.star.parameters():
            parameter.normal_(std=0.4)
    return net


def strategies_below(net: Star, plan: Plan) -> torch.Tensor:
    """What the net below predicts; of one that predicts nothing what the vocabulary says after [BOS]."""
    return net.below.plan(tiny_batch(net)).strategies if net.below.predicts_strategy else plan.extras[BEFORE]


@pytest.fixture(params=NAMES)
def net(request: pytest.FixtureRequest) -> Star:
    return star_net(request.param)


def test_the_pool_by_hand() -> None:
    """At position t the mean of the first t + 1 states asks that mean and those states."""
    torch.manual_seed(0)
    pool, states = CausalPool(4, 6, heads=1), torch.randn(1, 3, 4)
    with torch.no_grad():
        found = pool(states, None)
        for t in range(3):
            seen = states[0, : t + 1]
            keys = torch.cat((seen.mean(dim=0, keepdim=True), seen))
            scores = pool.q_proj(keys[:1]) @ pool.k_proj(keys).T * 6**-0.5
            expected = pool.out_proj(scores.softmax(dim=-1) @ pool.v_proj(keys))
            torch.testing.assert_close(found[0, t], expected[0], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_teacher_forced_states_are_those_of_single_steps(net: Star) -> None:
    batch = tiny_batch(net)
    plan = net.plan(batch)
    ids = torch.cat((plan.prefix, batch.labels.clamp_min(0)), dim=1)
    whole, past, start = net.decode(ids, plan), Past(), plan.prefix.shape[1]
    parts = [net.decode(ids[:, :start], plan, past)]
    parts += [net.decode(ids[:, t : t + 1], plan, past) for t in range(start, ids.shape[1])]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=5e-5, rtol=1e-4)  # of up to 45


@torch.no_grad()
def test_no_later_token_changes_an_earlier_state(net: Star) -> None:
    batch = tiny_batch(net)
    plan = net.plan(batch)
    ids = torch.cat((plan.prefix, batch.labels.clamp_min(0)), dim=1)
    other = ids.clone()
    other[:, 4:] = 30
    torch.testing.assert_close(net.decode(other, plan)[:, :4], net.decode(ids, plan)[:, :4])


@torch.no_grad()
def test_each_strategy_has_its_own_expert_and_a_closed_gate_is_the_net_below(net: Star) -> None:
    batch = tiny_batch(net)
    plan = net.plan(batch)
    zero, five = (torch.full((4,), k) for k in (0, 5))
    one, other = net.follow(plan, batch, zero), net.follow(plan, batch, five)
    assert not torch.allclose(net.reply_nll(one, batch.labels), net.reply_nll(other, batch.labels))
    for gate in net.star.gates:
        gate[-1].weight.zero_()
        gate[-1].bias.fill_(-40.0)
    closed, below = net.plan(batch), net.below.plan(batch)
    torch.testing.assert_close(closed.strategies, strategies_below(net, closed))
    told = net.below.follow(below, batch, closed.chosen)
    torch.testing.assert_close(net.reply_nll(closed, batch.labels), net.below.reply_nll(told, batch.labels))


@torch.no_grad()
def test_following_a_strategy_is_planning_with_it(net: Star) -> None:
    batch = tiny_batch(net)
    told = net.below.plan(batch, gold=batch.strategies)
    followed = net.below.follow(net.below.plan(batch), batch, batch.strategies)
    torch.testing.assert_close(net.below.reply_nll(followed, batch.labels), net.below.reply_nll(told, batch.labels))


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_decoding_alone_in_a_batch_and_recomputed_agree(net: Star, method: str) -> None:
    options = DecodeOptions(method=method, min_tokens=2, max_tokens=7, beams=3)
    examples = tiny_examples(net)
    with torch.no_grad():
        together = decode_batch(net, net.plan(make_batch(examples)), options, [1] * 4)
        for ids, example in zip(together, examples, strict=True):
            plan = net.plan(make_batch([example]))
            alone = decode(net, plan, options, 1)
            assert alone.ids == ids
            assert len(alone.traced[GATE]) == len(ids)
            assert all(0 < gate < 1 for gate in alone.traced[GATE])
            if method == "greedy":
                reply = torch.tensor([ids])
                scores = net.backbone.logits(net.reply_states(plan, reply))[0].masked_fill(net.banned, -torch.inf)
                chances = scores.softmax(dim=-1).gather(1, reply[0][:, None])[:, 0]
                torch.testing.assert_close(chances, torch.tensor(alone.probabilities), atol=1e-4, rtol=1e-3)


@torch.no_grad()
def test_the_plan_tells_strategies_before_and_the_gate(net: Star) -> None:
    plan = net.plan(tiny_batch(net))
    torch.testing.assert_close(plan.extras[BEFORE].sum(dim=1), torch.ones(4))
    assert not torch.allclose(plan.extras[BEFORE], plan.strategies)
    for name, rows in plan.extras.items():
        assert rows.shape == (4, len(net.extra_labels[name]))


def test_one_shared_expert_and_the_loss_on_the_first_choice() -> None:
    net = star_net("star", experts="shared", initial_weight=1.0).train()
    assert len(net.star.experts) == 1
    both = net.losses(tiny_batch(net))["strategy"]
    alone = star_net("star", experts="shared").train().losses(tiny_batch(net))["strategy"]
    assert both.item() > alone.item()


@pytest.mark.parametrize("name", NAMES)
def test_the_second_stage_holds_the_net_below_and_is_saved_whole(name: str, tmp_path: Path) -> None:
    below_name = name.replace("star-", "").replace("star", "joint")
    source = tiny_tokenizer() if below_name in UNREGISTERED else tiny_checkpoint(tmp_path / "checkpoint")
    torch.manual_seed(1)
    first, _ = start_net(below_name, {}, 2, source, None)
    with torch.no_grad():
        for parameter in first.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.randn_like(parameter)
    save_net(first, below_name, 0 if first.from_scratch else 2, {}, tmp_path / "first", source)
    net, rank = start_net(name, {}, None, source, tmp_path / "first")
    assert rank == (0 if net.from_scratch else 2)
    assert net.needs_comet == first.needs_comet
    taken = load_net(tmp_path / "first")
    batch = tiny_batch(net)
    with torch.no_grad():
        torch.testing.assert_close(net.eval().below.plan(batch).strategies, taken.plan(batch).strategies)
    moving = [n for n, p in net.named_parameters() if p.requires_grad]
    assert all(".shared." in n or n.startswith("star.") for n in moving)
    assert any(".shared." in n for n in moving)

    before = {n: p.detach().clone() for n, p in net.named_parameters()}
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(2):
        tiny_loss(net.train(), batch).backward()
        optimiser.step()
        optimiser.zero_grad()
    changed = {n for n, p in net.named_parameters() if not torch.equal(p, before[n])}
    assert changed <= set(moving)
    assert any(".shared." in n for n in changed)
    save_net(net, name, rank, {}, tmp_path / "second", source)
    loaded = load_net(tmp_path / "second")
    assert asdict(loaded.config) == asdict(net.config)
    with torch.no_grad():
        expected, found = net.eval().plan(batch).strategies, loaded.plan(batch).strategies
    torch.testing.assert_close(found, expected, atol=2e-2, rtol=0)  # float16 on disk


@torch.no_grad()
def test_what_the_net_below_tells_is_kept_beside_what_star_tells() -> None:
    net = tiny_net("star-admisc")
    batch = tiny_batch(net)
    plan, below = net.plan(batch), net.below.plan(batch)
    for name in (BEFORE, REFINED, GATE):
        torch.testing.assert_close(plan.extras[f"admisc: {name}"], below.extras[name])
        assert net.extra_labels[f"admisc: {name}"] == net.below.extra_labels[name]
    torch.testing.assert_close(plan.extras[BEFORE], below.strategies)
    assert not {*plan.extras} & {*net.traced}
    assert plan.extras.keys() <= net.extra_labels.keys()


@torch.no_grad()
def test_emstremo_below_tells_the_emotion_that_the_followed_strategy_leads_to() -> None:
    net = tiny_net("star-emstremo")
    assert isinstance(net, Star)
    assert isinstance(net.below, Emstremo)
    net.below.transfer.scores.normal_(std=4.0)
    plan = net.plan(tiny_batch(net))
    followed = net.below.told(plan.chosen, plan.strategies)
    led = net.below.transfer(followed, plan.extras[SEEKER_EMOTION])
    torch.testing.assert_close(plan.extras[OWN_EMOTION], led)


def test_strategies_that_lambda_never_trains_choose_no_weights() -> None:
    assert tiny_net("star").trains_strategy
    assert not tiny_net("star", top=0.0).trains_strategy


def test_a_second_stage_without_a_first_or_on_another_net_is_refused(tmp_path: Path) -> None:
    source = tiny_causal()
    with pytest.raises(ValueError, match=r"star holds a trained joint.*--start"):
        start_net("star", {}, 2, source, None)
    free, _ = start_net("star", {"hold": False}, 2, source, None)
    assert free.held == ()
    save_net(new_net("misc", CAUSAL["misc"], 2, source), "misc", 2, {}, tmp_path / "misc", source)
    with pytest.raises(WeightsError, match="is a misc; star starts from star or joint"):
        start_net("star", {}, 2, source, tmp_path / "misc")
    other = replace(tiny_causal(seed=4), digest="4" * 12)
    with pytest.raises(WeightsError, match="changes base"):
        start_net("misc", {}, 2, other, tmp_path / "misc")


@pytest.mark.parametrize("name", NAMES)
def test_an_expert_that_changes_starts_at_the_net_below_with_an_open_gate(name: str) -> None:
    net = tiny_net(name, change=True)
    assert isinstance(net, Star)
    batch = tiny_batch(net)
    with torch.no_grad():
        plan, below = net.plan(batch), net.below.plan(batch)
        told = net.below.follow(below, batch, plan.chosen)
        torch.testing.assert_close(plan.strategies, strategies_below(net, plan))
        torch.testing.assert_close(net.reply_nll(plan, batch.labels), net.below.reply_nll(told, batch.labels))
        assert plan.extras[CHOICE_GATE].tolist() == [[0.5]] * 4
    tiny_loss(net, batch).backward()
    assert any(float(expert[-1].weight.grad.abs().sum()) > 0 for expert in net.star.experts)
