"""Keeps the files of a source few: folds its ledgers. A load does the cheap part of it at its end."""

import logging

from cbr_warehouse.raw.fold_ledgers import fold_ledgers
from cbr_warehouse.storage.layout import DataDirectory

logger = logging.getLogger(__name__)


def tidy_source(directory: DataDirectory, source: str) -> None:
    """Folds a source's older ledgers where there are many. What prevents that is no failure of the load.

    Args:
        directory: The data directory.
        source: Name of the source, whose lock the caller holds.
    """
    try:
        fold_ledgers(directory, source)
    except Exception as error:  # noqa: BLE001  the load is done; what is damaged, the next one reports
        logger.warning("%s: its older ledgers were not folded (%s)", source, error)
