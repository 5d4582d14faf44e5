"""Turns as nodes: which are there, who reads whom; what TransESC and GLHG make of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from models.backbones.interface import Reading
from models.data.batches import Batch, make_batch
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv_labels import PROBLEM_TYPES
from models.data.examples import Example, make_example
from models.data.own_talks import voiced
from models.knowledge.comet import NoComet
from models.nets.glhg import GLOBAL, INTENT, ITSELF, NEAR, PROBLEM, hierarchy
from models.nets.net import Net
from models.nets.transesc import BEHIND, BESIDE, EARLIER, SELF, transitions
from models.nets.turn_graph import EdgeAttention, latest_turns, turn_names
from models.serving.hosting import NetResponder, Sources
from models.serving.trace import DecodeOptions, NamedRow, Trace
from models.serving.tracing import TOGETHER
from tests.tiny import CAUSAL, TAILS, MadeUpComet, tiny_batch, tiny_net

TALK = (
    Turn(Speaker.SEEKER, "hello"),
    Turn(Speaker.SUPPORTER, "hello", "Others"),
    Turn(Speaker.SEEKER, "i am sad"),
    Turn(Speaker.SUPPORTER, "what happened", "Question"),
    Turn(Speaker.SEEKER, "i lost my job"),
)


def example(net: Net, turns: tuple[Turn, ...] = TALK, situation: str = "i am tired") -> Example:
    """The reply to a talk."""
    answer = Turn(Speaker.SUPPORTER, "i am sorry", "Information")
    talk = Dialogue(turns, situation, "sadness", "job crisis")
    return make_example(talk, answer, ((), TAILS), net.tokenizer, net.shape, wants=net.wants)


def nets(name: str) -> pytest.MarkDecorator:
    """That net on both backbones."""
    return pytest.mark.parametrize("name", [name, f"{CAUSAL}{name}"])


@torch.no_grad()
def outcome(net: Net, batch: Batch) -> torch.Tensor:
    """Likelihood of the replies."""
    return net.reply_nll(net.plan(batch), batch.labels)


def test_the_latest_turns_stand_at_the_end() -> None:
    states = torch.arange(10.0)[None, :, None].expand(2, 10, 3)
    reading = Reading(states, torch.ones(2, 10, dtype=torch.bool), states[:, 0])
    batch = replace(
        tiny_batch(tiny_net("joint")),
        turn_ends=torch.tensor([[3, 5, 8, 10], [4, 0, 0, 0]]),
        turn_kinds=torch.tensor([[0, 1, 0, 9], [2, 0, 0, 0]]),
    )
    turns, kinds = latest_turns(reading, batch, 3)
    assert turns.states[..., 0].tolist() == [[4, 7, 9], [0, 0, 3]]
    assert turns.mask.tolist() == [[True] * 3, [False, False, True]]
    assert kinds[0].tolist() == [1, 0, 9]
    assert kinds[1, 2] == 2
    assert turn_names(3) == ("3 messages ago", "2 messages ago", "the last message")


@torch.no_grad()
def test_a_node_reads_those_it_has_an_edge_to_and_what_kind_it_is() -> None:
    torch.manual_seed(1)
    graph, nodes = EdgeAttention(8, 2, 2), torch.randn(1, 3, 8)
    graph.kinds.normal_()
    edges = torch.tensor([[[1, 0, 0], [2, 1, 0], [2, 2, 1]]])
    found, weights = graph(nodes, edges)
    assert (weights[0] > 0).tolist() == (edges[0] > 0).tolist()
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(1, 3))
    other, _ = graph(nodes + torch.tensor([[[0.0], [0.0], [1.0]]]), edges)
    torch.testing.assert_close(other[:, :2], found[:, :2])
    assert not torch.allclose(other[:, 2], found[:, 2])
    kind, _ = graph(nodes, torch.where(edges == 2, 1, edges))
    assert not torch.allclose(kind[:, 1:], found[:, 1:])


def test_the_edges_of_transesc() -> None:
    transit, interact = transitions(2)  # nodes: semantics 1 2, strategy 1 2, emotion 1 2
    assert transit[1].tolist() == [EARLIER, SELF, 0, 0, 0, 0]
    assert transit[3].tolist() == [0, 0, EARLIER + 1, SELF, 0, 0]
    assert interact[4].tolist() == [BESIDE, 0, BESIDE + 1, 0, SELF, 0]
    assert int(interact.max()) == BESIDE + 2


def test_the_edges_of_glhg() -> None:
    edges = hierarchy(3, 1)  # situation, three turns, intention
    assert edges[0].tolist() == [ITSELF, GLOBAL, GLOBAL, GLOBAL, GLOBAL]
    assert edges[1].tolist() == [GLOBAL, ITSELF, NEAR, 0, 0]
    assert edges[4].tolist() == [GLOBAL, 0, 0, INTENT, ITSELF]


@nets("transesc")
def test_how_a_talk_came_here_decides_the_next_strategy(name: str) -> None:
    net = tiny_net(name)
    batch = make_batch([example(net)])
    other = replace(batch, turn_kinds=torch.where(batch.turn_kinds == 1, 6, batch.turn_kinds))
    with torch.no_grad():
        one, two = net.plan(batch), net.plan(other)
        assert not torch.allclose(one.strategies, two.strategies)
        behind = one.extras[BEHIND][0]
        missing = net.config.turns - len(TALK)
        assert all(bool(share > 0) == (at >= missing) for at, share in enumerate(behind))
        assert float(behind.sum()) < 1
    assert not torch.allclose(outcome(net, batch), outcome(net, other))
    felt = replace(batch, post=torch.full_like(batch.post, -1))
    assert not torch.allclose(outcome(net, batch), outcome(net, felt))


@nets("transesc")
def test_every_part_of_its_loss_falls(name: str) -> None:
    assert falling(tiny_net(name)) == {"reply", "strategy", "emotion", "words"}


@nets("glhg")
def test_its_losses_fall(name: str) -> None:
    assert falling(tiny_net(name)) == {"reply", "problem"}


def falling(net: Net) -> set[str]:
    """The parts of the loss that fall in some steps on a batch."""
    batch = tiny_batch(net.train())
    optimiser = torch.optim.AdamW(
        [p for p in net.parameters() if p.requires_grad], lr=2e-2 if net.backbone.causal else 3e-3
    )
    first = {name: float(part.detach()) for name, part in net.losses(batch).items()}
    for _ in range(15):
        sum(net.losses(batch).values()).backward()
        optimiser.step()
        optimiser.zero_grad()
    return {name for name, part in net.losses(batch).items() if float(part.detach()) < first[name]}


@nets("glhg")
def test_situation_turns_and_intention_move_the_reply(name: str) -> None:
    net = tiny_net(name)
    batch = make_batch([example(net)])
    assert batch.situation_rows.tolist() == [1]
    others = {
        "situation": replace(batch, situations=torch.where(batch.situations > 0, 20, 0)),
        "no situation": replace(batch, situation_rows=torch.zeros_like(batch.situation_rows)),
        "turns": replace(batch, turn_ends=batch.turn_ends.clamp_max(3)),
        "intention": replace(
            batch, blocks=batch.blocks.masked_fill(batch.blocks == net.tokenizer.relations["xReact"], net.intent)
        ),
    }
    plain = outcome(net, batch)
    assert bool(plain.isfinite().all())
    assert {what for what, other in others.items() if torch.allclose(outcome(net, other), plain)} == set()


def test_situations_of_one_talk_are_read_once() -> None:
    net = tiny_net("glhg")
    batch = make_batch([example(net), example(net), example(net, situation=""), example(net, situation="my job")])
    assert batch.situation_rows.tolist() == [1, 1, 0, 2]
    assert make_batch([example(tiny_net("joint"))]).situation_rows.tolist() == [0]


def test_the_mark_of_our_own_talks_is_no_situation() -> None:
    net = tiny_net(CAUSAL + "glhg")
    one, marked, nothing = (example(net, situation=text) for text in ("my job", voiced("my job"), voiced("")))
    assert one.situation == marked.situation
    assert nothing.situation == ()
    assert one.context != marked.context, "the talk itself is read with it"


@pytest.mark.parametrize("settings", [{"turns": 0}, {"layers": 0}, {"problem_weight": 1.0}])
def test_a_graph_without_nodes_or_a_net_that_learns_no_reply_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="net 'glhg'"):
        tiny_net("glhg", **settings)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ValueError, match=r"divide the backbone's width \(16\)"):
        tiny_net("transesc", heads=3)


def told(name: str, net: Net) -> Trace:
    """The trace of a reply to TALK."""
    comet = MadeUpComet() if net.needs_comet else NoComet()
    hosted = NetResponder(name, net, "0123456789ab", Sources(comet, None))
    options = DecodeOptions(method="greedy", min_tokens=3, max_tokens=4)
    return hosted.respond(Dialogue(TALK, "i am tired"), options, 1).trace


@nets("transesc")
def test_a_trace_tells_the_messages_and_the_views(name: str) -> None:
    rows = {row.name: row for row in told(name, tiny_net(name)).extras}
    assert rows[BEHIND].labels == turn_names(6)
    assert rows[BEHIND].values[0] == 0
    assert rows[TOGETHER] == NamedRow(TOGETHER, ("sad",), (1.0,))
    assert sum(rows["attention to what is to come"].values) == pytest.approx(1.0, abs=1e-3)


@nets("glhg")
def test_a_trace_tells_the_nodes_and_the_problem(name: str) -> None:
    trace = told(name, tiny_net(name))
    rows = {row.name: row for row in trace.extras}
    nodes = rows["attention to the graph of the talk"]
    assert nodes.labels == ("the situation", *turn_names(6), "the intention")
    assert sum(nodes.values) == pytest.approx(1.0, abs=1e-3)
    assert nodes.values[1] == 0
    assert rows[TOGETHER].labels == ("sad",)
    assert rows[PROBLEM].labels == PROBLEM_TYPES
    assert trace.strategy() == ""
