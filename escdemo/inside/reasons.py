"""Why a net replied as it did, in plain sentences. Pure: trace -> text, with nothing that is not in the trace.

Only what the net computes its strategy from is called a reason ("because"): the course of the talk and the refinement.
Attention is described as what it is: where the net looked.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence

from escdemo.inside.words import words_of
from escdemo.look.relation_words import words_for
from models.data.strategies import STRATEGIES
from models.nets.emstremo import OWN_EMOTION
from models.nets.multiesc import NOW, STARS
from models.nets.net import BEFORE, COURSE, REFINED
from models.nets.scbg import KEYWORD
from models.nets.star import CHOICE_GATE, GATE
from models.nets.streams import CALLED
from models.serving.hosting import ALL_REPEATED, REDRAWN
from models.serving.trace import CometBlock, NamedRow, Trace
from models.serving.tracing import HEARD, LOOKED_UP, NO_EMOTION, TOGETHER

FLAT = 0.05
"""gates whose values differ by less are not shown word by word"""

DEEDS = dict(
    zip(
        STRATEGIES,
        (
            "ask a question",
            "restate what was said",
            "reflect the feelings",
            "talk about itself",
            "affirm and reassure",
            "make a suggestion",
            "give information",
            "do something else (a greeting, a pleasantry)",
        ),
        strict=True,
    )
)
"""each strategy as something to do"""
SOURCES = {"situation": "the situation", "post": "the last message"}


def why(name: str, trace: Trace) -> tuple[str, ...]:
    """Sentences about the reply of the side called `name`, the most important first."""
    rows = {row.name: row for row in trace.extras}
    told = [_choice(name, trace, rows), _keyword(trace, rows), _refined(trace, rows), _planned(trace, rows)]
    told += [
        _mood(rows),
        _listened(trace),
        _attended(trace),
        _together(rows),
        _looked_up(rows),
        *_looked_at(rows),
        _gates(trace, rows),
        _all_repeated(rows),
        _redrawn(rows),
    ]
    return tuple(sentence for sentence in told if sentence)


def differences(names: tuple[str, str], traces: tuple[Trace, Trace]) -> tuple[str, ...]:
    """How the two sides differ on one message."""
    told = []
    first, second = (trace.strategy() for trace in traces)
    if first and second:
        share = sum(min(pair) for pair in zip(traces[0].strategies, traces[1].strategies, strict=True))
        both = f"Their strategies overlap by {percent(share)}"
        if first == second:
            told.append(f"Both set out to {DEEDS[first]}. {both}.")
        else:
            told.append(f"{names[0]} set out to {DEEDS[first]}, {names[1]} to {DEEDS[second]}. {both}.")
    read = [name for name, trace in zip(names, traces, strict=True) if trace.blocks or found_row(trace, TOGETHER)]
    if len(read) == 1:
        told.append(f"Only {read[0]} used commonsense knowledge for its words.")
    heaviest = [_heaviest(trace) for trace in traces]
    for source in (one for one in SOURCES if all(one in blocks for blocks in heaviest)):
        mine, other = (blocks[source] for blocks in heaviest)
        told.append(
            f"Of the commonsense about {SOURCES[source]}, "
            + (
                f"both looked most at {_quoted(mine)}."
                if (mine.relation, mine.text) == (other.relation, other.text)
                else f"{names[0]} looked most at {_quoted(mine)}, {names[1]} at {_quoted(other)}."
            )
        )
    sure = [_mean([token.probability for token in trace.tokens]) for trace in traces]
    if all(sure):
        told.append(
            f"Tokens from {names[0]} had a probability of {percent(sure[0])} on average, those from {names[1]}"
            f" {percent(sure[1])}."
        )
    return tuple(told)


def percent(share: float) -> str:
    """0.412 -> "41 %"; above 0 but less than half a percent is "< 1 %"."""
    return "< 1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def gate_rows(trace: Trace) -> tuple[NamedRow, ...]:
    """The gates that have one value per token of the reply and vary from word to word."""
    size = len(trace.tokens)
    return tuple(
        row
        for row in trace.extras
        if _ends(row.name, GATE) and len(row.values) == size > 1 and max(row.values) - min(row.values) >= FLAT
    )


def _choice(name: str, trace: Trace, rows: Mapping[str, NamedRow]) -> str:
    chosen = trace.strategy()
    if not chosen:
        return (
            f"{name} predicts no strategy: it wrote from the context alone."
            if not rows
            else (f"{name} predicts no strategy.")
        )
    ranked = sorted(zip(trace.strategies, STRATEGIES, strict=True), reverse=True)
    start = f"{name} set out to {DEEDS[chosen]} ({percent(ranked[0][0])})"
    end = f"; next came {ranked[1][1]} ({percent(ranked[1][0])})." if ranked[1][0] > 0 else "."
    course = rows.get(COURSE)
    if course is None:
        return start + end
    share, spoke = max(zip(course.values, course.labels, strict=True))
    if spoke == chosen:
        return f"{start}, because the course of the talk so far pointed to it ({percent(share)}){end}"
    return f"{start}, although the course of the talk so far pointed to {spoke} ({percent(share)}){end}"


def _keyword(trace: Trace, rows: Mapping[str, NamedRow]) -> str:
    """SCBG: the word that the reply was to be written around; settings that bar a piece may have kept it out."""
    row = rows.get(KEYWORD)
    if row is None:
        return ""
    (word, share), (other, less) = list(zip(row.labels, row.values, strict=True))[:2]
    there = any(token.text.strip() == word for token in trace.tokens)
    start, end = ("It wrote", "") if there else ("It set out to write", ", but the word is not in it")
    told = f"{start} its reply around \u201c{word}\u201d ({percent(share)}){end}"
    return f"{told}; next came \u201c{other}\u201d ({percent(less)})."


def _refined(trace: Trace, rows: Mapping[str, NamedRow]) -> str:
    """AdMISC, STAR: whether refinement changed the first choice, or the course that AdMISC adds after it."""
    before, chosen = found_row(trace, BEFORE), trace.strategy()
    if before is None or not chosen:
        return ""
    share, first = max(zip(before.values, before.labels, strict=True))
    if first == chosen:
        return f"That was already its first choice before refinement ({percent(share)})."
    start, refined = f"Its first choice was {first} ({percent(share)})", rows.get(REFINED)
    share, then = (0.0, chosen) if refined is None else max(zip(refined.values, refined.labels, strict=True))
    if then == chosen:
        return f"{start}; refinement changed it."
    if then == first:
        return f"{start}, also after refinement; the course of the talk changed it."
    return f"{start}, after refinement {then} ({percent(share)}); the course of the talk changed that."


def _planned(trace: Trace, rows: Mapping[str, NamedRow]) -> str:
    """MultiESC: what looking ahead changed, and how many stars the net expected."""
    now, stars, chosen = rows.get(NOW), rows.get(STARS), trace.strategy()
    if now is None or stars is None or not chosen:
        return ""
    share, first = max(zip(now.values, now.labels, strict=True))
    expected = dict(zip(stars.labels, stars.values, strict=True))[chosen]
    start = f"Looking ahead, it expected {expected:.1f} of 5 stars for that"
    if first == chosen:
        return f"{start}; that was already the likeliest strategy before ({percent(share)})."
    return f"{start}; before looking ahead {first} was likelier ({percent(share)})."


def _mood(rows: Mapping[str, NamedRow]) -> str:
    """The seeker's emotion, from nets that classify it (MISE, MT Transformer, MIME), and from MoEL's listeners."""
    for name, row in rows.items():
        if name in ("emotion of the seeker", "emotion", "listeners"):
            share, mood = max(zip(row.values, row.labels, strict=True))
            heard = "Its listener for" if name == "listeners" else "It read the seeker's emotion as"
            told = f"{heard} {mood} ({percent(share)})" + (" contributed most." if name == "listeners" else ".")
            return told + _own_mood(rows)
    return ""


def _own_mood(rows: Mapping[str, NamedRow]) -> str:
    """Emstremo: the emotion that it meant its reply to express."""
    row = rows.get(OWN_EMOTION)
    if row is None:
        return ""
    share, mood = max(zip(row.values, row.labels, strict=True))
    return f" It meant its own reply to express {mood} ({percent(share)})."


def _listened(trace: Trace) -> str:
    """AdMISC, MultiESC: the emotion it attended to most. AdMISC: the gate between history and emotions, too."""
    heard, told = found_row(trace, HEARD), []
    if heard is not None:
        others = heard.labels[-1] == NO_EMOTION  # not in traces stored before it was told
        shares = heard.values[: len(heard.values) - others]
        at = max(range(len(shares)), key=shares.__getitem__)
        rest = f"; {percent(heard.values[-1])} went to {NO_EMOTION}" if others else ""
        told.append(
            f"Of the emotions heard in the messages, it attended most to {heard.labels[at]} in message {at + 1} of the"
            f" last {len(shares)} ({percent(shares[at])}{rest})"
        )
    gate = next((row for row in trace.extras if _ends(row.name, GATE) and "history" in row.labels), None)
    if gate is not None:
        weighed = " and ".join(f"{label} {percent(v)}" for label, v in zip(gate.labels, gate.values, strict=True))
        told.append(f"{'its' if told else 'Its'} gate weighed {weighed}")
    return "; ".join(told) + "." if told else ""


def _attended(trace: Trace) -> str:
    """What it attended to most, apart for each source: the shares of either sum to 1."""
    told = list[str]()
    for source, block in _heaviest(trace).items():
        found = _strongest(trace, block.token_weights)
        word = f", most at {found[0]}" if found else ""
        start = "of that" if told else "Of the commonsense"
        verb = "to" if told else "it attended most to"
        told.append(
            f"{start} about {SOURCES[source]}, {verb} {_quoted(block)}: {percent(block.weight)} on average{word}"
        )
    return "; ".join(told) + "." if told else ""


def _together(rows: Mapping[str, NamedRow]) -> str:
    """TransESC, GLHG: commonsense that became a single vector."""
    row = rows.get(TOGETHER)
    if row is None:
        return ""
    tails = ", ".join(f"\u201c{text}\u201d" for text in row.labels)
    return f"It read this commonsense about the last message as one: {tails}."


def _looked_up(rows: Mapping[str, NamedRow]) -> str:
    """KEMI: the reply from a similar talk that it attended to most."""
    row = rows.get(LOOKED_UP)
    if row is None:
        return ""
    share, text = max(zip(row.values, row.labels, strict=True))
    return f"Of the replies in similar talks, it attended most to \u201c{text}\u201d ({percent(share)} on average)."


def _looked_at(rows: Mapping[str, NamedRow]) -> list[str]:
    """What a net attended to most in inputs that only it has: nodes of a graph, words of a definition."""
    told = []
    for name in CALLED.values():
        row = rows.get(f"attention to {name}")
        if row is not None:
            share, most = max(zip(row.values, row.labels, strict=True))
            told.append(f"Of {name}, it attended most to \u201c{most}\u201d ({percent(share)} on average).")
    return told


def _gates(trace: Trace, rows: Mapping[str, NamedRow]) -> str:
    """STAR: how much the strategy's expert contributed to the choice and to the words."""
    told = []
    choice = rows.get(CHOICE_GATE)
    if choice is not None:
        told.append(f"the gate of the choice was {percent(choice.values[0])} open")
    row = rows.get(GATE)
    if row is not None and "history" not in row.labels and row.values:
        values = [row.values[at] for at in _pieces_of_words(trace, row.values)] or row.values
        text = f"the strategy's expert contributed {percent(_mean(values))} to its words on average"
        found = _strongest(trace, row.values) if max(values) - min(values) >= FLAT else None
        if found:
            text += f", most to {found[0]} ({percent(found[1])})"
        told.append(text)
    joined = "; ".join(told)
    return f"{joined[:1].upper()}{joined[1:]}." if joined else ""


