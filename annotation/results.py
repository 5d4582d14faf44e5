"""Win / lose / tie on the screen: `python -m annotation results --study pilot`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from itertools import groupby

from annotation.database import for_reading, open_sessions
from annotation.engine import add_database_argument
from annotation.intervals import Share
from annotation.rubric import DEFAULT_RUBRIC, RUBRICS
from annotation.statistics import Summary, summarise, tallies


def table_of(summaries: tuple[Summary, ...]) -> str:
    """The summaries as text, one table per pair; percentages with their 95 % intervals."""
    blocks = []
    for pair, group in groupby(summaries, key=lambda summary: (summary.tally.system_1, summary.tally.system_2)):
        lines = [f"{pair[0]} against {pair[1]}", f"{'':<16}{'win %':>20}{'lose %':>20}{'tie %':>20}{'n':>6}"]
        for summary in group:
            shares = "".join(f"{_share(value):>20}" for value in (summary.win, summary.lose, summary.tie))
            lines.append(f"{summary.tally.criterion:<16}{shares}{summary.tally.total():>6}  {summary.sentence}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) or "No judgments yet."


def _share(share: Share | None) -> str:
    return "" if share is None else f"{share.percent:.1f} ({share.low:.1f}-{share.high:.1f})"


def add_arguments(parser: ArgumentParser) -> None:
    """Flags of `python -m annotation results`."""
    add_database_argument(parser)
    parser.add_argument("--rubric", choices=list(RUBRICS), default=DEFAULT_RUBRIC, help="which questions to count")
    parser.add_argument("--study", metavar="NAME", default=None, help="only the judgments of this study")


def run(args: Namespace) -> int:
    """Print the tables."""
    with for_reading(open_sessions(args.database, create=False))() as session:
        counted = tallies(session=session, rubric=args.rubric, study=args.study)
    print(table_of(tuple(summarise(tally) for tally in counted)))
    return 0
