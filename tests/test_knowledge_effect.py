"""Whether knowledge acts: whose blocks a turn gets, what follows where a net reads them or not, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.__main__ import main
from models.commands import knowledge
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv import Target
from models.evaluation.knowledge_effect import ANOTHER, NONE, OWN, knowledge_effect, with_blocks_of
from models.nets.net import Net
from models.nets.registry import CAUSAL as ON_A_BASE
from models.nets.stored import new_net, save_net
from tests.tiny import CAUSAL, MadeUpComet, tiny_checkpoint, tiny_examples, tiny_net
from tests.trained import joint_for

DIALOGUES = ["first", "first", "second", "third"]


def targets() -> list[Target]:
    """Four turns of three dialogues."""
    talk = (Turn(Speaker.SEEKER, "i am sad"), Turn(Speaker.SUPPORTER, "sorry", "Question"))
    return [Target(Dialogue(talk, id=name), 1) for name in DIALOGUES]


def effects(net: Net) -> dict[str, Any]:
    found = knowledge_effect(net, targets(), tiny_examples(net), seed=1, rounds=100, batch=3)
    assert [effect.condition for effect in found] == [OWN, ANOTHER, NONE]
    return {effect.condition: effect for effect in found}


def test_blocks_come_from_another_dialogue_or_from_nowhere_and_all_else_stays() -> None:
    examples = tiny_examples(tiny_net("misc"))
    examples = [
        type(one)(**{**vars(one), "situation_blocks": ((number,),), "post_blocks": ((10 + number,),)})
        for number, one in enumerate(examples)
    ]
    for seed in range(20):
        changed = with_blocks_of(ANOTHER, examples, DIALOGUES, seed)
        for own, one, dialogue in zip(examples, changed, DIALOGUES, strict=True):
            number = one.situation_blocks[0][0]
            assert DIALOGUES[number] != dialogue
            assert one.post_blocks == ((10 + number,),)  # both of one turn
            assert (one.context, one.target, one.strategy) == (own.context, own.target, own.strategy)
    assert with_blocks_of(OWN, examples, DIALOGUES, 1) == examples
    assert all(not (one.situation_blocks or one.post_blocks) for one in with_blocks_of(NONE, examples, DIALOGUES, 1))
    with pytest.raises(ValueError, match="two dialogues"):
        with_blocks_of(ANOTHER, examples, ["one"] * 4, 1)


@pytest.mark.parametrize("name", ["misc", CAUSAL + "misc", CAUSAL + "admisc"])
def test_a_net_that_reads_its_blocks_answers_otherwise_without_them(name: str) -> None:
    found = effects(tiny_net(name))
    own, none = found[OWN], found[NONE]
    assert own.nll_more is own.moved is own.other_reply is None
    assert none.nll_more.value == pytest.approx(none.nll - own.nll, abs=1e-6)
    assert abs(none.nll_more.value) > 1e-4
    assert none.nll_more.low <= none.nll_more.value <= none.nll_more.high
    # MISC chooses its strategy from the context alone, as published; AdMISC from the blocks as well
    assert (none.moved.value > 0) == name.endswith("admisc")
    assert 0 <= found[ANOTHER].other_reply.value <= 100


def test_a_net_whose_gates_are_shut_does_not_hear_its_blocks() -> None:
    net = tiny_net(CAUSAL + "misc")
    for key, parameter in net.named_parameters():
        if key.endswith("gate.value"):
            parameter.data.zero_()
    found = effects(net)
    for condition in (ANOTHER, NONE):
        assert found[condition].nll_more.value == pytest.approx(0, abs=1e-6)


def test_a_net_that_predicts_no_strategy_has_no_figures_of_one() -> None:
    for effect in effects(tiny_net(CAUSAL + "glhg")).values():
        assert effect.accuracy is effect.moved is effect.other_strategy is None
        assert (effect.other_reply is None) == (effect.nll_more is None) == (effect.condition == OWN)
        row = dict(zip(knowledge.HEADS, knowledge._row("glhg", effect), strict=True))
        assert row["ACC %"] == row["shares moved %"] == row["other strategy %"] == "-"


def test_a_net_without_knowledge_is_refused() -> None:
    net = tiny_net("joint")
    with pytest.raises(ValueError, match="no COMET blocks"):
        knowledge_effect(net, targets(), tiny_examples(net), seed=1, rounds=100)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Thirty talks of two turns, a tiny MISC beside a tiny Joint."""
    told = joint_for(knowledge, tmp_path, monkeypatch)
    source = tiny_checkpoint(tmp_path / "checkpoint")
    save_net(new_net("misc", ON_A_BASE["misc"], 2, source), "misc", 2, {}, tmp_path / "weights" / "misc", source)
    monkeypatch.setattr(knowledge, "comet_for", lambda *_: MadeUpComet())
    return ["knowledge", "misc", *told, "--part", "train", "--dialogues", "6", "--rounds", "100"]


def test_the_command_prints_a_row_a_condition_and_writes_its_figures(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--out", str(tmp_path / "found.json")]) == 0
    out = capsys.readouterr().out
    assert [line.split()[1] for line in out.splitlines() if line.startswith("misc")] == [OWN, ANOTHER, NONE]
    assert "6 turns of 6 dialogues" in out
    written = json.loads((tmp_path / "found.json").read_text())
    assert [effect["condition"] for effect in written["nets"][0]["effects"]] == [OWN, ANOTHER, NONE]
    assert "sorry" not in json.dumps(written)  # no text of the data


@pytest.mark.parametrize(
    ("told", "complaint"),
    [(["--dialogues", "-1"], "want at least"), (["--rounds", "10"], "too few"), (["joint"], "joint: reads no COMET")],
)
def test_what_cannot_be_measured_is_refused_first(
    command: list[str], told: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = [*command[:2], *told, *command[2:]] if told == ["joint"] else [*command, *told]
    assert main(told) == 2
    assert complaint in capsys.readouterr().err
