"""The training loop: resumes to the bit, keeps the best, stops on a bad loss, shares the work, breaks nothing."""

from __future__ import annotations

import json
import math
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.nets.weighting import Dwa
from models.training import run_log
from models.training.divergence import NonFiniteLossError
from models.training.fit import Fit, FitConfig, parameter_groups
from tests.full_disk import in_child, largest_file

CONFIG = FitConfig(minutes=0, max_steps=6, lr=1e-2, warmup=2, save_every_s=1e9, device="cpu")


class Small(nn.Module):
    """Dropout, a batch norm and two losses: all that a resumed run has to remember."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 2))
        self.idle = nn.Parameter(torch.ones(2))  # no loss reaches it, as the query of a stream of one vector

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """How far two outputs are from sum and largest of a row."""
        first, second = self.body(batch).float().unbind(dim=1)
        return {"sum": (first - batch.sum(dim=1)).square().mean(), "top": (second - batch.amax(dim=1)).abs().mean()}


def make(folder: Path, about: dict[str, Any] | None = None, **settings: Any) -> tuple[Small, Fit]:
    torch.manual_seed(0)
    module = Small()
    config = replace(CONFIG, **settings)
    groups = parameter_groups([(module, 1.0)], 0.01)
    return module, Fit(module, groups, config, folder, Dwa(["sum", "top"], periods=3), about)


def batch_at(step: int) -> Tensor:
    return torch.randn(16, 4, generator=torch.Generator().manual_seed(step))


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one.keys() | other.keys() if "num_batches" not in name)


def test_a_resumed_run_ends_with_the_same_weights_to_the_bit(tmp_path: Path) -> None:
    whole, fit = make(tmp_path / "whole", accumulation=2)
    fit.run(batch_at, whole.losses)
    told = fit.weighting.weights()
    first, fit = make(tmp_path / "parts", accumulation=2, check_steps=3)

    def until_three(batch: Tensor) -> dict[str, Tensor]:
        if fit.step == 3:
            raise KeyboardInterrupt
        return first.losses(batch)

    with pytest.raises(KeyboardInterrupt):
        fit.run(batch_at, until_three)
    torch.manual_seed(99)
    second, fit = make(tmp_path / "parts", accumulation=2)
    assert fit.resume()
    assert fit.step == 3
    fit.run(batch_at, second.losses)
    assert same(weights(whole), weights(second))
    assert fit.weighting.weights() == told
    assert told != {"sum": 1.0, "top": 1.0}


def test_a_check_does_not_change_what_follows(tmp_path: Path) -> None:
    one, fit = make(tmp_path / "one")
    fit.run(batch_at, one.losses)
    other, fit = make(tmp_path / "other", check_steps=2)
    fit.run(batch_at, other.losses, lambda: {"drawn": float(torch.rand(1))})
    assert same(weights(one), weights(other))


def test_the_best_weights_are_kept_and_patience_ends_the_run(tmp_path: Path) -> None:
    about = {"net": "small", "data": "0123"}
    module, fit = make(tmp_path, about, max_steps=20, check_steps=1, select="valid", patience=3)
    found = iter([3.0, 1.0, 2.0, 1.5, 1.0, 0.5])
    at: list[dict[str, Tensor]] = []

    def check() -> dict[str, float]:
        at.append(weights(module))
        return {"valid": next(found)}

    fit.run(batch_at, module.losses, check)
    assert fit.step == 5
    assert fit.restore_best() == {"valid": 1.0}
    assert same(weights(module), at[1])
    again, fit = make(tmp_path, about, max_steps=20, check_steps=1, select="valid", patience=3)
    assert fit.resume()
    assert fit.done
    fit.run(batch_at, again.losses, check)
    assert fit.step == 5


def test_configuration_data_hash_and_curves_lie_beside_the_weights(tmp_path: Path) -> None:
    module, fit = make(tmp_path, {"net": "small", "data": "0123"}, select="valid")
    fit.run(batch_at, module.losses, lambda: {"valid": 1.0})
    record = json.loads((tmp_path / "run.json").read_text())
    assert {"net": "small", "data": "0123", "lr": 1e-2, "seed": 13, "processes": 1}.items() <= record.items()
    assert record["versions"]["torch"] == torch.__version__
    assert torch.load(tmp_path / "best.pt")["about"]["data"] == "0123"
    line = json.loads((tmp_path / "log.jsonl").read_text())
    assert line.keys() == {"step", "minutes", "loss", "sum", "top", "valid", "weight_sum", "weight_top"}
    assert list((tmp_path / "tensorboard").glob("events.*"))
    assert not list(tmp_path.glob("*.part"))


def test_a_run_of_other_settings_is_not_taken_up(tmp_path: Path) -> None:
    _, fit = make(tmp_path, {"net": "small", "data": "0123"})
    fit.save()
    _, fit = make(tmp_path, {"net": "small", "data": "4567"}, lr=0.5, max_steps=9)
    with pytest.raises(ValueError, match=r"data was '0123', is '4567'; lr was 0.01, is 0.5.*another --out"):
        fit.resume()
    (tmp_path / "fit.pt").write_bytes((tmp_path / "fit.pt").read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"fit.pt cannot be read, it may be damaged .*delete it to start over"):
        fit.resume()


@pytest.mark.parametrize(("part", "accumulation"), [("sum", 1), ("top", 2)])
def test_a_bad_loss_stops_and_names_loss_and_batch(tmp_path: Path, part: str, accumulation: int) -> None:
    module, fit = make(tmp_path, accumulation=accumulation, check_steps=2)

    def bad(batch: Tensor) -> dict[str, Tensor]:
        losses = module.losses(batch)
        return losses | {part: losses[part] * float("nan")} if torch.equal(batch, batch_at(7)) else losses

    step = 7 // accumulation
    kept = f"fit.pt keeps the state of step {step - step % 2}. The same command continues from there"
    with pytest.raises(NonFiniteLossError, match=rf"step {step}, batch 7: {part} is not finite.*{kept}"):
        make_longer(fit).run(batch_at, bad)
    assert torch.load(tmp_path / "fit.pt")["step"] == step - step % 2
    assert all(bool(value.isfinite().all()) for value in weights(module).values())


def make_longer(fit: Fit) -> Fit:
    fit.config = replace(fit.config, max_steps=20)
    return fit


def test_a_bad_gradient_stops_before_it_reaches_the_weights(tmp_path: Path) -> None:
    module, fit = make(tmp_path)
    before = {name: p.detach().clone() for name, p in module.named_parameters()}

    def bad(batch: Tensor) -> dict[str, Tensor]:  # sqrt at 0: the value is 0, the slope infinite
        losses = module.losses(batch)
        return losses | {"top": losses["top"] + (module.body[0].weight[0, 0] * 0).sqrt()}

    with pytest.raises(NonFiniteLossError, match=r"step 0, batch 0: the gradient is .*nothing was saved"):
        fit.run(batch_at, bad)
    assert same(before, dict(module.named_parameters()))


def turn_bad_in_step(fit: Fit, step: int, name: str, value: float) -> None:
    """The weights are harmed by the update of a step whose loss and gradient are still good."""

    def harm(*_: object) -> None:
        if fit.step == step:
            fit.module.state_dict()[name].view(-1)[0] = value

    fit.optimiser.register_step_post_hook(harm)


@pytest.mark.parametrize(
    ("name", "value"),
    [("body.0.weight", math.nan), ("idle", -math.inf), ("body.3.bias", 1e30), ("body.1.running_var", math.inf)],
)
def test_weights_that_turn_bad_are_not_saved(tmp_path: Path, name: str, value: float) -> None:
    whole, fit = make(tmp_path / "whole", check_steps=2)
    fit.run(batch_at, whole.losses)
    folder = tmp_path / "parts"
    module, fit = make(folder, check_steps=2, select="valid")
    turn_bad_in_step(fit, 3, name, value)
    checked: list[int] = []

    def check() -> dict[str, float]:
        checked.append(fit.step)
        return {"valid": 1.0 / fit.step}

    wanted = rf"stopped at step 4, check: {name} is NaN, infinite or huge; .*fit.pt keeps the state of step 2\."
    with pytest.raises(NonFiniteLossError, match=wanted):
        fit.run(batch_at, module.losses, check)
    assert checked == [2]  # it may write weights, as that of the pre-training does
    assert [torch.load(folder / file)["step"] for file in ("fit.pt", "best.pt")] == [2, 2]
    again, fit = make(folder, check_steps=2, select="valid")
    assert fit.resume()
    assert fit.step == 2
    fit.run(batch_at, again.losses, check)
    assert same(weights(again), weights(whole))
    assert logged(folder) == [2, 4, 6]


def test_a_figure_that_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    module, fit = make(tmp_path, check_steps=2, select="valid")
    found = iter([1.0, math.nan])
    with pytest.raises(NonFiniteLossError, match=r"step 4, check: valid is nan; .*keeps the state of step 2"):
        fit.run(batch_at, module.losses, lambda: {"valid": next(found)})
    assert [torch.load(tmp_path / file)["step"] for file in ("fit.pt", "best.pt")] == [2, 2]
    assert json.loads((tmp_path / "log.jsonl").read_text())["step"] == 2
    module, fit = make(tmp_path / "other", check_steps=2)
    with pytest.raises(NonFiniteLossError, match=r"valid is inf; nothing was saved in .*fit.pt yet\. Try a lower --lr"):
        fit.run(batch_at, module.losses, lambda: {"valid": math.inf})
    assert not list((tmp_path / "other").glob("*.pt"))
    assert not (tmp_path / "other" / "log.jsonl").exists()


def test_a_saved_state_that_is_bad_is_not_taken_up(tmp_path: Path) -> None:
    module, fit = make(tmp_path)
    module.idle.data[0] = math.nan
    fit.save()
    with pytest.raises(ValueError, match=r"fit.pt is of no use \(idle is NaN.*delete it to start over"):
        make(tmp_path)[1].resume()


def train_on_a_full_disk(folder: str) -> str:
    """The first save fits, the one at the end of the training does not."""
    module, fit = make(Path(folder))
    fit.save()
    with largest_file(3000), pytest.raises(OSError, match=r"fit.pt could not be written \(File too large\)") as caught:
        fit.run(batch_at, module.losses)
    return str(caught.value)


def test_a_broken_write_leaves_the_last_state(tmp_path: Path) -> None:
    assert "its old content is still good" in in_child(train_on_a_full_disk, str(tmp_path)).stdout
    assert not list(tmp_path.glob("*.part"))
    module, _ = make(tmp_path / "other")
    again, fit = make(tmp_path)
    assert fit.resume()
    assert fit.step == 0
    assert same(weights(again), weights(module))


def test_a_full_disk_is_said_before_the_first_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2**30, 2**30 - 2**20, 2**20))
    with pytest.raises(ValueError, match=r"has 1 MiB free, this training needs 16 MiB"):
        make(tmp_path)


def stop_in_the_second_save(fit: Fit) -> None:
    save = fit.save

    def stopped() -> None:
        if fit.step == 4:
            raise KeyboardInterrupt
        save()

    fit.save = stopped  # type: ignore[method-assign]


@pytest.mark.parametrize("left", ["", '{"step": 4, "minu', '{"step": 4}'], ids=["whole", "half a line", "no line end"])
def test_the_log_of_a_resumed_run_has_every_check_once(tmp_path: Path, left: str) -> None:
    module, fit = make(tmp_path, check_steps=2)
    stop_in_the_second_save(fit)
    with pytest.raises(KeyboardInterrupt):
        fit.run(batch_at, module.losses)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write(left)
    module, fit = make(tmp_path, check_steps=2)
    assert fit.resume()
    fit.run(batch_at, module.losses)
    assert logged(tmp_path) == [2, 4, 6]
    (tmp_path / "fit.pt").unlink()  # to start over
    module, fit = make(tmp_path, check_steps=3)
    fit.run(batch_at, module.losses)
    assert logged(tmp_path) == [3, 6]


def logged(folder: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (folder / "log.jsonl").read_text().splitlines()]


def test_curves_keep_the_point_at_which_a_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorBoard drops the step it is told and all after."""
    told: list[int] = []
    monkeypatch.setattr(run_log, "SummaryWriter", lambda folder, purge_step: told.append(purge_step))
    for step in (0, 4):
        run_log.RunLog(tmp_path, step)
    assert told == [1, 5]


