"""The loss falls, thresholds are found, and `python -m models emotion` does all it says on a tiny base."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.__main__ import main
from models.commands.emotion import EmotionMix, emotion_loss, macro_f1, read_goemotions, thresholds
from models.files.checkpoint import read_card
from models.knowledge.emotion import GO_EMOTIONS
from models.knowledge.emotion_shipped import EmotionHead, TextReader
from tests.tiny import tiny_causal, tiny_llama_folder

ROWS = [("i am sad", [25]), ("hello you", [0, 27]), ("thank you", [15]), ("it is hard to hear", [25, 9])]


def mix() -> EmotionMix:
    labels = torch.zeros(len(ROWS), len(GO_EMOTIONS))
    for row, (_, numbers) in enumerate(ROWS):
        labels[row, numbers] = 1.0
    return EmotionMix(TextReader.of(tiny_causal(), 2).read([text for text, _ in ROWS]), labels)


def test_the_loss_falls() -> None:
    torch.manual_seed(0)
    texts = mix()
    head = EmotionHead(tiny_causal().weights.shape.width, dropout=0.0)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.05)
    losses = []
    for step in range(10):
        loss = emotion_loss(head, texts.batch(step, 4, seed=1))["loss"]
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_batches_visit_each_text_once_an_epoch_and_are_the_same_each_time() -> None:
    texts = mix()
    batch = texts.batch(2, 4, seed=1)
    texts.batch(70, 4, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(batch, texts.batch(2, 4, seed=1), strict=True))
    seen = torch.stack([texts.batch(step, 2, seed=1)[1].sum(dim=0) for step in range(50)]).sum(dim=0)
    assert seen[25] == 50  # two of four texts, 25 epochs of 4 texts in 50 batches of 2


def test_thresholds_by_hand() -> None:
    """Label 0 parts at 0.3, label 1 at 0.6: one for both cannot be perfect, one each is."""
    scores = np.array([[0.4, 0.7], [0.2, 0.5], [0.35, 0.65], [0.1, 0.55]])
    gold = np.array([[True, True], [False, False], [True, True], [False, False]])
    one, each = thresholds(scores, gold)
    assert macro_f1(scores > each, gold) == 100
    assert macro_f1(scores > one, gold) < 100
    assert 0.2 <= each[0] < 0.35
    assert 0.55 <= each[1] < 0.65


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for part in ("train", "dev", "test"):
        rows = [f"{text}\t{','.join(GO_EMOTIONS[n] for n in labels)}\tid" for text, labels in ROWS]
        (tmp_path / f"goemotions_{part}.tsv").write_text("\n".join(["text\tlabels\tid", *rows]) + "\n")
    return tmp_path


def test_reading(data: Path, tmp_path: Path) -> None:
    assert read_goemotions(data, "dev") == ROWS
    (data / "goemotions_dev.tsv").write_text("text\tlabels\tid\nhi\tboredom\tx\n")
    with pytest.raises(ValueError, match=r"goemotions_dev\.tsv: not rows of text and GoEmotions labels"):
        read_goemotions(data, "dev")
    with pytest.raises(FileNotFoundError, match="goemotions_nosuch"):
        read_goemotions(data, "nosuch")


def test_train_ask_measure(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, folder = tiny_llama_folder(tmp_path / "base"), tmp_path / "emotion"
    flags = ["--data", str(data), "--base", str(base), "--emotion", str(folder)]
    assert main(["emotion", *flags, "--train", str(tmp_path / "run"), "--steps", "2", "--batch", "4"]) == 0
    card = read_card(folder)
    assert card["labels"] == list(GO_EMOTIONS)
    assert {"macro-F1, one threshold", "macro-F1, per label"} <= set(card["metrics"])
    capsys.readouterr()
    assert main(["emotion", *flags, "--text", "I am sad", "--evaluate"]) == 0
    shown = capsys.readouterr().out
    assert "sadness" in shown
    assert "macro-F1, per label" in shown
    assert main(["emotion", "--emotion", str(folder)]) == 2
    assert "nothing to do" in capsys.readouterr().err
