"""Where a study's votes come from: the database, or files that `python -m annotation export` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.live_ballots import encounter_ballots
from annotation.rubric import DEFAULT_RUBRIC, Rubric, find_rubric
from annotation.schema import Encounter
from annotation.study_data import StudyData
from annotation.study_files import KINDS, read_values


def find_study_data(*, session: Session, study: str, rubric: str | None = None) -> StudyData:
    """The votes of the live talks of `study`, by `rubric` (default: the one that the study's first talk used).

    Raises ValueError naming the studies there are, when this is none of them.
    """
    used = session.execute(
        select(Encounter.study, Encounter.rubric).where(Encounter.study.is_not(None)).order_by(Encounter.created_at)
    ).all()
    mine = [row.rubric for row in used if row.study == study]
    if not mine:
        names = ", ".join(sorted({str(row.study) for row in used})) or "none yet"
        raise ValueError(f"there is no study {study!r}; studies: {names}")
    chosen = find_rubric(rubric or mine[0])
    return StudyData(ballots=encounter_ballots(session=session, rubric=chosen.name, study=study), rubric=chosen)


def read_study_data(files: Mapping[str, Path], rubric: Rubric | None = None) -> StudyData:
    """A study out of exported files, kind of row -> file; what is not given is empty.

    Raises ValueError for an unknown kind or bad rows, OSError when a file cannot be read.
    """
    unknown = [kind for kind in files if kind not in KINDS]
    if unknown:
        raise ValueError(f"unknown kinds of rows {unknown}; allowed: {', '.join(KINDS)}")
    read = {kind: read_values(path, kind) for kind, path in files.items()}
    return StudyData(**read, rubric=rubric or find_rubric(DEFAULT_RUBRIC))
