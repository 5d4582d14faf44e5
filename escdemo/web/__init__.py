"""What stands between the network and the pages: every request passes these checks first. See SECURITY.md.

In the order in which a request meets them:

    headers.py   what every answer forbids the browser
    hosts.py     names by which this server may be called
    routes.py    the few addresses of Gradio that the pages need; all others are closed
    uploads.py   who may upload, and how long an upload stays
    bodies.py    how long a request may be, and which files it may name
"""
