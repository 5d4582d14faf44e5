"""Triples -> heads -> batches."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from models.data.relations import RELATIONS
from models.knowledge.comet_data import Head, HeadMix, atomic_heads, esconv_heads, first_person, read_rows
from models.knowledge.comet_shipped import prefixes
from tests.tiny import tiny_tokenizer

TRIPLES = """kind\tsplit\thead\trelation\ttail
utterance\ttrain\tI lost my  job\txReact\tsad
utterance\ttrain\tI lost my  job\txReact\tpersonx is sad
utterance\ttrain\tI lost my  job\txReason\tno reason
situation\ttrain\tIt is hard\txAttr\ttired
utterance\ttrain\tHello\txReact\thappy
utterance\tvalid\thello\txReact\tgood
utterance\ttest\tI am tired\txReact\ttired
"""


@pytest.fixture
def triples(tmp_path: Path) -> Path:
    path = tmp_path / "triples.tsv.gz"
    with gzip.open(path, "wt") as out:
        out.write(TRIPLES)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("PersonX loses PersonX's job", "I lose my job"),
        ("PersonX tries ___ to please PersonY", "I try something to please someone"),
        ("PersonX watches PersonY 's dog", "I watch someone's dog"),
        ("PersonX has always passes", "I have always passes"),
        ("PersonX always cries", "I always cries"),
        ("PersonY thanks PersonX", "someone thanks me"),
        ("to help personx and PersonZ", "to help me and someone else"),
        ("personx 's wife is grateful", "my wife is grateful"),
        ("a personal person", "a personal person"),
    ],
)
def test_first_person(text: str, said: str) -> None:
    assert first_person(text) == said


def test_events_of_other_splits_stay_out(triples: Path) -> None:
    heads = {head.event: head for head in esconv_heads(triples, ["train"])}
    assert set(heads) == {"I lost my job", "It is hard"}
    assert [head.event for head in esconv_heads(triples, ["test"])] == ["I am tired"]


def test_a_relation_without_tails_says_none(triples: Path) -> None:
    job, hard = esconv_heads(triples, ["train"])
    assert job.tails[:2] == (("xReact", "sad"), ("xReact", "i am sad"))
    assert dict(job.tails[2:]) == {r: "none" for r in RELATIONS if r != "xReact"}
    assert {relation for relation, tail in hard.tails if tail == "none"} == set(RELATIONS[1:6])
    assert job.by_relation() == {"xReact": ["sad", "i am sad"]}


def test_open_sets_are_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "event2mind.tsv").write_text("split\thead\trelation\ttail\ntrain\tPersonX naps\txReact\tnone\n")
    with pytest.raises(FileNotFoundError, match="expected any of atomic2020"):
        atomic_heads(tmp_path)
    (tmp_path / "atomic2018_xIntent.tsv").write_text("head\trelation\ttail\nPersonX naps\txIntent\tto rest\n")
    (tmp_path / "atomic2020_system_eval5000.tsv").write_text("head\trelation\ttail\nPersonX naps\txWant\tto eat\n")
    assert atomic_heads(tmp_path) == {
        "atomic": [Head("I nap", (("xWant", "to eat"), ("xIntent", "to rest")))],
        "event2mind": [Head("I nap", (("xReact", "none"),))],
    }


def test_a_file_that_holds_no_triples_is_named(tmp_path: Path) -> None:
    path = tmp_path / "wrong.tsv"
    with pytest.raises(FileNotFoundError, match=r"wrong\.tsv is missing"):
        read_rows(path)
    path.write_text("head\trelation\n")
    with pytest.raises(ValueError, match=r"wrong\.tsv is no triple file: column 'tail'"):
        read_rows(path)


def test_batches_are_the_same_each_time_and_hold_whole_tails() -> None:
    tokenizer = tiny_tokenizer()
    heads = [
        Head("i lost my job", (("xReact", "sad"), ("xWant", "to hear that you feel sad"), ("oReact", "none"))),
        Head("hello", (("xReact", "tired"),)),
    ]
    mix = HeadMix({"a": heads}, {"a": 1.0}, tokenizer)
    batch = mix.batch(3, 4, 2, seed=1)
    mix.batch(40, 4, 2, seed=1)
    again = mix.batch(3, 4, 2, seed=1)
    assert batch.ids.tolist() == again.ids.tolist()
    tails, before = set(), len(prefixes(tokenizer)["xReact"])
    for group, same in zip(batch.groups, again.groups, strict=True):
        assert group.labels.tolist() == same.labels.tolist()
        assert (group.labels[:, : before - 1] == -100).all()
        for inputs, labels, owner in zip(group.inputs, group.labels, group.owner, strict=True):
            kept = labels[labels >= 0]
            assert kept[-1] == tokenizer.eos
            assert inputs[before : before + len(kept) - 1].tolist() == kept[:-1].tolist()
            relation = tokenizer.piece(int(inputs[1])).strip()
            assert 0 <= int(owner) < 4
            tails.add((relation, tokenizer.decode(kept.tolist()).lower()))
    assert tails <= {(f"[{relation}]", tail) for head in heads for relation, tail in head.tails}
