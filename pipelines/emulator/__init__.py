"""An HTTP server of the CBR API: a seeded estate or records of a file, every open behaviour a switch.

Shares no code with the rest of the package but its error types, so that agreement of client and
emulator means something. ``serve`` is the way in; ``cli`` is the only room that knows it.
"""
