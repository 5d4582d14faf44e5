"""`python -m models benchmark copies` on tiny nets: what is counted when copies say the same, and when they do not."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from models.__main__ import main
from models.backbones.causal import Causal
from models.backbones.short_copies import Eights
from models.data.batches import make_batch
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv import targets
from models.data.strategies import STRATEGIES
from models.knowledge.comet import NoComet
from models.nets.net import Net
from models.serving.speed import copies
from models.training.turn_examples import examples_of
from tests.tiny import settled_nets

TALK = Dialogue(
    tuple(
        Turn(Speaker.SEEKER, f"i am sad {at}")
        if at % 2 == 0
        else Turn(Speaker.SUPPORTER, f"sorry {at}", STRATEGIES[at])
        for at in range(6)
    ),
    "i lost my job",
)
ASKED = targets([TALK])


def test_perplexity_token_by_token_is_that_of_the_whole_reply() -> None:
    (net,) = settled_nets("joint")
    found = copies.difference(net, settled_nets("joint")[0], ASKED, 6, "cpu")
    examples = examples_of(ASKED, NoComet(), net.tokenizer, net.shape)
    total, counted = 0.0, 0
    for example in examples:
        batch = make_batch([example])
        with torch.inference_mode():
            plan = net.follow(net.plan(batch), batch, batch.strategies)
            total += float(net.reply_nll(plan, batch.labels))
        counted += int(net.counted(batch.labels).sum())
    assert found.without == pytest.approx(math.exp(total / counted), rel=1e-4)
    assert (found.turns, found.same, found.more) == (3, 3, pytest.approx(0.0))


def test_a_net_that_writes_something_else_is_found_out() -> None:
    one, other = settled_nets("joint")[0], settled_nets("joint")[0]
    backbone = other.backbone
    assert isinstance(backbone, Causal)
    with torch.no_grad():
        for values in backbone.weights.parameters():
            values += torch.randn_like(values)
    found = copies.difference(one, other, ASKED, 6, "cpu")
    assert found.same < found.turns
    assert found.copies != found.without


def test_the_copies_are_in_the_second_net_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "net_folder", lambda name, _: name)
    monkeypatch.setattr(copies, "load_net", lambda name, _: settled_nets(name)[0])
    monkeypatch.setattr("models.backbones.llama_weights.short_copy", Eights.of)
    without, packed = (net.backbone for net in copies._both("joint", "cpu"))
    assert isinstance(without, Causal)
    assert isinstance(packed, Causal)
    assert without.weights.vocabulary.short is None
    assert packed.weights.vocabulary.short is not None


def test_the_command_prints_a_line_for_each_net(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def both(name: str, device: str) -> tuple[Net, Net]:
        return settled_nets(name)[0], settled_nets(name)[0]

    monkeypatch.setattr(copies, "_both", both)
    lines = []
    for number in range(20):
        talk = [
            {"speaker": ("seeker", "supporter")[at % 2], "annotation": {"strategy": "Question"} if at % 2 else {}}
            | {"content": f"words {number} {at}"}
            for at in range(4)
        ]
        about = {"emotion_type": "sadness", "problem_type": "job crisis", "situation": "i lost my job"}
        lines.append(json.dumps(about | {"dialog": talk}))
    path = tmp_path / "esconv.jsonl"
    path.write_text("\n".join(lines))
    run = ["benchmark", "copies", "--nets", "joint", "--tokens", "6", "--device", "cpu", "--asked", "2"]
    assert main([*run, "--esconv", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["joint", "2", "2"]
    assert main([*run, "--esconv", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["joint"]["same"] == 2
    assert main(run) == 2
    assert "give its file or folder with --esconv" in capsys.readouterr().err
