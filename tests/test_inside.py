"""The tab "Look inside" without a browser: words, cards, figures, forms of changes, pasted dialogues."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import plotly.graph_objects as go
import pytest

from escdemo.inside import cards, figures, what_if
from escdemo.inside.requests import answered_at, job_name, of_pasted, reference
from escdemo.inside.words import compare, per_word, words_of
from escdemo.intake import Refusal
from escdemo.look.figures import Sided
from escdemo.look.strategy_looks import LOOKS
from models.data.dialogue import Dialogue, Speaker
from models.data.pasted import MAX_TURNS, read_pasted
from models.data.strategies import STRATEGIES
from models.knowledge.comet import Block
from models.serving.intervention import LIKELIHOOD, LIKELIHOODS, Levers
from models.serving.trace import CometBlock, DecodeOptions, NamedRow, TokenStep
from tests.fakes import ChangeableResponder, EchoResponder
from tests.test_reasons import BARE

ALL = Levers(strategy=True, mixture=True, knowledge=True, emotion=True)


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
