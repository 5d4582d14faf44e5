"""What chooses the strategy, trained alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.training.choice import TOGETHER, choice_losses, figures_of_all, of_choice, read_choices, validate_choices
from models.training.training_data import TrainingData
from tests.tiny import CAUSAL, tiny_batch, tiny_net

OWN_LOSS = ("fado", "multiesc")
"""nets that learn strategies by another loss than the one that validation reports"""
CHOOSING = ("joint", "misc", "admisc", "star", "star-misc", "emstremo", "transesc", "star-emstremo", *OWN_LOSS)


@pytest.mark.parametrize("name", [base + name for base in ("", CAUSAL) for name in CHOOSING])
def test_what_chooses_the_strategy_can_train_alone(name: str) -> None:
    """It learns from the same loss as with the rest, and leaves replies to a given strategy as they are."""
    net = tiny_net(name).eval()
    batch = tiny_batch(net)
    together = net.losses(batch)
    before = net.reply_nll(net.plan(batch, gold=batch.strategies), batch.labels)
    net.hold_all_but_choice()
    choices = read_choices(net, [batch, batch], "here")
    assert len(choices) == 2 * len(batch)
    choices = choices.pick(torch.arange(len(batch)))
    predicted = net.plan(batch).strategies
    torch.testing.assert_close(net.choice_scores(choices.read)[0].softmax(dim=1), predicted, rtol=1e-4, atol=1e-5)
    alone = choice_losses(net, choices)
    torch.testing.assert_close(alone, {part: together[part] for part in alone}, rtol=1e-4, atol=1e-5)
    loss, weighting = alone["strategy"], net.choice_weighting()
    if not name.endswith(OWN_LOSS):
        assert validate_choices(net, choices)["valid_loss"] == pytest.approx(loss.item(), rel=1e-4)
    assert choice_losses(net.train(), choices).keys() == alone.keys()
    net.eval()
    learning = {n: p for n, p in net.named_parameters() if p.requires_grad}
    assert learning
    assert all(n.startswith(tuple(f"{module}." for module in net.chooses)) for n in learning)
    optimiser = torch.optim.SGD(learning.values(), lr=0.5)
    weighting.combine(alone).backward()
    optimiser.step()
    assert choice_losses(net, choices)["strategy"] < loss
    after = net.reply_nll(net.plan(batch, gold=batch.strategies), batch.labels)
    if name.removeprefix(CAUSAL) != "fado":  # its replies read the shares of all strategies, whichever is given
        torch.testing.assert_close(after, before)


@pytest.mark.parametrize("name", [base + name for base in ("", CAUSAL) for name in (*CHOOSING, "kemi", "star-kemi")])
def test_a_net_says_whether_tails_move_what_its_choice_reads(name: str) -> None:
    """If they do, it must not be trained on turns read without them."""
    net = tiny_net(name).eval()
    for parameter in net.parameters():
        if not parameter.any():  # what adds nothing before training hides what it reads
            parameter.data.normal_(std=0.3)
    batch = tiny_batch(net)
    nothing = replace(batch, situation=torch.full_like(batch.situation, -1), post=torch.full_like(batch.post, -1))
    with torch.no_grad():
        with_tails, without = net.choice_inputs(batch), net.choice_inputs(nothing)
    moved = any(not torch.allclose(with_tails[part], without[part], atol=1e-5) for part in with_tails)
    assert moved == net.chooses_by_tails


def test_in_training_a_part_of_what_is_as_wide_as_a_state_is_hidden() -> None:
    net = tiny_net(CAUSAL + "multiesc")
    choices, seen = read_choices(net, [tiny_batch(net)], "here"), dict[str, torch.Tensor]()
    net.choice_losses = lambda read, gold: seen.update(read) or {}  # type: ignore[method-assign]
    choice_losses(net.train(), choices)
    hidden = {part for part, value in seen.items() if not torch.equal(value, choices.read[part])}
    assert hidden == {"context", "course"}  # the course is as wide as a state of this tiny base


def test_turns_of_unknown_strategy_are_not_read() -> None:
    net = tiny_net(CAUSAL + "misc").eval()
    batch = tiny_batch(net)
    batch.strategies[0] = -1
    choices = read_choices(net, [batch], "here")
    assert (len(choices), int(choices.strategies.min())) == (len(batch) - 1, 0)


def test_every_turn_is_learnt_in_an_epoch_in_the_same_order_again(tmp_path: Path) -> None:
    net = tiny_net("joint").eval()
    batches = [tiny_batch(net)] * (2 * TOGETHER // len(tiny_batch(net)) + 1)
    data = TrainingData(batches.__getitem__, batches[:1], torch.ones(8) / 8, "", lambda: batches, lambda: batches[:1])
    learning, epoch = of_choice(net, data, tmp_path, {"data": "this"}, 3, bfloat16=False)
    assert epoch == 2
    nothing = replace(data, learnt_once=list, checked_once=list)
    same, _ = of_choice(net, nothing, tmp_path, {"data": "this"}, 3, bfloat16=False)
    with pytest.raises(IndexError):  # other data are read
        of_choice(net, nothing, tmp_path, {"data": "other"}, 3, bfloat16=False)
    once, again = ([one.batch_at(n) for n in range(4)] for one in (learning, same))
    assert all(torch.equal(a.strategies, b.strategies) for a, b in zip(once, again, strict=True))
    assert [len(choices) for choices in once] == [TOGETHER] * 4
    assert not torch.equal(once[0].strategies, once[2].strategies)
    assert learning.check().keys() == {"valid_loss", "valid_strategy", "valid_accuracy", "valid_macro_f1"}
    figures = figures_of_all(net, data, learning.check(), tails=False)
    assert figures["valid_loss"] == figures["valid_reply"] + figures["valid_strategy"]


def test_replies_are_not_measured_without_the_tails_that_they_read() -> None:
    net = tiny_net("misc").eval()
    data = TrainingData([].__getitem__, [tiny_batch(net)], torch.ones(8) / 8, "", list, list)
    found = {"valid_loss": 2.0, "valid_strategy": 2.0, "valid_accuracy": 0.3}
    assert figures_of_all(net, data, found, tails=False) == {"valid_strategy": 2.0, "valid_accuracy": 0.3}
    assert figures_of_all(net, data, found, tails=True).keys() == {*found, "valid_reply"}


def test_a_net_without_a_choice_of_its_own_cannot_train_it_alone() -> None:
    with pytest.raises(ValueError, match="Moel has no modules of its own for the strategies; leave --only strategies"):
        tiny_net("moel").hold_all_but_choice()
