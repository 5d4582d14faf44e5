"""The hosted nets as a server that speaks the OpenAI chat-completions protocol: `python -m models serve`.

It sends what the nets wrote, unscreened: a program that shows replies to people must screen them, as `escdemo` does.
In reading order:

    protocol.py    requests: the fields, checked, as a dialogue and decode options
    faults.py      errors, in the protocol's form
    stops.py       how much of a growing reply may be sent already
    completion.py  a job as a whole answer or as a stream
    keys.py        API keys: who may use the server
    metrics.py     counts and times, for Prometheus
    listening.py   binds the port before anything is loaded
    server.py      the routes
    plan.py        what a server hosts; can be sent to the process that runs it
    replicas.py    several servers over Ray Serve
"""
