"""Decoder states as a map: clusters, planes, the places of new states, the file, and the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from models.__main__ import main
from models.analysis.map_file import SHIPPED, check_weights, map_path, read_map, write_map
from models.analysis.map_turns import likeliest
from models.analysis.state_map import make_map, separate
from models.analysis.states import decoder_states
from models.commands import map as map_command
from models.data.strategies import STRATEGIES
from models.files.checkpoint import WEIGHTS, fingerprint
from tests.maps import made_up_about, made_up_map, made_up_states, made_up_turns
from tests.tiny import tiny_examples, tiny_net
from tests.trained import joint_for


def test_clear_clusters_are_found_and_noise_is_not() -> None:
    rng = np.random.default_rng(0)
    gold = [k for k in range(8) for _ in range(5)]
    clear = np.eye(8)[gold] * 20 + rng.normal(size=(40, 8))
    figures, clusters, plane = separate(clear, gold, seed=1)
    assert (figures.nmi, figures.ari) == pytest.approx((1.0, 1.0))
    assert figures.silhouette_gold > 0.7
    assert (clusters.shape, plane.shape) == ((40,), (40, 2))
    noise, _, _ = separate(rng.normal(size=(40, 8)), gold, seed=1)
    assert noise.silhouette_gold < 0.1
    assert abs(noise.ari) < 0.3


@pytest.mark.parametrize(("turns", "gold"), [(8, list(range(8))), (20, [3] * 20)])
def test_too_few_turns_or_strategies_are_refused(turns: int, gold: list[int]) -> None:
    with pytest.raises(ValueError, match="needs more than 8 replies, with at least 2 strategies"):
        separate(np.zeros((turns, 3)), gold, seed=1)


def test_a_turn_without_a_strategy_is_refused() -> None:
    turns = (*made_up_turns(39), replace(made_up_turns(40)[-1], gold=""))
    with pytest.raises(ValueError, match="1 of 40 turns have no strategy; leave them out"):
        make_map(made_up_about(), turns, made_up_states(40))


def test_states_do_not_depend_on_their_neighbours() -> None:
    net = tiny_net("star")
    examples = tiny_examples(net)
    for one, other in zip(decoder_states(net, examples, size=4), decoder_states(net, examples, size=1), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_state_is_the_mean_over_the_tokens_of_its_reply() -> None:
    net = tiny_net("joint")
    states, strategies = decoder_states(net, tiny_examples(net))
    assert states.shape == (4, 16)
    np.testing.assert_allclose(strategies.sum(axis=1), 1, atol=1e-5)
    other = [replace(example, strategy=(example.strategy + 1) % 8) for example in tiny_examples(net)]
    np.testing.assert_array_equal(decoder_states(net, other)[0], states, err_msg="the gold strategy was looked at")
    shorter = [replace(example, target=example.target[:2]) for example in tiny_examples(net)]
    assert np.abs(decoder_states(net, shorter)[0] - states).max() > 1e-3


def test_the_likeliest_strategy_and_none_of_a_net_that_predicts_none() -> None:
    assert likeliest(np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.1, 0.15, 0.05]) + np.eye(8)[6]) == "Information"
    assert likeliest(np.full(8, 1 / 8)) == ""


# places of new states


def test_turns_of_the_map_land_on_themselves_and_new_ones_among_their_like() -> None:
    found, states = made_up_map(), made_up_states()
    np.testing.assert_allclose(found.tsne(states), found.plane, atol=1e-2)
    expected = np.abs(PCA(2, svd_solver="full").fit_transform(states))
    np.testing.assert_allclose(np.abs(found.pca(states)), expected, atol=1e-3)
    new = found.tsne(made_up_states(8, seed=5))
    for at in range(8):
        own = found.plane[at % 8 :: 8].mean(axis=0)
        others = [found.plane[k::8].mean(axis=0) for k in range(8) if k != at]
        assert np.linalg.norm(new[at] - own) < min(np.linalg.norm(new[at] - other) for other in others)


def test_states_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3, 5\) do not fit a map of width 24"):
        made_up_map().pca(np.zeros((3, 5)))


# files


def test_a_map_comes_back_from_its_file(tmp_path: Path) -> None:
    made = made_up_map()
    write_map(made, map_path(tmp_path, "joint"))
    read = read_map(tmp_path / "joint.json")
    assert (read.about, read.turns) == (made.about, made.turns)
    assert read.figures.nmi == pytest.approx(made.figures.nmi, abs=1e-4)
    np.testing.assert_array_equal(read.clusters, made.clusters)
    np.testing.assert_allclose(read.plane, made.plane, atol=1e-3)
    new = made_up_states(6, seed=9)
    np.testing.assert_allclose(read.pca(new), made.pca(new), atol=0.05)
    np.testing.assert_allclose(read.tsne(new), made.tsne(new), atol=0.05 * np.abs(made.plane).max())


def test_eight_hundred_turns_of_a_wide_net_stay_far_below_their_limit(tmp_path: Path) -> None:
    wide = make_map(made_up_about(), made_up_turns(800), made_up_states(800, width=576))
    write_map(wide, tmp_path / "joint.json")
    assert (tmp_path / "joint.json").stat().st_size < 130_000


def _changed(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        data[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data.pop("mean"), "missing mean"),
        (lambda data: data.update(text="hello"), "unknown text"),
        (_changed("version", to=2), "version 2; want 'map of decoder states', 1"),
        (_changed("kind", to="report"), "it is 'report'"),
        (_changed("about", to=[]), "about is no object"),
        (_changed("about", "seed", to="x"), "about: seed is 'x'; want int"),
        (_changed("about", "net", to="n" * 201), "net is longer than 200 characters"),
        (_changed("figures", "turns", to=41), "holds 40 values; want 41"),
        (_changed("figures", "turns", to=0), "allowed: 1 to 5,000"),
        (_changed("figures", "nmi", to=True), "nmi is True; want float"),
        (_changed("turns", "gold", 3, to=8), "gold holds 8; allowed: 0 to 7"),
        (_changed("turns", "gold", 3, to=-1), "gold holds -1; allowed: 0 to 7"),
        (_changed("figures", "nmi", to=1e300), "want figures of -1 to 1, and 1 to 40 dialogues: nmi"),
        (_changed("about", "dialogues", to=41), "1 to 40 dialogues: about.dialogues"),
        (_changed("about", "source", to="\ud800"), "half of a character"),
        (_changed("turns", "cluster", 3, to=-1), "cluster holds -1; allowed: 0 to 7"),
        (_changed("turns", "dialogue", 3, to="12"), "dialogue holds '12'"),
        (_changed("turns", "x", 3, to=None), "x holds None; want a number"),
        (_changed("coordinates", "float16", to="?"), "coordinates: not base64"),
        (_changed("coordinates", "shape", to=[40, 3]), "coordinates: shape is [40, 3]; want [40, 16]"),
        (_changed("mean", "float16", to="AAAA"), "3 bytes for a shape of [1, 24]"),
        (_changed("mean", "shape", to="long"), "shape is 'long'; want two whole numbers"),
    ],
)
def test_a_damaged_map_is_refused_in_words(change: Callable[[dict[str, Any]], None], told: str, tmp_path: Path) -> None:
    path = tmp_path / "joint.json"
    write_map(made_up_map(), path)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=r"joint\.json is no map this version reads .*; make it again") as refused:
        read_map(path)
    assert told in str(refused.value)


def test_cut_binary_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "joint.json"
    with pytest.raises(FileNotFoundError, match="python -m models map NET --esconv PATH"):
        read_map(path)
    write_map(made_up_map(), path)
    path.write_text(path.read_text()[:900])
    with pytest.raises(ValueError, match=r"no map this version reads \(not valid JSON"):
        read_map(path)
    for content in (b"\xff\xfe\x00", b"\n\x80"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="no map this version reads") as refused:
            read_map(path)
        assert str(tmp_path) not in str(refused.value), "where a server keeps its files is not for visitors"
    with path.open("wb") as big:
        big.truncate(5 * 2**20)
    with pytest.raises(ValueError, match=r"5,242,880 bytes; a map has at most 4,194,304"):
        read_map(path)


def test_maps_of_other_nets_and_other_weights_are_told_apart() -> None:
    found = made_up_map("joint", "aaa")
    check_weights(found, "joint", "aaa")
    with pytest.raises(ValueError, match="of the net joint, not of misc"):
        check_weights(found, "misc", "aaa")
    with pytest.raises(ValueError, match=r"other weights of joint \(aaa; running: bbb\); make it again with"):
        check_weights(found, "joint", "bbb")


def test_states_that_are_no_numbers_are_not_written(tmp_path: Path) -> None:
    made = made_up_map()
    with pytest.raises(ValueError, match="cannot be written"):
        write_map(replace(made, coordinates=made.coordinates * np.inf), tmp_path / "joint.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.json")), ids=lambda path: path.stem)
def test_shipped_maps_are_of_the_shipped_weights(path: Path) -> None:
    found = read_map(path)
    check_weights(found, path.stem, fingerprint(WEIGHTS / path.stem))
    assert (found.about.split, found.about.part, found.about.source) == ("D", "test", "ESConv")


def test_every_shipped_net_that_can_be_hosted_by_default_has_its_map() -> None:
    assert {path.stem for path in SHIPPED.glob("*.json")} >= {"joint", "misc", "admisc", "star"}
    assert len({read_map(path).about.data for path in SHIPPED.glob("*.json")}) == 1, "not the same turns"


# the command


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Thirty talks of two turns, a tiny Joint, files in `out`."""
    told = joint_for(map_command, tmp_path, monkeypatch)
    return ["map", "joint", *told, "--part", "train", "--dialogues", "15", "--out", str(tmp_path / "out")]


