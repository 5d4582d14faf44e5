"""A bound port, so that a busy one is reported before anything is loaded."""

from __future__ import annotations

import errno
import ipaddress
import socket


class PortTaken(OSError):  # noqa: N818  (reads as the sentence it is)
    """The port cannot be used; the message says what to do."""


def address_of(host: str, port: int) -> str:
    """The URL by which a client on this machine reaches the server."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`, a name or an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises PortTaken when the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        taken = getattr(error, "errno", None) == errno.EADDRINUSE
        advice = (
            f"stop the program that uses the port, or choose another with --port {port % 65535 + 1}"
            if taken
            else "--host must be an address of this machine (127.0.0.1, or 0.0.0.0 for all), --port one you may use"
        )
        place = address_of(host, port).removeprefix("http://")
        raise PortTaken(f"cannot listen on {place}: {getattr(error, 'strerror', None) or error}; {advice}") from error
    return bound
