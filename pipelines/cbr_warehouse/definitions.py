"""Entry of Dagster's code location ``cbr-warehouse``; its contents are defined in ``defs``.

Importing this module does nothing: Dagster calls :func:`defs` when it needs the assets.
"""

import os
import sys

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """All definitions of ``cbr_warehouse/defs``, for this machine's configuration.

    Not by ``load_from_defs_folder``: it looks for components in each module, for 0.4 seconds of each run.

    Raises:
        SettingsError: The configuration is invalid; Dagster shows the message.
    """
    from cbr_warehouse.defs.build import build_once  # noqa: PLC0415  importing this module must cost nothing
    from cbr_warehouse.defs.installation import read_installation  # noqa: PLC0415

    if sys.platform == "linux":
        from cbr_warehouse.defs.run_start import fork_runs  # noqa: PLC0415

        fork_runs()
    return build_once(read_installation(os.environ))
