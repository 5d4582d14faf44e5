"""Judgments, conversations and studies as flat rows: `python -m annotation export --format csv --output votes.csv`.

Visitors become r1, r2, ... in the order in which they first came; raters of a live study keep their names there (so a
name is unique only within a study). Texts written by people and nets go through `mask`. The rows of a study (ballots,
ratings, verdicts, gold, features of the replies) can be read again: `python -m annotation results --ballots FILE`.
"""

from __future__ import annotations

import csv
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.choices import Mode
from annotation.files.masking import LIMITS, mask
from annotation.files.study_files import FILE_FORMATS, save_rows, spreadsheet_safe, study_rows
from annotation.files.study_values import KINDS
from annotation.store.database import for_reading, open_sessions
from annotation.store.engine import add_database_argument
from annotation.store.schema import Ballot, Encounter, Judgment, Post, Reply
from annotation.studies.live_ballots import rater_numbers
from annotation.studies.study_source import find_study_data
from annotation.talks.held_back import held_back_count, held_back_turns

TABLES = ("judgments", "conversations")
FORMATS = ("csv", "jsonl")
Row = dict[str, Any]


def export_rows(*, session: Session, table: str, study: str | None = None, mode: Mode | None = None) -> Iterator[Row]:
    """The rows of one of TABLES, oldest first, optionally of one study or mode. Raises ValueError for another table.

    judgments: one row per rater, encounter and criterion. conversations: one row per attempt of a reply, with its post.
    """
    if table not in TABLES:
        raise ValueError(f"unknown table {table!r}; allowed: {', '.join(TABLES)}")
    read = _judgment_rows if table == "judgments" else _conversation_rows
    raters = rater_numbers(session)
    for encounter, row in read(session):
        if (study is None or encounter.study == study) and (mode is None or encounter.mode is mode):
            yield _encounter_columns(encounter, raters) | row


def write_rows(rows: Iterator[Row], out: TextIO, form: str) -> int:
    """Write `rows` to `out` in one of FORMATS; returns their number. Raises ValueError for another format."""
    if form not in FORMATS:
        raise ValueError(f"unknown format {form!r}; allowed: {', '.join(FORMATS)}")
    count = 0
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        count += 1
        if form == "jsonl":
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            continue
        if writer is None:
            writer = csv.DictWriter(out, fieldnames=list(row))
            writer.writeheader()
        writer.writerow({name: spreadsheet_safe(value) for name, value in row.items()})
    return count


def _encounter_columns(encounter: Encounter, raters: dict[str, str]) -> Row:
    return {
        "encounter": encounter.id,
        "rater": raters[encounter.visitor],
        "mode": encounter.mode.value,
        "blind": encounter.mode is Mode.STUDY or bool(encounter.blind),
        "study": encounter.study,
        "stage": encounter.stage.value,
        "emotion_type": mask(encounter.emotion_type),
        "problem_type": mask(encounter.problem_type),
        "role_card": encounter.role_card,
        "intensity_before": encounter.intensity_before,
    }


def _judgment_rows(session: Session) -> Iterator[tuple[Encounter, Row]]:
    statement = (
        select(Encounter, Ballot, Judgment)
        .join(Ballot, Ballot.encounter_id == Encounter.id)
        .join(Judgment, Judgment.ballot_id == Ballot.id)
        .order_by(Judgment.id)
    )
    held = held_back_turns(session)
    for encounter, ballot, judgment in session.execute(statement):
        yield (
            encounter,
            {
                "intensity_after": ballot.intensity_after,
                "rubric": judgment.rubric,
                "rubric_version": judgment.rubric_version,
                "criterion": judgment.criterion,
                "system_1": judgment.system_1,
                "system_2": judgment.system_2,
                "outcome": judgment.outcome.value,
                "picked": judgment.picked.value,
                "side_a": judgment.side_a,
                "shown_first": judgment.shown_first.value,
                "checkpoint_1": judgment.checkpoint_1,
                "checkpoint_2": judgment.checkpoint_2,
                "seconds": judgment.seconds,
                "held_back": held_back_count(held.get(encounter.id)),
                "reason": None if ballot.reason is None else mask(ballot.reason),
                "app_version": judgment.app_version,
                "created_at": judgment.created_at.isoformat(),
            },
        )


def _conversation_rows(session: Session) -> Iterator[tuple[Encounter, Row]]:
    same_post = (Post.encounter_id == Reply.encounter_id) & (Post.turn_index == Reply.turn_index)
    statement = (
        select(Encounter, Post, Reply)
        .join(Post, Post.encounter_id == Encounter.id)
        .join(Reply, same_post)
        .order_by(Encounter.created_at, Encounter.id, Post.turn_index, Reply.side, Reply.attempt)
    )
    for encounter, post, reply in session.execute(statement):
        yield (
            encounter,
            {
                "situation": mask(encounter.situation),
                "turn": post.turn_index,
                "post": mask(post.text),
                "side": reply.side.value,
                "attempt": reply.attempt,
                "system": reply.system,
                "state": reply.state.value,
                "reply": None if reply.text is None else mask(reply.text),
                "strategy": reply.strategy,
                "checkpoint": reply.checkpoint,
                "held_back": None if reply.held_back is None else reply.held_back.value,
                "seed": reply.seed,
                "options": reply.options_json,
                "created_at": reply.created_at.isoformat(),
            },
        )


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of `python -m annotation export`."""
    add_database_argument(parser)
    parser.add_argument(
        "--table",
        choices=(*TABLES, *KINDS),
        default=TABLES[0],
        help="what a row is: a judgment, a reply; or of one study a vote, a score, a review, a known answer, a feature",
    )
    parser.add_argument(
        "--format", choices=FILE_FORMATS, default=FORMATS[0], help="CSV with a header, JSON Lines, or Parquet"
    )
    parser.add_argument("--output", metavar="FILE", default="-", help="file to write (UTF-8), - for the screen")
    parser.add_argument("--study", metavar="NAME", default=None, help="only this study")
    parser.add_argument("--mode", choices=_modes(), default=None, help="only the encounters of this mode")


def _modes() -> Sequence[str]:
    return [mode.value for mode in Mode]


def run(args: Namespace) -> int:
    """Write the rows; their number is printed on standard error, so that a pipe gets only rows."""
    if args.table in KINDS and args.study is None:
        raise ValueError(f"--table {args.table} is of one study; name it with --study")
    if args.format == "parquet" and args.output == "-":
        raise ValueError("Parquet is no text; name a file with --output")
    sessions = for_reading(open_sessions(args.database, create=False))
    mode = None if args.mode is None else Mode(args.mode)
    with sessions() as session:
        if args.table in KINDS:
            rows = study_rows(find_study_data(session=session, study=args.study), args.table)
        else:
            rows = list(export_rows(session=session, table=args.table, study=args.study, mode=mode))
    count = len(rows)
    if args.output == "-":
        write_rows(iter(rows), sys.stdout, args.format)
    else:
        save_rows(rows, Path(args.output), args.format)
    print(f"{count} rows{'' if args.output == '-' else f' written to {args.output}'}", file=sys.stderr)
    print(LIMITS, file=sys.stderr)
    return 0
