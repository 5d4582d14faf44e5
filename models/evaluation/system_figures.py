"""Predictions of one system -> every figure that they allow.

Place in the flow: a report prints the value of each figure (models.evaluation.report); intervals and tests resample its
units (models.evaluation.uncertainty).
"""

from __future__ import annotations

from collections.abc import Sequence

from models.data.strategies import strategy_id
from models.evaluation.bertscore import BertScores
from models.evaluation.definitions import Definition, Tokenise, words
from models.evaluation.figure import Figure, Units, mean_of
from models.evaluation.perplexity import perplexity
from models.evaluation.predictions import Prediction
from models.evaluation.strategy_figures import StrategyTable, strategy_figures, strategy_table
from models.evaluation.text_figures import GramNumbers, text_figures


def units_of(predictions: Sequence[Prediction]) -> Units:
    """The dialogues of the predictions, or the single turns if any prediction does not name its dialogue."""
    return Units([prediction.dialogue for prediction in predictions])


def figures_of(
    predictions: Sequence[Prediction],
    definition: Definition,
    bpe: Tokenise | None = None,
    bert: BertScores | None = None,
    numbers: GramNumbers | None = None,
) -> dict[str, Figure]:
    """All figures by name, in the order of a report. `bpe` is the tokenizer for `Definition("bpe")`.

    Raises ValueError when there are no predictions, or a field is given only for some of them.
    """
    if not predictions:
        raise ValueError("no predictions; give at least one")
    units, found = units_of(predictions), dict[str, Figure]()
    if in_all(predictions, "strategy", "gold"):
        shares = [p.strategies for p in predictions] if in_all(predictions, "strategies") else []
        found |= strategy_figures(*_named(predictions), shares, units)
    found |= _perplexities(predictions, units)
    texts = [p.hypothesis for p in predictions], [p.reference for p in predictions]
    found |= text_figures(*texts, definition, bpe, units, GramNumbers() if numbers is None else numbers)
    if bert is not None:
        found |= {f"bert_{n}": mean_of(getattr(bert, n), units, 1.0) for n in ("precision", "recall", "f1")}
    return found


def table_of(predictions: Sequence[Prediction]) -> StrategyTable | None:
    """Predicted against gold strategies; None if the predictions hold none."""
    return strategy_table(*_named(predictions)) if in_all(predictions, "strategy", "gold") else None


def in_all(predictions: Sequence[Prediction], *names: str) -> bool:
    """True if all predictions have these fields, False if none has. Raises ValueError when only some have."""
    counts = {name: sum(getattr(p, name) not in (None, ()) for p in predictions) for name in names}
    if len(set(counts.values())) == 1 and set(counts.values()) <= {0, len(predictions)}:
        return 0 not in counts.values()
    found = ", ".join(f"{name} in {count}" for name, count in counts.items())
    raise ValueError(f"of {len(predictions)} predictions {found}; give {' and '.join(names)} in all or in none")


def _named(predictions: Sequence[Prediction]) -> tuple[list[int], list[int]]:
    """(predicted, gold) indices in STRATEGIES."""
    predicted, gold = ([strategy_id(str(getattr(p, name))) for p in predictions] for name in ("strategy", "gold"))
    return predicted, gold


def _perplexities(predictions: Sequence[Prediction], units: Units) -> dict[str, Figure]:
    """Per token, and per word of `models.evaluation.definitions.words`, comparable between vocabularies.

    A piece that a vocabulary does not know costs nothing (`Net.counted`), although its word counts. A causal base knows
    every byte, and one learnt from ESConv's train part knows all references of valid and test, on both splits; the BPE
    of a BlenderbotSmall checkpoint may lack characters, and its PPL per word is too low by what these would cost.
    """
    known = [given for given in ("gold", "predicted") if in_all(predictions, f"nll_{given}")]
    if not known:
        return {}
    counts = {"token": [p.tokens for p in predictions], "word": [len(words(p.reference)) for p in predictions]}
    return {
        f"ppl_{per}_{given}": perplexity([getattr(p, f"nll_{given}") for p in predictions], counts[per], units)
        for given in known
        for per in counts
    }
