"""The checks between the network and the pages, which every request must pass. See SECURITY.md.

In the order in which a request meets them:

    faults.py    Gradio's errors, logged without what people sent
    headers.py   headers that restrict the browser, on every answer
    hosts.py     names by which this server may be called
    routes.py    the few addresses that the pages need; all others are closed
    uploads.py   who may upload, and how long an upload stays
    bodies.py    how long a request may be, and which files it may name
"""