def test_the_command_writes_a_map_without_a_word_of_the_data(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 0
    assert "joint, D train, 15 dialogues: Separation(turns=15" in capsys.readouterr().out
    path = tmp_path / "out" / "joint.json"
    found = read_map(path)
    assert (found.about.checkpoint, len(found.turns)) == (fingerprint(tmp_path / "weights" / "joint"), 15)
    assert {turn.turn for turn in found.turns} == {2}
    assert all(turn.gold == STRATEGIES[(turn.dialogue - 1) % 8] for turn in found.turns)
    assert {turn.emotion for turn in found.turns} == {"sadness"}
    assert not any(word in path.read_text() for word in ("tired", "sorry", "job"))
    before = path.read_bytes()
    assert main(command) == 0
    assert path.read_bytes() == before


def test_a_map_of_other_settings_is_replaced_only_when_asked(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out" / "joint.json"
    assert main(command) == 0
    before = path.read_bytes()
    assert main([*command, "--seed", "4"]) == 2
    assert "made with other settings (" in (told := capsys.readouterr().err)
    assert "seed 13 there, 4 now" in told
    assert path.read_bytes() == before
    assert main([*command, "--seed", "4", "--overwrite"]) == 0
    assert read_map(path).about.seed == 4
    path.write_text("{}")
    assert main(command) == 2
    assert "is no map this version reads" in capsys.readouterr().err
    assert path.read_text() == "{}"


def test_what_cannot_be_mapped_is_refused(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--dialogues", "0"]) == 2
    assert "--dialogues is 0; want at least 1" in capsys.readouterr().err
    assert main([*command, "--dialogues", "3"]) == 2
    assert "needs more than 8 replies" in capsys.readouterr().err
    (tmp_path / "esconv.jsonl").write_text('{"reviews": []}')
    assert main(command) == 2
    assert "not ESConv, no field dialog" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
