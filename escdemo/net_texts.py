"""Each net in plain words, for every page that names one: a readable name, what it does and looks at, its paper.

This covers the shipped nets and the others of the registry that somebody may train. A name that is not here is shown
unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NetText:
    """The words for one net."""

    title: str
    """readable name"""
    what: str
    """what it does, for readers who do not know the paper"""
    reads: str
    """what it looks at"""
    paper: str


_LIU = "Liu et al. 2021, Towards Emotional Support Dialog Systems (ACL)"
_TU = "Tu et al. 2022, MISC (ACL)"
_JIA = "Jia et al. 2024, AdMISC (Electronics 13)"
_LEE = "Lee et al. 2025, STAR (NLP4PI)"
_WORDS = "what was said so far, and which strategies the supporter used"
_SIMILAR = f"{_WORDS}; commonsense about the last message (COMET); replies to seekers who wrote alike"
_KNOWLEDGE = f"{_WORDS}; commonsense about the situation and the last message (COMET)"

_LI = "Li et al. 2024, Emstremo (LREC-COLING)"
_PENG = "Peng et al. 2023, FADO (Knowledge-Based Systems 264)"
_CHENG = "Cheng et al. 2022, MultiESC (EMNLP)"
_ZHAO = "Zhao et al. 2023, TransESC (Findings of ACL)"
_PENG_2022 = "Peng et al. 2022, GLHG (arXiv 2204.12749)"
_ZHOU = "Zhou et al. 2023, SUPPORTER (ACL)"
_XU = "Xu et al. 2024, SCBG (TALLIP 23), its abstract only"
_DENG = "Deng et al. 2023, KEMI (ACL)"

NET_TEXTS: dict[str, NetText] = {
    "joint": NetText(
        "BlenderBot-Joint",
        "First picks one support strategy, then writes a reply that follows it. The simplest of the four, and the one"
        " the others are compared with.",
        _WORDS,
        _LIU,
    ),
    "misc": NetText(
        "MISC",
        "Asks what the seeker may feel and want, and replies with a mixture of strategies instead of a single one.",
        _KNOWLEDGE,
        _TU,
    ),
    "admisc": NetText(
        "AdMISC",
        "Builds on MISC: it also reads the seeker's emotions, and keeps reweighing words, commonsense and strategy"
        " while it writes.",
        f"{_KNOWLEDGE}; the emotion of each message of the seeker",
        _JIA,
    ),
    "star": NetText(
        "STAR on Joint",
        "Takes BlenderBot-Joint as it is and refines its choice: after a first guess it looks again, and may change the"
        " strategy before it writes.",
        _WORDS,
        _LEE,
    ),
    "kemi": NetText(
        "KEMI, with similar talks",
        "BlenderBot-Joint that also looks up how supporters replied in similar talks. The published KEMI searches a"
        " graph of distress that is not available; this one searches a file of ESConv: close to KEMI, not the same.",
        _SIMILAR,
        _DENG,
    ),
    "star-kemi": NetText(
        "STAR on KEMI, with similar talks",
        "Refines KEMI's choice in the way STAR does.",
        _SIMILAR,
        _LEE,
    ),
    "emstremo": NetText(
        "Emstremo",
        "Gives its own reply an emotion: from what the seeker feels and the strategies it mixes, it works out how the"
        " reply should feel, and writes with both in mind. The published one also looks words up in a lexicon of"
        " affect.",
        _WORDS,
        _LI,
    ),
    "star-emstremo": NetText("STAR on Emstremo", "Refines Emstremo's choice in the way STAR does.", _WORDS, _LEE),
    "fado": NetText(
        "FADO",
        "Learns its strategies from what seekers thought of them: help that got many stars, in talks that brought"
        " relief, counts more. While it writes, it reads what the chosen strategy means. The published one also needs"
        " labels from a survey.",
        _WORDS,
        _PENG,
    ),
    "multiesc": NetText(
        "MultiESC",
        "Looks ahead before it chooses: it weighs which strategies may follow, and how many stars the seeker would give"
        " them. The published one consists of three larger models, with a lexicon of affect.",
        f"{_WORDS}; the emotion of each message of the seeker",
        _CHENG,
    ),
    "transesc": NetText(
        "TransESC",
        "Follows how meaning, strategy and emotion moved from message to message, and takes the next step from there."
        " The published one took the emotions and keywords of every message from other tools.",
        f"{_WORDS}; commonsense about the last message (COMET)",
        _ZHAO,
    ),
    "glhg": NetText(
        "GLHG",
        "Builds a graph from the seeker's situation through the latest messages to what the seeker intends, and writes"
        " with it in mind; no strategies. The published graph connects single words.",
        "what was said so far; the situation; commonsense about the last message (COMET)",
        _PENG_2022,
    ),
    "supporter": NetText(
        "SUPPORTER, without drafts",
        "Has experts on emotions and words, now and next; a policy rewarded for comfort and fitting replies picks two"
        " of them for each reply. No strategies. The published one writes drafts between its choices.",
        "what was said so far",
        _ZHOU,
    ),
    "scbg": NetText(
        "SCBG, after its abstract",
        "Chooses a word for its reply, then writes backwards from it to the beginning and forwards to the end; no"
        " strategies. Only the abstract of the published one is public, so this is an approximation at best: here each"
        " reply has one keyword, a single common word, which the language model gives without a prompt; one decoder"
        " writes both ways, and also learns whole replies forwards; the beginning is the most probable one, and only"
        " the rest is sampled.",
        "what was said so far",
        _XU,
    ),
    "star-misc": NetText("STAR on MISC", "Refines MISC's choice in the way STAR does.", _KNOWLEDGE, _LEE),
    "star-admisc": NetText(
        "STAR on AdMISC",
        "Refines AdMISC's choice in the way STAR does.",
        f"{_KNOWLEDGE}; the emotion of each message of the seeker",
        _LEE,
    ),
    "smollm2": NetText(
        "SmolLM2, prompted",
        "The language model that the nets are built on, unchanged: instructed in words how to support, not trained for"
        " it.",
        "what was said so far, and the situation",
        "Allal et al. 2025, SmolLM2",
    ),
    "transformer": NetText(
        "Transformer",
        "A baseline: writes a reply word by word, without strategies.",
        "what was said so far",
        "Vaswani et al. 2017",
    ),
    "mt-transformer": NetText(
        "MT Transformer",
        "A baseline that also learns to name the seeker's emotion; no strategies.",
        "what was said so far",
        "Rashkin et al. 2018",
    ),
    "moel": NetText(
        "MoEL",
        "A baseline that mixes what its listeners say, one for each emotion; no strategies.",
        "what was said so far",
        "Lin et al. 2019",
    ),
    "mime": NetText(
        "MIME",
        "A baseline that mimics the seeker's emotion up to a point; no strategies.",
        "what was said so far",
        "Majumder et al. 2020",
    ),
}


def title_of(net: str) -> str:
    """The readable name of a net, else the name itself."""
    return NET_TEXTS[net].title if net in NET_TEXTS else net


def text_of(name: str) -> NetText | None:
    """The words for a net, found by its name in commands or by its readable name; None for an unknown net."""
    return NET_TEXTS.get(name) or next((text for text in NET_TEXTS.values() if text.title == name), None)


def both_names(net: str) -> str:
    """The readable name of a net, followed by its name in commands."""
    return f"{title_of(net)} ({net})" if title_of(net) != net else net


def choices_of(nets: tuple[str, ...]) -> list[tuple[str, str]]:
    """(label, value) of each net for a list to choose from."""
    return [(both_names(net), net) for net in nets]
