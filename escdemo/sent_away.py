"""The notice that talks are sent to somebody else's server, shown before anybody agrees or writes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from annotation.studies.members import CONSENT
from escdemo import texts

_CHAT = (
    "<strong>What you write leaves this server.</strong> Some of the replies are written by a model on a server of"
    " somebody else. For them your situation, your messages and the replies so far are sent to {hosts}, who may keep"
    " them."
)
_STUDY = (
    "<strong>What you write may leave this server.</strong> The programs that you talk with may run on servers of"
    " somebody else. Your situation, your messages and the replies so far are then sent to {hosts}, who may keep them."
)
_CHANGED = (
    "<strong>You agreed before, and are asked again</strong> because the servers that your messages may be sent to have"
    " changed since then."
)


def notice(hosts: Sequence[str], *, study: bool = False) -> str:
    """The notice as HTML; "" when nothing is sent away. `study`: do not reveal that a hidden system runs elsewhere."""
    if not hosts:
        return ""
    named = " and ".join(f"<strong>{escape(host)}</strong>" for host in hosts)
    return f'<p class="esc-notice esc-problem" role="note">{(_STUDY if study else _CHAT).format(hosts=named)}</p>'


def data_text(hosts: Sequence[str]) -> str:
    """The same for the privacy tab, which also says when nothing is sent."""
    return notice(hosts) or "<p>Nothing that you write is sent anywhere else.</p>"


def changed(hosts: Sequence[str]) -> str:
    """For somebody who agreed when other servers were named: why they are asked again."""
    return f"<p>{_CHANGED if hosts else f'{_CHANGED} Now nothing that you write is sent anywhere else.'}</p>"


def consent_version(hosts: Sequence[str], *, study: bool = False) -> str:
    """What somebody agreed to: the version of the text, or the study's own, and the servers that talks are sent to."""
    text = CONSENT if study else texts.CONSENT_VERSION
    return "; sent to ".join([text, ", ".join(hosts)]) if hosts else text
