"""Anybody's files through `python -m models score` and `compare`: all forms give the same, errors tell where."""

from __future__ import annotations

import json
import time
from pathlib import Path

import huggingface_hub
import pytest

from models.__main__ import main
from models.evaluation.predictions import Prediction, write_predictions
from models.evaluation.reply_files import read_replies
from tests.tiny import tiny_tokenizer

PAIRS = [('i see, "really" .', "i see that is hard ."), ("", "so hard ."), ("that is hard .", "that is so hard .")]
STRATEGIES = [("Question", "Question"), ("[Other]", "Others"), ("information", "Question")]
PREDICTIONS = tuple(
    Prediction(*texts, predicted, gold)
    for texts, (predicted, gold) in zip(
        PAIRS, [("Question", "Question"), ("Others", "Others"), ("Information", "Question")], strict=True
    )
)


def quoted(rows: list[tuple[str, ...]], delimiter: str) -> str:
    return "".join(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows)


def table(delimiter: str) -> str:
    rows = [(*texts, *names) for texts, names in zip(PAIRS, STRATEGIES, strict=True)]
    return quoted([("Hypothesis", "reference", "strategy", "gold"), *rows], delimiter)


@pytest.mark.parametrize(("name", "delimiter"), [("x.csv", ","), ("x.tsv", "\t"), ("X.CSV", ",")])
def test_tables_are_read(name: str, delimiter: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(table(delimiter), encoding="utf-8")
    assert read_replies(tmp_path / name) == PREDICTIONS


def test_two_files_of_texts_or_lists_are_read(tmp_path: Path) -> None:
    plain = tuple(Prediction(*texts) for texts in PAIRS)
    for at, kind in enumerate(("hyp", "ref")):
        texts = [pair[at] for pair in PAIRS]
        (tmp_path / f"{kind}.txt").write_text("\n".join(texts) + "\n")
        (tmp_path / f"{kind}.json").write_text(json.dumps(texts))
    assert read_replies(tmp_path / "hyp.txt", tmp_path / "ref.txt") == plain
    assert read_replies(tmp_path / "hyp.json", tmp_path / "ref.json") == plain


def test_a_folder_of_evaluate_is_read(tmp_path: Path) -> None:
    write_predictions(tmp_path / "misc" / "predictions.jsonl", PREDICTIONS)
    assert read_replies(tmp_path / "misc") == PREDICTIONS
    with pytest.raises(FileNotFoundError, match="no predictions at"):
        read_replies(tmp_path)


def test_a_folder_that_lacks_turns_is_refused_and_its_file_is_not(tmp_path: Path) -> None:
    write_predictions(tmp_path / "predictions.jsonl", PREDICTIONS)
    (tmp_path / "run.json").write_text('{"turns": 3}')
    assert read_replies(tmp_path) == PREDICTIONS
    (tmp_path / "run.json").write_text('{"turns": 4}')
    with pytest.raises(ValueError, match=r"holds 3 of the 4 turns that run\.json names; continue with the same"):
        read_replies(tmp_path)
    assert read_replies(tmp_path / "predictions.jsonl") == PREDICTIONS


def test_another_order_of_strategies_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shares = (0.05,) * 7
    right, wrong = (Prediction("a", "b", "Question", "Question", told) for told in ((0.65, *shares), (*shares, 0.65)))
    write_predictions(tmp_path / "right", [right, right])
    read_replies(tmp_path / "right")
    assert caplog.text == ""
    write_predictions(tmp_path / "wrong", [right, wrong, wrong])
    read_replies(tmp_path / "wrong")
    assert "in 2 of 3 lines strategy is not the largest of strategies" in caplog.text
    assert "the order Question, Restatement or Paraphrasing, Reflection" in caplog.text


WRONG = {
    "no header": ("x.csv", "a,b\n", "x.csv, line 1: want a header with hypothesis and reference; got 'a, b'"),
    "nothing": ("x.csv", "", "x.csv, line 1: want a header"),
    "header only": ("x.csv", "hypothesis,reference\n", "x.csv: no line under the header"),
    "a cell too few": ("x.csv", "hypothesis,reference\na,b\na\n", "x.csv, line 3: the row has 1 cells, the header 2"),
    "open quote": ("x.csv", 'hypothesis,reference\na,"b\n', "x.csv, line 2: unexpected end of data"),
    "strategy": (
        "x.tsv",
        "hypothesis\treference\tgold\na\tb\tAdvice\n",
        "x.tsv, line 2: gold: unknown strategy 'Advice'",
    ),
    "some": ("x.csv", 'hypothesis,reference,gold\n"a\nb",b,Others\na,b,\n', "x.csv, line 4: no gold, but "),
    "number": ("x.csv", "hypothesis,reference,turn\na,b,two\n", "x.csv, line 2: turn is 'two'; want a whole number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_bad_table_is_told_by_file_and_line(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, content, message = WRONG[case]
    (tmp_path / name).write_text(content)
    assert main(["score", str(tmp_path / name)]) == 2
    assert message in capsys.readouterr().err


def test_texts_of_other_count_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hyp").write_text("a\nb\n")
    (tmp_path / "ref").write_text("a\nb\nc\n")
    (tmp_path / "ref.json").write_text('{"a": 1}')
    assert main(["score", str(tmp_path / "hyp"), "--references", str(tmp_path / "ref")]) == 2
    error = capsys.readouterr().err
    assert "has 2 texts" in error
    assert "hyp ends after line 2; want a reference for every reply" in error
    assert main(["score", str(tmp_path / "hyp"), "--references", str(tmp_path / "ref.json")]) == 2
    assert "ref.json: want texts, one a line, or a JSON list" in capsys.readouterr().err
    assert main(["score", str(tmp_path / "hyp")]) == 2
    error = capsys.readouterr().err
    assert "hyp, line 1: not valid JSON" in error
    assert "plain text to `score` with --references" in error


def test_blank_lines_at_the_end_of_both_files_are_no_turns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def read(replies: str, references: str) -> list[tuple[str, str]]:
        (tmp_path / "hyp").write_text(replies)
        (tmp_path / "ref").write_text(references)
        return [(one.hypothesis, one.reference) for one in read_replies(tmp_path / "hyp", tmp_path / "ref")]

    assert read("a\n\n", "b\n\n") == [("a", "b")]
    assert read("a\n \n\n", "b\n\n\n") == [("a", "b")]
    assert read("a\n\n", "b\nc\n") == [("a", "b"), ("", "c")], "an empty reply counts"
    for replies, references, message in (
        ("a\nb\nc\n", "a\n \nc\n", "ref, line 2: empty; want a reference for every reply"),
        ("a\n\nc\n", "a\n\nc\n", "ref, line 2: empty"),
        ("\n\n", "\n\n", "ref: blank; want one text a line"),
    ):
        with pytest.raises(ValueError, match=message):
            read(replies, references)


def test_score_prints_tables_and_writes_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.csv").write_text(table(","))
    arguments = ["score", str(tmp_path / "p.csv"), "--name", "mine", "--split", "D", "--papers", "joint"]
    arguments += ["--distinct", "legacy", "--rounds", "100", "--out", str(tmp_path / "m.json")]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "BlenderBot-Joint" in out
    assert out.count("\nmine ") == 4
    assert "figures written" in out
    saved = json.loads((tmp_path / "m.json").read_text())
    assert (saved["name"], saved["split"], saved["file"]) == ("mine", "D", "p.csv")
    assert saved["reports"][0]["definition"] == {"tokens": "words", "legacy_distinct": True}
    assert len(saved["reports"]) == 1  # without --bpe, MISC's count cannot be made
    assert saved["reports"][0]["intervals"][0].keys() == {"name", "value", "low", "high"}
    assert main([*arguments, "--rounds", "0"]) == 0
    assert "figures replaced" in capsys.readouterr().out
    assert main([*arguments, "--rounds", "7"]) == 2
    assert "7 rounds are too few" in capsys.readouterr().err


def test_word_pieces_come_from_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.csv").write_text(table(","))
    (tmp_path / "tokenizer.json").write_text(tiny_tokenizer().fast.to_str())
    arguments = ["score", str(tmp_path / "p.csv"), "--rounds", "0", "--bpe", str(tmp_path), "--papers", "misc"]
    assert main([*arguments, "--out", str(tmp_path / "m.json")]) == 0
    counts = [report["definition"]["tokens"] for report in json.loads((tmp_path / "m.json").read_text())["reports"]]
    assert counts == ["words", "bpe", "words"]
    pieces = [report["pieces"] for report in json.loads((tmp_path / "m.json").read_text())["reports"]]
    assert pieces == ["", f"{tmp_path.name}@{tiny_tokenizer().digest()}", ""]
    assert str(tmp_path) not in (tmp_path / "m.json").read_text()
    assert f"  bpe ({pieces[1]}), legacy D-n" in capsys.readouterr().out
    pair = ["compare", str(tmp_path / "p.csv"), str(tmp_path / "p.csv"), "--rounds", "100", "--bpe", str(tmp_path)]
    assert main([*pair, "--tokens", "bpe"]) == 0
    assert f"; tokens bpe ({pieces[1]})\n" in capsys.readouterr().out
    assert main(["score", str(tmp_path / "p.csv"), "--tokens", "bpe"]) == 2
    assert "bpe needs the tokenizer of a net" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["score", str(tmp_path / "p.csv"), "--tokens", "bpe", "--bpe", str(tmp_path / "empty")]) == 2
    assert "cannot be loaded" in capsys.readouterr().err


def test_the_definitions_of_a_paper_are_one_flag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.csv").write_text(table(","))
    (tmp_path / "tokenizer.json").write_text(tiny_tokenizer().fast.to_str())
    arguments = ["score", str(tmp_path / "p.csv"), "--rounds", "0", "--out", str(tmp_path / "m.json"), "--definitions"]

    def saved() -> list[dict[str, object]]:
        capsys.readouterr()
        return [report["definition"] for report in json.loads((tmp_path / "m.json").read_text())["reports"]]

    assert main([*arguments, "star"]) == 0
    assert saved() == [{"tokens": "words", "legacy_distinct": True}]
    assert main([*arguments, "misc", "--bpe", str(tmp_path)]) == 0
    assert saved() == [{"tokens": "bpe", "legacy_distinct": True}]
    assert main([*arguments, "emstremo", "--tokens", "emstremo", "--distinct", "legacy"]) == 0
    assert saved() == [{"tokens": "emstremo", "legacy_distinct": True}]
    assert main([*arguments, "emstremo", "--tokens", "ws"]) == 2
    assert "--definitions emstremo sets --tokens and --distinct; leave these out" in capsys.readouterr().err


def test_without_a_network_the_papers_pieces_are_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.csv").write_text(table(","))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    start = time.monotonic()
    assert main(["score", str(tmp_path / "p.csv"), "--rounds", "0", "--definitions", "misc"]) == 2
    error = capsys.readouterr().err
    assert "tokenizer 'facebook/blenderbot_small-90M' cannot be loaded" in error
    assert "hf download facebook/blenderbot_small-90M vocab.json merges.txt" in error
    assert error.count("\n") == 1
    assert time.monotonic() - start < 20


def test_compare_tests_every_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = [Prediction("no idea", "i see that", "Others", "Question", dialogue=f"d{at}", turn=1) for at in range(12)]
    b = [Prediction("i see that", "i see  that", "Question", "Question", dialogue=f"d{at}", turn=1) for at in range(12)]
    write_predictions(tmp_path / "a" / "predictions.jsonl", a)
    write_predictions(tmp_path / "b.jsonl", b)
    told = ["compare", str(tmp_path / "a"), str(tmp_path / "b.jsonl"), "--rounds", "2000", "--out", str(tmp_path / "c")]
    assert main(told) == 0
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.startswith("strategy accuracy")).split()
    assert row[2:8] == ["0.00", "100.00", "100.00", "100.00", "to", "100.00"]
    assert float(row[8]) < 0.005
    assert "12 turns; 12 dialogues drawn and swapped 2000 times, seed 1" in out
    assert "right by A only on 0 turns, by B only on 12; McNemar p 0.0005" in out
    saved = json.loads((tmp_path / "c").read_text())
    assert saved["mcnemar"] == [0, 12, pytest.approx(2 / 2**12)]
    assert saved["figures"][0]["name"] == "accuracy"
    assert main([*told[:3], "--rounds", "0"]) == 2
    write_predictions(tmp_path / "one.jsonl", a[:1])
    assert main(["compare", str(tmp_path / "one.jsonl"), str(tmp_path / "one.jsonl")]) == 2
    assert "the tests resample dialogues, but all turns are from one" in capsys.readouterr().err


def test_compare_leaves_out_what_it_cannot_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, nll in (("a", 8000.0), ("b", 8001.0)):
        write_predictions(tmp_path / name, [Prediction("a", "b", nll_gold=nll, tokens=2)] * 3)
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--rounds", "100"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("PPL per token"))
    assert row.split()[-5:] == ["inf", "inf", "-", "-", "-"]


def test_perplexities_over_other_vocabularies_are_compared_by_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half as many tokens for the same text make each of them less likely, although the text is as likely."""
    told = "PPL per token left out: on 3 turns A and B count different tokens"
    for tokens, same in ((4, True), (2, False)):
        for name, count in (("a", 4), ("b", tokens)):
            write_predictions(tmp_path / name, [Prediction("a", "i see .", nll_gold=8.0, tokens=count)] * 3)
        assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--rounds", "100"]) == 0
        out = capsys.readouterr().out
        assert ("\nPPL per token, " in out) == same == (told not in out)
        assert "\nPPL per word, " in out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": "other"}, "predictions number 2 have different references"),
        ({"turn": 5}, "number 2 are turn 3 of d and turn 5 of d"),
        ({"gold": "Others"}, "number 2 have different gold strategies, Question and Others"),
        (None, "ends after 1 predictions"),
    ],
)
def test_compare_refuses_other_turns(
    change: dict[str, str] | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = {"hypothesis": "a", "reference": "b", "strategy": "Others", "gold": "Question", "dialogue": "d", "turn": 1}
    last = line | {"turn": 3}
    second = [line] if change is None else [line, last | change]
    for name, records in (("a", [line, last]), ("b", second)):
        (tmp_path / name).write_text("\n".join(map(json.dumps, records)))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 2
    assert message in capsys.readouterr().err


def test_score_of_a_bad_file_is_an_error_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err.startswith("error: no predictions at ")
    (tmp_path / "bad").write_text('{"hypothesis": "a"}')
    assert main(["score", str(tmp_path / "bad")]) == 2
    assert "line 1: reference missing" in capsys.readouterr().err