def share_the_work(folder: str) -> None:
    """What each of two processes does; the first of them leaves the weights of both in `folder`."""
    from accelerate.state import AcceleratorState
    from accelerate.utils import gather_object

    AcceleratorState._reset_state(reset_partial_state=True)  # a forked process takes itself for the one before the fork
    module, fit = small_without_chance(Path(folder) / "run")
    fit.run(batch_at, module.losses, lambda: {"valid": 1.0})
    again, fit = small_without_chance(Path(folder) / "run")
    assert fit.resume()
    assert fit.step == 6
    both = gather_object([weights(again)])
    if fit.is_main:
        torch.save(both, Path(folder) / "both.pt")


def share_a_fault(folder: str) -> None:
    """The second of two processes alone finds bad weights; what each was told ends in `folder`."""
    from accelerate.state import AcceleratorState
    from accelerate.utils import gather_object

    AcceleratorState._reset_state(reset_partial_state=True)
    module, fit = small_without_chance(Path(folder) / "run")
    if not fit.is_main:
        turn_bad_in_step(fit, 5, "body.1.running_var", math.nan)
    with pytest.raises(NonFiniteLossError) as caught:
        fit.run(batch_at, module.losses, lambda: {"valid": 1.0})
    told = gather_object([str(caught.value)])
    if fit.is_main:
        (Path(folder) / "told.json").write_text(json.dumps(told))


