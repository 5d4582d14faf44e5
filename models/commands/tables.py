"""The papers' tables with all our measurements: `python -m models tables runs/evaluate/*`.

Reads the metrics.json of each folder (`evaluate`, `score --out`) and the files of `seeds --out`; measures nothing. Each
of our rows names its split and how it was counted; nets that stand for a published row but were not measured are named.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from models.evaluation.paper_tables import paper_tables
from models.evaluation.published import published
from models.evaluation.reply_files import METRICS
from models.evaluation.report import read_metrics
from models.evaluation.spreads import read_spreads
from models.evaluation.tables import System
from models.reading.table import STYLES


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("measured", nargs="+", type=Path, help="folders of evaluate, or files of score --out")
    parser.add_argument("--seeds", nargs="*", type=Path, default=[], help="files of seeds --out: mean and deviation")
    parser.add_argument("--papers", default="all", help="published tables: rows of a system by name, or all")
    parser.add_argument("--form", choices=tuple(STYLES), default="text", help="how the tables are spelled")
    parser.add_argument("--short", action="store_true", help="without intervals, and without nets not measured")


def run(args: Namespace) -> int:
    """Print the tables. Raises FileNotFoundError or ValueError for an unreadable file, a system given twice, or
    trainings that were measured on other turns than their system.
    """
    systems = [_system(path / METRICS if path.is_dir() or not path.suffix else path) for path in args.measured]
    names = [system.name for system in systems]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is there twice; give each system once")
    rows = published(args.papers)
    spreads = read_spreads(args.seeds, systems)
    made = paper_tables(systems, rows, intervals=not args.short, spreads=spreads, missing=not args.short)
    print("\n\n".join(map(STYLES[args.form], made)))
    return 0


def _system(path: Path) -> System:
    about, reports = read_metrics(path)
    try:
        return System.read(about, reports)
    except ValueError as fault:
        raise ValueError(f"{path}: {fault}") from fault
