"""No visitor reads a file of the server, whatever an event names and whatever address is asked for."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from escdemo.web.uploads import COOKIE, make_pass
from tests.events import Answer, Stranger, ask
from tests.fakes import EchoResponder
from tests.running import Site, running

SECRET = "what only the server's user may read"
META = {"_type": "gradio.FileData"}
PAGES = ("", "/study")


@pytest.fixture(scope="module", params=[True, False], ids=["checked", "gradio alone"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole site; and what is left of it without our checks, since Gradio's own must hold as well."""
    nets = {name: EchoResponder(name, f"sha-{name}") for name in ("fake-1", "fake-2")}
    folder = tmp_path_factory.mktemp("files")
    with running(f"sqlite:///{folder / 'site.db'}", nets, checked=request.param) as running_site:
        yield running_site


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "secret.txt"
    path.write_text(SECRET)
    return path


def shapes(path: str) -> list[Any]:
    """Ways to name a file in a value."""
    plain = {"path": path, "meta": META}
    return [
        plain,
        {**plain, "url": f"/gradio_api/file={path}"},
        {**plain, "url": f"file://{path}", "is_stream": False, "orig_name": "x.txt"},
        [plain],
        [[{"file": plain}]],
        {"value": plain, "__type__": "update"},
        {"files": [plain], "text": "look"},
        {"image": plain, "caption": None},
    ]


def inputs(page: Stranger, name: str) -> list[int]:
    """Places of an event's inputs that take what is sent."""
    return [at for at, one in enumerate(page.calls[name]["inputs"]) if page.types[one] != "state"]


def everything(page: Stranger, value: Any) -> Iterator[tuple[str, Answer]]:
    """`value` at every input of every event of a page, by every route that takes events."""
    for name, call in page.calls.items():
        size, places = len(call["inputs"]), inputs(page, name)
        for place in places:
            values = [value if at == place else None for at in range(size)]
            yield f"{name}, input {place}", page.call(name, *values)
        if not places:
            continue
        full = page.event(name, [value if at in places else None for at in range(size)])
        for route in (f"run/{name}", f"api/{name}", f"call/{name}", "queue/join", "run/predict"):
            yield f"{route} of {name}", page.post(route, full)


def leaked(site: Site) -> list[str]:
    """Files in Gradio's folder that hold the secret."""
    return [path.name for path in site.uploads.rglob("*") if path.is_file() and SECRET in path.read_text("utf-8")]


@pytest.mark.parametrize("prefix", PAGES, ids=["first", "study"])
def test_no_event_takes_a_file_of_the_server(site: Site, secret: Path, prefix: str) -> None:
    page = Stranger(site, prefix)
    assert len(page.calls) > 20
    for what, answer in everything(page, shapes(str(secret))[0]):
        assert SECRET not in answer.body.decode(), what
        assert not site.checked or answer.status in (403, 404), what
    assert leaked(site) == []


@pytest.mark.parametrize("shape", range(8))
@pytest.mark.parametrize("prefix", PAGES, ids=["first", "study"])
def test_no_shape_of_a_file_object_gets_in(site: Site, secret: Path, prefix: str, shape: int) -> None:
    page = Stranger(site, prefix)
    value = shapes(str(secret))[shape]
    for name, call in page.calls.items():
        values = [value if at in inputs(page, name) else None for at in range(len(call["inputs"]))]
        answer = page.call(name, *values)
        assert SECRET not in answer.body.decode(), name
    assert leaked(site) == []


def test_a_link_or_a_way_around_in_the_folder_of_uploads_is_no_upload(site: Site, secret: Path) -> None:
    (site.uploads / "link.txt").symlink_to(secret)
    around = f"{site.uploads}/../{'../' * 20}{secret}"
    for path in (str(site.uploads / "link.txt"), around, str(site.uploads), "\0", "x" * 9_000, "http://127.0.0.1:9/x"):
        answer = Stranger(site).call("keep_draft", None, None, {"path": path, "meta": META}, *[None] * 5)
        assert not site.checked or answer.status == 403, path
    (site.uploads / "link.txt").unlink()
    assert leaked(site) == []


def test_no_event_makes_the_server_fetch_an_address(site: Site) -> None:
    """Gradio alone fetches public addresses for whoever asks."""
    if not site.checked:
        pytest.skip("only our check forbids it")
    for address in ("http://127.0.0.1:9/x", "https://example.org/x", "HTTP://[::1]/x", "ftp://example.org/x"):
        for prefix in PAGES:
            page = Stranger(site, prefix)
            for name, call in page.calls.items():
                values = [{"path": address, "url": address, "meta": META} for _ in call["inputs"]]
                if values:
                    assert page.call(name, *values).status == 403, name
    assert [path for path in site.uploads.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("prefix", PAGES, ids=["first", "study"])
def test_no_file_is_handed_out_and_all_else_of_gradio_is_closed(site: Site, secret: Path, prefix: str) -> None:
    if not site.checked:
        pytest.skip("only our check forbids it")
    (site.uploads / "own.txt").write_text("somebody's upload")
    quoted = urllib.parse.quote(str(site.uploads / "own.txt"))
    api = f"{prefix}/gradio_api"
    closed = [
        *(
            f"{api}/{way}{what}"
            for way in ("file=", "file/", "proxy=")
            for what in (quoted, str(secret), "/etc/hostname")
        ),
        f"{api}/file=http://127.0.0.1:{site.port}/healthz",
        f"{api}/proxy=http://127.0.0.1:{site.port}/healthz",
        f"{api}/stream/s/1/2/playlist.m3u8",
        f"{api}/deep_link?session_hash=s",
        f"{api}/runs",
        f"{api}/openapi.json",
        f"{api}/vibe-code",
        f"{api}/dev/reload",
        f"{api}/upload_progress?upload_id=1",
        f"{api}/component_server",
        *(f"{prefix}/{name}" for name in ("monitoring", "monitoring/summary", "monitoring/key", "docs", "redoc")),
        f"{prefix}/openapi.json",
        f"{prefix}/?deep_link=x",
        f"{prefix}/static/../../../../../../../../etc/hostname",
        f"{prefix}/assets/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/hostname",
    ]
    hostname = Path("/etc/hostname").read_text() if Path("/etc/hostname").exists() else ""
    for path in closed:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            answer = ask(site, method, path)
            assert answer.status in (403, 404), (method, path, answer.status)
            assert not hostname or hostname.encode() not in answer.body
    (site.uploads / "own.txt").unlink()
    for path in ("/", "/config", "/theme.css", "/gradio_api/info", "/favicon.ico", "/healthz"):
        assert ask(site, "GET", prefix + path).status == 200, path


def test_an_upload_can_be_named(site: Site) -> None:
    """What a lead has uploaded gets through: the checks are not a wall."""
    page = Stranger(site, "/study")
    mark = "a-mark-between-parts"
    head = f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="plan.json"\r\n\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    headers |= {"Cookie": f"a=b; {COOKIE}={make_pass(site.settings.upload_key)}"}
    body = f"{head}{{}}\r\n--{mark}--\r\n".encode()
    path = json.loads(ask(site, "POST", "/study/gradio_api/upload", body, headers).body)[0]
    answer = page.call("create_from_file", None, {"path": path, "meta": META, "orig_name": "plan.json"})
    assert answer.status == 200
    assert "cannot make studies" in answer.body.decode()  # no key
    assert not Path(path).exists()
