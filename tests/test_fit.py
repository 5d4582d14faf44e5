"""The training loop: resumes where it stopped, stops on a bad loss, a broken write leaves the last good state."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.fit import Fit, FitConfig, NonFiniteLossError, parameter_groups

CONFIG = FitConfig(minutes=60, max_steps=8, lr=1e-2, warmup=2, save_every_s=1e9)


def make(folder: Path, steps: int = 8) -> tuple[nn.Module, Fit]:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.3), nn.Linear(8, 1))
    config = FitConfig(**{**CONFIG.__dict__, "max_steps": steps})
    return module, Fit(module, parameter_groups([(module, 1.0)], 0.01), config, folder)


def batch_at(step: int) -> Tensor:
    return torch.randn(16, 4, generator=torch.Generator().manual_seed(step))


def loss_of(module: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    return {"loss": (module(batch).float() - batch.sum(dim=1, keepdim=True)).square().mean()}


def weights(module: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in module.parameters()]


def test_a_resumed_run_ends_with_the_same_weights_to_the_bit(tmp_path: Path) -> None:
    whole, fit = make(tmp_path / "whole")
    fit.run(batch_at, lambda b: loss_of(whole, b))

    first, fit = make(tmp_path / "parts")

    def until_five(batch: Tensor) -> dict[str, Tensor]:
        if fit.step == 5:
            fit.save()
            raise KeyboardInterrupt
        return loss_of(first, batch)

    with pytest.raises(KeyboardInterrupt):
        fit.run(batch_at, until_five)
    second, fit = make(tmp_path / "parts")
    assert fit.resume()
    assert fit.step == 5
    fit.run(batch_at, lambda b: loss_of(second, b))
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(second), strict=True))


def test_a_bad_loss_stops_and_names_step_and_losses(tmp_path: Path) -> None:
    module, fit = make(tmp_path)
    fit.save()
    saved = (tmp_path / "fit.pt").read_bytes()

    def bad(batch: Tensor) -> dict[str, Tensor]:
        losses = loss_of(module, batch)
        return losses | {"loss": losses["loss"] * float("nan")} if fit.step == 3 else losses

    with pytest.raises(NonFiniteLossError, match=r"step 3: .*nan.*still good"):
        fit.run(batch_at, bad)
    assert (tmp_path / "fit.pt").read_bytes() == saved


def test_a_broken_write_leaves_the_last_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, fit = make(tmp_path)
    fit.save()
    good = weights(module)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="no space"):
        fit.run(batch_at, lambda b: loss_of(module, b))
    monkeypatch.undo()
    again, fit = make(tmp_path)
    fit.resume()
    assert all(torch.equal(a, b) for a, b in zip(weights(again), good, strict=True))


def test_vectors_do_not_decay_and_no_parameter_is_taken_twice() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))
    groups = parameter_groups([(module[0], 0.5), (module, 1.0)], 0.1)
    assert sum(len(g["params"]) for g in groups) == 4
    assert all(g["weight_decay"] == (0.1 if g["params"][0].ndim > 1 else 0.0) for g in groups)
