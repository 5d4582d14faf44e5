"""Measure replies of any origin: `python -m models score FILE` prints every figure with its 95 % interval.

FILE is JSON Lines, {"hypothesis": "...", "reference": "..."} per line, with "strategy" and "gold" if they are known; a
CSV or TSV with such a header; the folder of a net that `python -m models evaluate` wrote; or texts, one per line, whose
references are in a second file (`--references`). `--papers misc` prints the papers' tables with this row under them.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from models.evaluation.measure_flags import add_measure_arguments, all_reports, pieces_of
from models.evaluation.paper_tables import paper_tables
from models.evaluation.published import published
from models.evaluation.reply_files import read_replies
from models.evaluation.report import write_metrics
from models.evaluation.tables import System, confusion, figures
from models.reading.table import as_text


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument(
        "file", type=Path, help="JSON Lines, CSV, TSV, a folder written by evaluate, or replies as text"
    )
    parser.add_argument("--references", type=Path, help="file of references, one a line (or a JSON list), beside FILE")
    add_measure_arguments(parser)
    parser.add_argument("--name", default="this file", help="name of the system in the table")
    parser.add_argument("--split", default="not given", help="split that the turns are from, as shown in the table")
    parser.add_argument("--papers", default="none", help="published tables: rows of a system by name, all, or none")
    parser.add_argument("--out", type=Path, default=None, help="write the figures to this JSON file")


def run(args: Namespace) -> int:
    """Print the tables; exit status 0. Raises ValueError or FileNotFoundError for a bad file."""
    predictions = read_replies(args.file, args.references)
    system = System(args.name, args.split, all_reports(args, predictions, pieces_of(args)))
    print(figures(system))
    if system.reports[0].strategies:
        print(f"\n{confusion(system.reports[0])}")
    if tables := paper_tables([system], published(args.papers)):
        print("\n" + "\n\n".join(map(as_text, tables)))
    if args.out:
        done = "replaced" if args.out.exists() else "written"
        write_metrics(args.out, system.reports, {"name": args.name, "split": args.split, "file": args.file.name})
        print(f"figures {done}: {args.out}")
    return 0
