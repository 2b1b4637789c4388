"""Names that the shell completes: views, tables and sources. Quick, and silent where something is wrong."""

import os

import typer

from cbr_warehouse.analytics.catalogue import base_tables, views
from cbr_warehouse.cli.global_options import global_options_of
from cbr_warehouse.errors import CbrWarehouseError
from cbr_warehouse.remote.place import directory_at
from cbr_warehouse.settings.locate import find_file, parse_file, read_location


def complete_view(incomplete: str) -> list[str]:
    """Views, tables and macros of the analytics."""
    names = sorted(one.name for one in (*base_tables(), *views()))
    prefix = "analytics." if incomplete.startswith("analytics.") else ""
    return [prefix + name for name in names if (prefix + name).startswith(incomplete)]


def complete_table(incomplete: str) -> list[str]:
    """Tables of the contract."""
    from cbr_warehouse.contract.load_schemas import read_contract  # with YAML, which few commands need

    return [one.name for one in read_contract().tables if one.name.startswith(incomplete)]


def complete_source(context: typer.Context, incomplete: str) -> list[str]:
    """Sources that are configured or were loaded."""
    options = global_options_of(context)
    try:
        file = find_file(options.config, os.environ)
        configured = [] if file is None else parse_file(file).get("sources", [])
        location = read_location(options.config, options.data_dir, os.environ)
        place = None if location is None else directory_at(location.data_dir, location.cache_dir)
        loaded = () if place is None else place.sources_with_raw()
    except CbrWarehouseError:
        return []  # nothing may be printed while the shell completes; the command will say what is wrong
    names = {one.get("name") for one in configured if isinstance(one, dict)} | set(loaded)
    return sorted(name for name in names if isinstance(name, str) and name.startswith(incomplete))
