"""The tab "Look inside": one talk, turn by turn through two nets, and what if something in them were otherwise.

In the order in which to read them:

    reasons.py   a trace -> plain sentences that say why
    words.py     the reply as words, what each attended to, and how two texts differ
    explain.py   traces -> tables and CSV
    figures.py   strategies of one side, emotions over the messages
    cards.py     the list of messages and one side's card as HTML
    what_if.py   the form of a change, and the two replies beside each other
    requests.py  what the nets are asked, for a stored talk and for a pasted one
    panel.py     the components, and what they show
    looking.py   what happens when: the handlers
    wiring.py    which control calls which handler
"""
