"""Where a study's votes come from: the database, or files that `python -m annotation export` wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.choices import Majority, Role, StudyState
from annotation.files.study_files import read_values
from annotation.files.study_values import KINDS
from annotation.rubric import DEFAULT_RUBRIC, Rubric, find_rubric
from annotation.statistics.study_data import GoldAnswer, StudyData
from annotation.store.schema import Encounter
from annotation.store.study_schema import Study
from annotation.studies.ballots import ballots, known_answers, ratings, verdicts
from annotation.studies.live_ballots import encounter_ballots
from annotation.studies.live_rows import live_rows
from annotation.studies.live_views import TurnVote
from annotation.studies.members import require
from annotation.studies.reply_features import encounter_features, reply_features
from annotation.studies.studies import lead_access, plan_of
from annotation.studies.study_views import Access, Ballot


def stored_data(*, session: Session, access: Access) -> StudyData:
    """By a lead: everything that raters handed in and reviewers decided so far. Raises NotAllowed."""
    study, _ = require(session, access, Role.LEAD)
    plan, decided = plan_of(study), verdicts(session=session, access=access)
    live = vars(live_rows(session=session, access=access))
    if not plan.pairwise():
        return StudyData(ratings=ratings(session=session, access=access), verdicts=decided, rubric=plan.rubric, **live)
    known = known_answers(session, study)
    gold = [GoldAnswer(item, name, value) for item, answers in known.items() for (name, _), value in answers.items()]
    return StudyData(
        ballots=ballots(session=session, access=access),
        verdicts=decided,
        gold=tuple(gold),
        features=reply_features(session=session, access=access),
        rubric=plan.rubric,
        **live,
    )


def find_study_data(*, session: Session, study: str, rubric: Rubric | None = None) -> StudyData:
    """The votes of the planned study of that name once it was opened, else those of live talks held under that name.

    Live talks are read with `rubric` (default: that of the first talk); a planned study has its own. Raises ValueError
    for another rubric than a planned study's, and naming the existing studies, when this is none of them.
    """
    planned = session.scalar(select(Study).where(Study.name == study, Study.state != StudyState.DRAFT))
    if planned is not None:
        own = plan_of(planned).rubric
        if rubric is not None and rubric != own:
            raise ValueError(
                f"the study {study!r} was judged by its own rubric {own.name!r} (version {own.version}), and "
                f"{rubric.name!r} (version {rubric.version}) is another: leave --rubric out"
            )
        return stored_data(session=session, access=lead_access(session=session, name=study))
    used = session.execute(
        select(Encounter.study, Encounter.rubric).where(Encounter.study.is_not(None)).order_by(Encounter.created_at)
    ).all()
    mine = [row.rubric for row in used if row.study == study]
    if not mine:
        opened = session.scalars(select(Study.name).where(Study.state != StudyState.DRAFT))
        names = ", ".join(sorted({str(row.study) for row in used} | set(opened))) or "none yet"
        raise ValueError(f"there is no study {study!r}; studies: {names}")
    chosen = rubric or find_rubric(mine[0])
    return StudyData(
        ballots=encounter_ballots(session=session, rubric=chosen, study=study),
        features=encounter_features(session=session, study=study),
        rubric=chosen,
    )


def read_study_data(files: Mapping[str, Path], rubric: Rubric | None = None, study: str | None = None) -> StudyData:
    """A study from exported files, given as kind of row -> file; what is not given is empty.

    The rows say themselves how many raters make a majority; where none does, `rubric` or else the default one says it.
    Raises ValueError for an unknown kind, bad rows, another majority in `rubric` than in the rows, scores outside its
    range, rows of several studies (with `study`, only rows of that one are used), and OSError when a file cannot be
    read.
    """
    unknown = [kind for kind in files if kind not in KINDS]
    if unknown:
        raise ValueError(f"unknown kinds of rows {unknown}; allowed: {', '.join(KINDS)}")
    read = {kind: read_values(path, kind) for kind, path in files.items()}
    found = _of_one_study({kind: values.found for kind, values in read.items()}, files, study)
    data = StudyData(**found, rubric=rubric or find_rubric(DEFAULT_RUBRIC))
    named = named_majority(data)
    if named is not None and rubric is not None and named is not rubric.majority:
        raise ValueError(
            f"{_named(files)}: the rows are of a study whose items count if {named.in_words()} of their raters agree, "
            f"those of the rubric {rubric.name!r} if {rubric.majority.in_words()} do: leave --rubric out, or name the "
            "study's own"
        )
    data = replace(data, rubric=replace(data.rubric, majority=named or data.rubric.majority))
    _check_scores(data, files)
    _check_whom_answers_mean(data, read["ballots"].turned if "ballots" in read else frozenset(), files)
    return data


def named_majority(data: StudyData) -> Majority | None:
    """The majority that the rows of a study name themselves, None if none does. Raises ValueError for two."""
    votes: tuple[Ballot | TurnVote, ...] = (*data.ballots, *data.preferences)
    named = sorted({Majority(vote.majority) for vote in votes if vote.majority is not None})
    if len(named) > 1:
        raise ValueError(f"the rows name two majorities, {' and '.join(named)}; a study has one")
    return named[0] if named else None


def _of_one_study(
    found: Mapping[str, tuple[Any, ...]], files: Mapping[str, Path], study: str | None
) -> dict[str, tuple[Any, ...]]:
    """The rows of `study`; without it, those of the only study there is. Rows without a study belong to every one."""
    counts = Counter(row.study for rows in found.values() for row in rows if hasattr(row, "study"))
    named = ", ".join(f"{name or '(none)'} ({count} rows)" for name, count in sorted(counts.items()))
    where = _named(files)
    if study is None and len(counts) > 1:
        raise ValueError(f"{where}: rows of {len(counts)} studies: {named}; a report is of one: choose it with --study")
    if study is not None and counts and study not in counts:
        raise ValueError(f"{where}: no row of the study {study!r}; there are: {named}")
    return {
        kind: tuple(row for row in rows if study is None or getattr(row, "study", study) == study)
        for kind, rows in found.items()
    }


def _check_whom_answers_mean(data: StudyData, turned: frozenset[str], files: Mapping[str, Path]) -> None:
    """Raises ValueError where an answer "a" or "b" of a reviewer or a gold item could mean several systems."""
    pairs = Counter(item_id for item_id, *_ in {ballot.judged() for ballot in data.ballots})
    several = {item_id for item_id, count in pairs.items() if count > 1}
    faults = {
        "name the two systems out of sorted order": (turned, "name them in sorted order everywhere"),
        "are of several pairs": (several, "give each pair its own item_id"),
    }
    for kind in ("gold", "verdicts"):
        answered = {one.item_id for one in getattr(data, kind) if getattr(one, "system", None) is None}
        for fault, (items, what_to_do) in faults.items():
            if unclear := sorted(answered & items):
                raise ValueError(
                    f"{files['ballots']}: rows of item {unclear[0]} {fault}, so it is unclear whom an answer a or b in "
                    f"{files[kind]} means; {what_to_do}"
                )


def _check_scores(data: StudyData, files: Mapping[str, Path]) -> None:
    scale = data.scale()
    for row in data.ratings:
        if row.score not in scale:
            raise ValueError(
                f"{files['ratings']}: the score of item {row.item_id}, rater {row.rater}, {row.criterion}, {row.system}"
                f" is {row.score}; {data.rubric.name} goes from {scale[0]} to {scale[-1]}: name the rubric of the study"
                " with --rubric"
            )


def _named(files: Mapping[str, Path]) -> str:
    return ", ".join(map(str, files.values()))
