"""Copies of a data directory in an object store: ``upload`` makes one, ``download`` brings it back.

``snapshot`` says what a copy is: objects that never change, and one that names them, written last.
``data_files`` says which files of a data directory belong to it. Requests to the store are in ``storage``.
"""
