"""The nets behind the OpenAI chat-completions protocol: `python -m models serve --nets joint,misc --port 8000`.

Any client of that protocol can ask them, also `app.py --backend URL`. What is sent is what the nets wrote, unscreened:
show it to nobody without a screen of your own; the app has one. API keys come from ESCDEMO_API_KEYS or --api-keys FILE;
without a key the server listens to this machine only.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from models.api.keys import VARIABLE, read_keys
from models.api.listening import address_of, is_loopback, listen
from models.knowledge.shipped_or_hub import add_knowledge_arguments
from models.serving.trace import DECODING
from models.training.device import add_device_argument


def add_arguments(parser: ArgumentParser) -> None:
    """Flags of the command."""
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
        "--decode", choices=tuple(DECODING), default="guided", help="how replies are decoded unless a request says"
    )
    parser.add_argument("--workers", type=int, default=2, help="replies made at the same time")
    parser.add_argument("--max-waiting", type=int, default=64, help="replies that may wait; beyond it: 429")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds that one reply may take")
    add_device_argument(parser, alone=True)
    add_knowledge_arguments(parser)


def run(args: Namespace) -> int:
    """Serve until interrupted. Raises ValueError or OSError, before any net is loaded, for flags that cannot work."""
    keys = read_keys(args.api_keys)
    if not len(keys) and not is_loopback(args.host):
        raise ValueError(f"--host {args.host} lets other machines in: give API keys in {VARIABLE} or --api-keys FILE")
    bound = listen(args.host, args.port)
    # Imported late: a busy port or a bad key is reported before torch loads.
    from models.api.server import LOOPBACK, server_of, web_api
    from models.serving.service import GenerationService
    from models.systems.opening import open_systems

    names = [name.strip() for name in args.nets.split(",") if name.strip()]
    print(f"loading {', '.join(names)} ...", flush=True)
    responders = open_systems(names, args.device, comet=args.comet, emotion=args.emotion)
    limits = {"workers": args.workers, "max_waiting": args.max_waiting, "timeout_s": args.timeout}
    service = GenerationService(responders, **limits)
    # Whoever has a key is no web page that found its way here; addresses of this machine cannot be listed.
    hosts = (*LOOPBACK, args.host, *args.trusted_host) if not len(keys) else ("*",)
    api = web_api(responders, service, keys, options=DECODING[args.decode], hosts=hosts)
    print("what is sent is what the nets wrote, unscreened: see SECURITY.md", flush=True)
    print(f"ready: {address_of(args.host, args.port)}/v1 ({len(keys) or 'no'} API keys)", flush=True)
    try:
        server_of(api).run(sockets=[bound])
    finally:
        service.close()
    return 0
