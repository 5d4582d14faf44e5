"""Full checkpoints from a folder: tiny ones with random weights stand in for those of the Hub."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer as FastTokenizer
from tokenizers import models, pre_tokenizers, processors
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BartForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaModel,
)

from models.__main__ import main
from models.commands import comet
from models.data.relations import RELATIONS
from models.files.checkpoint import WEIGHTS
from models.knowledge.comet_hub import HubComet
from models.knowledge.emotion import EMOTIONS, GO_EMOTIONS
from models.knowledge.emotion_hub import HubEmotion
from models.knowledge.shipped_or_hub import comet_version

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
    assert comet.version == comet_version(str(comet_folder))
    assert comet.version.startswith("comet@")
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


def test_a_version_tells_two_folders_of_one_name_apart(comet_folder: Path) -> None:
    before = comet_version(str(comet_folder))
    weights = comet_folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert comet_version(str(comet_folder)) != before


def test_a_net_answers_with_the_comet_and_the_detector_that_are_named(
    comet_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    emotion = save_classifier(tmp_path / "emotion", GO_EMOTIONS, None)
    flags = ["--text", "I am sad", "--situation", "i am to rest", "--max-tokens", "6", "--device", "cpu", "--json"]
    assert main(["respond", "--net", "misc", *flags, "--comet", str(comet_folder), "--emotion", str(emotion)]) == 0
    trace = json.loads(capsys.readouterr().out)["trace"]
    assert {word for block in trace["blocks"] for word in block["text"].split()} <= set(WORDS)
    assert trace["blocks"]
    expected = HubEmotion(emotion).read(["I am sad"])[0]
    assert dict(map(tuple, trace["emotions"][0]["scores"])) == pytest.approx(dict(expected), abs=1e-4)


def test_comet_and_emotion_ask_full_checkpoints_too(
    comet_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for own in ("own_talks", "everyday_talks"):  # thousands of events
        monkeypatch.setattr(comet, own, lambda: ())
    tails = tmp_path / "tails.jsonl"
    said = [
        {"speaker": who, "annotation": {"strategy": "Others"}, "content": "i am"} for who in ("seeker", "supporter")
    ]
    talk = {
        "emotion_type": "sadness",
        "problem_type": "job crisis",
        "situation": "i am sad",
        "dialog": said,
    }
    (tmp_path / "esconv.json").write_text(json.dumps([talk]))
    flags = ["comet", "--comet", str(comet_folder), "--precompute", str(tails)]
    assert main([*flags, "--esconv", str(tmp_path / "esconv.json"), "--event", "i am sad"]) == 0
    assert "xReact" in capsys.readouterr().out
    assert json.loads(tails.read_text().splitlines()[0])["version"] == comet_version(str(comet_folder))
    emotion = save_classifier(tmp_path / "emotion", GO_EMOTIONS, None)
    assert main(["emotion", "--emotion", str(emotion), "--text", "i am sad"]) == 0
    assert "neutral" in capsys.readouterr().out
    assert main(["emotion", "--emotion", str(emotion), "--evaluate", "--data", str(tmp_path)]) == 2
    assert "--evaluate measures packed weights" in capsys.readouterr().err


def test_a_checkpoint_of_another_kind_is_refused(
    comet_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*flags: str) -> str:
        assert main(["respond", "--net", "misc", "--text", "hi", *flags]) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("error: ")
        return error

    emotion = save_classifier(tmp_path / "emotion", GO_EMOTIONS, None)
    assert "cannot be loaded: Unrecognized configuration class" in refused("--comet", str(emotion))
    assert "COMET checkpoint" in refused("--comet", str(emotion))
    config = BartConfig.from_pretrained(comet_folder)
    BartForSequenceClassification(config).save_pretrained(comet_folder)
    assert "is a BartForSequenceClassification; give a BartForConditionalGeneration" in refused(
        "--comet", str(comet_folder)
    )
    RobertaModel(RobertaConfig.from_pretrained(emotion)).save_pretrained(emotion)
    error = refused("--emotion", str(emotion))
    assert "is a RobertaModel, without classifier." in error
    (emotion / "model.safetensors").write_bytes(b"half a download")
    assert "emotion' (folder) cannot be loaded: " in refused("--emotion", str(emotion))
    assert "holds weights of 'comet', not of 'emotion'" in refused("--emotion", str(WEIGHTS / "comet"))
    assert "holds weights of 'emotion', not of 'comet'" in refused("--comet", str(WEIGHTS / "emotion"))
