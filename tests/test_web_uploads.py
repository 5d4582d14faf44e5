"""Who may upload, what becomes of uploads, and that nothing is read before it is known who asks."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from annotation.choices import Role
from annotation.files.item_files import ItemFileError, parse_rows, read_uploaded
from annotation.store.database import open_sessions
from annotation.studies.members import invite, revoke
from escdemo.study import uploaded
from escdemo.study.uploaded import MAX_PLAN_BYTES, read_plan_file, read_turns, take
from escdemo.web import uploads
from escdemo.web.uploads import lead_of, make_pass, private_folder, sweep
from models.reading.rows import Row
from tests.events import Answer, Stranger, ask
from tests.fakes import EchoResponder
from tests.running import CREATE_KEY, Site, running
from tests.studies import StudyRoom
from tests.test_study_client import Member, item_lines, links

PLAN = {"name": "by a plan", "systems": ["a", "b"], "raters": 3}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    nets = {name: EchoResponder(name, f"sha-{name}") for name in ("fake-1", "fake-2")}
    with running(f"sqlite:///{tmp_path_factory.mktemp('uploads') / 'site.db'}", nets) as running_site:
        yield running_site


def upload(site: Site, cookie: str = "", path: str = "/study/gradio_api/upload") -> Answer:
    body = b'--m\r\nContent-Disposition: form-data; name="files"; filename="x.csv"\r\n\r\nid\r\n--m--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=m"} | ({"Cookie": cookie} if cookie else {})
    return ask(site, "POST", path, body, headers)


def waiting(site: Site) -> list[Path]:
    """Files in the folder of uploads with anything in them."""
    return [path for path in site.uploads.rglob("*") if path.is_file() and path.stat().st_size]


def test_a_stranger_and_a_rater_upload_nothing(site: Site) -> None:
    lead = founded(site, "closed to others")
    lead.call("upload_items", lead.send_file("items.jsonl", item_lines()))
    lead.call("open")
    rater = Member(site, links(lead.call("invite", "rater", 1))[0])
    assert rater.upload_pass == ""
    another = make_pass(b"the key of another server")
    for cookie in (
        "",
        "escdemo-uploads=",
        f"escdemo-uploads={another}",
        "escdemo-uploads=ticket.uploads-.9999999999.x",
    ):
        answer = upload(site, cookie)
        assert answer.status == 403
        assert "Only a lead" in json.loads(answer.body)["error"]
    assert upload(site, f"escdemo-uploads={lead.upload_pass}", "/gradio_api/upload").status == 404  # not on that page
    assert waiting(site) == []
    assert upload(site, f"escdemo-uploads={lead.upload_pass}").status == 200
    assert upload(site, f'x="y"; escdemo-uploads={Member(site, key=CREATE_KEY).upload_pass}').status == 200


def test_a_lead_who_is_revoked_uploads_nothing_any_more(site: Site) -> None:
    sessions = open_sessions(site.settings.database)
    room = StudyRoom(sessions, items=(), opened=False)
    with sessions.begin() as session:
        invited = invite(session=session, access=room.lead, role=Role.LEAD)
    lead, other = Member(site, room.lead_token), Member(site, invited.token)
    assert upload(site, f"escdemo-uploads={other.upload_pass}").status == 200
    room.do(revoke, room.lead, pseudonym=invited.pseudonym)
    assert upload(site, f"escdemo-uploads={other.upload_pass}").status == 403
    assert upload(site, f"escdemo-uploads={lead.upload_pass}").status == 200
    reviewer = make_pass(site.settings.upload_key, room.invited("reviewer").member_id)
    assert upload(site, f"escdemo-uploads={reviewer}").status == 403
    sessions.kw["bind"].dispose()


def founded(site: Site, name: str) -> Member:
    lead = Member(site, key=CREATE_KEY)
    plan = PLAN | {"name": name, "systems": ["net-best", "net-fair", "net-poor"]}
    assert "?invite=" in lead.call("create_from_file", lead.send_file("plan.json", json.dumps(plan)))
    return lead


def test_nothing_is_read_for_a_stranger_and_nothing_stays(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lead's file, named by somebody else: refused before it is opened, and deleted."""
    lead, stranger = founded(site, "read for nobody else"), Member(site)
    for path in waiting(site):
        path.unlink()
    for name in ("read_plan_file", "read_uploaded", "read_turns"):
        monkeypatch.setattr(f"escdemo.study.leads.{name}", lambda path: pytest.fail("read"))
    for call, name, why in (
        ("create_from_file", "x.json", "cannot make studies"),
        ("upload_items", "x.jsonl", "reload"),
        ("make_from_esconv", "x.jsonl", "reload"),
    ):
        values = (5,) if call == "make_from_esconv" else ()
        assert why in stranger.call(call, *values, lead.send_file(name, "[]"))
        assert waiting(site) == []


