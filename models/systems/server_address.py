"""The address of a server, and whether words sent there leave this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

from models.api.listening import is_loopback


def check_address(url: str, what: str, *, safe: bool = False) -> str:
    """The address without a slash at its end. Raises ValueError for an invalid one; `what` names the setting.

    `safe`: plain HTTP is allowed only to this machine, since keys and words would travel unencrypted.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises when it is no number)
    except ValueError as error:
        raise ValueError(f"{what} is {url!r:.200}: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{what} is {url!r:.200}; allowed: an address such as http://127.0.0.1:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(f"{what} holds more than an address; keys come from the environment, never from here")
    if safe and parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(f"{what} is {url!r:.200}; want https: keys and words would travel in the open")
    return url.rstrip("/")


def host_of(url: str) -> str:
    """The host of `url`, "" when it is this machine."""
    host = urlsplit(url).hostname or ""
    return "" if is_loopback(host) else host
