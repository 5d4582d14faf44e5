"""Names by which this server may be called.

Another site can point its own name at this machine's address (DNS rebinding); its scripts can then talk to this server
as if it were theirs. The browser still sends that name as `Host`, so only known names are answered.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from escdemo.settings import Settings
from models.api import listening

EVERYWHERE = ("0.0.0.0", "::")
"""values of --host for listening on all addresses of the machine"""


class TrustedHosts:
    """ASGI middleware: answers requests to a loopback name or address, --host, or a --trusted-host; refuses all others.

    If the server listens on all addresses, any numeric address is accepted, as a rebound name is never numeric. The
    same rule applies to `Origin`, so requests from pages of other sites are refused.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.names = {name.lower().strip("[]") for name in ("localhost", settings.host, *settings.trusted_hosts)}
        self.everywhere = settings.host in EVERYWHERE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        called, origin = headers.getlist("host"), headers.getlist("origin")
        asked = [_name(f"//{host}") for host in called] + [_name(site) for site in origin]
        strange = [name for name in asked if not self.trusts(name)]
        if len(called) == 1 and not strange:
            await self.app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        advice = "This server is not known by that name. Whoever runs it can allow a name with --trusted-host NAME."
        await PlainTextResponse(advice, status_code=400)(scope, receive, send)

    def trusts(self, name: str) -> bool:
        """Whether `name` (lower case, without port) is trusted."""
        if name in self.names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self.everywhere or address.is_loopback


def _name(address: str) -> str:
    """The host of an address, in lower case; "" when it has none."""
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018  (raises when it is no number)
        return "" if "@" in parts.netloc else (parts.hostname or "")
    except ValueError:
        return ""


def address_of(settings: Settings) -> str:
    """The address at which a browser on this machine finds the server."""
    return listening.address_of(settings.host, settings.port)
