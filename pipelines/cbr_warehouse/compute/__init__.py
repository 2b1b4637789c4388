"""Where shares of work are computed: in this process, or on the workers of an engine that spreads them.

What a share is, and what is done with its result, is decided by the packages that divide their work.
"""
