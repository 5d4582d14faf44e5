"""A browser may send any JSON as its token: each call answers, and none with an error of the server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.running import Site
from tests.test_page_sessions import Opener

ODD = (5, True, ["a"], {"a": 1}, "\ud800", "x" * 100_000)


@pytest.mark.parametrize("token", ODD, ids=lambda token: type(token).__name__ + str(len(str(token))))
def test_a_token_that_is_no_text_is_answered(echo_site: Site, token: Any) -> None:
    opener = Opener(echo_site, "")
    tokens = {one["id"] for one in opener.config["components"] if one["type"] == "browserstate"}
    asked = 0
    for call in opener.config["dependencies"]:
        at_once = call["queue"] is False and call["api_name"] and call["inputs"]
        if at_once and call["inputs"][0] in tokens:
            data = [token, *[None] * (len(call["inputs"]) - 1)]
            assert opener.call(call["api_name"], data), call["api_name"]
            asked += 1
    assert asked > 10


def test_a_start_with_such_a_token_says_what_to_do(echo_site: Site) -> None:
    data = [{"a": 1}, True, "", "I moved and know nobody.", "sadness", "Sleep Problems", 4, None, False]
    assert "not finished loading" in json.dumps(Opener(echo_site, "").call("start", data))
