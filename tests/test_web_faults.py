"""What the server's log says of errors: their kind and place, and nothing that anybody has written."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from gradio import queueing, route_utils, routes

from escdemo.web.faults import QuietTracebacks
from tests.running import Site
from tests.test_page_sessions import Opener

SECRET = "quetzalbird"


def test_a_value_that_is_refused_is_not_quoted(echo_site: Site, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    with pytest.raises(urllib.error.HTTPError):
        Opener(echo_site, "").call("start", ["a browser", True, "", "s", SECRET, SECRET, SECRET, None, False])
    written = "".join(capfd.readouterr()) + caplog.text
    assert SECRET not in written
    assert "an event failed: " in caplog.text
    assert "preprocess" in caplog.text  # where it happened


def test_a_queued_event_neither(echo_site: Site, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    opener = Opener(echo_site, "")
    (call,) = (one for one in opener.config["dependencies"] if one["api_name"] == "make_map")
    body = {"data": [SECRET] * len(call["inputs"]), "fn_index": call["id"], "session_hash": SECRET}
    opener.ask("gradio_api/queue/join", body)
    asked = urllib.request.Request(f"{opener.base}/gradio_api/queue/data?session_hash={SECRET}")
    with urllib.request.urlopen(asked, timeout=60) as events:
        for line in events:
            if line.startswith(b"data:") and json.loads(line[5:])["msg"] == "process_completed":
                break
    assert SECRET not in "".join(capfd.readouterr()) + caplog.text


def test_an_error_is_logged_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    try:
        try:
            raise ValueError(SECRET)
        except ValueError as error:
            raise RuntimeError(SECRET) from error
    except RuntimeError:
        QuietTracebacks.print_exc()
    QuietTracebacks.print_exc()  # nothing is being handled
    assert "an event failed: RuntimeError, caused by ValueError" in caplog.text
    assert "test_web_faults.py" in caplog.text
    assert SECRET not in caplog.text
    assert len(caplog.records) == 1


def test_all_that_gradio_uses_there_is_replaced() -> None:
    """Another version may print its tracebacks in another way."""
    for module in (queueing, route_utils, routes):
        used = {line.split("traceback.")[1].split("(")[0] for line in _lines(module) if "traceback." in line}
        assert used == {"print_exc"}


def _lines(module: Any) -> list[str]:
    return Path(module.__file__).read_text(encoding="utf-8").splitlines()
