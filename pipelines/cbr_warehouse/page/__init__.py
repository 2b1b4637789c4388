"""The local page of ``cbr-warehouse open``: the published warehouse in a browser, read-only, on loopback.

``server`` listens, ``guard`` refuses foreign requests, and ``app`` has the addresses; ``overview`` and the
modules named ``…_pages`` build the pages, of which ``render`` makes HTML. The queries are the ``.sql`` files.
Figures are those of the analytics; none is defined here.
"""
