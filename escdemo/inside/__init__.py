"""The tab "Look inside": why both nets replied as they did, message by message, and what if something were different.

Its parts, in reading order:

    reasons.py   trace -> plain sentences that say why
    words.py     a reply as words, with what each attended to; how two texts differ
    explain.py   traces -> tables and CSV
    figures.py   the strategies of one side, the emotions over the messages
    cards.py     the list of messages and one side's card as HTML
    what_if.py   the form for a change, and both replies side by side
    requests.py  the requests to the nets, for stored talks and pasted dialogues
    panel.py     the components, and what they show
    looking.py   the event handlers
    wiring.py    which control calls which handler
"""
