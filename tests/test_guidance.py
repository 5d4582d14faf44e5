"""Guided sampling: the scores as written down, both rows in one batch, never without a token to take."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from models.backbones.interface import Past
from models.data.batches import make_batch
from models.nets import registry
from models.nets.net import Net, Plan
from models.nets.registry import NETS
from models.serving.after_hi import after_hi
from models.serving.batch_decoding import decode_batch
from models.serving.choosing import Begun, barred
from models.serving.decoding import decode
from models.serving.guidance import PLAUSIBLE, guided_scores
from models.serving.trace import DECODING, DecodeOptions
from tests.tiny import CAUSAL, tiny_examples, tiny_net

OPTIONS = DecodeOptions(
    "guided", top_k=1, top_p=1.0, temperature=0.3, min_tokens=4, max_tokens=8, topicality=0.7, no_repeat_ngram=0
)


def one_plan(net: Net) -> Plan:
    """Of a reply without an opening: those are the concern of `test_scbg.py`."""
    with torch.inference_mode():
        return replace(net.plan(make_batch(tiny_examples(net)[1:2])), opening=())


@torch.inference_mode()
def apart(net: Net, plan: Plan, options: DecodeOptions) -> tuple[int, ...]:
    """The reply, with what would be said to anybody computed by itself."""
    other = after_hi(net, plan)
    pasts, ids = (Past(), Past()), list[int]()
    new = earlier = plan.prefix
    while len(ids) < options.max_tokens:
        states = [net.decode(new, p, past)[:, -1] for p, past in zip((plan, other), pasts, strict=True)]
        scores = net.backbone.logits(torch.cat(states)).float().masked_fill(net.banned, -torch.inf)
        here, anywhere = scores.log_softmax(dim=-1)
        weighed = (here + options.topicality * (here - anywhere)).masked_fill(
            here.exp() < PLAUSIBLE * here.exp().max(), -torch.inf
        )
        left = barred(weighed[None], [Begun(earlier[0].tolist(), len(ids), net.tokenizer.eos)], options)
        chosen = int(left.argmax())
        if chosen == net.tokenizer.eos:
            break
        ids.append(chosen)
        new = torch.tensor([[chosen]])
        earlier = torch.cat((earlier, new), dim=1)
    return tuple(ids)


@pytest.mark.parametrize("name", [*NETS, *(f"{CAUSAL}{name}" for name in registry.CAUSAL)])
def test_it_is_what_is_written_down(name: str) -> None:
    net = tiny_net(name)
    plan = one_plan(net)
    found = decode(net, plan, OPTIONS, 1).ids
    assert found == apart(net, plan, OPTIONS)
    assert decode_batch(net, plan, OPTIONS, [1]) == [found]


def test_tokens_likely_anywhere_lose_and_implausible_ones_never_win() -> None:
    here, anywhere = torch.tensor([0.5, 0.3, 0.19, 0.01]).log(), torch.tensor([0.9, 0.05, 0.04, 0.01]).log()
    scores = guided_scores(here[None], anywhere[None], 0.5)[0]
    assert scores.argsort(descending=True).tolist() == [1, 2, 0, 3]
    assert scores[3] == -torch.inf
    assert guided_scores(here[None], anywhere[None], 0.0)[0].argmax() == 0
    both = guided_scores(torch.stack((here, anywhere)), torch.stack((anywhere, here)), 0.5)
    assert torch.equal(both[0], scores)


def test_a_reply_whose_plausible_tokens_are_all_barred_goes_on() -> None:
    net = tiny_net("joint")
    options = replace(OPTIONS, no_repeat_ngram=1, max_tokens=12, min_tokens=12, temperature=0.01)
    with torch.no_grad():  # one token by far the likeliest, whatever stands before
        net.backbone.model.shared.weight.mul_(30)
    assert len(set(decode(net, one_plan(net), options, 1).ids)) == 12


def test_the_settings_by_name() -> None:
    assert DECODING["guided"].method == "guided"
    assert DECODING["guided"].draws
