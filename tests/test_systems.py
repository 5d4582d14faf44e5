"""Systems that are no nets of ours: their file, their prompts, their limits, their replies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from escdemo import sent_away, texts
from models.__main__ import main
from models.commands import evaluate
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.own_talks import VOICE
from models.data.strategies import STRATEGIES
from models.evaluation import asking_systems
from models.evaluation.predictions import read_predictions
from models.serving import hosting
from models.serving.service import GenerationService
from models.serving.trace import DecodeOptions, Trace
from models.systems.asking import ServerBusy
from models.systems.budget import Budget, BudgetSpent, Limits
from models.systems.chat_system import ASKED, ChatSystem
from models.systems.classifier import strategies_of
from models.systems.opening import open_systems
from models.systems.prompted_base import PromptedBase, base_under
from models.systems.prompts import MEANINGS, draw_shots, instruction
from models.systems.systems_file import SystemSettings, read_systems
from tests.fakes import EchoResponder
from tests.faulty_server import FaultyServer, faulty_server
from tests.tiny import MadeUpComet, MadeUpEmotions, tiny_causal, tiny_net

SECRET = "sk-the-key-of-this-test"
TALKS = tuple(
    Dialogue(
        tuple(
            Turn(Speaker.SUPPORTER, f"reply {number} {turn}", STRATEGIES[(number + turn // 2) % 8])
            if turn % 2
            else Turn(Speaker.SEEKER, f"post {number} {turn}")
            for turn in range(6)
        ),
        f"situation {number}",
        id=f"talk-{number}",
    )
    for number in range(60)
)
DIALOGUE = Dialogue(
    (
        Turn(Speaker.SEEKER, "I moved."),
        Turn(Speaker.SUPPORTER, "Since when?", "Question"),
        Turn(Speaker.SEEKER, "A week ago."),
    ),
    "A new town.",
)


class Named(EchoResponder):
    """Names the strategy of a talk by its length."""

    def strategies(self, dialogue: Dialogue) -> tuple[float, ...]:
        at = len(dialogue.turns) % 8
        return tuple(0.65 if one == at else 0.05 for one in range(8))


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with faulty_server() as found:
        yield found


@pytest.fixture
def file(tmp_path: Path, server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two systems; the second has five examples and the strategy of joint."""
    monkeypatch.setenv("TEST_KEY", SECRET)
    server.mode = "good"
    esconv = tmp_path / "ESConv.jsonl"
    esconv.write_text("\n".join(json.dumps(record(talk)) for talk in TALKS))
    path = tmp_path / "systems.toml"
    path.write_text(
        f'[plain]\nurl = "{server.url}"\nmodel = "m"\nkey = "TEST_KEY"\n'
        f'[shots-sc]\nurl = "{server.url}"\nmodel = "m"\nexamples = 5\nesconv = "{esconv}"\nstrategy = "joint"\n'
        "max_requests = 2\n"
    )
    return path


def record(talk: Dialogue) -> dict[str, object]:
    turns = [
        {"speaker": turn.speaker.value, "content": turn.text, "annotation": {"strategy": turn.strategy}}
        if turn.strategy
        else {"speaker": turn.speaker.value, "content": turn.text, "annotation": {}}
        for turn in talk.turns
    ]
    return {"dialog": turns, "situation": talk.situation, "emotion_type": "sadness", "problem_type": "x", "id": talk.id}


def test_examples_are_of_the_train_part_and_of_all_strategies() -> None:
    ten = draw_shots(TALKS, 10)
    assert draw_shots(TALKS, 5) == ten[:5]
    assert draw_shots(TALKS, 10) == ten != draw_shots(TALKS, 10, seed=2)
    assert {shot.reply.strategy for shot in ten} == set(STRATEGIES)
    assert len({shot.reply.text.split()[1] for shot in ten}) == 10  # each of another talk
    from models.data.esconv import split_dialogues

    train = {target.dialogue.id for target in split_dialogues(TALKS, "D").part("train")}
    assert {f"talk-{shot.reply.text.split()[1]}" for shot in ten} <= train
    with pytest.raises(ValueError, match="too few talks"):
        draw_shots(TALKS[:6], 10)


