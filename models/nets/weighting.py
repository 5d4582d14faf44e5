"""How the parts of a loss combine into the one number that is minimised: small, interchangeable classes.

A net returns the parts (`Net.losses`) and its own weighting (`Net.weighting`); at every step the training loop calls
`combine`, then `tell` with the values of the parts. Progress runs from 0 to 1 over a training and is cut into periods
of equal length, which stand for the papers' epochs: runs here are limited by time, not by epochs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor


class Weighting:
    """Base of all: a weighted sum of the parts. Parts of weight 0 are left out and get no gradient."""

    def weights(self) -> dict[str, float]:
        """The current weight of every part, by name."""
        raise NotImplementedError

    def combine(self, parts: Mapping[str, Tensor]) -> Tensor:
        """The loss (a scalar). Raises ValueError when parts and weights have different names, or all weights are 0."""
        weights = self.weights()
        if parts.keys() != weights.keys():
            raise ValueError(f"the loss has the parts {sorted(parts)}, but the weights are for {sorted(weights)}")
        kept = [weights[name] * part for name, part in parts.items() if weights[name]]
        if not kept:
            raise ValueError(f"every part of the loss has weight 0: {sorted(weights)}; nothing would train")
        return sum(kept[1:], kept[0])

    def tell(self, parts: Mapping[str, float], progress: float) -> None:
        """Called after each step with the values of the parts and how much of the training is done (0..1)."""

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers that let a resumed run continue with the same weights."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Inverse of `state_dict`; an empty state stands for the start of a training."""


class Fixed(Weighting):
    """Weights that never change."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = dict(weights)

    def weights(self) -> dict[str, float]:
        """The weights as given."""
        return dict(self._weights)


class Staged(Fixed):
    """Weights that change once: those of a warm start, and those of the rest (SUPPORTER)."""

    def __init__(self, first: Mapping[str, float], then: Mapping[str, float], share: float) -> None:
        """The change comes when `share` of the training is done. Raises ValueError unless `share` is in 0..1."""
        super().__init__(first)
        if not 0 <= share <= 1:
            raise ValueError(f"the warm start is {share} of the training; allowed: 0 to 1")
        self._then, self.share = dict(then), share
        self.tell({}, 0.0)

    def tell(self, parts: Mapping[str, float], progress: float) -> None:
        """Changes the weights when the warm start is over; the values do not matter."""
        if progress >= self.share:
            self._weights = self._then

    def state_dict(self) -> dict[str, Any]:
        """Whether the warm start is over."""
        return {"warm": self._weights is not self._then}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Inverse of `state_dict`."""
        if not state.get("warm", True):
            self._weights = self._then


class Dwa(Weighting):
    """Dynamic weight averaging (Liu et al. 2019; AdMISC, eq. 31-33).

    With K parts whose means over period t are L_k(t): r_k = L_k(t-1) / L_k(t-2), weight_k = K softmax_k(r_k / T); a
    part that falls more slowly gets more weight. All weights are 1 in the first two periods.
    """

    def __init__(self, names: Sequence[str], periods: int = 8, temperature: float = 2.0) -> None:
        if periods < 1 or temperature <= 0:
            raise ValueError(f"periods is {periods}, temperature {temperature}; allowed: 1 or more, above 0")
        self.names, self.periods, self.temperature = tuple(names), periods, temperature
        self._means: list[dict[str, float]] = []  # of the last two finished periods at most
        self._sums = dict.fromkeys(self.names, 0.0)
        self._steps, self._period = 0, 0

    def weights(self) -> dict[str, float]:
        """1 each at first, then higher for parts that fall more slowly; they sum to K."""
        if len(self._means) < 2:
            return dict.fromkeys(self.names, 1.0)
        earlier, last = self._means
        rates = {name: last[name] / max(earlier[name], 1e-12) / self.temperature for name in self.names}
        highest = max(rates.values())
        powers = {name: math.exp(rate - highest) for name, rate in rates.items()}
        return {name: len(self.names) * power / sum(powers.values()) for name, power in powers.items()}

    def tell(self, parts: Mapping[str, float], progress: float) -> None:
        """Adds a step to the running means; a period that ends here changes the weights."""
        for name in self.names:
            self._sums[name] += parts[name]
        self._steps += 1
        period = min(self.periods - 1, int(progress * self.periods))
        if period > self._period:
            self._means = [*self._means, {name: self._sums[name] / self._steps for name in self.names}][-2:]
            self._sums, self._steps, self._period = dict.fromkeys(self.names, 0.0), 0, period

    def state_dict(self) -> dict[str, Any]:
        """Means of the last periods and sums of the current one."""
        return {
            "means": [dict(m) for m in self._means],
            "sums": dict(self._sums),
            "steps": self._steps,
            "period": self._period,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Inverse of `state_dict`. Raises ValueError when the state belongs to other parts."""
        if not state:
            return
        if state["sums"].keys() != set(self.names):
            raise ValueError(f"the saved weighting is of {sorted(state['sums'])}, the net has {sorted(self.names)}")
        self._means, self._sums = [dict(m) for m in state["means"]], dict(state["sums"])
        self._steps, self._period = int(state["steps"]), int(state["period"])


class Ramp(Weighting):
    """STAR's lambda (section 3.3): L = (1 - lambda) L_LM + lambda L_ST, lambda = top * ln(E + 1) / ln(periods).

    E counts periods from 0, so lambda runs from 0 to `top` exactly. `rising` parts get lambda, `falling` 1 - lambda.
    The paper's "gamma value of 0.8" is `top`, as in its code.
    """

    def __init__(
        self,
        falling: Sequence[str] = ("reply",),
        rising: Sequence[str] = ("strategy",),
        periods: int = 10,
        top: float = 0.8,
    ) -> None:
        if periods < 2 or not 0 <= top <= 1:
            raise ValueError(f"periods is {periods}, top {top}; allowed: 2 or more, 0 to 1")
        self.falling, self.rising, self.periods, self.top = tuple(falling), tuple(rising), periods, top
        self._period = 0

    def weights(self) -> dict[str, float]:
        """1 - lambda and lambda in the current period."""
        rate = self.top * min(1.0, math.log(self._period + 1) / math.log(self.periods))
        return dict.fromkeys(self.falling, 1.0 - rate) | dict.fromkeys(self.rising, rate)

    def tell(self, parts: Mapping[str, float], progress: float) -> None:
        """Moves on to the period that `progress` lies in; the values do not matter."""
        self._period = max(self._period, min(self.periods - 1, int(progress * self.periods)))

    def state_dict(self) -> dict[str, Any]:
        """The current period."""
        return {"period": self._period}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self._period = int(state.get("period", 0))
