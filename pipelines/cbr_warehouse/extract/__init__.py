"""Extract: what to ask a source for, asking it, and proving that nothing is missing.

``plan`` decides without I/O; ``sweep`` asks and hands everything to ``raw``; ``audit`` compares
the source's counts with what is held. How a request is made is ``source``'s business.
"""
