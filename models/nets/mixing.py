"""Nets whose decoder reads a mixture of strategies, one vector or more: MISC, AdMISC, Emstremo, TransESC.

`config.strategy_train` says what is mixed while training: the gold strategy alone, or the predicted shares.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from models.data.batches import Batch
from models.nets.net import Net, Plan


class Mixing(Net):
    """See the module; a net gives `losses`, `plan` and `follow_mixture`."""

    def training_plan(self, batch: Batch) -> Plan:
        """Of the gold strategy or the predicted mixture, as `strategy_train` says."""
        return self.plan(batch, gold=batch.strategies if self.config.strategy_train == "gold" else None)

    @property
    def mixes_strategies(self) -> bool:
        """Wherever a reply follows strategies at all."""
        return self.follows_strategy

    def follow(self, plan: Plan, batch: Batch, chosen: Tensor) -> Plan:
        """The chosen strategy alone instead of the mixture."""
        return replace(self.follow_mixture(plan, batch, self.told(chosen, plan.strategies)), chosen=chosen)
