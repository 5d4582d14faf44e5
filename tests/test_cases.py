"""Similar talks: what is found, what never is, and how KEMI reads it. Made-up talks."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

import pytest
import torch

from models.data.batches import make_batch
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv import targets
from models.data.examples import CASES, Example
from models.knowledge.cases import FOUND, Bm25Cases, NoCases, open_cases
from models.knowledge.comet import NoComet
from models.nets.net import Net
from models.serving.attended import LOOKED_UP
from models.serving.hosting import NetResponder, Sources
from models.serving.intervention import Intervention
from models.serving.trace import DecodeOptions, NamedRow
from models.training.turn_examples import besides_for, examples_of
from tests.tiny import CAUSAL, MadeUpComet, tiny_batch, tiny_examples, tiny_net


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


def test_only_the_latest_messages_are_compared() -> None:
    assert "love" not in found("my girlfriend left", "hello", "she did")
    assert found("my girlfriend left", "hello") == ["love"]


def test_a_talk_never_finds_itself_nor_one_talk_twice() -> None:
    assert "love" not in found("my girlfriend left me", name="love")
    twice = replace(TALKS[4], turns=TALKS[4].turns * 2)
    cases = Bm25Cases(targets([twice])).find([Dialogue(TALKS[4].turns[:1])])
    assert [case.dialogue for case in cases[0]] == ["love"]


def test_the_version_is_of_the_cases() -> None:
    whole, part = Bm25Cases(targets(TALKS)), Bm25Cases(targets(TALKS[:3]))
    assert whole.version == Bm25Cases(targets(TALKS)).version != part.version
    assert open_cases(None).version == NoCases.version
    with pytest.raises(ValueError, match="give ESConv"):
        Bm25Cases(())


def wanting(net: Net, cases: object) -> list[Example]:
    """Examples of the first talk, as a command makes them."""
    besides = replace(besides_for(Namespace(emotion=None, cases=None), "cpu", net), cases=cases)
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
    assert set(row.labels) < {f"[Question] {talk.turns[1].text}" for talk in TALKS}
    assert sum(row.values) == pytest.approx(1.0, abs=1e-3)
    assert rows(Intervention(knowledge=False)) == []
