"""Print the results of the votes: `python -m annotation results --study pilot`.

Without --study: win / lose / tie of everything judged. With --study: all statistics of the study, as aligned text or,
for a paper, with `--markdown` or `--latex`. A study can also be read from exported files: `--ballots ballots.csv`.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from itertools import groupby
from pathlib import Path

from annotation.files.study_values import KINDS
from annotation.rubric import DEFAULT_RUBRIC, load_rubric
from annotation.statistics.figure_texts import figure
from annotation.statistics.intervals import Estimate
from annotation.statistics.report_tables import report_tables
from annotation.statistics.study_data import StudyData
from annotation.statistics.study_report import analyse
from annotation.store.database import for_reading, open_sessions
from annotation.store.engine import add_database_argument
from annotation.studies.study_source import find_study_data, named_majority, read_study_data
from annotation.talks.open_talks import Summary, summarise, tallies
from models.reading.table import STYLES

NO_MAJORITY = (
    "The rows do not say how many raters of an item must agree (column `majority`). Here an item counts if {rule} of "
    "them do; if the study had another rule, name its rubric with --rubric."
)


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


def study_text(data: StudyData, style: str = "text") -> str:
    """All tables of a study in one of the `STYLES`, then each pair's finding as a sentence (in text only)."""
    report = analyse(data)
    blocks = [STYLES[style](table) for table in report_tables(report)]
    if style == "text" and report.pairs:
        blocks.append("\n".join(f"{one.pair()}, {one.criterion}: {one.sentence}" for one in report.pairs))
    return "\n\n".join(blocks) or "No judgments yet."


def _share(share: Estimate) -> str:
    return "" if share.value is None else figure(share)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of `python -m annotation results`."""
    add_database_argument(parser)
    parser.add_argument(
        "--rubric",
        metavar="NAME|FILE",
        default=None,
        help="which questions to count, a preset or a JSON file; None: those of a study's plan, which takes no other, "
        f"or of its first talk, else {DEFAULT_RUBRIC}",
    )
    parser.add_argument(
        "--study", metavar="NAME", default=None, help="all statistics of this study; with files: only its rows"
    )
    for kind in KINDS:
        parser.add_argument(
            f"--{kind}", metavar="FILE", default=None, help=f"{kind} of a study, as exported, instead of the database"
        )
    style = parser.add_mutually_exclusive_group()
    style.add_argument("--latex", action="store_true", help="a study's tables as LaTeX (booktabs)")
    style.add_argument("--markdown", action="store_true", help="a study's tables as Markdown")


def run(args: Namespace) -> int:
    """Print the tables."""
    files = {kind: Path(getattr(args, kind)) for kind in KINDS if getattr(args, kind) is not None}
    style = "latex" if args.latex else "markdown" if args.markdown else "text"
    rubric = None if args.rubric is None else load_rubric(args.rubric)
    if files:
        data = read_study_data(files, rubric, args.study)
        if rubric is None and (data.ballots or data.preferences) and named_majority(data) is None:
            print(NO_MAJORITY.format(rule=data.rubric.majority.in_words()), file=sys.stderr)
        print(study_text(data, style))
        return 0
    if args.study is None and style != "text":
        raise ValueError(f"--{style} prints a study's tables; name it with --study, or its votes with --ballots")
    with for_reading(open_sessions(args.database, create=False))() as session:
        if args.study is not None:
            data = find_study_data(session=session, study=args.study, rubric=rubric)
            print(study_text(data, style))
            return 0
        counted = tallies(session=session, rubric=args.rubric or DEFAULT_RUBRIC)
    print(table_of(summarise(counted)))
    return 0
