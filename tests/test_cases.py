"""Similar talks: what is found, what never is, and how KEMI reads it. Made-up talks."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from models.data.batches import make_batch
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv import Target, targets
from models.data.examples import CASES, Example, case_ids, case_read
from models.data.rule_answers import answerable, rule_talks
from models.knowledge.cases import BM25, EMBEDDINGS, FOUND, RETRIEVERS, Case, NoCases, SearchedCases
from models.knowledge.cases_bm25 import Bm25Cases
from models.knowledge.cases_embedded import EmbeddedCases, reader_of
from models.knowledge.comet import Block, Comet, NoComet, Query
from models.knowledge.shipped_or_hub import open_cases
from models.nets.kemi import RELATIONS_READ
from models.nets.net import Net
from models.serving.hosting import NetResponder, Sources
from models.serving.intervention import Intervention
from models.serving.trace import DecodeOptions, NamedRow
from models.serving.tracing import LOOKED_UP
from models.training.turn_examples import besides_for, examples_of
from tests.tiny import CAUSAL, MadeUpComet, Moved, tiny_batch, tiny_causal, tiny_examples, tiny_net


def talk(name: str, asked: str, reply: str) -> Dialogue:
    """A seeker's message and what it got."""
    return Dialogue((Turn(Speaker.SEEKER, asked), Turn(Speaker.SUPPORTER, reply, "Question")), "", id=name)


TALKS = (
    talk("job", "my boss fired me from my job", "How long did you work there?"),
    talk("work", "I was fired from work", "What will you do now?"),
    talk("again", "fired again from another job", "What happened?"),
    talk("boss", "my boss is rude at my job", "Can you talk to him?"),
    talk("love", "my girlfriend left me", "When was that?"),
)


def found(*said: str, name: str = "") -> list[str]:
    """Ids of the talks found for what a seeker says."""
    asked = Dialogue(tuple(Turn(Speaker.SEEKER, text) for text in said), id=name)
    return [case.dialogue for case in Bm25Cases(targets(TALKS)).find([asked])[0]]


def test_talks_that_share_words_are_found_nearest_first() -> None:
    assert found("my girlfriend and I") == ["love"]
    assert found("I got fired from my job")[0] in ("job", "again")
    assert len(found("fired from my job by my boss")) == FOUND
    assert found("zebra") == found("") == found() == []


