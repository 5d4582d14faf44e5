"""Weights on disk: what int8 rows cost, what a damaged folder says, that a failed write leaves the old one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.backbones.adapters import trained
from models.data.examples import ContextShape
from models.files import checkpoint
from models.files.checkpoint import WeightsError, load_packed, pack, save_packed, sha256, unpack
from models.nets.stored import load_net, net_folder, new_net, save_net, start_net, trained_nets
from models.nets.support import save_support
from tests.tiny import Moved, tiny_backbone, tiny_batch, tiny_causal, tiny_tokenizer

TENSORS = {"matrix": torch.randn(80, 64), "vector": torch.randn(64), "small": torch.randn(3, 3)}


def test_int8_rows_are_within_half_a_step() -> None:
    found = unpack(pack(TENSORS))
    step = TENSORS["matrix"].abs().amax(dim=1, keepdim=True) / 127
    assert bool(((found["matrix"] - TENSORS["matrix"]).abs() <= 0.51 * step).all())
    torch.testing.assert_close(found["vector"], TENSORS["vector"].half().float())
    assert pack(TENSORS)["matrix"].dtype == torch.int8


def test_files_overwritten_after_loading_change_nothing_that_was_loaded(tmp_path: Path) -> None:
    """A program that copies new weights over the old ones beside a running app."""
    save_packed(tmp_path / "w", TENSORS, {})
    loaded, _ = load_packed(tmp_path / "w")
    before = {name: value.clone() for name, value in loaded.items()}
    for path in (tmp_path / "w").glob("*.safetensors"):
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
    for name, value in loaded.items():
        torch.testing.assert_close(value, before[name], atol=0, rtol=0)


def test_shards_stay_below_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "SHARD_BYTES", 6000)
    save_packed(tmp_path / "w", {f"m{n}": torch.randn(80, 64) for n in range(3)}, {})
    assert len(list((tmp_path / "w").glob("*.safetensors"))) == 3
    assert load_packed(tmp_path / "w")[0].keys() == {"m0", "m1", "m2"}


@pytest.mark.parametrize("harm", ["missing", "damaged", "no card", "bad card"])
def test_a_harmed_folder_names_the_file_and_the_remedy(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "w"
    save_packed(folder, TENSORS, {"net": "misc"})
    weights, card = folder / "weights-0.safetensors", folder / "card.json"
    if harm == "missing":
        weights.unlink()
    elif harm == "damaged":
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
    elif harm == "no card":
        card.unlink()
    else:
        card.write_text("{}")
    with pytest.raises(WeightsError, match="git checkout") as error:
        load_packed(folder)
    assert (weights.name if harm in ("missing", "damaged") else card.name) in str(error.value)


def test_a_failed_write_leaves_the_old_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "w"
    save_packed(folder, TENSORS, {"version": 1})

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError, match="no space"):
        save_packed(folder, TENSORS, {"version": 2})
    monkeypatch.undo()
    assert load_packed(folder)[1]["version"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["w"]


@pytest.mark.parametrize(("name", "value"), [("matrix", 1e10), ("vector", 1e5), ("small", torch.nan)])
def test_weights_that_would_not_come_back_are_not_written(tmp_path: Path, name: str, value: float) -> None:
    """float16 ends at 65504: beyond it a scale or a vector would be stored as infinite."""
    folder = tmp_path / "w"
    save_packed(folder, TENSORS, {"version": 1})
    bad = TENSORS | {name: torch.full_like(TENSORS[name], value)}
    with pytest.raises(WeightsError, match=rf"was not written: as it is stored, {name}\S* is NaN, infinite or huge"):
        save_packed(folder, bad, {"version": 2})
    assert load_packed(folder)[1]["version"] == 1
    save_packed(tmp_path / "exact", TENSORS | {"matrix": torch.full((80, 64), 1e10)}, {}, exact=True)


@pytest.mark.parametrize("remains", [False, True], ids=["first time", "after an earlier crash"])
def test_a_write_stopped_between_its_two_renames_leaves_the_old_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remains: bool
) -> None:
    folder = tmp_path / "w"
    save_packed(folder, TENSORS, {"version": 1})
    if remains:
        (tmp_path / ".w-old").mkdir()
        (tmp_path / ".w-old" / "card.json").write_text("{}")
    rename, moved = Path.replace, []

    def killed(self: Path, target: Path) -> Path:
        moved.append(self.name)
        if len(moved) > 1:  # the old folder is out of the way, the new one not yet in place, and nothing is cleaned up
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        save_packed(folder, TENSORS, {"version": 2})
    monkeypatch.undo()
    assert not folder.exists()
    assert load_packed(folder)[1]["version"] == 1
    save_packed(folder, TENSORS, {"version": 3})
    assert load_packed(folder)[1]["version"] == 3
    assert [p.name for p in tmp_path.iterdir()] == ["w"]


def test_a_net_and_its_folder_round_trip(tmp_path: Path) -> None:
    base, folder = tiny_causal(), tmp_path / "misc"
    net = new_net("misc", {"refine": "last", "batch_norm": "none"}, 2, base)
    save_net(net, "misc", 2, {"data": "made up"}, folder, base)
    loaded = load_net(folder, Moved(base))
    assert loaded.config == net.config
    with torch.no_grad():
        expected, found = (n.eval().plan(tiny_batch(n)).strategies for n in (net, loaded))
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=0)
    card = json.loads((folder / "card.json").read_text())
    assert card["base"] == base.label == f"tiny@{base.digest}"
    assert not any(p.requires_grad for p in loaded.parameters())


def test_a_net_of_another_base_or_strategy_order_is_refused(tmp_path: Path) -> None:
    base, folder = tiny_causal(), tmp_path / "joint"
    other = replace(tiny_causal(seed=1), digest="1" * 12)
    save_net(new_net("joint", {}, 2, base), "joint", 2, {}, folder, base)
    with pytest.raises(WeightsError, match=r"changes base tiny@0{12}, but tiny here is 1{12}; train it again"):
        load_net(folder, Moved(other))
    card = json.loads((folder / "card.json").read_text())
    card["strategies"] = card["strategies"][::-1]
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(WeightsError, match="another strategy order"):
        load_net(folder, Moved(base))
    with pytest.raises(WeightsError, match="another strategy order"):
        start_net("joint", {}, None, base, folder)


def test_a_net_of_the_base_of_earlier_releases_is_refused(tmp_path: Path) -> None:
    """Their cards have the hash alone."""
    base, folder = tiny_causal(), tmp_path / "joint"
    save_net(new_net("joint", {}, 2, base), "joint", 2, {}, folder, base)
    _edit(folder, base="0123456789ab")
    with pytest.raises(WeightsError, match=r"joint was made for another base \(0123456789ab\); train it again"):
        load_net(folder, Moved(base))
    with pytest.raises(WeightsError, match=r"joint changes base 0123456789ab, but this is tiny@0{12}; give --start"):
        start_net("joint", {}, None, base, folder)


def test_training_goes_on_from_weights_that_fit_the_settings_told(tmp_path: Path) -> None:
    base, without, trained_with = tiny_causal(), tmp_path / "without", tmp_path / "with"
    save_net(new_net("joint", {}, 2, base), "joint", 2, {}, without, base)
    net, _ = start_net("joint", {"course": True, "strategy_weight": 1.0}, None, base, without)
    assert net.course is not None
    assert not bool(net.course.out.weight.any()), "a new course starts silent"
    with torch.no_grad():
        net.course.out.bias.fill_(0.5)
    save_net(net, "joint", 2, {}, trained_with, base)
    again, _ = start_net("joint", {}, None, base, trained_with)
    assert again.course is not None
    assert again.course.out.bias.tolist() == [0.5] * 8, "one that was trained is taken over"
    with pytest.raises(
        WeightsError, match=r"with does not fit the net 'joint' .*'course': False.* told: .*course\.inner"
    ):
        start_net("joint", {"course": False}, None, base, trained_with)
    save_support(base.backbone(2), base, {}, tmp_path / "support")
    with pytest.raises(WeightsError, match=r"support holds no net but 'support'"):
        start_net("joint", {}, None, base, tmp_path / "support")


def test_a_net_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    words, folder = tiny_tokenizer(), tmp_path / "transformer"
    save_net(new_net("transformer", {"shape": ContextShape(48)}, 0, words), "transformer", 0, {}, folder, words)
    swapped = (folder / "tokenizer.json").read_text().replace('"hello"', '"goodbye"')
    (folder / "tokenizer.json").write_text(swapped)
    _edit(folder, files=json.loads((folder / "card.json").read_text())["files"] | _hash(folder, "tokenizer.json"))
    with pytest.raises(WeightsError, match=r"another vocabulary.*train it again"):
        load_net(folder)


def test_weights_of_another_net_are_refused(tmp_path: Path) -> None:
    base = tiny_causal()
    save_net(new_net("joint", {}, 2, base), "joint", 2, {}, tmp_path / "joint", base)
    (tmp_path / "joint").rename(tmp_path / "misc")
    with pytest.raises(WeightsError, match="holds weights of 'joint', not of the net 'misc'"):
        net_folder("misc", tmp_path)
    _edit(tmp_path / "misc", net="misc")  # even when the card lies
    with pytest.raises(WeightsError, match=r"does not fit the net 'misc'.*no setting"):
        load_net(tmp_path / "misc", Moved(base))
    _edit(tmp_path / "misc", settings={"refine": "last"})
    with pytest.raises(WeightsError, match=r"does not fit the net 'misc'.*missing"):
        load_net(tmp_path / "misc", Moved(base))
    save_support(base.backbone(2), base, {}, tmp_path / "support")
    with pytest.raises(WeightsError, match="holds no net but 'support'"):
        load_net(tmp_path / "support", Moved(base))


def test_a_net_without_weights_must_be_trained_first(tmp_path: Path) -> None:
    save_packed(tmp_path / "joint", trained(tiny_backbone()), {"net": "joint"})
    assert trained_nets(tmp_path) == ("joint",)
    assert net_folder("joint", tmp_path) == tmp_path / "joint"
    with pytest.raises(WeightsError, match=r"trained first: python -m models train moel .*; nets with weights: joint$"):
        net_folder("moel", tmp_path)


def _edit(folder: Path, **changes: object) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | changes))


def _hash(folder: Path, name: str) -> dict[str, str]:
    return {name: sha256(folder / name)}
