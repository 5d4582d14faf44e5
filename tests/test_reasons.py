"""Why a net replied as it did, in words: the reasons of each kind of net, and how two nets differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import plotly.graph_objects as go
import pytest

from escdemo import texts
from escdemo.inside import cards, figures
from escdemo.inside.reasons import DEEDS, differences, why
from escdemo.look import relation_words
from escdemo.look.figures import Sided
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.relations import RELATIONS
from models.data.strategies import STRATEGIES
from models.knowledge.comet import Comet, Query
from models.nets.net import BEFORE, REFINED
from models.nets.registry import NETS
from models.serving.hosting import ALL_REPEATED, NetResponder, Sources
from models.serving.trace import CometBlock, DecodeOptions, NamedRow, TokenStep, Trace
from models.serving.tracing import NO_EMOTION, TOGETHER
from tests.tiny import MadeUpEmotions, on_each_backbone, tiny_net

QUESTION = (0.41, 0.2, 0.1, 0.09, 0.08, 0.06, 0.04, 0.02)
BARE = Trace("n", "sha", 1, QUESTION, tokens=(TokenStep("how", 0.5), TokenStep(" lonely", 0.2), TokenStep("?", 0.9)))


def row(name: str, **values: float) -> NamedRow:
    return NamedRow(name, tuple(values), tuple(values.values()))


def with_rows(*rows: NamedRow) -> Trace:
    return replace(BARE, extras=rows)


def strategies(name: str, first: str) -> NamedRow:
    return NamedRow(name, STRATEGIES, tuple(0.55 if one == first else 0.45 / 7 for one in STRATEGIES))


class MadeUpComet(Comet):
    version = "made up"

    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        return [("sad", "tired") for _ in queries]


def test_commonsense_that_was_joined_is_named_and_not_denied() -> None:
    joined = with_rows(NamedRow(TOGETHER, ("sad", "tired"), (0.5, 0.5)))
    assert why("transesc", joined)[-1] == (
        "It read this commonsense about the last message as one: \u201csad\u201d, \u201ctired\u201d."
    )
    assert texts.BLOCKS_TOGETHER in cards.side_card("a", Sided("X", joined))
    assert texts.NO_BLOCKS in cards.side_card("a", Sided("X", BARE))
    block = CometBlock("post", "xReact", "sad", 1.0, (1.0, 1.0, 1.0))
    told = differences(("misc", "transesc"), (replace(BARE, blocks=(block,)), joined))
    assert not any("Only" in one for one in told)


def test_joint_says_its_strategy_and_the_course_that_pointed_to_it() -> None:
    (told,) = why("joint", with_rows(strategies("strategies by the course of the talk", "Question")))
    assert told == (
        "joint set out to ask a question (41 %), because the course of the talk so far pointed to it (55 %); next came"
        " Restatement or Paraphrasing (20 %)."
    )
    (told,) = why("joint", with_rows(strategies("strategies by the course of the talk", "Information")))
    assert "although the course of the talk so far pointed to Information (55 %)" in told
    assert "because" not in told
    assert why("joint", BARE) == (
        "joint set out to ask a question (41 %); next came Restatement or Paraphrasing (20 %).",
    )


def test_misc_says_what_it_attended_to_and_at_which_word() -> None:
    blocks = (
        CometBlock("post", "xReact", "sad", 0.3, (0.2, 0.5, 0.2)),
        CometBlock("situation", "xWant", "to rest", 0.1, (0.1, 0.1, 0.1)),
    )
    assert why("misc", replace(BARE, blocks=blocks[:1]))[1:] == (
        "Of the commonsense about the last message, it attended most to “sad” (how the seeker feels): 30 % on average,"
        " most at “lonely”.",
    )
    assert why("misc", replace(BARE, blocks=blocks))[1:] == (
        "Of the commonsense about the situation, it attended most to “to rest” (what the seeker wants now): 10 % on"
        " average, most at “how”; of that about the last message, to “sad” (how the seeker feels): 30 % on average,"
        " most at “lonely”.",
    )


def test_the_word_that_drew_most_attention_is_a_whole_word_and_no_mark() -> None:
    tokens = tuple(TokenStep(text, 0.5) for text in ("So", " lone", "ly", "."))
    block = CometBlock("post", "xReact", "sad", 0.3, (0.1, 0.2, 0.3, 0.9))
    assert why("misc", replace(BARE, tokens=tokens, blocks=(block,)))[-1].endswith("most at “lonely”.")
    marks = replace(BARE, tokens=(TokenStep("...", 0.5),), blocks=(replace(block, token_weights=(0.3,)),))
    assert why("misc", marks)[-1].endswith("30 % on average.")


def test_every_relation_of_commonsense_has_plain_words() -> None:
    assert set(relation_words.WORDS) == set(RELATIONS)
    sad = CometBlock("post", "xReact", "sad", 0.3, (0.1, 0.2, 0.3))
    assert "xReact: how the seeker feels" in cards.side_card("a", Sided("X", replace(BARE, blocks=(sad,))))
    assert relation_words.words_for("isA").short == "isA"


def test_admisc_says_what_refinement_did_what_it_heard_and_how_its_gate_weighed() -> None:
    rows = (
        strategies("strategies before refinement", "Others"),
        NamedRow("attention to emotions", ("fear", "sadness", NO_EMOTION), (0.1, 0.2, 0.7)),
        NamedRow("gate", ("history", "emotion cause"), (0.62, 0.38)),
    )
    _, refined, heard = why("admisc", with_rows(*rows))
    assert refined == "Its first choice was Others (55 %); refinement changed it."
    assert heard == (
        "Of the emotions heard in the messages, it attended most to sadness in message 2 of the last 2 (20 %; 70 % went"
        " to none of them); its gate weighed history 62 % and emotion cause 38 %."
    )
    kept = why("admisc", with_rows(strategies("strategies before refinement", "Question")))
    assert kept[1] == "That was already its first choice before refinement (55 %)."


@pytest.mark.parametrize(
    ("then", "says"),
    [
        ("Question", "Its first choice was Others (55 %); refinement changed it."),
        ("Others", "Its first choice was Others (55 %), also after refinement; the course of the talk changed it."),
        (
            "Information",
            "Its first choice was Others (55 %), after refinement Information (55 %); the course of the talk changed"
            " that.",
        ),
    ],
)
def test_admisc_says_whether_refinement_or_the_course_changed_its_choice(then: str, says: str) -> None:
    trace = with_rows(strategies(BEFORE, "Others"), strategies(REFINED, then))
    assert why("admisc", trace)[1] == says
    after, before, _ = go.Figure(figures.mixture_figure(Sided("admisc", trace))).data
    assert (after.name, before.name) == ("after refinement and course", "before both")


def test_star_on_admisc_says_what_its_own_refinement_did() -> None:
    rows = strategies(f"admisc: {BEFORE}", "Question"), strategies(f"admisc: {REFINED}", "Others")
    own = strategies(BEFORE, "Information")
    trace = with_rows(*rows, own)
    assert why("star-admisc", trace)[1] == "Its first choice was Information (55 %); refinement changed it."
    after, before, _ = go.Figure(figures.mixture_figure(Sided("star-admisc", trace))).data
    assert list(before.x) == [100 * share for share in own.values]
    assert (after.name, before.name) == ("after refinement", "before refinement")


def test_star_says_how_far_its_gates_were_open_and_word_by_word_only_where_they_differ() -> None:
    choice, pieces = row("gate of the choice", strategy=0.25), ("how", " lonely", "?")
    _, told = why("star", with_rows(choice, NamedRow("gate", pieces, (0.3, 0.6, 0.3))))
    assert told == (
        "The gate of the choice was 25 % open; the strategy's expert contributed 45 % to its words on average, most"
        " to “lonely” (60 %)."
    )
    _, flat = why("star", with_rows(choice, NamedRow("gate", pieces, (0.4, 0.41, 0.4))))
    assert "most to" not in flat
    _, marked = why("star", with_rows(choice, NamedRow("gate", pieces, (0.2, 0.2, 0.9))))
    assert marked.endswith("contributed 20 % to its words on average.")  # a mark is no word
    below = (NamedRow("admisc: gate", ("history", "emotion cause"), (0.7, 0.3)),)
    assert "Its gate weighed history 70 % and emotion cause 30 %." in why("star-admisc", with_rows(*below))


def test_nets_without_strategies_say_so_and_what_they_heard() -> None:
    silent = replace(BARE, strategies=(0.125,) * 8)
    assert why("transformer", silent) == ("transformer predicts no strategy: it wrote from the context alone.",)
    heard = replace(silent, extras=(row("emotion", anger=0.7, fear=0.3),))
    assert why("mime", heard) == ("mime predicts no strategy.", "It read the seeker's emotion as anger (70 %).")
    listened = replace(silent, extras=(row("listeners", anger=0.2, fear=0.8),))
    assert why("moel", listened)[1] == "Its listener for fear (80 %) contributed most."


def test_a_reply_that_had_no_rivals_left_says_so() -> None:
    assert why("joint", with_rows(row(ALL_REPEATED, replies=16.0)))[-1] == (
        "Every reply drawn to choose from (16) repeated an earlier one, so it was sampled without a choice."
    )


def test_a_reply_that_was_drawn_again_says_so() -> None:
    drawn = row("drawn again: it repeated an earlier reply", times=2.0)
    assert why("joint", with_rows(drawn))[-1] == "It was written 2 more times, because it repeated an earlier reply."


@pytest.mark.parametrize("name", on_each_backbone(sorted(NETS)))
def test_every_kind_of_net_says_why_from_its_own_trace_alone(name: str) -> None:
    net = NetResponder("X", tiny_net(name), "0", Sources(MadeUpComet(), MadeUpEmotions()))
    options = DecodeOptions(method="greedy", min_tokens=3, max_tokens=5)
    trace = net.respond(Dialogue((Turn(Speaker.SEEKER, "hello i am sad"),), "i lost my job"), options, 1).trace
    told = why("X", trace)
    assert told[0].startswith("X ")
    assert (DEEDS[trace.strategy()] in told[0]) if trace.strategy() else "predicts no strategy" in told[0]
    assert len(told) > 1 or not (trace.blocks or any("gate" in one.name for one in trace.extras))
    values = [share for one in trace.extras for share in one.values] + [*trace.strategies, 1.0]
    values += [block.weight for block in trace.blocks]
    values.append(sum(next((o.values for o in trace.extras if o.name == "gate"), ())) / max(1, len(trace.tokens)))
    for number in re.findall(r"(\d+) %", " ".join(told)):  # no figure that the trace does not hold
        assert any(round(100 * value) == int(number) for value in values), (number, told)
    assert cards.side_card("a", Sided("X", trace)).count("esc-word") >= 1


def test_differences_name_both_strategies_and_what_each_looked_at() -> None:
    other = replace(
        BARE, strategies=QUESTION[::-1], blocks=(CometBlock("post", "xReact", "sad", 1.0, (1.0, 1.0, 1.0)),)
    )
    first, second, *_ = differences(("A", "B"), (BARE, other))
    assert first.startswith("A set out to ask a question, B to do something else")
    assert "overlap by 40 %" in first
    assert second == "Only B used commonsense knowledge for its words."
    same = "Of the commonsense about the last message, both looked most at “sad” (how the seeker feels)."
    assert differences(("A", "B"), (other, other))[1] == same


def test_sources_of_commonsense_are_not_compared_with_one_another() -> None:
    """Of each, the shares sum to 1: a single piece about the situation has all of it."""
    alone = CometBlock("situation", "xReact", "sad", 1.0, (1.0, 1.0, 1.0))
    some = tuple(CometBlock("post", "xWant", text, w, (w, w, w)) for text, w in (("to rest", 0.9), ("to go", 0.1)))
    traces = replace(BARE, blocks=(alone, *some)), replace(BARE, blocks=(alone, *some[1:]))
    assert differences(("A", "B"), traces)[1:3] == (
        "Of the commonsense about the situation, both looked most at “sad” (how the seeker feels).",
        "Of the commonsense about the last message, A looked most at “to rest” (what the seeker wants now), B at “to"
        " go” (what the seeker wants now).",
    )