@pytest.fixture(params=RETRIEVERS)
def retriever(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(retriever: str, found: tuple[Target, ...]) -> SearchedCases:
    """A case base, its vectors those of a tiny base."""
    return Bm25Cases(found) if retriever == BM25 else EmbeddedCases(found, reader_of(tiny_causal()))


def test_either_retriever_finds_talks_of_the_same_kind(retriever: str) -> None:
    """Eight talks of two kinds, each of other words of its kind: the two nearest are of the seeker's own."""
    kinds = {"job": "bad cafe cab faded badge deaf dead feed", "love": "sorry story worry upon your own tutor support"}
    words = {kind: text.split() for kind, text in kinds.items()}
    said = {f"{kind}{n}": " ".join(own[n : n + 5]) for kind, own in words.items() for n in range(4)}
    cases = opened(retriever, targets([talk(name, text, "Oh.") for name, text in said.items()]))
    found = cases.find([Dialogue((Turn(Speaker.SEEKER, text),), id=name) for name, text in said.items()])
    assert all(len(near) >= 2 for near in found)
    right = [case.dialogue[:-1] == name[:-1] for name, near in zip(said, found, strict=True) for case in near[:2]]
    assert sum(right) >= 15  # of 16; by chance 3 in 7


def test_equal_words_are_nearest_and_the_talk_itself_is_left_out(retriever: str) -> None:
    cases = opened(retriever, targets(TALKS))
    for one in TALKS:
        own, other = (cases.find([replace(one, turns=one.turns[:1], id=name)])[0] for name in ("", one.id))
        assert own[0].dialogue == one.id
        assert one.id not in [case.dialogue for case in other]
    assert cases.find([]) == []
    assert cases.find([Dialogue((Turn(Speaker.SUPPORTER, "hello"),)), Dialogue(TALKS[0].turns)])[0] == ()


def test_vectors_make_a_neighbour_of_every_text() -> None:
    """Also of one that shares no word with any case; the same text has the same neighbours, alone or among others."""
    cases = opened(EMBEDDINGS, targets(TALKS))
    asked = [Dialogue((Turn(Speaker.SEEKER, text),)) for text in ("zebra", "my boss", "I went to a very long party")]
    together = cases.find(asked)
    assert [len(found) for found in together] == [FOUND] * 3
    assert together == [cases.find([one])[0] for one in asked]


def test_a_case_base_is_opened_by_the_name_of_its_retriever(retriever: str, tmp_path: Path) -> None:
    said = [
        {
            "situation": "",
            "emotion_type": "sadness",
            "problem_type": "job crisis",
            "dialog": [
                {"speaker": "seeker", "annotation": {}, "content": text},
                {"speaker": "supporter", "annotation": {"strategy": "Question"}, "content": f"What about {text}?"},
            ],
        }
        for text in ("the job", "my wife", "the house", "a party", "the dog", "an exam", "her boss", "no money")
    ]
    (tmp_path / "esconv.json").write_text(json.dumps(said))
    cases = open_cases(tmp_path / "esconv.json", "D", retriever, bases=Moved(tiny_causal()))
    assert cases.version.startswith(f"{retriever} over ")
    assert cases.find([Dialogue((Turn(Speaker.SEEKER, "the job my wife the house a party the dog"),))])[0]
    with pytest.raises(ValueError, match="the retriever is 'grep'; allowed: bm25, embeddings"):
        open_cases(tmp_path / "esconv.json", "D", "grep")


def test_only_the_latest_messages_are_compared() -> None:
    assert "love" not in found("my girlfriend left", "hello", "she did")
    assert found("my girlfriend left", "hello") == ["love"]


def test_a_talk_never_finds_itself_nor_one_talk_twice() -> None:
    assert "love" not in found("my girlfriend left me", name="love")
    twice = replace(TALKS[4], turns=TALKS[4].turns * 2)
    cases = Bm25Cases(targets([twice])).find([Dialogue(TALKS[4].turns[:1])])
    assert [case.dialogue for case in cases[0]] == ["love"]


def test_an_answer_by_rule_never_finds_the_talk_that_its_message_is_from() -> None:
    twins = (
        talk("one", "My sister lent me her car in May.", "Oh."),
        talk("two", "My sister lent me a coat in May.", "Oh."),
    )
    asked = [target.context for target in targets(rule_talks(answerable(twins), 1, 2))]
    cases = Bm25Cases(targets((*twins, *TALKS))).find(asked)
    found = {one.last_post(): [case.dialogue for case in near] for one, near in zip(asked, cases, strict=True)}
    assert found == {twins[0].last_post(): ["two"], twins[1].last_post(): ["one"]}


def test_the_version_is_of_the_cases() -> None:
    whole, part = Bm25Cases(targets(TALKS)), Bm25Cases(targets(TALKS[:3]))
    assert whole.version == Bm25Cases(targets(TALKS)).version != part.version
    assert open_cases(None).version == NoCases.version
    with pytest.raises(ValueError, match="give ESConv"):
        Bm25Cases(())


class TwoTails(Comet):
    """Two tails per query."""

    version = "made up"

    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        return [("sad", "tired")] * len(queries)


def wanting(net: Net, cases: object) -> list[Example]:
    """Examples of the first talk, as a command makes them."""
    besides = replace(besides_for(Namespace(emotion=None, cases=None, retriever=BM25), "cpu", net), cases=cases)
    return examples_of(targets(TALKS[:1]), NoComet(), net.tokenizer, net.shape, besides)


def test_cases_reach_the_examples_of_nets_that_want_them() -> None:
    kemi, joint = tiny_net("kemi"), tiny_net("joint")
    assert (CASES in kemi.wants, CASES in joint.wants) == (True, False)
    (example,) = wanting(kemi, Bm25Cases(targets(TALKS)))
    words = [kemi.tokenizer.decode(ids) for ids in example.cases]
    assert sorted(words) == sorted(["What will you do now?", "What happened?", "Can you talk to him?"])
    assert all(ids[0] == kemi.tokenizer.strategies[0] for ids in example.cases)
    assert wanting(joint, NoCases())[0].cases == ()
    batch = make_batch([example, replace(example, cases=example.cases[:1])])
    assert batch.case_rows.tolist() == [[1, 2, 3], [1, -1, -1]]
    assert len(batch.cases) == 4


@pytest.mark.parametrize("name", ["kemi", f"{CAUSAL}kemi"])
def test_what_was_looked_up_moves_the_reply_and_only_the_first_tails_are_read(name: str) -> None:
    net = tiny_net(name)
    batch = tiny_batch(net)
    other = replace(batch, cases=batch.cases.masked_fill(batch.cases > 0, 30))
    with torch.no_grad():
        one, swapped, without = (
            net.reply_nll(net.plan(b), b.labels)
            for b in (batch, other, make_batch([replace(e, cases=()) for e in tiny_examples(net)]))
        )
        read = net._tails_read(batch)
    assert not torch.allclose(one, swapped)
    assert not torch.allclose(one, without)
    relations = batch.blocks[:, 0][batch.post]
    assert read[0].tolist() == [True, True, False]  # xReact, xWant; oReact is not among those read
    assert int(read.sum()) == 8
    assert relations[0].tolist() == [net.tokenizer.relations[r] for r in ("xReact", "xWant", "oReact")]


@pytest.mark.parametrize("name", ["kemi", "star-kemi", f"{CAUSAL}kemi"])
def test_only_tails_that_are_read_are_told_and_can_be_taken_away(name: str) -> None:
    hosted = NetResponder("kemi", tiny_net(name), "0123456789ab", Sources(TwoTails(), None))
    asked = Dialogue((Turn(Speaker.SEEKER, "fired from my job"),), "i lost my job")
    options = DecodeOptions(method="greedy", min_tokens=3, max_tokens=5)
    blocks = hosted.respond(asked, options, 1).trace.blocks
    assert {(block.source, block.relation, block.text) for block in blocks} == {
        ("post", relation, "sad") for relation in RELATIONS_READ
    }
    assert sum(block.weight for block in blocks) == pytest.approx(1.0, abs=1e-3)
    off = Intervention(blocks_off=frozenset({Block("post", "xReact", "sad")}))
    left = hosted.intervene(asked, options, 1, off).trace.blocks
    assert {block.text for block in left} == {"sad"}  # the next tail of that relation does not take its place
    assert len(left) == len(blocks) - 1


@pytest.mark.parametrize("name", ["kemi", "star-kemi", f"{CAUSAL}kemi"])
def test_a_trace_tells_the_talks_and_the_attention_they_got(name: str) -> None:
    cases = Bm25Cases(targets(TALKS))
    hosted = NetResponder("kemi", tiny_net(name), "0123456789ab", Sources(MadeUpComet(), None, cases))
    asked = Dialogue((Turn(Speaker.SEEKER, "fired from my job"),))
    options = DecodeOptions(method="greedy", min_tokens=3, max_tokens=5)

    def rows(change: Intervention) -> list[NamedRow]:
        trace = hosted.intervene(asked, options, 1, change).trace
        return [row for row in trace.extras if row.name == LOOKED_UP]

    (row,) = rows(Intervention())
    assert len(row.labels) == FOUND
    said = [f"[Question] {talk.turns[1].text}" for talk in TALKS]
    assert all(any(one.startswith(label.removesuffix("\u2026")) for one in said) for label in row.labels)
    assert sum(row.values) == pytest.approx(1.0, abs=1e-3)
    assert rows(Intervention(knowledge=False)) == []


@pytest.mark.parametrize("name", ["kemi", f"{CAUSAL}kemi"])
def test_a_long_reply_of_a_similar_talk_is_quoted_as_far_as_it_is_read(name: str) -> None:
    tokenizer = tiny_net(name).tokenizer
    long = Case("1", "i lost my job", "Question", "what happened to you? " * 10)
    told = case_read(long, tokenizer)
    assert told.endswith("\u2026")
    assert tuple(tokenizer.encode(told[:-1])) == case_ids(long, tokenizer)[1:]
    assert case_read(replace(long, reply="What now?"), tokenizer) == "What now?"
    sources = Sources(NoComet(), None, SimpleNamespace(find=lambda asked: [(long,)] * len(asked)))
    hosted = NetResponder("kemi", tiny_net(name), "0123456789ab", sources)
    trace = hosted.respond(Dialogue((Turn(Speaker.SEEKER, "i lost it"),)), DecodeOptions(max_tokens=5), 1).trace
    assert [row.labels for row in trace.extras if row.name == LOOKED_UP] == [(f"[Question] {told}",)]
