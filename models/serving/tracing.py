"""The parts of a trace, read from a decoded reply."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from models.data.examples import Example, case_read
from models.data.tokenizer import Tokenizer
from models.knowledge.cases import Case
from models.knowledge.comet import Block
from models.nets.net import Net, Plan
from models.nets.streams import CALLED, EMOTION, SIMILAR
from models.serving.decoding import Decoded
from models.serving.trace import CometBlock, NamedRow, TokenStep

HEARD = "attention to emotions"
"""a row in the trace of nets that read the seeker's emotions, oldest first; NO_EMOTION is the last of its labels"""
NO_EMOTION = "none of them"
"""that share of the attention goes to the mark that the emotions begin with, often the most of it, and to whatever else
a net reads in the same stream"""
LOOKED_UP = "attention to replies in similar talks"
"""a row in the trace of nets that look up such replies"""
TOGETHER = "commonsense about the last message, read as one"
"""a row in the trace of nets that join tails to a single vector, each with its share"""


def distribution(probabilities: Tensor) -> tuple[float, ...]:
    """Probabilities (8,) as rounded numbers that still sum to 1."""
    values = [round(float(p), 6) for p in probabilities]
    values[max(range(len(values)), key=values.__getitem__)] += 1.0 - sum(values)
    return tuple(values)


def extras(plan: Plan, net: Net) -> tuple[NamedRow, ...]:
    """What else a net reports about its plan."""
    labelled = [(name, net.extra_labels[name], value[0]) for name, value in plan.extras.items()]
    for name, (ids, shares) in plan.words.items():
        labelled.append((name, tuple(net.tokenizer.piece(i).strip() for i in ids[0].tolist()), shares[0]))
    return tuple(
        NamedRow(name, labels, tuple(round(v, 5) for v in values.tolist())) for name, labels, values in labelled
    )


def traced(decoded: Decoded, tokenizer: Tokenizer) -> tuple[NamedRow, ...]:
    """The values named in `Net.traced`, token by token."""
    pieces = tuple(tokenizer.piece(i) for i in decoded.ids)
    return tuple(NamedRow(name, pieces, tuple(round(v, 5) for v in row)) for name, row in decoded.traced.items())


def heard(example: Example, decoded: Decoded, tokenizer: Tokenizer) -> tuple[NamedRow, ...]:
    """The emotions that AdMISC and MultiESC read, oldest turn first, with the mean attention to each; see HEARD."""
    weights = decoded.attention.get(EMOTION)
    if weights is None or not example.emotion_ids:
        return ()
    means = weights.mean(dim=0).tolist()
    words, shares = list[str](), list[float]()
    start = 1  # after [CLS]
    for end, token in enumerate(example.emotion_ids):
        if token == tokenizer.eos:
            words.append(tokenizer.decode(example.emotion_ids[start:end]).lower())
            shares.append(round(sum(means[start : end + 1]), 5))
            start = end + 1
    return (NamedRow(HEARD, (*words, NO_EMOTION), (*shares, round(1 - sum(shares), 5))),)


def looked_up(cases: Sequence[Case], decoded: Decoded, tokenizer: Tokenizer) -> tuple[NamedRow, ...]:
    """Replies in similar talks, nearest first, as far as the net read them, and the mean attention to each."""
    weights = decoded.attention.get(SIMILAR)
    if weights is None or not cases:
        return ()
    shares = weights.mean(dim=0).view(len(cases), -1).sum(dim=1).tolist()  # a case has as many places as the longest
    texts = tuple(f"[{case.strategy}] {case_read(case, tokenizer)}" for case in cases)
    return (NamedRow(LOOKED_UP, texts, tuple(round(share, 5) for share in shares)),)


def together(net: Net, tails: Sequence[Block]) -> tuple[NamedRow, ...]:
    """The tails about the last message that the net reads as one vector, their mean."""
    texts = tuple(block.text for block in tails if block.relation == net.reads_together)
    return (NamedRow(TOGETHER, texts, (round(1 / len(texts), 5),) * len(texts)),) if texts else ()


def named(net: Net, plan: Plan, decoded: Decoded) -> tuple[NamedRow, ...]:
    """The mean attention to sources that only this net has, each vector by its name."""
    return tuple(
        NamedRow(f"attention to {CALLED[stream]}", names, tuple(round(v, 5) for v in weights.tolist()))
        for stream, names in net.source_names(plan).items()
        if stream in decoded.attention and (weights := decoded.attention[stream].mean(dim=0)[: len(names)]).numel()
    )


def steps(decoded: Decoded, tokenizer: Tokenizer) -> tuple[TokenStep, ...]:
    """The tokens as shown, each with its probability."""
    pairs = zip(decoded.ids, decoded.probabilities, strict=True)
    return tuple(TokenStep(tokenizer.piece(i), round(p, 5)) for i, p in pairs)


def weigh(tails: Sequence[Block], decoded: Decoded, stream: str) -> tuple[CometBlock, ...]:
    """The blocks of one source with the attention to them, per token and on average."""
    weights = decoded.attention.get(stream)
    if weights is None or not tails:
        return ()
    weights = weights[:, : len(tails)]  # (T, N)
    means = weights.mean(dim=0)
    return tuple(
        CometBlock(
            block.source,
            block.relation,
            block.text,
            round(float(means[n]), 5),
            tuple(round(float(w), 5) for w in weights[:, n]),
        )
        for n, block in enumerate(tails)
    )
