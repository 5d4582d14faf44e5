"""Studies in the browser, at /study/: their leads, raters and reviewers. `build.py` lays the page out.

Read member_session.py (the store behind it), then one role at a time: raters.py (and talking.py), reviewers.py,
leads.py. In the order in which to read them:

    build.py           which part stands where, which control calls which handler
    parts.py           all components, and what the handlers share
    member_session.py  who came; one store call = one transaction
    entry.py           the link, consent, instructions
    entry_panel.py     the link, consent, instructions
    accounts.py        signing in by password and out, taking everything back
    account_panel.py   signing in by password and out, taking everything back
    question_form.py   the questions about an item, for raters and reviewers
    raters.py          items one after another
    rater_panel.py     items one after another
    talking.py         live items: the role card, the talk, stars and preferences
    live_panel.py      live items: the role card, the talk, stars and preferences
    reviewers.py       own verdict, then the votes, then the ruling
    review_panel.py    own verdict, then the votes, then the ruling
    leads.py           progress, items, people
    lead_panel.py      progress, items, people
    lead_render.py     progress, items, people
    item_making.py     items by the nets of this server, made beside the page
    reading_tab.py     items read one by one, for the lead
    reading_render.py  items read one by one, for the lead
    item_reading.py    items read one by one, for the lead
    drafting.py        a draft's plan changed, a draft deleted
    create_panel.py    a plan from a form
    uploaded.py        an uploaded file: read once by whoever may, then gone
    results.py         figures, tables and files of a study
    render.py          escaped HTML, and every fixed sentence
    texts.py           escaped HTML, and every fixed sentence
"""
