"""Extract: decides which queries a load makes and runs them.

``plan`` decides without I/O which queries a load makes, ``forecast`` estimates their size; ``sweep_runner``
runs them and lands every page in ``raw``, page by page as ``pagination`` reads them. How a single request is
made is the responsibility of ``source``; whether anything is missing afterwards, that of ``verify``.
"""