def small_without_chance(folder: Path, **settings: Any) -> tuple[Small, Fit]:
    """No dropout and no batch statistics: the order of the examples does not matter."""
    module, fit = make(folder, bfloat16=False, check_steps=3, select="valid", **settings)
    module.body[1].eval()
    module.body[1].train = lambda mode=True: module.body[1]  # type: ignore[method-assign]
    module.body[2].p = 0.0
    return module, fit


def test_two_processes_make_the_step_that_one_makes_of_two_batches(tmp_path: Path) -> None:
    from accelerate import debug_launcher

    alone, fit = small_without_chance(tmp_path / "alone", accumulation=2)
    fit.run(batch_at, alone.losses, lambda: {"valid": 1.0})
    debug_launcher(share_the_work, (str(tmp_path),), num_processes=2)
    first, second = torch.load(tmp_path / "both.pt")
    assert same(first, second)
    expected = weights(alone)
    for name, value in first.items():
        torch.testing.assert_close(value, expected[name], atol=1e-5, rtol=1e-4)


def test_what_one_process_finds_stops_all(tmp_path: Path) -> None:
    from accelerate import debug_launcher

    debug_launcher(share_a_fault, (str(tmp_path),), num_processes=2)
    first, second = json.loads((tmp_path / "told.json").read_text())
    assert first == second
    assert "step 6, check: body.1.running_var is NaN" in first
    assert torch.load(tmp_path / "run" / "fit.pt")["step"] == 3


