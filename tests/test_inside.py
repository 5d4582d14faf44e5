"""The tab "Look inside" without a browser: reasons of each kind of net, words, forms of changes, pasted dialogues."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

import plotly.graph_objects as go
import pytest

from escdemo import texts
from escdemo.inside import cards, figures, what_if
from escdemo.inside.reasons import DEEDS, differences, why
from escdemo.inside.requests import answered_at, job_name, of_pasted, reference
from escdemo.inside.words import compare, per_word, words_of
from escdemo.intake import Refusal
from escdemo.look import relation_words
from escdemo.look.figures import Sided
from escdemo.look.strategy_looks import LOOKS
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.pasted import MAX_TURNS, read_pasted
from models.data.relations import RELATIONS
from models.data.strategies import STRATEGIES
from models.knowledge.comet import Block, Comet, Query
from models.nets.net import BEFORE, REFINED
from models.nets.registry import NETS
from models.serving.hosting import ALL_REPEATED, NetResponder, Sources
from models.serving.intervention import LIKELIHOOD, LIKELIHOODS, Levers
from models.serving.trace import CometBlock, DecodeOptions, NamedRow, TokenStep, Trace
from models.serving.tracing import NO_EMOTION, TOGETHER
from tests.fakes import ChangeableResponder, EchoResponder
from tests.tiny import MadeUpEmotions, on_each_backbone, tiny_net

ALL = Levers(strategy=True, mixture=True, knowledge=True, emotion=True)
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


def test_pieces_become_words_and_their_shares_means() -> None:
    trace = replace(BARE, tokens=(TokenStep("lone", 0.5), TokenStep("ly", 0.5), TokenStep(" you", 0.9)))
    words = words_of(trace)
    assert [(word.text, word.probability) for word in words] == [("lonely", 0.25), ("you", 0.9)]
    assert per_word(words, (0.2, 0.4, 0.5)) == pytest.approx((0.3, 0.5))


def test_two_texts_are_compared_word_by_word() -> None:
    before, after = compare("I am so sorry .", "I am very sorry")
    assert [(part.text, part.kind) for part in before] == [
        ("I am", "same"),
        ("so", "out"),
        ("sorry", "same"),
        (".", "out"),
    ]
    assert [(part.text, part.kind) for part in after] == [("I am", "same"), ("very", "in"), ("sorry", "same")]
    assert compare("", "") == ((), ())


@pytest.fixture
def side(dialogue: Dialogue) -> Sided:
    return Sided("misc", EchoResponder("misc").respond(dialogue, DecodeOptions(), 1).trace)


def test_a_card_carries_the_attention_of_every_block_to_every_word(side: Sided) -> None:
    card = cards.side_card("a", side)
    words = len(words_of(side.trace))
    carried = [found.split() for found in re.findall(r'data-w="([^"]*)"', card)]
    assert len(carried) == len(side.trace.blocks)
    assert {len(shares) for shares in carried} == {words}
    assert card.count('tabindex="0"') == 2  # one stop for the words, one for the blocks


def test_nothing_generated_becomes_markup(side: Sided) -> None:
    evil = "<img src=x onerror=alert(1)>"
    trace = replace(
        side.trace,
        tokens=(TokenStep(evil, 0.5),),
        blocks=(CometBlock("post", "<b>x", evil, 1.0, (1.0,)),),
        extras=(NamedRow("gate", (evil, evil), (0.1, 0.9)),),
    )
    odd = Sided(evil, trace)
    html = cards.side_card("a", odd) + what_if.form("a", odd, ALL) + what_if.result(evil, trace, evil, trace)
    html += cards.message_list([cards.Message(0, evil)], 0) + cards.post_card(evil, "?talk=1", evil)
    html += cards.text_card("a", evil, evil, evil) + what_if.making(evil)
    assert "<img" not in html
    assert "<b>x" not in html


def test_a_change_of_likelihood_is_the_difference_of_the_numbers_beside_it(side: Sided) -> None:
    row = NamedRow(LIKELIHOOD, LIKELIHOODS, (-0.4644, -0.4676, -0.8424, -0.8424))
    told = what_if.result("a", side.trace, "b", replace(side.trace, extras=(row,)))
    assert re.findall(r">([+-]0[.]\d+)<", told) == ["-0.464", "-0.468", "-0.004", "-0.842", "-0.842", "+0.000"]
    assert what_if.texts.WHAT_IF_AS_MUCH in told


def test_the_mixture_has_the_look_of_each_strategy_and_where_it_stood_before(side: Sided) -> None:
    figure = go.Figure(figures.mixture_figure(side))
    after, before, numbers = figure.data
    assert all(x > share for x, share in zip(numbers.x, after.x, strict=True))
    assert numbers.text[0] == f"{100 * side.trace.strategies[0]:.0f} %"
    assert list(after.marker.color) == [LOOKS[name].colour for name in STRATEGIES]
    assert list(after.x) == pytest.approx([100 * share for share in side.trace.strategies])
    assert list(before.x) == pytest.approx([100 * value for value in side.trace.extras[0].values])
    assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
    alone = go.Figure(figures.mixture_figure(replace(side, trace=replace(side.trace, extras=()))))
    assert len(alone.data) == 2
    assert (figure.layout.showlegend, alone.layout.showlegend) == (True, False)


def test_a_number_stands_beside_its_bar_and_not_beside_a_diamond_far_away(side: Sided) -> None:
    after, before = (0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05), (0.65, 0.22, 0.13, 0, 0, 0, 0, 0)
    rows = (NamedRow("strategies before refinement", STRATEGIES, before),)
    said = replace(side, trace=replace(side.trace, strategies=after, extras=rows))
    numbers = go.Figure(figures.mixture_figure(said)).data[-1]
    assert 30 < numbers.x[0] < 40, "65 % is far from the bar of 30 %"
    assert numbers.x[1] > 22, "the diamond would hide it"


def test_emotions_are_lines_with_a_word_where_the_lead_changes() -> None:
    from models.serving.trace import EmotionReading

    leads = ["fear", "fear", "anger", "fear"]
    scores = [((one, 0.7), ("anger" if one == "fear" else "fear", 0.3)) for one in leads]
    trace = replace(BARE, emotions=tuple(EmotionReading(2 * at, found) for at, found in enumerate(scores)))
    figure = go.Figure(figures.emotion_line(trace))
    fear, anger, *words = figure.data
    assert (fear.x0, list(fear.y)) == (1, pytest.approx([70, 70, 30, 70]))
    assert [list(zip(one.x, one.y, (text.strip() for text in one.text), strict=True)) for one in words] == [
        [(1, 70, "fear"), (4, 70, "fear")],
        [(3, 70, "anger")],
    ]
    assert [list(one.textposition) for one in words] == [["top right", "top left"], ["top right"]]
    assert [one.legendgroup for one in words] == [fear.legendgroup, anger.legendgroup]  # they go and come together
    assert fear.line.dash != anger.line.dash
    assert "n = 4" in figure.layout.title.text
    long = replace(trace, emotions=trace.emotions * 50)
    assert {one.marker.maxdisplayed for one in go.Figure(figures.emotion_line(long)).data if "lines" in one.mode} == {
        40
    }


def test_a_form_has_only_what_the_net_can_change(side: Sided) -> None:
    whole = what_if.form("a", side, ALL)
    assert whole.count('class="esc-mix"') == 8
    assert whole.count('name="block"') == len(side.trace.blocks)
    some = what_if.form("a", side, Levers(strategy=True, knowledge=True))
    assert 'name="strategy"' in some
    assert "esc-mix" not in some
    assert "No control here for: a mixture, an emotion. misc takes no such input." in some
    joined = what_if.form("a", replace(side, trace=replace(side.trace, blocks=())), Levers(knowledge=True))
    assert 'name="knowledge"' in joined  # TransESC and GLHG join commonsense to one vector
    assert 'name="block"' not in joined
    assert "<form" not in what_if.form("a", side, Levers())
    assert "misc has no input" in what_if.form("a", side, Levers())


def test_a_form_is_read_and_what_is_odd_refused(side: Sided) -> None:
    trace = side.trace
    change = what_if.read_change({"strategy": "Question", "mixture": [1] * 8, "off": [0]}, trace, "hi")
    block = trace.blocks[0]
    assert (change.strategy, change.mixture, change.beside) == ("Question", None, "hi")
    assert change.blocks_off == {Block(block.source, block.relation, block.text)}
    mixed = what_if.read_change({"mixture": [50, 50, 0, 0, 0, 0, 0, 0.1]}, trace, "hi").mixture
    assert sum(mixed or ()) == pytest.approx(1)
    assert what_if.read_change({"knowledge": False}, trace, "hi").knowledge is False
    with pytest.raises(Refusal, match="move a control"):
        what_if.read_change({"off": [], "mixture": None, "knowledge": True}, trace, "hi")
    for odd in (None, [], {"strategy": "Hypnosis"}, {"mixture": [0] * 8}, {"mixture": ["x"]}, {"mixture": [1e999] * 8}):
        with pytest.raises(Refusal, match="cannot be made"):
            what_if.read_change(odd, trace, "hi")
    for odd in ({"off": ["x"]}, {"emotion": "hunger"}, {"off": 3}):
        with pytest.raises(Refusal, match="cannot be made"):
            what_if.read_change(odd, trace, "hi")


def test_the_result_marks_words_and_says_how_much_less_likely_the_original_became(dialogue: Dialogue) -> None:
    net = ChangeableResponder("misc")
    own = net.respond(dialogue, DecodeOptions(), 1)
    change = what_if.read_change({"strategy": "Information"}, own.trace, own.text)
    made = net.intervene(dialogue, DecodeOptions(), 1, change)
    html = what_if.result(own.text, own.trace, made.text, made.trace)
    assert "<ins>" in html
    assert "<del>" in html
    assert "2.72 times less likely" in html  # e to the power of 1
    assert "now Information (100 %)" in html
    assert what_if.texts.WHAT_IF_EQUAL in what_if.result("a", own.trace, "a", own.trace)


LINES = """seeker: I moved and know nobody.

