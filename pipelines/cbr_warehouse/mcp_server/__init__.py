"""Answers for assistants over the Model Context Protocol: read-only, each number with what it is made of.

``server`` has the tools, ``figures`` the named figures, ``rows`` runs statements, ``provenance`` says of
which days and loads an answer is, ``unknowable`` what the data cannot say. The command is in ``cli``.
"""
