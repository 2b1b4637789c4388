"""Entry of Dagster's code location ``cbr-warehouse``; its contents are defined in ``defs``.

Importing this module does nothing: Dagster calls :func:`defs` when it needs the assets.
"""

import os
from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """All definitions of ``cbr_warehouse/defs``.

    Raises:
        SettingsError: The configuration is invalid; Dagster shows the message.
    """
    from cbr_warehouse.defs.installation import read_installation  # noqa: PLC0415  importing this module must cost nothing
    from cbr_warehouse.defs.run_start import fork_runs  # noqa: PLC0415

    fork_runs()

    # Validated first: an error raised from within the folder would be hidden below a listing of the folder.
    read_installation(os.environ)
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
