"""Doctor: examines a source and reports whether it can be loaded and how its API behaves.

``examine`` does all of it for one source: ``prerequisites`` of what must work, then one module for each
behaviour that the API's documents leave open. Each statement comes with its evidence, the request and
the response; where the data does not show a behaviour, the doctor says so. Nothing here writes, and
no load relies on the findings.
"""