@pytest.mark.parametrize("rubric", ["/etc/passwd", "secret.json", "../secret.json", "{folder}/secret.json"])
def test_a_plan_from_the_web_names_no_file(site: Site, tmp_path: Path, rubric: str) -> None:
    (tmp_path / "secret.json").write_text('{"name": "x", "secret-key": 1}')
    place = rubric.format(folder=tmp_path)
    lead = Member(site, key=CREATE_KEY)
    told = lead.call("create_from_file", lead.send_file("plan.json", json.dumps(PLAN | {"rubric": place})))
    assert "unknown rubric" in told
    assert "admisc-2024" in told  # what is allowed
    assert "secret-key" not in told
    assert "No such file" not in told


def test_limits_are_told_in_words(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lead = Member(site, key=CREATE_KEY)
    big = json.dumps(PLAN | {"instructions": "x" * MAX_PLAN_BYTES})
    assert "at most 1,048,576 are read" in lead.call("create_from_file", lead.send_file("plan.json", big))
    deep = lead.send_file("plan.json", "[" * 100_000)
    assert "nested too deeply" in lead.call("create_from_file", deep)
    rubric = {"name": "x", "scale": "pointwise", "high": 10**12, "criteria": [{"name": "a", "question": "b?"}]}
    endless = lead.send_file("plan.json", json.dumps(PLAN | {"rubric": rubric}))
    assert "at most 100 steps" in lead.call("create_from_file", endless)
    monkeypatch.setattr(uploaded, "MAX_FILE_BYTES", 2**20)
    packed = tmp_path / "bomb.json.gz"
    packed.write_bytes(gzip.compress(b" " * 3 * 2**20))
    with pytest.raises(ValueError, match="unpacks to more than 1 MB"):
        read_turns(packed)
    packed.write_bytes(b"no gzip")
    with pytest.raises(ValueError, match="no gzip file"):
        read_turns(packed)


def test_rows_and_problems_are_bounded(tmp_path: Path) -> None:
    row = {"context": [{"speaker": "seeker", "text": "Hello."}], "replies": {"a": "Hi."}}
    many = (Row(at, row | {"id": f"i{at}"}) for at in range(10**9))
    with pytest.raises(ItemFileError, match=r"more than 100,000 items"):
        parse_rows(many)
    path = tmp_path / "items.jsonl"
    path.write_text("".join(json.dumps(row | {"id": f"i{at}"}) + "\n" for at in range(20_001)))
    with pytest.raises(ItemFileError, match=r"items\.jsonl: .*\n  line 20001: more than 20,000 items; split the file"):
        read_uploaded(path)
    bad = (Row(at, {"x" * 100_000: 1}) for at in range(10**9))
    with pytest.raises(ItemFileError, match=r"1000 bad row") as caught:
        parse_rows(bad)
    assert sum(len(what) for _, what in caught.value.problems) < 500_000


def test_a_file_that_cannot_be_read_is_deleted_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(b"\xff\xff")
    with pytest.raises(ValueError, match=r"^plan\.json, line 1: not UTF-8 text"):
        take(str(path), lambda: None, read_plan_file)
    assert not path.exists()


def test_a_pass_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    key = b"key"
    assert lead_of(make_pass(key), key) == ""
    value = make_pass(key, "one")
    assert lead_of(value, key) == "one"
    renamed = [value.replace(old, new) for old, new in (("uploads", "member"), ("one", "other"), ("one", ""))]
    changed = ("", "x", value[:-1], value + "0", *renamed)
    assert [one for one in changed if lead_of(one, key) is not None] == []
    claim, _, proof = value.rpartition(".")
    assert lead_of(f"{claim[:-1]}{9 - int(claim[-1])}.{proof}", key) is None
    monkeypatch.setattr("annotation.studies.tickets.LIFE", timedelta(0))
    assert lead_of(make_pass(key), key) is None


def test_what_nobody_read_is_deleted_after_a_while(tmp_path: Path) -> None:
    for name in ("old/x.csv", "new/y.csv"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("x")
    long_ago = time.time() - 1_000
    for path in (tmp_path / "old/x.csv", tmp_path / "old"):
        os.utime(path, (long_ago, long_ago))
    sweep(tmp_path, 600)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"y.csv"}
    sweep(tmp_path, -1)
    sweep(tmp_path, -1)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_private_and_swept_and_goes_at_the_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "not" / "there"))
    monkeypatch.setattr(uploads, "SWEEP_EVERY_S", 0.02)
    monkeypatch.setattr(uploads, "MAX_AGE_S", 0.1)
    with private_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert os.environ["GRADIO_TEMP_DIR"] == str(folder)
        (folder / "part").write_text("an upload that broke off")
        until = time.monotonic() + 20
        while (folder / "part").exists() and time.monotonic() < until:
            time.sleep(0.02)
        assert not (folder / "part").exists()
        (folder / "left").write_text("x")
    assert not folder.exists()
    assert os.environ["GRADIO_TEMP_DIR"] == str(tmp_path / "not" / "there")


def test_a_page_hands_the_pass_to_nobody_else(site: Site) -> None:
    told = json.loads(ask(site, "GET", "/study/config").body)
    given = next(one for one in told["components"] if one["props"].get("elem_id") == "upload-pass")
    assert given["props"]["value"] == ""
    assert (
        Member(site).upload_pass == Member(site, "no link").upload_pass == Member(site, key="wrong").upload_pass == ""
    )
    assert b"ticket.uploads-" not in Stranger(site, "/study").call("enter", "", "").body
