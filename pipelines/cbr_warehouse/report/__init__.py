"""The report: one self-contained HTML file from the warehouse's analytics, its data and a manifest beside it.

Definitions of figures are in the ``.sql`` files, words in ``texts/``, layout in ``templates/``.
"""
