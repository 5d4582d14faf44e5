"""`python -m models benchmark` on tiny nets: all contenders answer the same talks; figures, ceiling, ratios."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from models.__main__ import main
from models.commands import benchmark
from models.knowledge.comet import CachedComet
from models.serving.engine import engine as engine_module
from models.serving.engine.engine import Engine
from models.serving.hosting import NetResponder, Sources
from models.serving.speed import contenders
from models.serving.speed.contenders import MEASURED_ALONE, OneByOne, as_llama, in_line
from models.serving.speed.measure import one_round, summed, with_all_cores
from models.serving.speed.talks import Answered, a_turn_before, made_up_talks
from tests.tiny import CAUSAL, MadeUpComet, MadeUpEmotions, settled_nets, tiny_net

NAMES = ("joint", "misc")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Joint and MISC on the tiny base instead of the shipped ones."""

    def opened(names: list[str], device: str, **_: Any) -> dict[str, NetResponder]:
        engine, sources = Engine(), Sources(CachedComet(MadeUpComet()), MadeUpEmotions())
        return {
            name: NetResponder(name, net, "0", sources, writer=engine)
            for name, net in zip(names, settled_nets(*names), strict=True)
        }

    monkeypatch.setattr(engine_module, "IDLE_S", 0.05)
    monkeypatch.setattr(benchmark, "open_responders", opened)
    monkeypatch.setattr(contenders, "open_comet", lambda *_: MadeUpComet())
    monkeypatch.setattr(contenders, "open_emotion", lambda *_: MadeUpEmotions())
    monkeypatch.setattr(contenders, "net_folder", lambda name, _: name)
    monkeypatch.setattr(contenders, "load_net", lambda name, *_: settled_nets(name)[0])


def test_all_of_them_answer_and_the_files_tell_how_fast(
    tiny: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--talks", "1,3", "--turns", "2", "--tokens", "4", "--rounds", "2", "--out", str(tmp_path)]
    assert main(["benchmark", *flags, "--device", "cpu", "--beside", "plain,transformers,llama.cpp"]) == 0
    shown = capsys.readouterr()
    assert "llama.cpp is left out: ModuleNotFoundError" in shown.err
    figures = json.loads((tmp_path / "benchmark.json").read_text())
    assert figures["talks"].keys() == {"1", "3"}
    for by in figures["talks"].values():
        assert by.keys() == {"engine", "plain", "transformers"}
        for each in by.values():
            assert each["tokens_s"]["least"] <= each["tokens_s"]["median"] <= each["tokens_s"]["greatest"]
            assert 0 < each["first_s"]["median"] <= each["p50_s"]["median"] <= each["p95_s"]["greatest"]
    one = figures["talks"]["3"]
    assert figures["ratios"]["3"]["plain"] == one["engine"]["tokens_s"]["median"] / one["plain"]["tokens_s"]["median"]
    assert figures["bandwidth_gb_s"] > 0
    lines = json.loads((tmp_path / "benchmark.plotly.json").read_text())["data"]
    assert {line["name"]: line["x"] for line in lines} == {name: [1, 3] for name in ("engine", "plain", "transformers")}
    assert "of the ceiling" in shown.out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--talks", "1,x"], "--talks is '1,x'; allowed: whole numbers from 1 on"),
        (["--talks", "0"], "--talks is '0'; allowed: whole numbers from 1 on"),
        (["--beside", "vllm"], "--beside is 'vllm'; allowed: plain, transformers, llama.cpp"),
        (["--turns", "0"], "--turns is 0; want at least 1"),
    ],
)
def test_flags_out_of_range_are_refused(
    tiny: None, flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["benchmark", "--device", "cpu", *flags]) == 2
    assert said in capsys.readouterr().err


def test_a_net_without_an_engine_is_left_out_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    responder = NetResponder("joint", tiny_net("joint"), "0", Sources(MadeUpComet(), None))
    monkeypatch.setattr(benchmark, "open_responders", lambda *_, **__: {"joint": responder})
    assert main(["benchmark", "--device", "cpu", "--nets", "joint"]) == 2
    assert "joint stands on no causal base" in capsys.readouterr().err


def test_who_answers_one_after_the_other_lets_the_later_wait() -> None:
    made = list[int]()
    answered = in_line(lambda number: made.append(number) or Answered(1.0, 2.0, 5), 6)
    assert made == list(range(MEASURED_ALONE))
    assert [(a.first_s, a.total_s) for a in answered] == [(1.0 + 2 * n, 2.0 + 2 * n) for n in range(6)]
    figures = one_round(answered)
    assert (figures.tokens_s, figures.p50_s, figures.p95_s) == (30 / 12, 7.0, 12.0)
    assert figures.decode_tokens_s is None
    assert "decode_tokens_s" not in summed([figures, figures])


def test_each_has_all_cores_and_begins_when_the_engine_has_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "IDLE_S", 0.3)
    before, engine = torch.get_num_threads(), Engine()
    engine.call(lambda: None)
    assert engine._thread is not None
    found = with_all_cores(lambda: (engine._thread, torch.get_num_threads(), threading.current_thread()))
    assert found[:2] == (None, os.cpu_count())
    assert not found[2].is_alive()
    assert torch.get_num_threads() == before


def test_talks_differ_and_go_on_from_turn_to_turn() -> None:
    talks = made_up_talks(50, 4)
    assert len({talk.situation for talk in talks}) == 50
    assert [len(talk.turns) for talk in talks] == [7] * 50
    before = a_turn_before(talks[3])
    assert before.turns == talks[3].turns[:5]
    assert a_turn_before(made_up_talks(1, 1)[0]) == made_up_talks(1, 1)[0]


def test_the_plain_path_asks_relation_by_relation() -> None:
    asked = list[int]()

    class Counting(MadeUpComet):
        def answer(self, queries: Any) -> Any:
            asked.append(len(queries))
            return super().answer(queries)

    assert OneByOne(Counting()).answer([("a", "xReact"), ("b", "xWant")]) == [("sad",), ("sad",)]
    assert asked == [1, 1]


def test_the_base_alone_is_the_same_in_transformers() -> None:
    backbone = tiny_net(CAUSAL + "joint").backbone
    for change in backbone.changes().values():
        change.b.data.zero_()
    ids = torch.randint(5, 200, (1, 9))
    with torch.no_grad():
        expected = as_llama(backbone)(ids).logits
        found = backbone.logits(backbone.read(ids, torch.ones_like(ids, dtype=torch.bool)).states)
    torch.testing.assert_close(found[..., : expected.shape[-1]], expected, atol=1e-5, rtol=1e-4)
