"""Copies of matrices in few bits: how near they are, and which a matrix gets."""

from __future__ import annotations

import pytest
import torch

from models.backbones.laid_out import can_lay_out
from models.backbones.llama_weights import Matrix
from models.backbones.short_copies import Eights, Fours, short_copy

CLOSE = {torch.bfloat16: {"rtol": 0.0, "atol": 0.0}, torch.float32: {"rtol": 1e-5, "atol": 1e-5}}
"""the same bit for bit in bfloat16; in float32 sums may be taken in another order"""


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_short_copy_of_the_weights_says_the_same_within_a_hundredth(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX2")
    torch.manual_seed(3)
    matrix = Matrix(dtype, 48, 64)
    matrix.weight.copy_(torch.randn(48, 64))
    many, few = torch.randn(1, 9, 64).to(dtype), torch.randn(2, 1, 64).to(dtype)
    with torch.inference_mode():
        plain, later = [matrix(x) for x in (many, few)], matrix(few, 30)
        matrix.pack()
        torch.testing.assert_close(matrix(many), plain[0], **CLOSE[dtype])
        for short, exact in ((matrix(few), plain[1]), (matrix(few, 30), later)):
            assert short.shape == exact.shape
            assert not torch.equal(short, exact)
            assert float((short - exact).norm() / exact.norm()) < 0.02
    assert torch.equal(matrix(few), plain[1])  # what learns reads the weights themselves


@pytest.mark.parametrize(("dtype", "keep"), [(torch.bfloat16, True), (torch.bfloat16, False), (torch.float32, False)])
def test_a_matrix_that_is_laid_out_says_the_same(dtype: torch.dtype, keep: bool) -> None:
    if not can_lay_out(torch.zeros(1, 1, dtype=dtype)):
        pytest.skip("no such products here")
    torch.manual_seed(3)
    matrix = Matrix(dtype, 48, 64)
    weight = torch.randn(48, 64).to(dtype)
    matrix.weight.copy_(weight)
    inputs = [torch.randn(*size, 64) for size in ((1,), (3, 2), (2, 1, 1), (1, 300), (0,))]
    with torch.inference_mode():
        exact = [(matrix(x), matrix(x, 30)) for x in inputs]
        matrix.pack(keep, short=False)
        assert matrix.laid is not None
        assert matrix.short is None
        for x, (whole, later) in zip(inputs, exact, strict=True):
            torch.testing.assert_close(matrix(x), whole, **CLOSE[dtype])
            torch.testing.assert_close(matrix(x, 30), later, **CLOSE[dtype])
    assert (matrix.held is not None) is keep
    assert torch.equal(matrix.weight, weight)
    assert torch.equal(matrix(inputs[1]), exact[1][0])
    assert matrix.nbytes == weight.nbytes


def test_a_matrix_in_float32_that_is_needed_in_both_forms_is_not_laid_out() -> None:
    matrix = Matrix(torch.float32, 48, 64)
    matrix.pack(keep=True)
    assert matrix.laid is None
    assert matrix.held is not None


def test_beside_a_matrix_that_is_laid_out_a_short_copy_serves_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX2")
    monkeypatch.setattr("models.backbones.llama_weights.lay_out", lambda weight: weight)
    for there, dtype, few in ((True, torch.bfloat16, 2), (False, torch.bfloat16, 4), (True, torch.float32, 4)):
        monkeypatch.setattr("models.backbones.llama_weights.can_lay_out", lambda _, there=there: there)
        matrix = Matrix(dtype, 48, 64)
        matrix.weight.zero_()
        matrix.pack()
        assert matrix.few == few


def of_sixteen_levels(outputs: int, inputs: int) -> torch.Tensor:
    """Weights as GGUF's Q4_1 stores them: in groups of 32, each on 16 even levels."""
    level = torch.randint(0, 16, (outputs, inputs // 32, 32)).float()
    level[..., 0], level[..., 1] = 0, 15
    step, away = torch.rand(2, outputs, inputs // 32, 1) + 0.01
    return ((level - 7 - away) * step).view(outputs, inputs)


def test_what_was_stored_in_four_bits_is_copied_so_and_differs_as_little_as_bfloat16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX512")
    torch.manual_seed(3)
    weight = of_sixteen_levels(192, 96)
    exact = torch.randn(3, 96).bfloat16()
    copy = short_copy(weight.bfloat16())
    assert isinstance(copy, Fours)
    assert copy.nbytes < 192 * 96 * 0.7
    for first in (0, 70):
        found, expected = copy(exact, first).float(), exact.float() @ weight[first:].T
        assert found.shape == expected.shape
        assert float((found - expected).norm() / expected.norm()) < 0.006
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX2")
    assert isinstance(short_copy(weight.bfloat16()), Eights)


@pytest.mark.parametrize("row", [0, 191])
def test_one_number_between_the_levels_and_the_copy_has_eight_bits(row: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX512")
    torch.manual_seed(3)
    weight = of_sixteen_levels(192, 96)
    group = weight[row, 32:64]
    weight[row, 40] = group.min() + (group.max() - group.min()) * 3.4 / 15
    assert isinstance(short_copy(weight), Eights)
    assert isinstance(short_copy(of_sixteen_levels(100, 96)), Eights)  # not so many outputs at a time
    assert isinstance(short_copy(torch.zeros(64, 64)), Fours)


def test_where_the_short_copy_would_be_slow_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "DEFAULT")
    for dtype, packed in ((torch.float32, False), (torch.bfloat16, True)):
        matrix = Matrix(dtype, 8, 8)
        matrix.weight.zero_()
        matrix.pack()
        assert (matrix.short is not None) is packed
        with monkeypatch.context() as again:
            again.setattr(Matrix, "weight", property(lambda _: pytest.fail("unpacked again, for the next net")))
            matrix.pack()


def test_short_copies_may_be_made_after_a_matrix_was_laid_out() -> None:
    torch.manual_seed(3)
    one, other = Matrix(torch.bfloat16, 64, 64), Matrix(torch.bfloat16, 64, 64)
    weight = torch.randn(64, 64)
    for matrix in (one, other):
        matrix.weight.copy_(weight)
    one.pack()
    other.pack(short=False)
    other.pack()
    assert (one.few, one.nbytes, one.laid is None) == (other.few, other.nbytes, other.laid is None)
    x = torch.randn(1, 64).bfloat16()
    with torch.inference_mode():
        assert torch.equal(one(x), other(x))
