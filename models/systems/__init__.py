"""What answers a seeker without being a net in this process, behind the same `Responder` protocol.

In the order in which to read them:

    server_address.py  where a server is, and whether words that are sent there leave this machine
    asking.py          one streamed chat completion of any server, and what may go wrong
    backend.py         the nets of a `python -m models serve` elsewhere
    prompts.py         the task, examples and a strategy, as a language model is told them
    classifier.py      the strategy that a net names for a system that names none
    budget.py          limits of requests and cost
    systems_file.py    the file that names other systems
    chat_system.py     a model of any server, prompted
    prompted_base.py   the default base, prompted
    opening.py         who answers, by name
"""
