"""How loss parts are weighted: fixed, dynamic weight averaging, STAR's lambda; each resumes where it was."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.nets.weighting import Dwa, Fixed, Ramp, Weighting
from models.training.fit import Fit, FitConfig, parameter_groups


def parts(reply: float, strategy: float) -> dict[str, Tensor]:
    return {"reply": torch.tensor(reply, requires_grad=True), "strategy": torch.tensor(strategy, requires_grad=True)}


def test_fixed_sums_and_leaves_parts_of_weight_zero_out() -> None:
    given = parts(2.0, float("nan"))
    loss = Fixed({"reply": 0.5, "strategy": 0.0}).combine(given)
    loss.backward()
    assert loss.item() == 1.0
    assert given["reply"].grad == 0.5
    assert given["strategy"].grad is None


def test_parts_it_does_not_know_and_no_part_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match=r"has the parts \['reply', 'strategy'\].*for \['reply'\]"):
        Fixed({"reply": 1.0}).combine(parts(1.0, 1.0))
    with pytest.raises(ValueError, match="nothing would train"):
        Fixed({"reply": 0.0, "strategy": 0.0}).combine(parts(1.0, 1.0))


def test_dwa_by_hand() -> None:
    """Means 4, 2 of reply and 2, 2 of strategy: rates 1/2 and 1; over T = 2: 1/4 and 1/2."""
    dwa = Dwa(("reply", "strategy"), periods=4)
    for progress, reply in ((0.1, 5.0), (0.25, 3.0), (0.4, 1.0), (0.5, 3.0)):
        assert dwa.weights() == {"reply": 1.0, "strategy": 1.0}
        dwa.tell({"loss": 9.0, "reply": reply, "strategy": 2.0}, progress)
    low, high = math.exp(0.25), math.exp(0.5)
    found = dwa.weights()
    assert found["reply"] == pytest.approx(2 * low / (low + high))
    assert found["strategy"] == pytest.approx(2 * high / (low + high))
    dwa.tell({"reply": 100.0, "strategy": 0.1}, 0.6)
    assert dwa.weights() == found  # only the end of a period changes them


def test_lambda_runs_from_0_to_its_top_by_the_logarithm_of_the_period() -> None:
    ramp = Ramp(periods=10)
    found = []
    for step in range(10):
        ramp.tell({}, step / 10 + 1e-6)
        found.append(ramp.weights()["strategy"])
    assert found == pytest.approx([0.8 * math.log(e + 1) / math.log(10) for e in range(10)])
    ramp.tell({}, 1.0)
    assert ramp.weights() == pytest.approx({"reply": 0.2, "strategy": 0.8})


@pytest.mark.parametrize(("make", "told"), [(Dwa, {"periods": 0}), (Dwa, {"temperature": 0.0})])
def test_dwa_settings_out_of_range(make: type[Dwa], told: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="allowed: 1 or more, above 0"):
        make(("reply",), **told)


@pytest.mark.parametrize("told", [{"periods": 1}, {"top": 1.5}])
def test_ramp_settings_out_of_range(told: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="allowed: 2 or more, 0 to 1"):
        Ramp(**told)


def test_a_dwa_state_of_other_parts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"saved weighting is of \['emotion'\]"):
        Dwa(("reply",)).load_state_dict(Dwa(("emotion",)).state_dict())


@pytest.mark.parametrize("make", [lambda: Dwa(("a", "b"), periods=4), lambda: Ramp(("a",), ("b",), periods=4)])
def test_a_resumed_run_weighs_as_an_unbroken_one(make: object, tmp_path: Path) -> None:
    def fit(folder: str) -> tuple[Fit, Weighting]:
        torch.manual_seed(0)
        module, weighting = nn.Linear(2, 1), make()  # type: ignore[operator]
        config = FitConfig(max_steps=12, lr=1e-2, warmup=1, save_every_s=1e9)
        made = Fit(module, parameter_groups([(module, 1.0)], 0.0), config, tmp_path / folder, weighting)
        made.resume()
        return made, weighting

    def loss_of(fitted: Fit, stop: int) -> object:
        def parts_of(step: int) -> dict[str, Tensor]:
            if step == stop:
                fitted.save()
                raise KeyboardInterrupt
            out = fitted.module(torch.ones(1, 2) * step).float().square().sum()
            return {"a": out, "b": (out - 1).square()}

        return parts_of

    whole, weighting = fit("whole")
    whole.run(int, loss_of(whole, -1))  # type: ignore[arg-type]
    first, _ = fit("parts")
    with pytest.raises(KeyboardInterrupt):
        first.run(int, loss_of(first, 8))  # type: ignore[arg-type]
    second, resumed = fit("parts")
    second.run(int, loss_of(second, -1))  # type: ignore[arg-type]
    assert resumed.state_dict() == weighting.state_dict()
    assert resumed.weights() == weighting.weights() != make().weights()  # type: ignore[operator]
    assert torch.equal(second.module.weight, whole.module.weight)
    row = json.loads((tmp_path / "parts" / "log.jsonl").read_text().splitlines()[-1])
    assert row.keys() >= {"loss", "a", "b", "weight_a", "weight_b"}
