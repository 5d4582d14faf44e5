"""The generation service with responders made of events: no network, no sleeping on the clock."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from models.data.dialogue import Dialogue, Speaker, Turn
from models.serving.job import Job, JobState, ReplyRequest, ServiceBusy, Wanted
from models.serving.responder import OnText, Responder
from models.serving.service import GenerationService
from models.serving.trace import DecodeOptions, Reply, Trace

SECRET = "my brother does not speak to me"
LONG_S = 20.0  # a deadline that is never reached when all is well


def make_reply(text: str) -> Reply:
    return Reply(text, "Question", Trace("fake", "0", 1, (1.0,) + (0.0,) * 7))


class Scripted:
    """Says two words; waits for `gate` between them when one is given."""

    name, checkpoint = "fake", "0"

    def __init__(self, gate: threading.Event | None = None, error: Exception | None = None) -> None:
        self.gate, self.error = gate, error
        self.started, self.stopped = threading.Event(), threading.Event()
        self.calls = 0

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        self.calls += 1
        try:
            if on_text:
                on_text("I")
            self.started.set()
            if self.gate:
                self.gate.wait(LONG_S)
            if self.error:
                raise self.error
            if on_text:
                on_text("I hear")
            return make_reply("I hear")
        finally:
            self.stopped.set()


def request(net: str = "fake") -> ReplyRequest:
    return ReplyRequest(net, Dialogue((Turn(Speaker.SEEKER, SECRET),)), DecodeOptions(), 1)


Open = Callable[..., GenerationService]


@pytest.fixture
def open_service() -> Iterator[Open]:
    services = []

    def opened(responders: Mapping[str, Responder], **limits: float) -> GenerationService:
        services.append(GenerationService(responders, **limits))  # type: ignore[arg-type]
        return services[-1]

    yield opened
    for service in services:
        for responder in service._responders.values():
            if isinstance(responder, Scripted) and responder.gate:
                responder.gate.set()
        service.close()


def test_a_job_runs_to_its_reply_and_keeps_it(open_service: Open) -> None:
    service = open_service({"fake": Scripted()})
    kept: list[Job] = []
    service.submit("a", request(), kept.append)
    job = service.wait("a", LONG_S)
    assert (job.state, job.text, job.reply) == (JobState.DONE, "", None)
    assert kept == [replace(job, text="I hear", reply=make_reply("I hear"))]  # kept there, it is not kept twice
    assert service.get("a") == job
    assert job.waiting == 0
    assert job.elapsed_s >= 0


def test_an_end_is_seen_only_after_on_done(open_service: Open) -> None:
    saving, saved = threading.Event(), threading.Event()

    def save(job: Job) -> None:
        saving.set()
        saved.wait(LONG_S)

    service = open_service({"fake": Scripted()})
    service.submit("a", request(), save)
    assert saving.wait(LONG_S)
    assert service.get("a").state is JobState.RUNNING
    assert service.submit("a", request()).state is JobState.RUNNING
    saved.set()
    assert service.wait("a", LONG_S).state is JobState.DONE


def test_a_known_id_is_not_made_twice(open_service: Open) -> None:
    responder = Scripted()
    service = open_service({"fake": responder})
    kept: list[Job] = []
    for _ in range(3):
        service.submit("a", request(), kept.append)
        service.wait("a", LONG_S)
    assert responder.calls == 1
    assert len(kept) == 1


def test_a_failed_id_starts_anew(open_service: Open) -> None:
    responder = Scripted(error=RuntimeError(SECRET))
    service = open_service({"fake": responder})
    service.submit("a", request())
    assert service.wait("a", LONG_S).state is JobState.FAILED
    responder.error = None
    service.submit("a", request())
    assert service.wait("a", LONG_S).state is JobState.DONE


def test_a_failure_tells_its_kind_and_no_text(open_service: Open, caplog: pytest.LogCaptureFixture) -> None:
    service = open_service({"fake": Scripted(error=ValueError(SECRET))})
    kept: list[Job] = []
    with caplog.at_level(logging.DEBUG):
        service.submit("a", request(), kept.append)
        job = service.wait("a", LONG_S)
    assert job.state is JobState.FAILED
    assert kept == [replace(job, text="I")]
    assert job.error == "fake could not answer (ValueError); try again or use another model"
    assert "job a of net fake failed: ValueError" in caplog.text
    assert SECRET not in caplog.text


def test_a_reply_that_cannot_be_saved_is_no_success(open_service: Open, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(job: Job) -> None:
        raise OSError(SECRET)

    service = open_service({"fake": Scripted()})
    service.submit("a", request(), refuse)
    job = service.wait("a", LONG_S)
    assert job.state is JobState.FAILED
    assert job.reply == make_reply("I hear")
    assert job.error == "the reply could not be saved (OSError); try again"
    assert SECRET not in caplog.text


def test_cancel_stops_a_running_job_at_its_next_word(open_service: Open) -> None:
    responder = Scripted(threading.Event())
    service = open_service({"fake": responder})
    kept: list[Job] = []
    service.submit("a", request(), kept.append)
    assert responder.started.wait(LONG_S)
    job = service.cancel("a")
    assert (job.state, job.text, job.reply, job.error) == (JobState.CANCELLED, "", None, None)
    assert responder.gate is not None
    responder.gate.set()
    assert responder.stopped.wait(LONG_S)
    assert service.get("a") == job
    assert kept == [replace(job, text="I")]
    assert service.cancel("a") == job


def test_cancel_removes_a_queued_job(open_service: Open) -> None:
    responder = Scripted(threading.Event())
    service = open_service({"fake": responder}, workers=1)
    service.submit("a", request())
    assert responder.started.wait(LONG_S)
    assert [service.submit(name, request()).waiting for name in "bc"] == [1, 2]
    assert service.cancel("b").state is JobState.CANCELLED
    assert service.get("c").waiting == 1
    assert service.get("a").waiting == 0
    assert responder.gate is not None
    responder.gate.set()
    assert service.wait("c", LONG_S).state is JobState.DONE
    assert responder.calls == 2


def test_a_responder_that_hangs_times_out_and_frees_its_place(open_service: Open) -> None:
    stuck = Scripted(threading.Event())
    service = open_service({"stuck": stuck, "fake": Scripted()}, workers=1, timeout_s=0.05)
    kept: list[Job] = []
    service.submit("a", request("stuck"), kept.append)
    service.submit("b", request())
    job = service.wait("a", LONG_S)
    assert job.state is JobState.TIMED_OUT
    assert [one.state for one in kept] == [JobState.TIMED_OUT]
    assert job.error == "stuck did not finish within 0.05 s; try again or use another model"
    assert service.wait("b", LONG_S).state.ended  # it got the place, however slow the machine


def test_two_nets_and_two_jobs_of_one_net_run_side_by_side(open_service: Open) -> None:
    meeting = threading.Barrier(3)

    class Meets(Scripted):
        def respond(
            self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None
        ) -> Reply:
            meeting.wait(LONG_S)  # passes only when all three jobs are inside at once
            return make_reply("met")

    service = open_service({"x": Meets(), "y": Meets()}, workers=3)
    for job_id, net in {"1": "x", "2": "x", "3": "y"}.items():
        service.submit(job_id, request(net))
    assert {service.wait(job_id, LONG_S).state for job_id in "123"} == {JobState.DONE}


def test_unknown_net_full_queue_and_closed_service_are_refused(open_service: Open) -> None:
    responder = Scripted(threading.Event())
    service = open_service({"fake": responder, "misc": Scripted()}, workers=1, max_waiting=1)
    assert service.names == ("fake", "misc")
    with pytest.raises(ValueError, match="unknown net 'gpt'; loaded: fake, misc"):
        service.submit("a", request("gpt"))
    service.submit("a", request())
    service.submit("b", request())
    with pytest.raises(ServiceBusy, match="1 replies are already waiting"):
        service.submit("c", request())
    assert service.submit("b", request()).state is JobState.QUEUED
    for look in (service.get, service.cancel, service.wait):
        with pytest.raises(KeyError):
            look("c")
    assert responder.gate is not None
    responder.gate.set()
    service.close()
    with pytest.raises(ServiceBusy, match="shutting down"):
        service.submit("d", request())


def test_replies_wanted_together_are_all_taken_or_none(open_service: Open) -> None:
    responder = Scripted(threading.Event())
    service = open_service({"fake": responder}, workers=1, max_waiting=2)
    pair = [Wanted(job_id, request()) for job_id in ("a", "b")]
    assert [job.state for job in service.submit_together(pair)] == [JobState.RUNNING, JobState.QUEUED]
    with pytest.raises(ServiceBusy):
        service.submit_together([Wanted("c", request()), Wanted("d", request())])
    with pytest.raises(KeyError):
        service.get("c")
    again = service.submit_together([Wanted("b", request()), Wanted("c", request())])  # one of them is there already
    assert [job.state for job in again] == [JobState.QUEUED, JobState.QUEUED]
    assert responder.gate is not None
    responder.gate.set()
    assert {service.wait(job_id, LONG_S).state for job_id in "abc"} == {JobState.DONE}


def test_close_ends_open_jobs_without_reporting_them(open_service: Open) -> None:
    responder = Scripted(threading.Event())
    service = open_service({"fake": responder}, workers=1)
    kept: list[Job] = []
    service.submit("a", request(), kept.append)
    service.submit("b", request(), kept.append)
    assert responder.started.wait(LONG_S)
    assert responder.gate is not None
    threading.Timer(0.05, responder.gate.set).start()
    service.close()
    assert {service.get(name).state for name in "ab"} == {JobState.CANCELLED}
    assert kept == []
    assert responder.calls == 1


def test_old_ended_jobs_are_forgotten_first(open_service: Open) -> None:
    service = open_service({"fake": Scripted()}, keep=2)
    for job_id in "abc":
        service.submit(job_id, request())
        service.wait(job_id, LONG_S)
    with pytest.raises(KeyError):
        service.get("a")
    assert service.get("b").state is JobState.DONE


def test_what_was_said_is_let_go_with_the_end(open_service: Open) -> None:
    service = open_service({"fake": Scripted()})
    asked = request()
    talk = weakref.ref(asked.dialogue)
    service.submit("a", asked, lambda _: None)
    del asked
    service.wait("a", LONG_S)
    service.close()  # its thread is through
    gc.collect()
    assert talk() is None
    assert service.get("a").state is JobState.DONE


def test_all_jobs_of_an_owner_are_stopped_and_forgotten(open_service: Open) -> None:
    responder = Scripted(threading.Event())
    service = open_service({"stuck": responder, "fake": Scripted()}, workers=1)
    kept: list[Job] = []
    service.submit_together([Wanted("ended", request(), kept.append, "talk")])
    service.wait("ended", LONG_S)
    service.submit_together([Wanted("running", request("stuck"), kept.append, "talk")])
    assert responder.started.wait(LONG_S)
    service.submit_together([Wanted(name, request(), kept.append, name) for name in ("talk", "another")])
    service.forget_owner("talk")
    for name in ("ended", "running", "talk"):
        with pytest.raises(KeyError):
            service.get(name)
    assert service.wait("another", LONG_S).state is JobState.DONE
    assert [job.id for job in kept] == ["ended", "another"]
    assert responder.gate is not None
    responder.gate.set()
    assert responder.stopped.wait(LONG_S)


def test_tail_yields_changes_until_the_end(open_service: Open) -> None:
    responder = Scripted(threading.Event())
    service = open_service({"fake": responder})

    async def follow() -> list[Job]:
        seen = []
        async for job in service.tail("a", every_s=0.001):
            seen.append(job)
            if job.text == "I" and responder.gate:
                responder.gate.set()
        return seen

    service.submit("a", request())
    assert responder.started.wait(LONG_S)
    seen = asyncio.run(follow())
    assert seen[0].text == "I"
    assert seen[-1].state is JobState.DONE
    assert all(one != next_one for one, next_one in itertools.pairwise(seen))
    assert asyncio.run(follow()) == seen[-1:]


def test_a_tail_that_goes_away_does_not_touch_the_job(open_service: Open) -> None:
    responder = Scripted(threading.Event())
    service = open_service({"fake": responder})
    service.submit("a", request())

    async def leave() -> None:
        async for _ in service.tail("a"):
            break

    asyncio.run(leave())
    assert responder.gate is not None
    responder.gate.set()
    assert service.wait("a", LONG_S).state is JobState.DONE


def test_many_submitters_of_one_id_make_one_reply(open_service: Open) -> None:
    responder = Scripted()
    service = open_service({"fake": responder})
    threads = [threading.Thread(target=service.submit, args=("a", request())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert service.wait("a", LONG_S).state is JobState.DONE
    assert responder.calls == 1


@pytest.mark.parametrize("limits", [{"workers": 0}, {"timeout_s": -1}, {"max_waiting": 0}, {"keep": 0}])
def test_limits_are_checked(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="allowed: greater than 0"):
        GenerationService({}, **limits)


def test_a_place_goes_to_who_has_the_fewest_and_then_to_who_came_first(open_service: Open) -> None:
    gates = {name: threading.Event() for name in "abcd"}
    service = open_service({name: Scripted(gate) for name, gate in gates.items()}, workers=2)
    asked = [Wanted("a1", request("a"), owner="a"), Wanted("b1", request("b"), owner="b")]
    asked += [Wanted("a2", request("c"), owner="a"), Wanted("c1", request("d"), owner="c")]
    service.submit_together(asked)
    assert [service.get(one.job_id).waiting for one in asked] == [0, 0, 2, 3]
    gates["b"].set()
    service.wait("b1", LONG_S)
    assert service.get("c1").state is JobState.RUNNING  # "a" has a place already
    assert service.get("a2").state is JobState.QUEUED
    gates["d"].set()
    service.wait("c1", LONG_S)
    assert service.get("a2").state is JobState.RUNNING


def test_the_wait_is_told_by_the_pace_of_the_latest_replies(open_service: Open) -> None:
    gate = threading.Event()
    service = open_service({"fake": Scripted(), "held": Scripted(gate)}, workers=1)
    service.submit("held", request("held"))
    assert service.submit("b", request()).expected_s is None  # no reply yet, no pace
    gate.set()
    service.wait("b", LONG_S)
    service._took_s.extend([3.0] * 32)
    gate.clear()
    service.submit("held again", request("held"))
    assert [service.submit(name, request()).expected_s for name in ("c", "d")] == [3.0, 6.0]
    assert service.get("held again").expected_s is None
    gate.set()
    assert service.wait("d", LONG_S).expected_s is None
