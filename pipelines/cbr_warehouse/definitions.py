"""Entry of Dagster's code location ``cbr-warehouse``; what is in it is made in ``defs``.

Nothing happens when this module is imported: Dagster calls :func:`defs` when it wants the assets.
"""

import os
from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Everything that ``cbr_warehouse/defs`` defines.

    Raises:
        SettingsError: The configuration is wrong; Dagster shows the sentence.
    """
    from cbr_warehouse.defs.installation import read_site  # noqa: PLC0415  importing this module must cost nothing

    # Raised from within the folder, it would stand below a drawing of the folder.
    read_site(os.environ)
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
