"""Studies in the browser, at /study/: one page for leads, raters and reviewers.

Start with member_session.py, then read one role at a time. The parts:

    build.py           the layout, and which control calls which handler
    parts.py           all components, and what the handlers share
    member_session.py  who came; one store call = one transaction
    entry.py           the link, consent, instructions: handlers
    entry_panel.py     the same: components
    accounts.py        signing in and out, passwords, withdrawing: handlers
    account_panel.py   the same: components
    question_form.py   the questions about an item, for raters and reviewers
    raters.py          a rater's items, one after another: handlers
    rater_panel.py     the same: components
    talking.py         live items (role card, talk, stars, preferences): handlers
    live_panel.py      the same: components
    reviewers.py       a reviewer's own verdict, then the votes, then the ruling: handlers
    review_panel.py    the same: components
    leads.py           a lead's progress, items, people: handlers
    lead_panel.py      the same: components
    lead_render.py     the same: HTML
    item_making.py     items made by the nets of this server, in the background
    reading_tab.py     the lead reads items one by one: components
    reading_render.py  the same: HTML
    item_reading.py    the same: handlers
    drafting.py        changing a draft's plan, deleting a draft
    create_panel.py    a plan from a form
    uploaded.py        uploaded files: each read once by whoever may, then deleted
    results.py         figures, tables and files of a study
    render.py          escaped HTML
    texts.py           the fixed sentences
"""
