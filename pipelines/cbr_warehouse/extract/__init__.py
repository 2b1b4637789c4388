"""Extract: what to ask a source for, and asking it.

``plan`` decides without I/O what a load asks for, ``forecast`` how much that will take; ``sweep_runner`` asks
and hands every page to ``raw``, page by page as ``pagination`` walks. How a single request is made is the
responsibility of ``source``; whether anything is missing afterwards, that of ``verify``.
"""
