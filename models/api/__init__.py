"""The hosted nets as a server that speaks the OpenAI chat-completions protocol: `python -m models serve`.

What it sends is what the nets wrote, unscreened: whoever shows it to people screens it, as `escdemo` does. In the order
in which to read them:

    protocol.py    what is asked: the fields, checked, as a dialogue and decode options
    faults.py      what went wrong, in the protocol's form
    stops.py       how much of a growing reply may be sent already
    completion.py  a job as a whole answer or as a stream
    keys.py        who may ask
    metrics.py     counts and times, for Prometheus
    listening.py   a bound port, before anything is loaded
    server.py      the routes
    plan.py        what a server is to host, carried to wherever it runs
    replicas.py    several of them over Ray Serve
"""
