"""The report: one self-contained HTML file from the warehouse's analytics, its data and a manifest beside it.

What a number means stands in the ``.sql`` files, words in ``texts/``, looks in ``templates/``.
"""
