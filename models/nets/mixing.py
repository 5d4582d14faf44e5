"""Nets whose decoder reads a mixture of strategies as one or more vectors: MISC, AdMISC, Emstremo, TransESC.

`config.strategy_train` sets what is mixed in training: the gold strategy alone, or the predicted shares.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from models.data.batches import Batch
from models.nets.net import Net, Plan


class Mixing(Net):
    """See the module; subclasses implement `losses`, `plan` and `follow_mixture`."""

    def training_plan(self, batch: Batch) -> Plan:
        """The plan for the gold strategy or for the predicted mixture, depending on `strategy_train`."""
        return self.plan(batch, gold=batch.strategies if self.config.strategy_train == "gold" else None)

    @property
    def mixes_strategies(self) -> bool:
        """True whenever replies follow strategies at all."""
        return self.follows_strategy

    def follow(self, plan: Plan, batch: Batch, chosen: Tensor) -> Plan:
        """The plan with the chosen strategy alone instead of the mixture."""
        return replace(self.follow_mixture(plan, batch, self.told(chosen, plan.strategies)), chosen=chosen)
