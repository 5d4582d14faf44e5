"""Trainings that begin from trained weights: of another kind of net, what both have is taken over, the rest is new."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest
import torch

from models.backbones.adapters import load_trained, trained
from models.commands import train
from models.files.checkpoint import WeightsError, fingerprint
from models.nets.registry import CAUSAL as CAUSAL_NETS
from models.nets.registry import causal_settings, net_class
from models.nets.stored import new_net, save_net, start_net
from tests.tiny import CAUSAL, tiny_causal, tiny_net, tiny_tokenizer

FREE = [name for name in CAUSAL_NETS if not hasattr(net_class(name)[1], "below_name")]


@pytest.fixture
def joint(tmp_path: Path) -> Path:
    source, folder = tiny_causal(), tmp_path / "joint"
    net = new_net("joint", causal_settings("joint"), 2, source)
    torch.manual_seed(5)
    load_trained(net, {name: torch.randn_like(values) for name, values in trained(net).items()})
    save_net(net, "joint", 2, {}, folder, source)
    return folder


@pytest.mark.parametrize("name", FREE)
def test_a_net_takes_over_the_change_of_the_base_and_keeps_its_own_settings(name: str, joint: Path) -> None:
    source = tiny_causal()
    first, _ = start_net("joint", {}, None, source, joint)
    net, rank = start_net(name, {}, None, source, joint)
    assert rank == 2
    had, found = trained(first), trained(net)
    same = {n for n in had if n in found and had[n].shape == found[n].shape}
    assert {n for n in had if n.startswith("backbone.") and n.endswith((".a", ".b"))} <= same
    assert all(torch.equal(had[n], found[n]) for n in same)
    assert net.config == new_net(name, causal_settings(name), 2, source).config
    fresh = [n for n in found if n not in same and n.endswith("gate.value")]
    assert all(not found[n].any() for n in fresh), "what is new is closed at first"


@pytest.mark.parametrize("name", ["joint", "star", "misc"])
def test_over_another_support_adapter_it_would_begin_at_nothing(name: str, joint: Path) -> None:
    """The net itself, one that builds on it, and one that takes it over."""
    with pytest.raises(WeightsError, match=r"over the support adapter none, this is [0-9a-f]{12}; give .* --support"):
        start_net(name, {}, None, tiny_causal(), joint, support=joint)


def flags(*more: str) -> Namespace:
    """Those of a training of Joint."""
    parser = ArgumentParser()
    train.add_arguments(parser)
    return parser.parse_args(["joint", "--esconv", "PATH", *more])


def test_a_run_is_known_by_its_support_adapter(joint: Path) -> None:
    net, base = tiny_net(CAUSAL + "joint"), tiny_causal()
    held, free = (train._about(flags(), net, base, support) for support in (joint, None))
    assert (held["support"], free["support"]) == (fingerprint(joint), None)


@pytest.mark.parametrize(
    ("told", "written"),
    [((), None), (("--support", "here/mine"), "--support SUPPORT"), (("--support", "none"), "--support none")],
)
def test_a_card_names_the_support_adapter_that_was_told(told: tuple[str, ...], written: str | None) -> None:
    command = train._command(flags("--tails", "generate", "--base", "there", *told))
    assert "--base BASE" in command
    assert "--tails generate" in command
    assert written in command if written else "--support" not in command


def test_a_net_that_is_trained_from_scratch_takes_over_none(joint: Path) -> None:
    with pytest.raises(WeightsError, match="is a joint; moel starts from moel"):
        start_net("moel", {}, None, tiny_tokenizer(), joint)