def test_the_prompt_has_task_situation_examples_and_strategy() -> None:
    told = instruction("A new town.", draw_shots(TALKS, 5), "Question")
    assert "A new town." in told
    assert told.count("\nSupporter (") == 5
    assert "Example 5" in told
    assert f"Question, that is, {MEANINGS['Question']}" in told
    assert MEANINGS.keys() == set(STRATEGIES)
    assert "strategy" not in instruction("", ())


def test_what_a_system_asks_and_answers(file: Path, server: FaultyServer) -> None:
    found = open_systems(["plain"], systems=file)["plain"]
    reply = found.respond(DIALOGUE, DecodeOptions(), 7)
    assert (reply.text, reply.strategy) == ("That sounds hard.", "")
    body = server.bodies[-1]
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
    assert body["messages"][0]["content"] == instruction("A new town.")
    assert (body["model"], body["seed"], body["max_tokens"]) == ("m", 7, 100)
    assert server.keys[-1] == f"Bearer {SECRET}"
    assert Trace.from_dict(json.loads(json.dumps(reply.trace.to_dict()))) == reply.trace
    told = next(row for row in reply.trace.extras if row.name == ASKED)
    assert dict(zip(told.labels, told.values, strict=True)) == {"examples": 0, "tokens read": 100, "tokens written": 10}
    assert SECRET not in json.dumps(reply.to_dict())
    assert SECRET not in repr(vars(found))


def test_a_net_names_the_strategy(file: Path, server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosting, "open_responders", lambda names, *_, **__: {name: Named(name) for name in names})
    found = open_systems(["misc", "shots-sc"], systems=file)
    assert list(found) == ["misc", "shots-sc"]  # joint was loaded, and is not offered
    reply = found["shots-sc"].respond(DIALOGUE, DecodeOptions(), 7)
    assert reply.strategy == STRATEGIES[3] == reply.trace.strategy()
    asked = server.bodies[-1]["messages"][0]["content"]
    assert f"Follow this strategy in your next message: {STRATEGIES[3]}" in asked
    assert asked.count("Example ") >= 5
    assert server.keys[-1] == "Bearer none"
    assert (
        strategies_of(EchoResponder("far"), DIALOGUE, 1)
        == EchoResponder("far")
        .respond(DIALOGUE, DecodeOptions(method="greedy", min_tokens=0, max_tokens=1), 1)
        .trace.strategies
    )


def test_a_limit_is_kept_by_many_at_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budget = Budget(Limits(cost=1.0, price_in=1e6, price_out=0.0))  # a token costs 1
    with pytest.raises(BudgetSpent, match="max_cost"):
        budget.reserve(chars=6, max_tokens=1)
    held = budget.reserve(chars=2, max_tokens=1)
    with pytest.raises(BudgetSpent):
        budget.reserve(chars=2, max_tokens=1)
    budget.settle(held, (0, 5))
    assert budget.cost == 0
    many = Budget(Limits(requests=3))

    def take(_n: int) -> bool:
        try:
            many.reserve(10, 10)
        except BudgetSpent:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(20))) == 3
    monkeypatch.setattr(hosting, "open_responders", lambda names, *_, **__: {name: Named(name) for name in names})
    found = open_systems(["shots-sc"], systems=file)["shots-sc"]
    for _ in range(2):
        found.respond(DIALOGUE, DecodeOptions(), 1)
    with pytest.raises(BudgetSpent, match="max_requests"):
        found.respond(DIALOGUE, DecodeOptions(), 1)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('url = "https://x.example/v1"', "url and model belong together"),
        ('url = "http://x.example/v1"\nmodel = "m"', "want https"),
        (f'url = "https://x.example/v1"\nmodel = "m"\nkey = "{SECRET}"', "NAME of an environment variable"),
        ('url = "https://x.example/v1"\nmodel = "m"\nmax_cost = 1.0', "price_in and price_out"),
        ("examples = 5", "examples and esconv belong together"),
        ('strategy = "gut"', "allowed: a net"),
        ("temprature = 1", "temprature"),
        ("max_tokens = 4000", "max_tokens"),
        ("= 3", "not TOML"),
    ],
)
def test_a_bad_file_is_told_without_its_key(tmp_path: Path, table: str, told: str) -> None:
    path = tmp_path / "systems.toml"
    path.write_text(f"[mine]\n{table}\n")
    with pytest.raises(ValueError, match=told) as refused:
        read_systems(path)
    assert SECRET not in str(refused.value)
    path.write_text("[misc]\n")
    with pytest.raises(ValueError, match="name is taken"):
        read_systems(path)


