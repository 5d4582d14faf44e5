"""Perplexity of the references under a system, per token or per word, depending on what is counted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.evaluation.figure import Floats, Summed, Units


def perplexity(nlls: Sequence[float], counts: Sequence[int], units: Units) -> Summed:
    """exp(sum of nlls / sum of counts). Infinite when it is too large for a float, NaN where nothing is counted.

    Args:
        nlls: negative log-likelihood of each reference, natural logarithm.
        counts: tokens (with the end token, as in the sum) or words of each reference.
        units: the unit of each turn.

    Raises ValueError when nothing is counted.
    """
    if sum(counts) <= 0:
        raise ValueError(f"perplexity over {sum(counts)} tokens is undefined; give at least one")

    def of(sums: Floats) -> Floats:
        nll, count = sums[..., 0], sums[..., 1]
        with np.errstate(over="ignore"):
            return np.exp(np.divide(nll, count, out=np.full(nll.shape, np.nan), where=count > 0))

    return Summed(units.sums(list(zip(nlls, counts, strict=True))), of)
