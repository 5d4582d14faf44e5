"""The first page: a talk with two models side by side, the vote, the results.

In the order in which to read them:

    build.py         which part stands where, which control calls which handler
    handlers.py      what happens when: the handlers
    talks.py         one visitor's talk: the store behind the page
    screen_state.py  what of a talk is on the screen now
    setup_panel.py   a role card or an own situation, then consent
    example_talk.py  a talk to look at, written by hand (example_talk.json)
    chat_panel.py    two models that answer the same message
    judge_panel.py   the vote and the reveal
    figures_tab.py   what the nets choose, as the papers draw it
    models_tab.py    who answers, in plain words
    map_tab.py       two nets' decoder states as maps, the talk as a path over them
    map_page.py      what happens when on that tab
    map_files.py     the maps of the nets that run
    map_work.py      states and new maps, made behind the page
    own_replies.py   the replies of a visitor's talks as the nets read them
    results_tab.py   win / lose / tie as table and bars
    about_tab.py     limits, privacy, delete my data
"""
