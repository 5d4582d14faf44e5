"""What stands out in a rater's work, and that the lead's page and the report say the same of the same work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Purpose
from annotation.statistics.flags import FlagLimits, Work, flagged, measure
from annotation.statistics.raters import rater_table
from annotation.studies.ballots import ballots
from annotation.studies.quality import rater_quality
from annotation.studies.study_views import RaterQuality
from tests.studies import PLAN, StudyRoom, item


def work(number: int, shown: str = "a", seconds: float = 20.0, **changes: object) -> Work:
    values = {"purpose": Purpose.MAIN, "duplicate_of": None, "answers": {("Overall", ""): shown}, "shown": [shown]}
    return Work(item=f"i{number}", seconds=seconds, **values | changes)  # type: ignore[arg-type]


def rows(*raters: Sequence[Work], min_seconds: float = 5.0, scored: bool = False) -> tuple[RaterQuality, ...]:
    found = [
        measure(f"r{at}", works, {}, pairwise=not scored, min_seconds=min_seconds)
        for at, works in enumerate(raters, start=1)
    ]
    return flagged(found, min_seconds=min_seconds)


MIXED = [work(number, "ab"[number % 2]) for number in range(10)]


def test_careful_work_and_no_work_have_no_flag() -> None:
    careful, nothing = rows(MIXED, [])
    assert (careful.flags, nothing.flags) == ((), ())
    assert (nothing.items, nothing.median_seconds) == (0, None)


def test_haste_is_measured_by_the_plan_and_by_the_others() -> None:
    quick = [replace(one, seconds=2.0) for one in MIXED]
    assert rows(quick)[0].flags == ("too fast: 10 of 10 items in under 5 s",)
    assert rows(quick, min_seconds=1.0)[0].flags == ()
    assert rows([replace(MIXED[0], seconds=2.0), *MIXED[1:]])[0].flags == ()  # one item may be easy
    _, _, last = rows(MIXED, MIXED, [replace(one, seconds=6.0) for one in MIXED])
    assert last.flags == ("fast: 6 s per item, the median rater 20 s",)
    tests = [[replace(one, seconds=seconds) for one in MIXED] for seconds in (0.3, 0.3, 0.01)]
    assert [row.flags for row in rows(*tests, min_seconds=0.0)] == [(), (), ()]  # too little to compare


def test_one_side_is_a_sign_test_over_items() -> None:
    """Ten items of five answers each on one side are ten coins, not fifty: p = 2 / 2**10 = 0.002."""
    five = [replace(work(number), shown=["a"] * 5) for number in range(10)]
    assert rows(five)[0].flags == ("one side: the first one in 10 of 10 items",)
    assert rows(five[:7])[0].flags == ()  # p = 0.016
    assert rows(*[five] * 6)[0].flags == ()  # of six raters one is likely to get such a run: 0.002 > 0.01 / 6
    split = [replace(one, shown=["a", "b"]) for one in five]
    assert rows(split)[0].flags == ()
    assert "the second one in 10 of 10" in rows([replace(one, shown=["b"]) for one in five])[0].flags[0]


def test_one_answer_nearly_always() -> None:
    ties = [work(number, "tie") for number in range(8)]
    assert rows(ties)[0].flags == ("always the same answer: 8 of 8 are tie",)
    assert rows(ties[:7])[0].flags == ()
    assert rows([work(number, "2") for number in range(9)], scored=True)[0].flags == (
        "always the same answer: 9 of 9 are 2",
    )
    assert rows([work(number, str(number % 3)) for number in range(9)], scored=True)[0].flags == ()


@pytest.mark.parametrize("purpose", [Purpose.GOLD, Purpose.ONBOARDING])
def test_known_answers(purpose: Purpose) -> None:
    """3 of 4 is enough, 2 of 4 is not, and of 2 nothing is said."""

    def flags(answers: str) -> tuple[str, ...]:
        works = [work(at, value, purpose=purpose) for at, value in enumerate(answers)]
        known = {one.item: {("Overall", ""): "a"} for one in works}
        figures = measure("r1", works, known, pairwise=True, min_seconds=0.0)
        return flagged([figures], min_seconds=0.0)[0].flags

    assert flags("aaab") == ()
    assert flags("aabb") == ("known answers: 2 of 4 right",)
    assert flags("bb") == ()


def test_duplicates() -> None:
    def flags(same: int, other: int) -> tuple[str, ...]:
        first = [work(number, "ab"[number % 2]) for number in range(same + other)]
        again = [
            replace(one, item=f"{one.item}x", duplicate_of=one.item, answers={("Overall", ""): "tie"})
            for one in first[:other]
        ] + [replace(one, item=f"{one.item}x", duplicate_of=one.item) for one in first[other:]]
        return rows([*first, *again])[0].flags

    assert flags(3, 3) == ()
    assert flags(2, 4) == ("alike when swapped: 2 of 6 answers",)
    assert flags(0, 4) == ()


def test_limits_can_be_changed() -> None:
    figures = measure("r1", MIXED, {}, pairwise=True, min_seconds=30.0)
    assert flagged([figures], min_seconds=30.0, limits=FlagLimits(fast_items=11))[0].flags == ()


def test_page_and_report_say_the_same(sessions: sessionmaker[Session]) -> None:
    """r1 takes the first side of everything, also of items judged twice; both read it from the same study."""
    plan = replace(PLAN, raters=2, raters_per_item=2, duplicate_share=0.5, duplicate_spacing=1, min_seconds=0.0)
    room = StudyRoom(sessions, plan, tuple(item(number) for number in range(12)), raters=2)
    turns = {rater.pseudonym: 0 for rater in room.people}
    busy = list(room.people)
    while busy:
        for rater in list(busy):
            turns[rater.pseudonym] += 1
            value = "a" if rater is room.people[0] else "ab"[turns[rater.pseudonym] % 2]
            if room.judge(rater, value) is None:
                busy.remove(rater)
    page = {row.rater: row.flags for row in room.do(rater_quality, room.lead)}
    report = {row.rater: row.flags for row in rater_table(room.do(ballots, room.lead))}
    assert any("one side: the first one" in flag for flag in page["r1"])
    for rater, flags in report.items():
        assert tuple(flag for flag in flags if not flag.startswith("disagrees")) == page[rater]
