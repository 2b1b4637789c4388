"""``CbrWarehouseComponent``: all definitions of an installation, by YAML in any Dagster project.

``dg list components`` finds it by the entry point of the distribution. What the assets do is in ``defs``.
"""

import os
from dataclasses import dataclass, field

import dagster as dg


@dataclass
class CbrWarehouseComponent(dg.Component, dg.Resolvable):
    """Loads CBR tasks into a warehouse, as the code location ``cbr-warehouse`` does.

    All its names have a prefix, so that it gets along with assets and jobs called ``report`` or ``load``. A
    code location can have one, because a data directory is loaded by one.

    Attributes:
        config: The configuration file; without one, as the commands find it.
        key_prefix: What the keys of its assets begin with.
        job_prefix: What the names of its jobs, schedules, sensors and steps begin with.
        group: The group of its assets; without one raw, tables, warehouse, analytics and report.
        owners: Owners of its assets: mail addresses, or ``team:NAME``.
        schedule: Whether there are schedules and sensors; without them, its job ``load`` does all of it.
    """

    config: str | None = None
    key_prefix: list[str] = field(default_factory=lambda: ["cbr_warehouse"])
    job_prefix: str = "cbr_"
    group: str | None = None
    owners: list[str] = field(default_factory=list)
    schedule: bool = True

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions, named as the attributes say.

        Raises:
            SettingsError: The configuration is wrong; Dagster shows the message as its load error.
            UsageError: The code location has other definitions of this package already.
        """
        del context
        # Imported here: every `dg` command imports this module, and names are made when `defs` is imported.
        from cbr_warehouse.defs.name_prefix import NamePrefix, set_name_prefix  # noqa: PLC0415

        set_name_prefix(NamePrefix(tuple(self.key_prefix), self.job_prefix))
        from cbr_warehouse.defs.build import build_location  # noqa: PLC0415
        from cbr_warehouse.defs.installation import read_installation  # noqa: PLC0415

        given = {} if self.config is None else {"CBR_WAREHOUSE_CONFIG": self.config}
        found = build_location(read_installation({**os.environ, **given}))
        # Without the executor, which is for the jobs of a whole code location.
        own = dg.Definitions(
            assets=found.assets,
            asset_checks=found.asset_checks,
            jobs=found.jobs,
            schedules=found.schedules if self.schedule else None,
            sensors=found.sensors if self.schedule else None,
            metadata=found.metadata,
        )
        return own.map_resolved_asset_specs(func=self._describe)

    def _describe(self, spec: dg.AssetSpec) -> dg.AssetSpec:
        if self.group:
            spec = spec.replace_attributes(group_name=self.group)
        return spec.merge_attributes(owners=self.owners)
