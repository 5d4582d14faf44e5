"""Which losses pull against each other: by hand, and through the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import nn

from models.__main__ import main
from models.analysis.gradients import gradient_cosines, group_of
from models.backbones.interface import token_loss
from models.commands import interference
from models.files.checkpoint import fingerprint
from models.nets.joint import Joint
from models.nets.stored import new_net, save_net
from tests.tiny import CAUSAL, tiny_batch, tiny_net, tiny_tokenizer
from tests.trained import joint_for


class TwoLosses(nn.Module):
    """Gradients (3, 4) and (4, -3) * x of `w`: at right angles; the third part is the first, turned round.

    In the decoder the first two share nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(2))
        self.alone = nn.Parameter(torch.ones(1))
        self.backbone = nn.Module()
        self.backbone.layers = nn.ParameterList([torch.ones(1), torch.ones(1)])

    def separate_losses(self, batch: torch.Tensor) -> dict[str, torch.Tensor]:
        first, second = self.backbone.layers  # type: ignore[misc]
        one = 3 * self.w[0] + 4 * self.w[1] + first.sum()
        across = batch * (4 * self.w[0] - 3 * self.w[1]) + self.alone.sum() + second.sum()
        return {"one": one, "across": across, "against": -2 * one}


def test_cosines_by_hand() -> None:
    found = {(c.group, c.first, c.second): c for c in gradient_cosines(TwoLosses(), [torch.tensor(1.0)] * 3)}  # type: ignore[arg-type]
    assert found["heads", "one", "across"].mean == pytest.approx(0.0, abs=1e-6)
    assert found["heads", "one", "against"].mean == pytest.approx(-1.0)
    assert found["heads", "one", "against"].spread == pytest.approx(0.0, abs=1e-6)
    assert found["heads", "one", "against"].batches == 3
    assert found["decoder", "one", "against"].mean == pytest.approx(-1.0)
    assert ("decoder", "one", "across") not in found  # nothing that both could pull at


def test_every_group_of_a_net_has_its_row_and_none_is_beyond_one() -> None:
    net = tiny_net("star-misc", change=False)  # experts that add nothing yet leave the strategy as it is
    found = gradient_cosines(net, [tiny_batch(net)])
    assert {c.group for c in found} == {"all", "embedding", "encoder", "decoder", "heads"}
    assert {(c.first, c.second) for c in found} == {("reply", "strategy")}
    assert all(-1 - 1e-5 <= c.mean <= 1 + 1e-5 for c in found)
    assert group_of("backbone.model.shared.weight") == "embedding"


@pytest.mark.parametrize("name", ["joint", "kemi", f"{CAUSAL}joint"])
def test_no_part_is_compared_with_a_term_of_its_own(name: str) -> None:
    """Joint's reply loss holds the strategy token's, which is all but the strategy loss."""
    net = cast(Joint, tiny_net(name))
    batch = tiny_batch(net)
    batch.strategies[0] = -1  # a turn without a strategy token
    labels = net._sequence(batch)
    first, words = token_loss(net.backbone, net._states(batch, labels)[1:, :1], labels[1:, :1])[0], batch.labels >= 0
    whole, apart = net.losses(batch), net.separate_losses(batch)
    assert apart["strategy"] == whole["strategy"]
    assert (apart["reply"] * words.sum() + first).item() == pytest.approx(
        (whole["reply"] * (labels >= 0).sum()).item(), rel=1e-5
    )


def test_the_weights_of_a_causal_base_count_in_no_group() -> None:
    net = tiny_net(CAUSAL + "star-misc", change=False)
    net.requires_grad_(requires_grad=False)  # as loaded
    with torch.inference_mode():
        net.plan(tiny_batch(net))  # what it has been asked before must not stand in the way
    found = gradient_cosines(net, [tiny_batch(net)])
    assert {c.group for c in found} == {"all", "embedding", "decoder", "heads"}
    assert not any(parameter.requires_grad for parameter in net.backbone.weights.parameters())


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Thirty talks of two turns, a tiny Joint, files in `out`."""
    told = [*joint_for(interference, tmp_path, monkeypatch), "--batch", "4"]
    told += ["--part", "train", "--batches", "2", "--out", str(tmp_path / "out")]
    return ["interference", "joint", *told]


def test_the_command_writes_its_file_without_a_word_of_the_data(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out" / "joint"
    assert main(command) == 0
    assert "reply / strategy" in capsys.readouterr().out
    gradients = json.loads((out / "gradients.json").read_text())
    assert {c["group"] for c in gradients["cosines"]} == {"all", "embedding", "encoder", "decoder"}
    assert all(c["batches"] == 2 for c in gradients["cosines"])
    told = gradients["settings"]
    assert told == json.loads((out / "run.json").read_text())
    assert (told["split"], told["part"], told["batches"], told["batch"]) == ("D", "train", 2, 4)
    assert (told["checkpoint"], len(told["data"])) == (fingerprint(tmp_path / "weights" / "joint"), 64)
    assert not any("sad" in path.read_text() for path in out.iterdir())


def test_the_same_seed_gives_the_same_figures_of_losses_that_draw(command: list[str], tmp_path: Path) -> None:
    words, weights = tiny_tokenizer(), tmp_path / "weights"
    small = {"size": {"width": 16, "heads": 2, "ffn": 8, "positions": 64}, "shape": {"tokens": 48}}
    save_net(new_net("mime", small, 0, words), "mime", 0, {}, weights / "mime", words)
    command[1] = "mime"
    written = []
    for _ in range(2):
        assert main(command) == 0
        written.append((tmp_path / "out" / "mime" / "gradients.json").read_text())
    assert written[0] == written[1]


def test_files_of_other_settings_are_replaced_only_when_asked(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out" / "joint").iterdir()}
    assert main([*command, "--batches", "1"]) == 2
    error = capsys.readouterr().err
    assert "holds gradients.json, made with other settings (batches 2 there, 1 now)" in error
    assert {path.name: path.read_bytes() for path in (tmp_path / "out" / "joint").iterdir()} == before
    assert main([*command, "--batches", "1", "--overwrite"]) == 0
    assert json.loads((tmp_path / "out" / "joint" / "run.json").read_text())["batches"] == 1


def test_what_will_not_do_is_refused_before_the_first_net(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*flags: str) -> str:
        assert main([*command, *flags]) == 2
        return capsys.readouterr().err

    assert "--batches is 0; want at least 1" in refused("--batches", "0")
    assert "--batch is 0; want at least 1" in refused("--batch", "0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "torch finds no GPU here" in refused("--device", "cuda")
    command.insert(1, "star")
    assert "the net 'star' has no weights here" in refused()
    shutil.copytree(tmp_path / "weights" / "joint", tmp_path / "weights" / "star")
    assert "star holds weights of 'joint', not of the net 'star'" in refused()
    assert not (tmp_path / "out").exists()