def test_vectors_do_not_decay_and_no_parameter_is_taken_twice() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))
    groups = parameter_groups([(module[0], 0.5), (module, 1.0)], 0.1)
    assert sum(len(g["params"]) for g in groups) == 4
    assert all(g["weight_decay"] == (0.1 if g["params"][0].ndim > 1 else 0.0) for g in groups)


def test_steep_parameters_do_not_shrink_the_step_of_the_others(tmp_path: Path) -> None:
    module = nn.ModuleDict({"steep": nn.Linear(1, 1, bias=False), "flat": nn.Linear(1, 1, bias=False)})
    fit = Fit(module, parameter_groups([(module["steep"], 0.1), (module, 1.0)], 0.0), CONFIG, tmp_path / "run")

    def loss_of(batch: Tensor) -> dict[str, Tensor]:
        return {"loss": (100 * module["steep"](batch) + 0.5 * module["flat"](batch)).sum()}

    seen: list[float] = []
    module["flat"].weight.register_post_accumulate_grad_hook(lambda p: seen.append(float(p.grad)))
    step = fit.optimiser.step
    clipped: list[tuple[float, float]] = []

    def watched() -> None:
        clipped.append(tuple(float(module[name].weight.grad) for name in ("steep", "flat")))
        step()

    fit.optimiser.step = watched  # type: ignore[method-assign]
    made = fit.make_step(lambda _: torch.ones(1, 1), fit.prepare(loss_of))
    assert seen == [0.5]
    assert clipped == [(pytest.approx(1.0, abs=1e-4), pytest.approx(0.5))]
    assert made.norm == pytest.approx(math.hypot(100, 0.5), rel=1e-3)
