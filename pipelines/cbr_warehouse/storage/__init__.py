"""Where files are: the layout of the data directory, and writing files whole.

Every path of the project is made here, so that another kind of store needs one new room.
What the files hold is the business of ``raw``, ``tables`` and ``warehouse``.
"""