Supporter [Question]: What do you miss: friends?
USER: My friends.
bot: I see.
"""


def test_lines_are_a_dialogue() -> None:
    found = read_pasted(LINES)
    assert [turn.speaker for turn in found.turns] == [Speaker.SEEKER, Speaker.SUPPORTER] * 2
    assert (found.turns[1].text, found.turns[1].strategy) == ("What do you miss: friends?", "Question")
    assert answered_at(found) == (0, 2)
    assert reference(found, 0) == "What do you miss: friends?"
    assert answered_at(read_pasted("seeker: a\nseeker: b\nsupporter: c\nseeker: d")) == (1, 3)


def test_a_record_of_esconv_is_a_dialogue() -> None:
    record = {
        "situation": "He left.",
        "emotion_type": "sadness",
        "problem_type": "breakup with partner",
        "dialog": [
            {"speaker": "seeker", "annotation": {}, "content": "hi"},
            {"speaker": "supporter", "annotation": {"strategy": "Question"}, "content": "What is it?"},
        ],
    }
    assert read_pasted(json.dumps(record)) == read_pasted(json.dumps([record]))
    assert read_pasted(json.dumps(record)).situation == "He left."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no dialogue here yet"),
        ("  \n \n", "no dialogue here yet"),
        ("seeker: a\nseeker: b", "Only the seeker speaks"),
        ("supporter: a", "Only the supporter speaks"),
        ("seeker: a\n" * 5000, "5,000 lines and 400 can be read"),
        ("hello there", "Line 1 does not begin with a speaker"),
        ("seeker: a\n12:30 supporter: b", "Line 2 does not begin with a speaker"),
        ("seeker: a\nsupporter:  ", "Line 2 says nothing"),
        ("seeker: a\nsupporter [Hypnosis]: b", "Line 2 names an unknown strategy"),
        ("seeker: " + "a" * 5000, "5,000 characters"),
        ('{"dialog": [', "looks like JSON"),
        ('{"a": 1}', "no field dialog"),
        ("[1, 2]", "2 records; paste one"),
        ("[" * 5000, "looks like JSON"),
        ('{"a": NaN}', "looks like JSON"),
    ],
)
def test_what_is_no_dialogue_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        read_pasted(text)
    assert len(("seeker: a\nsupporter: b\n" * (MAX_TURNS // 2)).splitlines()) == MAX_TURNS


def test_equal_requests_have_one_name() -> None:
    dialogue = read_pasted(LINES)
    one, other = of_pasted(dialogue, 0, ("joint", "misc"), DecodeOptions())
    assert one.dialogue.turns == dialogue.turns[:1]
    assert job_name(one) == job_name(of_pasted(dialogue, 0, ("joint",), DecodeOptions())[0])
    assert len({job_name(one), job_name(other), job_name(replace(one, seed=1))}) == 3
