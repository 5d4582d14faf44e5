"""Weights that are swapped while the app runs: it goes on with those it has loaded, and shows no card of the others."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from escdemo.hosted import HostedNets, NoCard, lying
from models.data.dialogue import Dialogue, Speaker, Turn
from models.files.checkpoint import fingerprint, save_packed
from models.knowledge.comet import NoComet
from models.nets.registry import CAUSAL
from models.nets.stored import new_net, save_net
from models.serving import hosting
from models.serving.hosting import open_responders
from models.serving.trace import DecodeOptions
from tests.tiny import MadeUpEmotions, tiny_checkpoint

DIALOGUE = Dialogue((Turn(Speaker.SEEKER, "hello i am sad"),), "i lost my job")
GREEDY = DecodeOptions("greedy", min_tokens=3, max_tokens=8)


@pytest.mark.parametrize("rank", [0, 2], ids=["all of a net", "changes of a base"])
def test_a_net_goes_on_with_the_weights_it_has_loaded(
    rank: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the files are overwritten where they lie, cut short or replaced. What is exact is read as it lies."""
    monkeypatch.setattr(hosting, "open_comet", lambda *_: NoComet())
    monkeypatch.setattr(hosting, "open_emotion", lambda *_: MadeUpEmotions())
    source, folder = tiny_checkpoint(tmp_path / "base"), tmp_path / "weights" / "joint"
    save_net(new_net("joint", CAUSAL["joint"], rank, source), "joint", rank, {}, folder, source)
    net = open_responders(["joint"], "cpu", folder.parent)["joint"]
    before = net.respond(DIALOGUE, GREEDY, 1)
    files = [*folder.glob("*.safetensors"), *Path(source).glob("*.safetensors")]
    assert len(files) == 2
    for file in files:
        with file.open("r+b") as opened:
            opened.write(b"\xff" * file.stat().st_size)
    assert net.respond(DIALOGUE, GREEDY, 1) == before
    for file in files:
        with file.open("r+b") as opened:
            opened.truncate(1)
    save_packed(folder, {"matrix": torch.ones(2, 2)}, {"net": "joint"})
    assert net.respond(DIALOGUE, GREEDY, 2).text == net.respond(DIALOGUE, GREEDY, 3).text == before.text
    assert net.checkpoint == before.trace.checkpoint != fingerprint(folder)


def test_no_card_of_other_weights_is_shown(tmp_path: Path) -> None:
    save_packed(tmp_path / "joint", {"matrix": torch.zeros(2, 2)}, {"net": "joint"})
    begun = lying(["joint", "misc"], tmp_path)
    hosted = HostedNets(("joint", "misc"), "cpu", weights=tmp_path, running=begun)
    assert hosted.card("joint").checkpoint == begun["joint"]
    assert begun.keys() == {"joint"}
    save_packed(tmp_path / "joint", {"matrix": torch.ones(2, 2)}, {"net": "joint"})
    with pytest.raises(NoCard, match=r"Other weights of joint lie here now .* still runs the old ones"):
        hosted.card("joint")
