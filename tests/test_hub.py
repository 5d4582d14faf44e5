"""Full checkpoints from a folder: tiny ones with random weights stand in for those of the Hub."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer as FastTokenizer
from tokenizers import models, pre_tokenizers, processors
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from models.data.relations import RELATIONS
from models.knowledge.comet_hub import HubComet
from models.knowledge.emotion import EMOTIONS, GO_EMOTIONS
from models.knowledge.emotion_hub import HubEmotion

WORDS = ("<s>", "<pad>", "</s>", "<unk>", "[GEN]", *RELATIONS, "i", "am", "sad", "to", "rest", "none", "happy")


def save_tokenizer(folder: Path) -> None:
    fast = FastTokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="<unk>"))
    fast.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    PreTrainedTokenizerFast(
        tokenizer_object=fast, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    ).save_pretrained(folder)


@pytest.fixture
def comet_folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    config = BartConfig(
        vocab_size=len(WORDS), d_model=16, encoder_attention_heads=2, decoder_attention_heads=2, **sizes
    )
    BartForConditionalGeneration(config).save_pretrained(tmp_path / "comet")
    save_tokenizer(tmp_path / "comet")
    return tmp_path / "comet"


def save_classifier(folder: Path, labels: tuple[str, ...], problem_type: str | None) -> Path:
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        id2label=dict(enumerate(labels)),
        label2id={label: n for n, label in enumerate(labels)},
        problem_type=problem_type,
    )
    RobertaForSequenceClassification(config).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def test_a_comet_from_a_folder(comet_folder: Path) -> None:
    comet = HubComet(comet_folder, max_tokens=4, batch=4)
    tails = comet.tails(["i am sad", "i am"], ["xReact", "xWant", "oReact"])
    assert tails == comet.tails(["i am sad", "i am"], ["xReact", "xWant", "oReact"])
    for found in (found for one in tails for found in one.values()):
        assert len(found) <= 5
        assert len({tail.lower() for tail in found}) == len(found)
        assert "none" not in found
    assert comet.version == "comet@local"
    assert comet.answer([]) == []


@pytest.mark.parametrize("problem_type", [None, "multi_label_classification"])
def test_a_detector_from_a_folder(tmp_path: Path, problem_type: str | None) -> None:
    folder = save_classifier(tmp_path / "emotion", tuple(reversed(GO_EMOTIONS)), problem_type)
    detector = HubEmotion(folder, batch=2)
    readings = detector.read(["i am sad", "happy", "i"])
    assert [{emotion for emotion, _ in reading} for reading in readings] == [set(EMOTIONS)] * 3
    assert all(sum(share for _, share in reading) == pytest.approx(1) for reading in readings)
    assert detector.read(["happy"])[0][0][1] == pytest.approx(readings[1][0][1], abs=1e-5)


def test_a_classifier_with_other_labels_is_refused(tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "other", ("good", "bad", "ugly"), None)
    with pytest.raises(ValueError, match="has other labels than GoEmotions' 28"):
        HubEmotion(folder)


@pytest.mark.parametrize("open_", [HubComet, HubEmotion])
def test_what_cannot_be_loaded_says_what_to_do(open_: type, tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(FileNotFoundError, match=r"'nobody/nothing-here' .Hub name. cannot be loaded.*hf download"):
        open_("nobody/nothing-here")
    assert time.monotonic() - start < 20, "transformers by itself would try for minutes"
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(FileNotFoundError, match=r"empty' .folder. cannot be loaded.*must hold config.json"):
        open_(empty)
