"""What a lead does to a draft and reads of its items, through the page's own interface."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from annotation.studies.study_views import ReviewView, VoteCount
from escdemo.study import item_reading, leads, render, texts
from escdemo.study.create_panel import FIELDS
from escdemo.study.question_form import MAX_QUESTIONS
from tests.fakes import EchoResponder
from tests.running import CREATE_KEY, Site, running
from tests.test_study_client import Member, links

PAIR = ("fake-1", "fake-2")
PLAN = {"name": "read", "systems": list(PAIR), "raters": 3, "seed": 5, "review_share": 0}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    nets = {name: EchoResponder(name, f"sha-{name}") for name in PAIR}
    with running(f"sqlite:///{tmp_path_factory.mktemp('leads') / 'site.db'}", nets) as running_site:
        yield running_site


def founded(site: Site, **changes: Any) -> Member:
    """The lead of a new draft."""
    lead = Member(site, key=CREATE_KEY)
    assert "?invite=" in lead.call("create_from_file", lead.send_file("plan.json", json.dumps(PLAN | changes)))
    return lead


def rows(count: int) -> str:
    said = {"fake-1": {"text": "[Question] Why?", "trace": {"strategies": [0.9, 0.1], "checkpoint": "sha-1"}}}
    row = {"situation": "Fired.", "replies": said | {"fake-2": "Oh <b>no</b>."}}
    contexts = [[{"speaker": "seeker", "text": f"Post {number}."}] for number in range(count)]
    return "\n".join(json.dumps(row | {"id": f"i{at}", "context": one}) for at, one in enumerate(contexts))


def listed(told: str) -> list[str]:
    """Ids of the items in the list, as the page got them."""
    data = json.loads(told)["data"]
    (choices,) = (one["choices"] for one in data if isinstance(one, dict) and "Item (" in str(one.get("label")))
    return [value for _, value in choices]


def test_a_lead_reads_drops_and_empties_a_draft(site: Site) -> None:
    lead = founded(site, name="emptied")
    told = lead.call("upload_items", lead.send_file("items.jsonl", rows(3)))
    assert "i0: the reply of fake-1 carries a tag of its net" in told
    assert "carries a tag" in lead.call("overview")  # until the study opens
    told = lead.call("read", "all", None)
    ids = listed(told)
    assert len(ids) == 3
    assert "Oh &lt;b&gt;no&lt;/b&gt;." in told
    assert "Strategies: Question 90 %" in told
    assert "Post 1." in lead.call("read_forward", "all", ids[0])
    assert "Post 0." in lead.call("read_back", "all", ids[0])
    told = lead.call("drop_item", "all", ids[1])
    assert "i1 is no longer in the draft" in told
    assert "Post 2." in told
    assert listed(told) == [ids[0], ids[2]]
    assert "2 items taken out" in lead.call("empty_draft", "all")
    assert "There is no such item" in lead.call("read", "all", None)


def test_a_long_list_has_the_items_around_the_chosen_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_reading, "LISTED", 3)
    lead = founded(site, name="long")
    lead.call("upload_items", lead.send_file("items.jsonl", rows(9)))
    first = listed(lead.call("read", "all", None))
    assert len(first) == 3
    near = listed(lead.call("read", "all", "i7"))  # as the file calls it
    assert "Post 7." in lead.told
    assert len(near) == 3
    assert not set(near) & set(first)
    assert "Post 8." in lead.call("read_forward", "all", near[1])
    assert "Item (9)" in lead.told


def test_items_are_checked_once_after_each_change(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, checked = founded(site, name="checked"), []
    check = leads.draft_warnings
    monkeypatch.setattr(leads, "draft_warnings", lambda **given: checked.append(1) or check(**given))
    lead.call("upload_items", lead.send_file("items.jsonl", rows(2)))
    for _ in range(3):
        assert "carries a tag" in lead.call("overview")
    assert len(checked) == 1
    lead.call("empty_draft", "all")
    assert "carries a tag" not in lead.call("overview")
    assert len(checked) == 2


def test_nets_answer_a_context_again(site: Site) -> None:
    lead = founded(site, name="again")
    lead.call("make_from_cards", 2)
    _wait(lead)
    ids = listed(lead.call("read", "all", None))
    before = re.findall(r"<h3>fake-1</h3>.*?</section>", lead.told)[0]
    assert "The nets are answering this context again" in lead.call("make_again", "all", ids[0])
    _wait(lead)
    assert "2 contexts imported" in lead.call("overview")
    assert set(listed(lead.call("read", "all", ids[0]))) == set(ids)  # the same context, so the same id
    assert re.findall(r"<h3>fake-1</h3>.*?</section>", lead.told)[0] != before


def _wait(lead: Member) -> None:
    until = time.monotonic() + 60
    while "contexts answered" in lead.call("overview") and time.monotonic() < until:
        time.sleep(0.05)


def test_reasons_are_read_beside_the_votes(site: Site) -> None:
    lead = founded(site, name="reasons", raters=1, raters_per_item=1)
    lead.call("upload_items", lead.send_file("items.jsonl", rows(2)))
    lead.call("open")
    rater = Member(site, links(lead.call("invite", "rater", 1))[0])
    rater.call("agree", True)
    assert "the seeker&#x27;s problem" in rater.told  # an onlooker has no problem of their own here
    assert "your problem" not in rater.told
    rater.call("begin")
    rater.call("submit", "It <asks>.", *["a"] * 5, *[None] * (MAX_QUESTIONS - 5))
    assert "Replies of" in lead.call("study_results", None)
    assert "It &lt;asks&gt;." in lead.told
    (read,) = listed(lead.call("read", "reasons", None))
    assert "It &lt;asks&gt;." in lead.told
    assert len(listed(lead.call("read", "all", read))) == 2
    assert "Item (0)" in lead.call("read", "split", None)
    for call, values in (("read", ["all", read]), ("drop_item", ["all", read]), ("empty_draft", ["all"])):
        assert "Post" not in rater.call(call, *values)
        assert not any(name in rater.told for name in PAIR)


def test_the_plan_of_a_draft_is_changed_in_its_form(site: Site) -> None:
    lead = founded(
        site, name="formed", lease_minutes=30, rubric={"name": "own", "criteria": [{"name": "X", "question": "?"}]}
    )
    form = lead.call("edit_plan")
    data = json.loads(form)["data"]
    values = [one["value"] for one in data if isinstance(one, dict) and "value" in one and "visible" not in one]
    fields = values[: len(FIELDS)]
    assert fields[:3] == ["formed", list(PAIR), "own"]
    fields[0], fields[4] = "renamed", 7
    told = lead.call("save_plan", *fields)
    assert "The plan is changed" in told
    assert "7, 3 per item" in told
    lead.call("upload_items", lead.send_file("items.jsonl", rows(1)))
    fields[1] = ["fake-1", "gpt, other"]
    assert "systems cannot change while the draft has 1 items" in lead.call("save_plan", *fields)


def test_a_deleted_draft_is_gone_and_its_name_is_free(site: Site) -> None:
    lead = founded(site, name="twice")
    (token,) = links(lead.told)
    assert "The draft twice is deleted" in lead.call("delete_draft")
    assert "esc-problem" in Member(site, token).told
    founded(site, name="twice")


def test_a_live_study_with_a_system_that_is_not_here_is_refused_when_it_is_made(site: Site) -> None:
    lead = Member(site, key=CREATE_KEY)
    plan = PLAN | {"name": "talks", "kind": "live", "systems": ["fake-1", "gpt"]}
    told = lead.call("create_from_file", lead.send_file("plan.json", json.dumps(plan)))
    assert "This server does not run gpt" in told
    assert "?invite=" not in told


def test_a_bad_upload_is_named_as_its_owner_names_it(site: Site) -> None:
    lead = founded(site, name="uploads")
    told = lead.call("upload_items", lead.send_file("my items.csv", 'id,context,reply:fake-1\n1,"seeker: hi,a\n'))
    assert re.search(r"esc-problem[^>]*>my items\.csv, line 2: unexpected end of data", told.replace('\\"', '"'))


def test_a_lead_who_comes_back_is_told_of_the_link(site: Site) -> None:
    (token,) = links(founded(site, name="linked").told)
    back = Member(site, token)
    assert texts.COPY_OWN in back.told
    assert token not in back.told  # the server cannot tell it again


def test_a_reviewer_confirms_a_majority_only_where_there_is_one() -> None:
    def offered(*majorities: str | None) -> list[str]:
        counts = tuple(VoteCount(f"q{at}", None, (), one) for at, one in enumerate(majorities))
        view = ReviewView(1, "", (), (), (), counts, False, None, None, None)  # type: ignore[arg-type]
        return [label for label, _ in render.decisions(view)]

    assert offered("a", "tie")[0] == "Confirm: the majority stands"
    assert offered("a", None)[0].startswith("Confirm: the majority stands where there is one")
    assert [label.split(":")[0] for label in offered(None, None)] == ["Correct", "Discard"]


def test_only_who_may_make_studies_is_offered_the_nets(site: Site) -> None:
    assert not any(name in Member(site).page + Member(site).told for name in PAIR)
    assert all(name in Member(site, key=CREATE_KEY).told for name in PAIR)
    stranger = Member(site, key="a guess")
    form = ["spied", ["gpt", "other"], "admisc-2024", "live", 3, 3, 1, 1.0, 0, 0, 0, 5, 0, 4, "none", "", "", True]
    assert "cannot make studies" in stranger.call("create", *form)
    assert not any(name in "".join(stranger.seen) for name in PAIR)
