"""Measure anybody's replies: `python -m models score FILE` prints the table of `models.report`.

FILE is JSON Lines: {"hypothesis": "...", "reference": "..."} a line, with "strategy" and "gold" where they are known;
predictions.jsonl of `python -m models evaluate` is such a file.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from models.metrics import TOKENISERS, Definition
from models.predictions import read_predictions
from models.published import published
from models.report import measure, table, write_metrics


def add_arguments(parser: ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("file", type=Path, help="JSON Lines with hypothesis, reference and, if known, strategy, gold")
    add_definition_arguments(parser)
    parser.add_argument("--name", default="this file", help="name of the system in the table")
    parser.add_argument("--split", default="not told", help="split that the turns are from, as shown in the table")
    parser.add_argument("--papers", default="none", help="published rows above: part of a system's name, all, or none")
    parser.add_argument("--out", type=Path, default=None, help="write the figures to this JSON file")


def add_definition_arguments(parser: ArgumentParser, tokens: tuple[str, ...] = tuple(TOKENISERS)) -> None:
    """The two flags that say what the text figures count."""
    parser.add_argument("--tokens", choices=tokens, default="words", help="what a token is in D-n, B-n and R-L")
    parser.add_argument(
        "--distinct",
        choices=("correct", "legacy"),
        default="correct",
        help="n-grams counted in D-n: all, or all but the last of each reply as the public ESC code",
    )


def definition_of(args: Namespace) -> Definition:
    """The definition that the flags ask for."""
    return Definition(args.tokens, args.distinct == "legacy")


def run(args: Namespace) -> int:
    """Print the table; exit status 0. Raises ValueError or FileNotFoundError on a bad file."""
    predictions = read_predictions(args.file)
    report = measure(predictions, definition_of(args))
    print(table(args.name, args.split, report, published(args.papers)))
    if args.out:
        write_metrics(args.out, [report], {"name": args.name, "split": args.split, "file": args.file.name})
        print(f"figures written to {args.out}")
    return 0
