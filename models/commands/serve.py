"""The nets behind the OpenAI chat-completions protocol: `python -m models serve --nets joint,misc --port 8000`.

Any client of that protocol can use them, also `app.py --backend URL`. The server sends what the nets wrote, unscreened:
show it to nobody without a screen of your own; the app has one. API keys come from ESCDEMO_API_KEYS or --api-keys FILE;
without a key the server listens only to this machine.
"""

from __future__ import annotations

import signal
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from models.api.keys import VARIABLE, read_keys
from models.api.listening import address_of, is_loopback, listen
from models.api.replicas import Replicas, check_ray, deploy, read_count, undeploy
from models.knowledge.shipped_or_hub import add_knowledge_arguments
from models.serving.arenas import share_arenas
from models.serving.trace import DECODING, USUAL
from models.training.device import add_device_argument

if TYPE_CHECKING:
    from models.api.plan import ServerPlan


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument(
        "--nets", default="joint,misc,admisc,star", help="nets to host, comma-separated; smollm2 is the base, prompted"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 lets other machines in")
    parser.add_argument("--port", type=int, default=8000, help="TCP port, 1 to 65535")
    parser.add_argument(
        "--trusted-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a further name by which clients may call this server, such as that of a proxy; may be repeated",
    )
    parser.add_argument(
        "--api-keys",
        metavar="FILE",
        type=Path,
        help=f"file of API keys, one a line, readable by you alone; more may be in {VARIABLE}, separated by commas",
    )
    parser.add_argument(
        "--decode", choices=tuple(DECODING), default=USUAL, help="how replies are decoded unless a request says"
    )
    parser.add_argument("--workers", type=int, default=2, help="replies made at the same time")
    parser.add_argument("--max-waiting", type=int, default=64, help="replies that may wait; beyond it: 429")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds that one reply may take")
    parser.add_argument(
        "--replicas",
        metavar="N or MIN-MAX",
        help="so many copies of this server over Ray Serve, as many as the load asks for between two bounds; needs Ray:"
        " see models/SERVING.md",
    )
    parser.add_argument("--cores", type=float, default=1.0, help="CPU cores of each replica")
    add_device_argument(parser, alone=True)
    add_knowledge_arguments(parser)


def run(args: Namespace) -> int:
    """Serve until interrupted. Raises ValueError or OSError, before any net is loaded, for flags that cannot work."""
    share_arenas()
    keys = read_keys(args.api_keys)
    if not len(keys) and not is_loopback(args.host):
        raise ValueError(f"--host {args.host} lets other machines in: give API keys in {VARIABLE} or --api-keys FILE")
    replicas = None if args.replicas is None else _replicas(args)
    bound = listen(args.host, args.port)
    # Imported late: a busy port or a bad key is reported before torch loads.
    from models.api.plan import ServerPlan
    from models.api.server import LOOPBACK, server_of

    names = [name.strip() for name in args.nets.split(",") if name.strip()]
    print(f"loading {', '.join(names)} ...", flush=True)
    # With keys any host name may be used: a stray web page has no key, and this machine's addresses cannot be listed.
    hosts = (*LOOPBACK, args.host, *args.trusted_host) if not len(keys) else ("*",)
    flags = (args.device, args.comet, args.emotion, args.decode, args.workers, args.max_waiting, args.timeout)
    plan = ServerPlan(names, keys, hosts, *flags)
    ready = f"ready: {address_of(args.host, args.port)}/v1 ({len(keys) or 'no'} API keys)"
    print("what is sent is what the nets wrote, unscreened: see SECURITY.md", flush=True)
    if replicas is not None:
        bound.close()  # Ray binds the port itself
        return _run_replicas(plan, replicas, args, ready)
    api, service = plan.open()
    print(ready, flush=True)
    try:
        server_of(api).run(sockets=[bound])
    finally:
        service.close()
    return 0


def _replicas(args: Namespace) -> Replicas:
    """The replicas that the flags ask for. Raises ValueError, also if Ray is not installed."""
    check_ray()
    least, most = read_count(args.replicas)
    if not args.cores > 0:
        raise ValueError(f"--cores is {args.cores}; allowed: greater than 0")
    from models.training.device import pick_device  # here, since it loads torch

    gpus = int(pick_device(args.device) == "cuda")
    return Replicas(least, most, args.workers, args.max_waiting, args.cores, gpus)


def _run_replicas(plan: ServerPlan, replicas: Replicas, args: Namespace, ready: str) -> int:
    """Serve until interrupted."""
    try:
        deploy(plan.app, replicas, args.host, args.port)
        # When a service manager stops us, the replicas end too; Ray's own handler, replaced here, would abort.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        print(ready, flush=True)
        signal.pause()
    except KeyboardInterrupt:
        return 0
    except RuntimeError as error:
        raise ValueError(f"the replicas could not start: {error}") from None
    finally:
        undeploy()
    return 0