def test_a_missing_key_is_told_before_anything_is_loaded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_KEY")
    with pytest.raises(ValueError, match="TEST_KEY is not set"):
        open_systems(["misc", "plain"], systems=file)


def test_the_base_answers_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    base = tiny_causal()
    monkeypatch.setattr("models.systems.prompted_base.open_causal", lambda: base)
    found = open_systems(["smollm2"], "cpu")["smollm2"]
    assert isinstance(found, PromptedBase)
    greedy = DecodeOptions(method="greedy", max_tokens=8)
    grown: list[str] = []
    reply = found.respond(DIALOGUE, greedy, 1, grown.append)
    assert found.respond(DIALOGUE, greedy, 2).text == reply.text  # greedy: the seed changes nothing
    assert grown[-1] == reply.text
    assert reply.strategy == ""
    assert 1 <= len(reply.trace.tokens) <= 8
    assert not any(float(change.b.abs().sum()) for change in found.net.backbone.changes().values())  # as it comes
    assert found.told(DIALOGUE).situation == instruction("A new town.")
    assert found.context_tokens(DIALOGUE, replace(greedy, voice=True)) == found.context_tokens(DIALOGUE, greedy) > 0
    assert found.respond(DIALOGUE, replace(greedy, voice=True), 1).text == reply.text  # the prompt alone says how
    assert GenerationService({"smollm2": found}).sends_to == ()
    assert not found.levers.any()
    assert base_under({"smollm2": found}) is base


def test_the_base_follows_a_net_too() -> None:
    found = PromptedBase("told", tiny_causal(), classifier=Named("joint"))
    reply = found.respond(DIALOGUE, DecodeOptions(max_tokens=8), 1)
    assert reply.strategy == STRATEGIES[3] == reply.trace.strategy()
    assert found.checkpoint != PromptedBase("told", tiny_causal()).checkpoint


