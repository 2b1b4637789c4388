"""Named, versioned controls over the published warehouse: each a query with a verdict and its evidence.

A control reads the views of ``analytics`` and defines nothing that they define; ``sql`` has one file each.
"""
