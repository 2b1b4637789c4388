"""An HTTP server of the CBR API, for tests, demos and any other client.

It serves a generated estate or the records of a file. Each behaviour that the API leaves
undocumented is an option of its ``dialect``, each failure one of its ``faults``; ``estate`` generates
the tasks and ``server`` answers the requests. They import each other one way only:
estate <- dialect <- faults <- server. Nothing here is shared with ``cbr_warehouse``, so that
agreement between client and emulator means something.
"""
