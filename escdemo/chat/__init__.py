"""The first page: a talk with two models side by side, the vote, the results.

Its parts, in reading order:

    build.py         the layout, and which control calls which handler
    handlers.py      the event handlers
    talks.py         one visitor's talk: the store behind the page
    screen_state.py  what the screen shows of a talk now
    setup_panel.py   a role card or a situation of one's own, then consent
    example_talk.py  a hand-written example talk (example_talk.json)
    chat_panel.py    two models that answer the same message
    judge_panel.py   the vote and the reveal
    figures_tab.py   what the nets choose, drawn as in the papers
    models_tab.py    who answers, in plain words
    map_tab.py       maps of two nets' decoder states, with the talk as a path
    map_page.py      the event handlers of that tab
    map_files.py     finds the map files of the running nets
    map_work.py      computes states and new maps in the background
    own_replies.py   the replies in a visitor's talks, each with its context
    results_tab.py   win, tie and lose as table and bars
    about_tab.py     limits, privacy, deleting one's data
"""