def test_evaluate_prints_a_system_beside_the_published_rows(
    file: Path,
    server: FaultyServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(evaluate, "read_esconv", lambda _path: TALKS)
    monkeypatch.setattr(asking_systems, "WAITS_S", (0.0,))
    flags = ("--esconv", "x", "--limit", "12", "--rounds", "0", "--papers", "gpt")
    counted = ("--device", "cpu", "--definitions", "star")
    command = ["evaluate", "plain", "--systems", str(file), "--out", str(tmp_path / "out"), *flags, *counted]
    server.mode = "500"
    assert main(command) == 2
    assert "run the same command to go on" in capsys.readouterr().err
    server.mode = "good"
    assert main(command) == 0
    told = capsys.readouterr().out
    assert "GPT-4o-mini 5-shot" in told
    assert "plain" in told.rsplit("GPT-4o-mini 10-shot", 1)[1]  # our row stands below theirs
    made = read_predictions(tmp_path / "out" / "plain" / "predictions.jsonl")
    assert [(one.hypothesis, one.strategy) for one in made] == [("That sounds hard.", None)] * 12
    asked = len(server.bodies)
    assert main(command) == 0
    assert len(server.bodies) == asked  # what is there is only measured


def test_evaluate_takes_the_net_of_a_system_from_its_weights(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    def open_responders(names: list[str], device: str, weights: Path, **_: object) -> dict[str, Named]:
        opened.append(weights)
        return {name: Named(name) for name in names}

    monkeypatch.setattr(evaluate, "read_esconv", lambda _path: TALKS)
    monkeypatch.setattr(hosting, "open_responders", open_responders)
    flags = ["--esconv", "x", "--limit", "2", "--rounds", "0", "--papers", "none", "--device", "cpu"]
    command = ["evaluate", "shots-sc", "--systems", str(file), "--out", str(tmp_path / "out"), *flags]
    assert main([*command, "--weights", str(tmp_path / "mine")]) == 0
    assert opened == [tmp_path / "mine"]


def test_what_its_net_and_its_examples_have_seen_is_told_of_a_system() -> None:
    def told(split: str, learned: str, examples: int) -> str:
        card = {"run": {"split": learned}}
        sources = hosting.Sources(MadeUpComet(), MadeUpEmotions())
        guide = hosting.NetResponder("joint", tiny_net("joint"), "x", sources, "cpu", card)
        settings, shots = SystemSettings(url="https://x.example/v1", model="m"), draw_shots(TALKS, 5)[:examples]
        system = ChatSystem("guided", settings, "", shots, guide)
        return str(asking_systems.about_system(system, split, "test", "data")["measured_on"])

    assert told("D", "D", 5) == "D test"
    assert told("D", "E", 5) == "D test, strategies of joint, trained on split E: leaky"
    assert told("E", "E", 0) == "E test"
    assert told("E", "E", 5) == "E test, examples from split D: leaky"
    assert told("E", "D", 5) == "E test, examples from split D, strategies of joint, trained on split D: leaky"
    assert asking_systems.about_system(Named("far"), "E", "test", "data")["measured_on"] == "E test"


def test_a_busy_server_is_asked_again(server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        server.mode = "good" if len(waited) == 2 else "429"

    monkeypatch.setattr(asking_systems.time, "sleep", wait)
    system = ChatSystem("plain", SystemSettings(url=server.url, model="m"), "")
    from models.data.esconv import Target

    server.mode = "429"
    reply = asking_systems._reply(system, Target(TALKS[0], 1), DecodeOptions(), 1)
    assert reply.text == "That sounds hard."
    assert waited == [2.0, 4.0]
    server.mode = "429"
    monkeypatch.setattr(asking_systems.time, "sleep", lambda _s: None)
    with pytest.raises(ServerBusy):
        asking_systems._reply(system, Target(TALKS[0], 1), DecodeOptions(), 1)


class Elsewhere(EchoResponder):
    sends_to = "api.example.org"


def test_the_page_says_where_words_go_before_anybody_agrees() -> None:
    assert sent_away.notice(()) == ""
    assert sent_away.consent_version(()) == texts.CONSENT_VERSION
    assert "api.example.org" in sent_away.consent_version(["api.example.org"])
    assert sent_away.consent_version((), study=True) == "study"
    assert sent_away.consent_version(["a.org", "b.org"], study=True) == "study; sent to a.org, b.org"
    assert "sent anywhere else" in sent_away.data_text(())


def test_consent_names_the_third_party_in_chat_and_study(make_page: object) -> None:
    page = make_page(misc=Elsewhere("misc"))  # type: ignore[operator]
    demo = page.parts.consent.box
    shown = json.dumps([str(child.value) for child in demo.children if hasattr(child, "value")])
    assert "api.example.org" in shown
    assert "leaves this server" in shown
    plain = make_page()  # type: ignore[operator]
    assert "leaves this server" not in json.dumps(
        [str(child.value) for child in plain.parts.consent.box.children if hasattr(child, "value")]
    )
    from types import SimpleNamespace

    from escdemo.study import render

    live = SimpleNamespace(consent="", live=True, consented=False)
    assert "may leave this server" in render.consent(live, ["api.example.org"])  # type: ignore[arg-type]
    assert "leave this server" not in render.consent(live)  # type: ignore[arg-type]
    reading = SimpleNamespace(consent="", live=False, consented=False)
    assert "api.example.org" not in render.consent(reading, ["api.example.org"])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["misc", "causal/joint"])
def test_a_net_names_a_strategy_without_a_reply_and_counts_what_it_reads(name: str) -> None:
    net = hosting.NetResponder(name, tiny_net(name), "x", hosting.Sources(MadeUpComet(), MadeUpEmotions()))
    reply = net.respond(DIALOGUE, DecodeOptions(max_tokens=5), 1)
    assert strategies_of(net, DIALOGUE, 1) == net.strategies(DIALOGUE) == reply.trace.strategies
    again = Dialogue(DIALOGUE.turns[:2], DIALOGUE.situation)  # in ESConv a supporter may speak twice
    assert sum(net.strategies(again)) == pytest.approx(1)
    plain, ours = DecodeOptions(), DecodeOptions(voice=True)
    assert 0 < net.context_tokens(again, plain) < net.context_tokens(DIALOGUE, plain) <= net.net.shape.tokens
    more = net.context_tokens(DIALOGUE, ours) - net.context_tokens(DIALOGUE, plain)
    assert more == (len(f"{VOICE} ") if net.net.shape.situation else 0)  # a letter is a token
