"""The page through its own interface: the named calls, and that none of them gives a name away in a study."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client

from escdemo.look.relation_words import words_for
from tests.fakes import EchoResponder
from tests.running import Site, running

OWN = ("", "I moved and know nobody.", "sadness", "Sleep Problems", 4, None, False)


@pytest.fixture(scope="module")
def study_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("client")
    nets = {name: EchoResponder(name, f"sha-{name}") for name in ("net-one", "net-two")}
    with running(f"sqlite:///{folder / 'site.db'}", nets, study="pilot") as site:
        yield site


def test_a_study_through_the_interface(study_site: Site) -> None:
    client = Client(study_site.url, verbose=False)
    token = "a token for the client"
    seen = [
        client.view_api(print_info=False, return_format="dict"),
        client.config,
        client.predict(token, "", None, api_name="/restore"),
    ]
    seen.append(client.predict(token, False, *OWN, api_name="/start"))
    seen.append(client.predict(token, True, *OWN, api_name="/agree"))
    seen.append(client.predict(token, 0, "I feel alone.", api_name="/send"))
    seen.append(list(client.submit(token, api_name="/follow_send")))
    seen.append(client.predict(token, api_name="/finish"))
    seen.append(client.predict(None, "", api_name="/results"))
    seen.append(client.predict(token, json.dumps({"jump": True, "turn": 0}), api_name="/look"))
    told = json.dumps(seen, default=str)
    assert "You said" in told
    for secret in ("net-one", "net-two", "sha-", "xReact", words_for("xReact").told):
        assert secret not in told, told[max(0, told.find(secret) - 200) :][:400]
    revealed = json.dumps(client.predict(token, 3, "because", *["a"] * 5, api_name="/vote"), default=str)
    assert "net-two" in revealed
    again = json.dumps(client.predict(token, 3, "because", *["b"] * 5, api_name="/vote"), default=str)
    assert "already been judged" in again
    client.close()


def test_health_and_no_run_history(study_site: Site) -> None:
    with urllib.request.urlopen(f"{study_site.url}/healthz") as answer:
        health = json.load(answer)
    assert {key: health[key] for key in ("status", "mode", "nets")} == {"status": "ok", "mode": "study", "nets": 2}
    with urllib.request.urlopen(f"{study_site.url}/config") as answer:
        config = json.load(answer)
    assert not config.get("run_history")
    assert not config.get("analytics_enabled")
