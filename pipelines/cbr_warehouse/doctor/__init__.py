"""Doctor: looks at a source and says whether it can be loaded and which dialect it speaks.

``examine`` does all of it for one source: ``checks`` of what must work, then one module for each
behaviour that the API's documents leave open. Whatever is said comes with its evidence, what was
asked and what came back, and where the data cannot tell, the doctor says so. Nothing here writes,
and no load relies on what is found.
"""
