"""The web pages. Only this package uses Gradio.

Its parts, in reading order:

    settings.py    the settings of one run of the app
    server.py      serves both pages and /healthz
    web/           the checks that every request passes before it reaches a page
    page_sessions.py  what the server keeps in memory for each open page
    replies.py     has owed replies made by the generation service and saves them in the store
    job_watch.py   frees the queue places of people who have left
    intake.py      cleans typed text and checks its length
    role_cards.py  people to play, checked on load (the cards are in role_cards.json, all written for this project)
    net_texts.py   each net in plain words
    hosted.py      the cards and analyses of the nets in this run
    sent_away.py   the notice that talks are sent to somebody else's server
    texts.py       the fixed sentences that a visitor reads
    crisis_texts.py  what the page says in a crisis, and in place of a reply that was held back
    screening/     finds messages that suggest danger and replies that must not be shown
    look/          theme, HTML and figures for both pages
    chat/          the first page: talk, vote, results
    inside/        its tab "Look inside": why each reply came about, and what if
    study/         the study page at /study/: one page for three roles
    soak/          load test: many simulated seekers at once
"""
