"""Which of two systems is better, and how sure that is: `python -m models compare runs/a/misc runs/b/misc`.

A and B are files that `python -m models score` can read, or folders that `evaluate` wrote, of the same turns in the
same order. For every figure: both values, the 95 % interval of B - A (paired bootstrap) and p (approximate
randomisation); for the strategies also McNemar's exact test on single turns.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from models.evaluation.measure_flags import add_measure_arguments, bert_of, definition_of, pieces_of
from models.evaluation.predictions import Prediction
from models.evaluation.reply_files import FILE, read_replies
from models.evaluation.system_figures import figures_of, units_of
from models.evaluation.tables import LABELS, formatted
from models.evaluation.text_figures import GramNumbers
from models.evaluation.uncertainty import Comparison, compare, mcnemar
from models.files.whole_file import write_whole
from models.reading.table import aligned


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("a", type=Path, help="predictions of the first system: a file or a folder written by evaluate")
    parser.add_argument("b", type=Path, help="predictions of the second system, of the same turns")
    add_measure_arguments(parser)
    parser.add_argument("--out", type=Path, default=None, help="write the comparison to this JSON file")


def run(args: Namespace) -> int:
    """Print one line per figure; exit status 0.

    Raises ValueError when the two files are not of the same turns, or have too few units to resample.
    """
    if not args.rounds:
        raise ValueError("--rounds is 0; a comparison needs at least 100")
    first, second = read_replies(args.a), read_replies(args.b)
    same_turns(first, second, args.a, args.b)
    if not (first[0].dialogue and second[0].dialogue):  # if one names no dialogues, turns are the units of both
        first, second = (tuple(replace(p, dialogue="") for p in these) for these in (first, second))
    units = units_of(first)
    if units.number < 2:
        raise ValueError(f"the tests resample {units.kind}, but all turns are from one; give at least 2")
    numbers, definition, bpe = GramNumbers(), definition_of(args), pieces_of(args)
    one, other = (figures_of(these, definition, bpe, bert_of(args, these), numbers) for these in (first, second))
    tokens = definition.told(bpe.source if bpe else "")
    other_tokens = sum(a.tokens != b.tokens for a, b in zip(first, second, strict=True))
    shared = [n for n in one if n in other and not (other_tokens and n.startswith("ppl_token"))]
    found = [compare(n, one[n], other[n], args.rounds, args.bootstrap_seed) for n in shared]
    print("\n".join(_table(found)))
    if other_tokens and any(n.startswith("ppl") for n in shared):
        print(
            f"PPL per token left out: on {other_tokens} turns A and B count different tokens, as nets of different"
            " vocabularies do; PPL per word can be compared"
        )
    drawn = f"{units.number} {units.kind} drawn and swapped {args.rounds} times, seed {args.bootstrap_seed}"
    print(f"{len(first)} turns; {drawn}; tokens {tokens}")
    tests = f"{len(found)} test{'s' * (len(found) != 1)}"
    print(f"each p is for one figure by itself, not corrected for the {tests} of this table")
    tested = _mcnemar(first, second)
    if tested:
        print(f"strategies right by A only on {tested[0]} turns, by B only on {tested[1]}; McNemar p {tested[2]:.4f}")
    if args.out:
        done = "replaced" if args.out.exists() else "written"
        content = {"a": str(args.a), "b": str(args.b), "rounds": args.rounds, "seed": args.bootstrap_seed}
        content |= {"definition": asdict(definition), "tokens": tokens, "resampled": units.kind, "mcnemar": tested}
        rows = [asdict(row) for row in found]
        write_whole(args.out, json.dumps(content | {"figures": rows}, indent=1) + "\n")
        print(f"comparison {done}: {args.out}")
    return 0


def same_turns(first: Sequence[Prediction], second: Sequence[Prediction], a: Path, b: Path) -> None:
    """Raises ValueError naming the first line at which two files are not of the same turn."""
    for line, (one, other) in enumerate(zip(first, second, strict=False), start=1):
        named = all((one.dialogue, other.dialogue))
        if " ".join(one.reference.split()) != " ".join(other.reference.split()):
            what = "have different references"
        elif named and (one.dialogue, one.turn) != (other.dialogue, other.turn):
            what = f"are turn {one.turn} of {one.dialogue} and turn {other.turn} of {other.dialogue}"
        elif one.gold != other.gold and None not in (one.gold, other.gold):
            what = f"have different gold strategies, {one.gold} and {other.gold}"
        else:
            continue
        raise ValueError(f"{_file(a)} and {_file(b)}: predictions number {line} {what}; want the same turns in order")
    if len(first) != len(second):
        fewer, more = (a, b) if len(first) < len(second) else (b, a)
        short, long = sorted((len(first), len(second)))
        raise ValueError(
            f"{_file(fewer)} ends after {short} predictions, {_file(more)} has {long}; want the same turns in order"
        )


def _file(path: Path) -> Path:
    return path / FILE if path.is_dir() else path


def _table(found: Sequence[Comparison]) -> list[str]:
    rows = [["figure", "A", "B", "B - A", "95 % interval", "p"]]
    for c in found:
        row = [LABELS[c.name], formatted(c.name, c.first), formatted(c.name, c.second)]
        if c.low is None or c.high is None or c.p is None:
            rows.append([*row, "-", "-", "-"])
            continue
        difference, low, high = (formatted(c.name, value) for value in (c.second - c.first, c.low, c.high))
        rows.append([*row, difference, f"{low} to {high}", f"{c.p:.4f}"])
    return aligned(rows, left={0})


def _mcnemar(first: Sequence[Prediction], second: Sequence[Prediction]) -> tuple[int, int, float] | None:
    if None in (first[0].strategy, first[0].gold, second[0].strategy, second[0].gold):
        return None
    one, other = (np.array([p.strategy == p.gold for p in these]) for these in (first, second))
    return mcnemar(one, other)
