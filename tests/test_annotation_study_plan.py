"""Plans and rubrics: what cannot work is refused with the reason, and a plan follows from its seed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.rubric import RUBRICS, find_rubric, load_rubric, rubric_from_dict, rubric_to_json
from annotation.studies.item_plan import plan_items
from annotation.studies.study_plan import ContextKey, PlanError, StudyPlan, load_plan, plan_from_dict, raters_needed
from tests.studies import PLAN, SYSTEMS

CONTEXTS = [ContextKey(f"c{number}", f"d{number}", SYSTEMS) for number in range(12)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"systems": ("net-x",)}, "1 system.*at least 2"),
        ({"systems": ("net-x", "net-x")}, "different"),
        ({"raters": 2}, "2 rater.*3 different raters"),
        ({"raters_per_item": 0}, "raters_per_item is 0; allowed: 1 to"),
        ({"pairs_per_context": 4}, "pairs_per_context is 4; allowed: 1 to 3"),
        ({"overlap": 1.5}, "overlap is 1.5; allowed: 0 to 1"),
        ({"gold_share": 0.9}, "gold_share is 0.9; allowed: 0 to 0.5"),
        ({"duplicate_spacing": 0}, "duplicate_spacing is 0"),
        ({"lease_minutes": 0}, "lease_minutes is 0"),
        ({"lease_minutes": 1e300}, "lease_minutes is 1e.300; allowed: above 0, at most 525,600"),
        ({"min_seconds": 1e300}, "min_seconds is 1e.300; allowed: 0 to 3,600"),
        ({"systems": ("net-x", "net-x\u200b", "NET-Y")}, "names that look alike get mixed up"),
        ({"systems": ("net-x", "n\u0435t-x")}, "names that look alike get mixed up"),
        ({"systems": ("net-x", "net\u2028y")}, "name of a system is 'net.*2028y'; it has a line break"),
        ({"raters": 10**30}, r"raters is 1e\+30; at most 100,000 are allowed"),
        ({"duplicate_spacing": 10**30}, r"duplicate_spacing is 1e\+30; .* at most 100,000"),
        ({"seed": -1}, "seed is -1"),
        ({"name": " "}, "name is empty"),
    ],
)
def test_a_plan_that_cannot_work_is_refused_with_the_reason(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        replace(PLAN, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "contexts", "reason"),
    [
        ({}, [], "no item to judge; import items first"),
        ({}, [ContextKey("c", "d", ("net-x",))], "fewer than 2 of the study's systems: c"),
        ({}, [ContextKey("c", "d", ("net-x", "net-y"))], "no item has a reply of net-z"),
        ({"gold_share": 0.1}, CONTEXTS, "no item is marked gold"),
        ({"pairs_per_context": None}, CONTEXTS, "9 raters are needed.*the plan has 5"),
        ({}, [replace(context, dialogue="d") for context in CONTEXTS], "36 raters are needed"),
    ],
)
def test_items_that_cannot_be_judged_as_planned_are_refused(
    change: dict[str, object], contexts: list[ContextKey], reason: str
) -> None:
    with pytest.raises(PlanError, match=reason):
        plan_items(replace(PLAN, **change), contexts)  # type: ignore[arg-type]


@given(
    st.integers(1, 25), st.integers(2, 4), st.integers(1, 4), st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.integers(0, 99)
)
@settings(max_examples=60, deadline=None)
def test_any_plan_balances_its_pairs_and_keeps_its_shares(
    count: int, systems: int, raters: int, share: float, seed: int
) -> None:
    names = tuple(f"s{number}" for number in range(systems))
    plan = StudyPlan("p", names, raters, raters_per_item=raters, seed=seed, overlap=share, review_share=share)
    plan = replace(plan, duplicate_share=share)
    contexts = [ContextKey(f"c{number}", f"d{number}", names) for number in range(count)]
    assert raters_needed(plan, contexts) == (raters if share else 1)
    items = plan_items(plan, contexts)
    assert items == plan_items(plan, contexts[::-1])
    main = [row for row in items if row.duplicate_of is None]
    pairs = Counter(row.systems for row in main)
    assert len(main) == count
    assert max(pairs.values()) - min(pairs.values()) <= 1
    wanted = -(-round(share * count, 9) // 1)
    assert sum(row.in_sample for row in items) == wanted
    assert len(items) - count == wanted
    assert sum(row.seats == raters for row in main) >= wanted
    assert [row.position for row in items] == list(range(len(items)))
    by_name = {row.name: row for row in items}
    assert len(by_name) == len(items)
    assert all(by_name[row.duplicate_of].seats == row.seats for row in items if row.duplicate_of)


def test_a_sample_is_drawn_from_every_pair() -> None:
    items = plan_items(replace(PLAN, review_share=0.5), CONTEXTS)
    assert Counter(row.systems for row in items if row.in_sample) == dict.fromkeys({row.systems for row in items}, 2)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("Warmth", "warmth "), "look alike and get mixed up"),
        (("A", "\u0410"), "look alike and get mixed up"),
        (("Warm\u2028th",), "it has a line break or a control character"),
    ],
)
def test_criteria_that_would_be_mixed_up_are_refused(names: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        rubric_from_dict({"name": "own", "criteria": [{"name": name, "question": "?"} for name in names]})


def test_plans_and_rubrics_survive_their_files(tmp_path: Path) -> None:
    rubric = rubric_from_dict({"name": "warmth", "criteria": [{"name": "Warmth", "question": "Who is warmer?"}]})
    (tmp_path / "warmth.json").write_text(rubric_to_json(rubric), encoding="utf-8")
    values = {"name": "p", "systems": ["b", "a"], "raters": 3, "rubric": "warmth.json", "overlap": 1}
    (tmp_path / "plan.json").write_text(json.dumps(values), encoding="utf-8")
    plan = load_plan(tmp_path / "plan.json")
    assert (plan.rubric, plan.systems) == (rubric, ("a", "b"))
    assert plan_from_dict(json.loads(plan.to_json())) == plan
    for preset in RUBRICS.values():
        assert rubric_from_dict(json.loads(rubric_to_json(preset))) == preset


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "an object is needed"),
        ("{", "plan.json"),
        ('{"name": "p"}', "missing.*raters.*systems"),
        ('{"name": "p", "systems": ["a", "b"], "raters": 3, "rater": 1}', "unknown.*rater"),
        ('{"name": "p", "systems": "ab", "raters": 3}', "a list of names"),
        ('{"name": "p", "systems": ["a", "b"], "raters": "3"}', "raters is '3'; a number"),
        ('{"name": "p", "systems": ["a", "b"], "raters": 3, "rubric": "x"}', "unknown rubric 'x'"),
        ('{"name": "p", "systems": ["a", "b"], "raters": 3, "rubric": "x.json"}', "cannot read the rubric"),
    ],
)
def test_a_bad_plan_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "plan.json").write_text(content, encoding="utf-8")
    with pytest.raises(PlanError, match=message):
        load_plan(tmp_path / "plan.json")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "r"}, "missing.*criteria"),
        ({"name": "r", "criteria": []}, "needs a name and criteria"),
        ({"name": "r", "criteria": [{"name": "x"}]}, "name and question"),
        ({"name": "r", "criteria": [{"name": "x", "question": "?"}], "scale": "stars"}, "stars"),
        ({"name": "r", "criteria": [{"name": "x", "question": "?"}], "low": 2}, "low must be below high"),
    ],
)
def test_a_bad_rubric_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rubric_from_dict(values)


def test_majorities_follow_the_preset() -> None:
    admisc, misc = find_rubric("admisc-2024"), load_rubric("misc-2022")
    assert admisc.agreed(["a", "a", "b", "tie"]) == "a"  # at least half
    assert misc.agreed(["1", "1", "0", "2"]) is None  # more than half
    assert admisc.agreed(["a", "a", "b", "b"]) is None
    assert admisc.agreed([]) is None
