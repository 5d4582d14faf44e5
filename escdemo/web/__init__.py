"""What stands between the network and the pages: every request passes these, in this order.

headers.py   what every answer tells the browser not to do
hosts.py     names by which this server may be called
routes.py    the few addresses of Gradio that the pages need; all others are closed
bodies.py    how long a request may be, and which files it may name
uploads.py   who may upload, and how long an upload stays
"""
