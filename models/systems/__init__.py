"""Everything that answers a seeker but is no net in this process, behind the same `Responder` protocol.

In reading order:

    server_address.py  the address of a server, and whether words sent there leave this machine
    asking.py          one streamed chat completion of any server, and what may go wrong
    backend.py         the nets of a `python -m models serve` elsewhere
    prompts.py         prompts for language models: the task, examples and a strategy
    classifier.py      the strategy that a net predicts for a system that predicts none
    budget.py          limits on requests and cost
    systems_file.py    the file that names other systems
    chat_system.py     a model of any server, prompted
    prompted_base.py   the default base, prompted
    opening.py         opens responders by name
"""