def _all_repeated(rows: Mapping[str, NamedRow]) -> str:
    row = rows.get(ALL_REPEATED)
    if row is None:
        return ""
    count = f"{row.values[0]:.0f}"
    return f"Every reply drawn to choose from ({count}) repeated an earlier one, so it was sampled without a choice."


def _redrawn(rows: Mapping[str, NamedRow]) -> str:
    row = rows.get(REDRAWN)
    if row is None:
        return ""
    times = int(dict(zip(row.labels, row.values, strict=True)).get("times", 1))
    return f"It was written {times} more time{'s' if times > 1 else ''}, because it repeated an earlier reply."


def found_row(trace: Trace, name: str) -> NamedRow | None:
    """The net's own row with this name, else that of the underlying net, as in "admisc: refinement"."""
    found = [row for row in trace.extras if _ends(row.name, name)]
    return min(found, key=lambda row: row.name != name, default=None)


def _ends(name: str, kind: str) -> bool:
    return name == kind or name.endswith(f": {kind}")


def _pieces_of_words(trace: Trace, values: Sequence[float]) -> list[int]:
    """Indices of the reply's pieces that are not punctuation only; empty when `values` is not one value per piece."""
    if len(values) != len(trace.tokens):
        return []
    return [at for at, token in enumerate(trace.tokens) if any(map(str.isalnum, token.text))]


def _strongest(trace: Trace, values: Sequence[float]) -> tuple[str, float] | None:
    """The word whose piece has the highest value, quoted, with that value. Punctuation does not count."""
    most = max(_pieces_of_words(trace, values), key=values.__getitem__, default=None)
    if most is None:
        return None
    word = next(one.text for one in words_of(trace) if most in one.pieces)
    return f"\u201c{word.strip(string.punctuation)}\u201d", values[most]


def _quoted(block: CometBlock) -> str:
    return f"\u201c{block.text}\u201d ({words_for(block.relation).told})"


def _heaviest(trace: Trace) -> dict[str, CometBlock]:
    """Source -> the block of it that got most attention, in the order of SOURCES."""
    found = {name: [block for block in trace.blocks if block.source == name] for name in SOURCES}
    return {name: max(blocks, key=lambda block: block.weight) for name, blocks in found.items() if blocks}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
