"""Two emotional-support models, side by side, in the browser: `python app.py`, then open the printed address.

Only wiring: flags -> Settings -> database, nets -> page -> server. See README.md.
"""

from __future__ import annotations

import argparse
import math
import os
import secrets
import signal
import sys

from escdemo.settings import Settings
from models.knowledge.cases import RETRIEVERS
from models.serving.arenas import share_arenas
from models.serving.trace import DECODING

DEFAULTS = Settings()


def parse(argv: list[str] | None = None) -> Settings:
    """The command line as checked settings."""
    parser = argparse.ArgumentParser(
        prog="app.py", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--host", default=DEFAULTS.host, help="address to listen on; 0.0.0.0 lets other machines in")
    parser.add_argument(
        "--trusted-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a further name by which browsers may call this server, such as that of a reverse proxy; may be repeated",
    )
    parser.add_argument("--port", type=int, default=DEFAULTS.port, help="TCP port, 1 to 65535")
    parser.add_argument(
        "--database", metavar="URL", default=DEFAULTS.database, help="SQLAlchemy address of the judgment database"
    )
    parser.add_argument(
        "--nets",
        default=",".join(DEFAULTS.nets),
        help="names of the nets and other systems to compare, comma-separated; smollm2 is the base, prompted",
    )
    parser.add_argument("--study", metavar="NAME", help="study mode under this name: models hidden until the vote")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default=DEFAULTS.device, help="where the nets run")
    parser.add_argument(
        "--backend",
        metavar="URL",
        help="ask the nets of a `python -m models serve` at this address instead of loading them; its key, where it"
        " wants one, is read from ESCDEMO_BACKEND_KEY",
    )
    parser.add_argument(
        "--systems",
        metavar="FILE",
        help="TOML file of other systems that --nets may name, such as models elsewhere: see models/SERVING.md",
    )
    _add_knowledge_arguments(parser)
    _add_figures_arguments(parser)
    flags = parser.parse_args(argv)
    nets = tuple(name.strip() for name in flags.nets.split(",") if name.strip())
    key = secrets.token_urlsafe(16)
    common = (flags.host, flags.port, flags.database, nets, flags.study, flags.device, flags.decode, key)
    sources = {
        name: getattr(flags, name)
        for name in ("comet", "emotion", "cases", "retriever", "analysis", "maps", "esconv", "backend", "systems")
    }
    return Settings(*common, trusted_hosts=tuple(flags.trusted_host), **sources)


def _add_knowledge_arguments(parser: argparse.ArgumentParser) -> None:
    """What nets are given besides the talk, and how they write."""
    parser.add_argument("--comet", metavar="NAME", help="COMET-BART by Hub name or folder (default: the shipped COMET)")
    parser.add_argument(
        "--emotion",
        metavar="NAME",
        help="GoEmotions classifier by Hub name or folder (default: the shipped one)",
    )
    parser.add_argument(
        "--cases",
        metavar="PATH",
        help="ESConv file or folder in whose train part nets look up similar talks (KEMI); without one they do without",
    )
    parser.add_argument(
        "--retriever",
        choices=RETRIEVERS,
        default=DEFAULTS.retriever,
        help="how similar talks are found: by their words (bm25), or by vectors of the default base (embeddings, which"
        " take minutes to make)",
    )
    parser.add_argument(
        "--decode",
        choices=tuple(DECODING),
        default=DEFAULTS.decode,
        help="warm: the papers' sampling, asked to answer as the talks do that were written for this project, and never"
        " with a single statement; careful: copying nothing that the seeker wrote; published: the papers'; guided: by"
        " what is due to this talk; topical: best of several, which does not stream",
    )


def _add_figures_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the tabs Figures, Models and Map find what they show."""
    parser.add_argument(
        "--analysis",
        metavar="FOLDER",
        help="what `python -m models analyse` wrote, for the tabs Figures and Models (default: the shipped files)",
    )
    parser.add_argument(
        "--maps",
        metavar="FOLDER",
        default=DEFAULTS.maps,
        help="maps of decoder states for the Map tab, written by `python -m models map`; before the shipped ones",
    )
    parser.add_argument(
        "--esconv",
        metavar="PATH",
        help="ESConv file or folder: the Map tab then has a button that makes maps of it, into the folder of --maps",
    )


def main(argv: list[str] | None = None) -> int:
    """Run the app; 2 when it cannot start, with one line on stderr that says why."""
    os.umask(0o077)  # whatever is written here is for the user who runs the app, and nobody else
    share_arenas()
    try:
        settings = parse(argv)
        # Imported late: --help is instant, and a bad flag, port or folder is reported before torch loads.
        from annotation.store.database import close_sessions, open_sessions
        from annotation.store.erasure import finish_erasures
        from annotation.store.sweeper import Sweeper
        from escdemo.chat.build import build_app
        from escdemo.server import listen, serve, web_app
        from escdemo.study.build import build_studies
        from escdemo.web.hosts import address_of
        from escdemo.web.uploads import private_folder

        bound = listen(settings)
        sessions = open_sessions(settings.database)
        from models.serving.service import GenerationService
        from models.systems.backend import WORKERS
        from models.systems.opening import open_systems

        print(f"loading {', '.join(settings.nets)} ...", flush=True)
        knowledge = {"comet": settings.comet, "emotion": settings.emotion, "cases": settings.cases}
        elsewhere = {"backend": settings.backend, "systems": settings.systems}
        responders = open_systems(
            settings.nets, settings.device, retriever=settings.retriever, **knowledge, **elsewhere
        )
        service = GenerationService(responders, **({"workers": WORKERS} if settings.backend else {}))
    except (ValueError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager's stop tidies up as Ctrl+C does
    finish_erasures(sessions.kw["bind"], largest=math.inf)  # nobody is here yet, so it may take its time
    sweeper = Sweeper(sessions)
    try:
        with private_folder():
            studies = build_studies(service, sessions, settings)
            site = web_app(build_app(service, sessions, settings), studies, service, sessions, settings)
            address = address_of(settings)
            print(f"ready: {address}", flush=True)
            link = f"{address}/study/?create={settings.create_key}"
            print(f"to make a study (keep this link to yourself): {link}", flush=True)
            serve(site, bound)
    except KeyboardInterrupt:
        pass
    finally:
        service.close()
        sweeper.close()
        close_sessions(sessions)
    return 0


if __name__ == "__main__":
    sys.exit(main())
