"""The pages; the only package that knows gradio.

In the order in which to read them:

    settings.py    the settings of one run of the app
    server.py      both pages beside /healthz
    web/           what every request passes before a page sees it
    page_sessions.py  what is kept in memory for each open page
    replies.py     owed replies, made by the generation service and handed to the store
    job_watch.py   places in the queue of people who have left
    intake.py      what is typed: cleaned, measured
    role_cards.py  people to play, checked on load (role_cards.json: the cards, all written for this project)
    net_texts.py   each net in plain words
    hosted.py      the cards and analyses of the nets that run here
    sent_away.py   what a page says where talks are sent to a server of somebody else
    texts.py       every fixed sentence a visitor reads, but for
    crisis_texts.py  what the page says in a crisis, and in place of a reply that was held back
    screening/     messages that suggest danger, replies that must not be shown
    look/          theme, HTML and figures of both pages
    chat/          the first page: talk, vote, results
    inside/        its tab "Look inside": why these replies, and what if
    study/         the study page at /study/: one page, three roles
    soak/          does the app hold: simulated seekers, many at once
"""
