"""What answers a seeker without being a net in this process, behind the same `Responder` protocol.

In the order in which to read them:

    server_address.py  where a server is, and whether words that are sent there leave this machine
    asking.py          one streamed chat completion of any server, and what may go wrong
    backend.py         the nets of a `python -m models serve` elsewhere
    opening.py         who answers, by name
"""
