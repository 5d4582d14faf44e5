"""Metrics against numbers worked out by hand, against a second library, and under reordering."""

from __future__ import annotations

import math
import random
from statistics import fmean
from types import SimpleNamespace

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu

from models.evaluation import text_figures
from models.evaluation.definitions import (
    MISC,
    WORDS,
    Definition,
    Tokenise,
    emstremo,
    tokeniser,
    whitespace,
    words,
)
from models.evaluation.figure import Units
from models.evaluation.perplexity import perplexity
from models.evaluation.text_figures import GramNumbers, meteor_each, rouge_l_each

# Made up. The second reply ends early, so the brevity of both replies together (9 of 11 tokens) counts in B-n.
REPLIES = ["i see . i see", "that is hard ."]
REFERENCES = ["i see that is hard .", "that is so hard ."]


def cut(texts: list[str]) -> list[list[str]]:
    return [text.split() for text in texts]


def distinct(replies: list[list[str]], n: int, *, legacy: bool = False) -> float:
    return text_figures.distinct(replies, n, Units([""] * len(replies)), GramNumbers(), legacy=legacy).value


def bleu(replies: list[list[str]], references: list[list[str]], n: int) -> float:
    return text_figures.bleu(replies, references, n, Units([""] * len(replies))).value


def rouge_l(replies: list[list[str]], references: list[list[str]], beta: float = 1.2) -> float:
    return 100 * fmean(rouge_l_each(replies, references, beta))


def text_scores(
    replies: list[str], references: list[str], definition: Definition = WORDS, bpe: Tokenise | None = None
) -> dict[str, float]:
    units = Units([""] * len(replies))
    found = text_figures.text_figures(replies, references, definition, bpe, units, GramNumbers())
    return {name: figure.value for name, figure in found.items()}


@pytest.mark.parametrize(
    ("n", "legacy", "expected"),
    [
        # 9 unigrams, 6 different (i, see, ., that, is, hard)
        (1, False, 600 / 9),
        # without the last of each: i see . i | that is hard -> 7 unigrams, 6 different
        (1, True, 600 / 7),
        # 4 + 3 bigrams; (i see) twice -> 6 different
        (2, False, 600 / 7),
        # 3 + 2 bigrams, all different
        (2, True, 100.0),
    ],
)
def test_distinct_and_the_off_by_one_of_the_public_code(n: int, legacy: bool, expected: float) -> None:
    assert distinct(cut(REPLIES), n, legacy=legacy) == pytest.approx(expected)


def test_distinct_without_any_ngram_is_zero() -> None:
    assert distinct([[], ["a"]], 2) == 0
    assert distinct([["a"]], 1, legacy=True) == 0


def test_bleu_worked_out_by_hand() -> None:
    """Clipped matches: unigrams 7 of 9 (i and see count once), bigrams 3 of 7; brevity exp(1 - 11/9)."""
    expected = 100 * math.exp(1 - 11 / 9) * math.sqrt(7 / 9 * 3 / 7)
    assert bleu(cut(REPLIES), cut(REFERENCES), 2) == pytest.approx(expected)


@pytest.mark.parametrize("n", [2, 4])
@pytest.mark.parametrize("kinds", [list("abcdef"), list("abcdefghijklmnopqrstuvwxyz"), ["a b", "c", " "]])
def test_bleu_is_that_of_nltk(n: int, kinds: list[str]) -> None:
    """Replies too short for an n-gram, orders without a match, and tokens with white space inside included."""
    rng = random.Random(n)
    for size in (1, 2, 30):
        hyps, refs = ([rng.choices(kinds, k=rng.randint(0, 7)) for _ in range(size)] for _ in range(2))
        expected = corpus_bleu([[r] for r in refs], hyps, (1 / n,) * n, SmoothingFunction().method3)
        assert bleu(hyps, refs, n) == pytest.approx(100 * expected)


@pytest.mark.parametrize("n", [2, 4])
def test_bleu_agrees_with_sacrebleu(n: int) -> None:
    rng = random.Random(1)
    hyps, refs = ([" ".join(rng.choices("abcdef", k=rng.randint(4, 12))) for _ in range(200)] for _ in range(2))
    other = sacrebleu.BLEU(max_ngram_order=n, tokenize="none", smooth_method="none")
    assert bleu(cut(hyps), cut(refs), n) == pytest.approx(other.corpus_score(hyps, [refs]).score)


def test_rouge_l_has_beta_1_2() -> None:
    """Common subsequences: "i see ." (P 3/5, R 3/6) and "that is hard ." (P 4/4, R 4/5)."""
    f_1 = 2.44 * (3 / 5) * (3 / 6) / (3 / 6 + 1.44 * 3 / 5)
    f_2 = 2.44 * 1 * 0.8 / (0.8 + 1.44 * 1)
    assert rouge_l(cut(REPLIES), cut(REFERENCES)) == pytest.approx(100 * (f_1 + f_2) / 2)
    assert rouge_l(cut(REPLIES), cut(REFERENCES)) == pytest.approx(70.404, abs=0.001)
    beta_1 = 100 * (2 * (3 / 5) * (3 / 6) / (3 / 5 + 3 / 6) + 2 * 0.8 / 1.8) / 2
    assert rouge_l(cut(REPLIES), cut(REFERENCES), beta=1) == pytest.approx(beta_1)


