"""The loss falls, and `python -m models comet` does all it says on a tiny base."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import pytest
import torch

from models.__main__ import main
from models.backbones.causal_base import open_causal
from models.commands.comet import events_of, said, tail_loss
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv import PARTS, read_esconv
from models.data.own_talks import voiced
from models.files.checkpoint import read_card
from models.knowledge.comet import CachedComet
from models.knowledge.comet_data import Head, HeadMix
from models.knowledge.comet_shipped import load_comet
from tests.tiny import Moved, tiny_causal, tiny_llama_folder

HEAD = Head("i lost my job", (("xReact", "sad"), ("xReact", "tired"), ("xWant", "to hear that"), ("oReact", "sorry")))


def test_the_loss_falls() -> None:
    torch.manual_seed(0)
    base = tiny_causal()
    backbone = base.backbone(4).train()
    mix = HeadMix({"a": [HEAD, Head("hello", (("xReact", "tired"),))]}, {"a": 1.0}, base.tokenizer)
    optimiser = torch.optim.Adam([p for p in backbone.parameters() if p.requires_grad], lr=0.02)
    losses = []
    for step in range(8):
        loss = tail_loss(backbone, mix.batch(step, 4, 4, seed=1))["loss"]
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_the_loss_is_the_mean_over_tail_tokens() -> None:
    """Grouping by length and sharing the encoder change nothing."""
    base = tiny_causal()
    backbone, tokenizer = base.backbone(4), base.tokenizer
    whole = tail_loss(backbone, HeadMix({"a": [HEAD]}, {"a": 1.0}, tokenizer).batch(0, 1, 9, seed=1))["loss"]
    total, count = 0.0, 0
    for pair in HEAD.tails:
        one = HeadMix({"a": [Head(HEAD.event, (pair,))]}, {"a": 1.0}, tokenizer).batch(0, 1, 9, seed=1)
        tokens = sum(int((group.labels >= 0).sum()) for group in one.groups)
        total, count = total + tokens * tail_loss(backbone, one)["loss"].item(), count + tokens
    assert whole.item() == pytest.approx(total / count, rel=1e-5)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Made-up triples, ATOMIC files, ESConv and a tiny base."""
    rows = [f"utterance\t{split}\ti am {w} {split}\txReact\t{w}" for split in ("train", "valid", "test") for w in "ab"]
    (tmp_path / "triples.tsv").write_text("\n".join(["kind\tsplit\thead\trelation\ttail", *rows]) + "\n")
    for name in ("event2mind.tsv", "atomic2018_xIntent.tsv"):
        (tmp_path / name).write_text("head\trelation\ttail\nPersonX is sad\txIntent\tnone\n")
    turns = [
        {"speaker": "seeker", "annotation": {}, "content": "Hello"},
        {"speaker": "seeker", "annotation": {}, "content": "I lost my job"},
        {"speaker": "supporter", "annotation": {"strategy": "Question"}, "content": "What happened?"},
        {"speaker": "seeker", "annotation": {}, "content": "I am tired"},
    ]
    record = {"emotion_type": "sadness", "problem_type": "job crisis", "situation": "It is hard", "dialog": turns}
    (tmp_path / "esconv.json").write_text(json.dumps([record]))
    return {
        "triples": str(tmp_path / "triples.tsv"),
        "atomic": str(tmp_path),
        "esconv": str(tmp_path / "esconv.json"),
        "base": str(tiny_llama_folder(tmp_path / "base")),
        "comet": str(tmp_path / "comet"),
    }


def test_events_are_situations_and_last_posts(files: dict[str, str]) -> None:
    assert events_of(read_esconv(files["esconv"])) == ["it is hard", "i lost my job"]


def test_precompute_can_be_limited_to_a_part(tmp_path: Path) -> None:
    turns = [
        {"speaker": "seeker", "annotation": {}, "content": "I lost {}"},
        {"speaker": "supporter", "annotation": {"strategy": "Question"}, "content": "What happened?"},
    ]
    records = [
        {"situation": f"case {n}", "dialog": [turns[0] | {"content": f"I lost {n}"}, turns[1]]} for n in range(20)
    ]
    path = tmp_path / "esconv.json"
    path.write_text(json.dumps([{"emotion_type": "sadness", "problem_type": "job crisis"} | one for one in records]))
    events = {}
    for part in (*PARTS, None):
        dialogues = said(Namespace(esconv=str(path), part=part))
        events[part] = {event for event in events_of(dialogues) if event.startswith("case")}
    assert [len(events[part]) for part in PARTS] == [14, 3, 3]
    assert set().union(*(events[part] for part in PARTS)) == {f"case {n}" for n in range(20)} <= events[None]


def test_train_ask_measure_precompute(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Dialogue((Turn(Speaker.SEEKER, "My cat ran away."), Turn(Speaker.SUPPORTER, "Oh no.")), voiced("my cat"))
    monkeypatch.setattr("models.commands.comet.own_talks", lambda: (ours,))
    monkeypatch.setattr("models.commands.comet.everyday_talks", lambda: ())
    flags = [part for name, value in files.items() for part in (f"--{name}", value)]
    assert main(["comet", *flags, "--train", str(tmp_path / "run"), "--steps", "2", "--batch", "4"]) == 0
    card = read_card(Path(files["comet"]))
    assert card["steps"] == 2
    assert card["data"]["esconv"] == "2 events, share 0.7"
    assert set(card["metrics"]) == {f"{s} {n}" for s in ("valid", "test") for n in ("shipped", "most frequent")}
    assert str(tmp_path) not in json.dumps(card)
    capsys.readouterr()
    assert main(["comet", *flags, "--event", "I am sad"]) == 0
    assert capsys.readouterr().out.startswith("I am sad\n  xAttr ")
    tails = tmp_path / "tails.jsonl"
    for _ in range(2):  # the second time there is nothing left to do
        assert main(["comet", *flags, "--precompute", str(tails)]) == 0
    whole = tails.read_text()
    tails.write_bytes(whole.encode()[:-9])  # stopped within a line
    assert main(["comet", *flags, "--precompute", str(tails)]) == 0
    assert sorted(tails.read_text().splitlines()) == sorted(whole.splitlines())
    events = {json.loads(line)["event"] for line in whole.splitlines()}
    assert events == {"it is hard", "i lost my job", "my cat", "my cat ran away."}
    comet = load_comet(Path(files["comet"]), Moved(open_causal(files["base"])))
    assert CachedComet(comet).load(tails) == 36


def test_what_is_missing_is_said(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["comet"]) == 2
    assert "give --event TEXT, --train FOLDER" in capsys.readouterr().err
    assert main(["comet", "--train", "runs/x", "--base", files["base"]]) == 2
    assert "--triples is missing" in capsys.readouterr().err
