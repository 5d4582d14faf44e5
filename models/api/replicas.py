"""The server as replicas over Ray Serve: `python -m models serve --replicas 2`. Only this module needs Ray.

Each replica is the whole server with an engine and a prefix cache of its own: on this machine or, with RAY_ADDRESS, on
the machines of a running cluster. Requests with the same header `x-session-id` go to the same replica as long as it
lives, so that a talk finds its prefix again; Ray hashes them onto a ring, so that few move when a replica comes or
goes. Requests without the header go to any replica. When a replica dies, the replies it was making are lost: their
clients see a cut connection, which `models.systems.asking` reports as a fault, and can ask again.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

ADVICE = 'replicas need Ray, which is not installed; run: pip install "ray[serve]==2.60.0"'
ROUTER = "ray.serve.experimental.consistent_hash_router:ConsistentHashRouter"
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # else Ray reports to its makers
    # A replica whose cores are all busy writing answers late; by default Ray waits 0.1 s, then holds requests back.
    "RAY_SERVE_QUEUE_LENGTH_RESPONSE_DEADLINE_S": "2",
    "RAY_SERVE_MAX_QUEUE_LENGTH_RESPONSE_DEADLINE_S": "10",
}
"""environment of Ray's processes, read when they start; a variable that is set already keeps its value"""
SPARE = 16
"""requests that a replica takes beyond those it answers or queues: to send 429, its list of models, its health"""


@dataclass(frozen=True)
class Replicas:
    """How many replicas, and how many requests each takes."""

    least: int
    most: int
    """above `least`: as many replicas as the load needs"""
    workers: int
    """replies that a replica makes at a time; Ray adds replicas when more are requested"""
    max_waiting: int
    """requests that may wait at each"""
    cores: float = 1.0
    gpus: int = 0


def read_count(text: str) -> tuple[int, int]:
    """(least, most) of "2" or "1-4". Raises ValueError."""
    found = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", text.strip())
    least, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= least <= most:
        raise ValueError(f"--replicas is {text!r}; allowed: a number such as 2, or the fewest and the most such as 1-4")
    return least, most


def check_ray() -> None:
    """Raises ValueError, with what to do, where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise ValueError(ADVICE)


def deploy(build: Callable[[], ASGIApp], replicas: Replicas, host: str, port: int) -> None:
    """Start Ray, or join the cluster of RAY_ADDRESS, and return when `least` replicas answer at `host` and `port`.

    `build` makes the app in each replica; its module must be importable there. Raises ValueError without Ray, and
    RuntimeError when the replicas cannot start.
    """
    check_ray()
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import ray
    from ray import serve
    from ray.serve.config import HTTPOptions, RequestRouterConfig

    def app() -> ASGIApp:  # Ray calls a plain function to make the app, and takes anything else for the app
        return build()

    ray.init(include_dashboard=False)
    serve.start(http_options=HTTPOptions(host=host, port=port))
    number: dict[str, Any] = {"num_replicas": replicas.least}
    if replicas.most > replicas.least:
        bounds = {"min_replicas": replicas.least, "max_replicas": replicas.most}
        number = {"autoscaling_config": {**bounds, "target_ongoing_requests": replicas.workers}}
    nets = serve.deployment(
        serve.ingress(app)(),
        name="nets",
        max_ongoing_requests=replicas.workers + replicas.max_waiting + SPARE,
        ray_actor_options={"num_cpus": replicas.cores, "num_gpus": replicas.gpus},
        request_router_config=RequestRouterConfig(request_router_class=ROUTER),
        logging_config={"enable_access_log": False},
        **number,
    )
    serve.run(nets.bind(), name="escdemo")


def undeploy() -> None:
    """Stop the replicas, and Ray where `deploy` started it."""
    import ray
    from ray import serve

    serve.shutdown()
    ray.shutdown()