def test_rouge_l_of_nothing_in_common_is_zero() -> None:
    assert rouge_l([["a"], []], [["b"], ["b"]]) == 0


@pytest.mark.parametrize(
    ("tokenise", "expected"),
    [
        (words, ["i", "ca", "n't", "sleep", ".", "it", "'s", "8.30", ",", "ok", "?"]),
        (emstremo, ["i", "ca", "n't", "sleep", ".", "it", "'s", "8", ".", "30", ",", "ok", "?"]),
        (whitespace, ["i", "can't", "sleep.", "it's", "8.30,", "ok?"]),
    ],
)
def test_tokens(tokenise: object, expected: list[str]) -> None:
    assert tokenise("I can't sleep. It's 8.30, ok?") == expected  # type: ignore[operator]


def test_text_scores_name_their_definition() -> None:
    scores = text_scores(REPLIES, REFERENCES)
    assert scores["distinct_1"] == pytest.approx(600 / 9)
    assert scores["mean_length"] == 4.5
    pieces = text_scores(REPLIES, REFERENCES, MISC, bpe=list)
    assert pieces["distinct_1"] == pytest.approx(distinct([list(reply) for reply in REPLIES], 1, legacy=True))
    perfect = text_scores(["a b c d e"], ["A b c d e"], Definition("ws"))
    assert (perfect["bleu_2"], perfect["bleu_4"], perfect["rouge_l"]) == pytest.approx((100, 100, 100))


def test_empty_replies_score_zero() -> None:
    scores = text_scores(["", ""], REFERENCES)
    assert scores["sacre_bleu"] == 0
    assert (scores["distinct_1"], scores["bleu_2"], scores["bleu_4"], scores["rouge_l"], scores["mean_length"]) == (
        0,
        0,
        0,
        0,
        0,
    )


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown tokens 'bpe'; allowed: words, emstremo, ws; bpe needs the tokenizer"):
        tokeniser("bpe")
    with pytest.raises(ValueError, match="over 0 tokens is undefined"):
        perplexity([1.0], [0], Units([""]))


class Synonyms:
    """A WordNet in which only "sad" and "glum" are alike."""

    def synsets(self, word: str) -> list[SimpleNamespace]:
        names = {"sad": ["sad", "glum"], "glum": ["glum", "sad"]}.get(word, [])
        return [SimpleNamespace(lemmas=lambda: [SimpleNamespace(name=lambda n=name: n) for name in names])]


def test_meteor_worked_out_by_hand() -> None:
    """P = R = 2/3 in one chunk: 2/3 (1 - 0.5 (1/2)^3) = 0.625. Cut at white space, "sad." is not "sad"."""
    found = meteor_each(["I see that", "so glum", "so sad."], ["i see this", "so sad", "so sad"], Synonyms())
    full = 1 - 0.5 * (1 / 2) ** 3
    assert found[0] == pytest.approx(2 / 3 * full)
    assert found[1] == pytest.approx(full)
    assert found[2] == pytest.approx(0.5 * (1 - 0.5))


def test_meteor_is_left_out_without_wordnet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_figures, "find_wordnet", lambda: None)
    assert "meteor" not in text_scores(REPLIES, REFERENCES)
    monkeypatch.setattr(text_figures, "find_wordnet", Synonyms)
    expected = 50 * sum(meteor_each(REPLIES, REFERENCES, Synonyms()))
    assert text_scores(REPLIES, REFERENCES)["meteor"] == pytest.approx(expected)


def test_the_figures_of_misc_by_hand() -> None:
    """Set M: D-n of word pieces without each reply's last n-gram, B-n over the corpus, R-L with beta 1.2.

    Pieces "i see . i se@@ e" (6) and "hard ." (2) against "i see it ." (4) and "hard ." (2).
    """
    cut_at = {"I see. I seee": "i see . i se@@ e", "Hard.": "hard .", "I see it.": "i see it ."}
    scores = text_scores(
        ["I see. I seee", "Hard."], ["I see it.", "Hard."], MISC, bpe=lambda text: cut_at[text].split()
    )
    assert scores["distinct_1"] == pytest.approx(100 * 5 / 6)  # i see . i se@@ | hard -> 5 of 6
    assert scores["distinct_2"] == pytest.approx(100 * 4 / 4)  # (i see) (see .) (. i) (i se@@)
    assert scores["bleu_2"] == pytest.approx(100 * math.sqrt(5 / 8 * 2 / 6))  # longer than the references: no brevity
    f = 2.44 * (3 / 6) * (3 / 4) / (3 / 4 + 1.44 * 3 / 6)  # i see .
    assert scores["rouge_l"] == pytest.approx(100 * (f + 1) / 2)


def test_perplexity_of_a_uniform_guess_is_the_number_of_choices() -> None:
    assert perplexity([5 * math.log(40)], [5], Units([""])).value == pytest.approx(40)
    assert perplexity([1e6], [1], Units([""])).value == math.inf


pairs = st.lists(
    st.tuples(st.text("ab. ", min_size=1, max_size=12), st.text("ab. ", min_size=1, max_size=12)), min_size=1
)


@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_the_replies_does_not_matter(texts: list[tuple[str, str]], rng: random.Random) -> None:
    moved = rng.sample(texts, len(texts))
    one, other = (
        text_scores([a for a, _ in these], [b for _, b in these], Definition("ws")) for these in (texts, moved)
    )
    assert one == pytest.approx(other)
