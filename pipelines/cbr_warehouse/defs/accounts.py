"""``accounts/<account>``: looks for the projects of an account, and loads those that are new.

The assets of a code location are fixed until it is loaded again, so the sources that were found since then
have none yet. They are loaded here, as the command ``load`` does it, until the code location is reloaded.
Which these are, a run cannot tell: its process reads the kept list again. So the schedule, which the code
location evaluates, tells it which sources have assets.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import dagster as dg

from cbr_warehouse.defs.asset_keys import ACCOUNTS_JOB, ACCOUNTS_SCHEDULE, account_key, named
from cbr_warehouse.defs.failures import as_dagster_failures, failure
from cbr_warehouse.defs.installation import Installation
from cbr_warehouse.defs.progress import LoggedProgress
from cbr_warehouse.load.found_sources import missing_projects, with_found_sources
from cbr_warehouse.settings.accounts import AccountSettings
from cbr_warehouse.settings.model import Settings, SourceSettings
from cbr_warehouse.settings.select_sources import require_accounts, require_sources

NO_PROJECT_MISSING = "no_project_missing"
"""Asset check: each project that the account was found to have is still there."""


def account_definitions(installation: Installation) -> dg.Definitions:
    """The assets of all accounts, and the job that looks for their projects with its schedule.

    Args:
        installation: The installation.
    """
    accounts = installation.settings.accounts
    if not accounts:
        return dg.Definitions()
    job = dg.define_asset_job(
        ACCOUNTS_JOB,
        selection=dg.AssetSelection.assets(*(account_key(account.name) for account in accounts)),
        description="Looks for the projects of all accounts, and loads those that have no asset yet.",
    )
    known = [source.name for source in installation.settings.sources]
    config = {_step_name(account.name): {"config": {"with_assets": known}} for account in accounts}

    @dg.schedule(
        name=ACCOUNTS_SCHEDULE,
        job=job,
        cron_schedule=installation.settings.schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Looks for projects as often as sources are loaded.",
    )
    def look(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        del context
        return dg.RunRequest(run_config={"ops": config})

    assets = [_account_asset(installation, account) for account in accounts]
    return dg.Definitions(assets=assets, jobs=[job], schedules=[look])


def present_sources(installation: Installation) -> tuple[str, ...]:
    """Names of the sources to load now: projects that are missing since the code location was built are not.

    Args:
        installation: The installation.
    """
    settings = installation.settings
    if not settings.accounts:
        return tuple(source.name for source in settings.sources)
    known = {source.name for source in settings.sources}
    present = with_found_sources(settings, installation.load_context.directory)
    return tuple(source.name for source in present.sources if source.name in known)


class FindConfig(dg.Config):
    """What the schedule tells a run.

    Attributes:
        with_assets: The sources that have an asset, which the schedule of loads starts; None for all that the
            run knows.
    """

    with_assets: list[str] | None = None


def _step_name(account: str) -> str:
    return named(f"account_{account.replace('-', '_')}")


def _account_asset(installation: Installation, account: AccountSettings) -> dg.AssetsDefinition:
    key = account_key(account.name)

    @dg.multi_asset(
        name=_step_name(account.name),
        specs=[
            dg.AssetSpec(
                key,
                description=f"The projects that {account.iam_endpoint} lists of the account, each a source.",
                group_name="accounts",
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                NO_PROJECT_MISSING,
                asset=key,
                description="Each project that the account was found to have is still there.",
            )
        ],
    )
    def find(context: dg.AssetExecutionContext, config: FindConfig) -> Iterator[dg.MaterializeResult[None]]:
        settings, directory = installation.settings, installation.load_context.directory
        with as_dagster_failures():
            new = _find(installation, account.name)
            present = with_found_sources(settings, directory)
        missing = [one for one in missing_projects(settings, directory) if one.account == account.name]
        for one in missing:
            context.log.warning("%s", one)
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "sources": sum(source.account == account.name for source in present.sources),
                "new": ", ".join(new) or "none",
                "missing": ", ".join(one.found.source for one in missing) or "none",
            },
            check_results=[
                dg.AssetCheckResult(
                    asset_key=key,
                    check_name=NO_PROJECT_MISSING,
                    passed=not missing,
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata={"sources": "\n".join(map(str, missing)) or "none"},
                )
            ],
        )
        own = [source for source in present.sources if source.account == account.name]
        names = [source.name for source in settings.sources]
        with_assets = names if config.with_assets is None else config.with_assets
        if without := [source for source in own if source.name not in with_assets]:
            _load(context, installation, present, without)

    return find


def _find(installation: Installation, name: str) -> list[str]:
    """Brings the kept list of an account up to date, and returns the names of new sources.

    Raises:
        CbrWarehouseError: IAM could not be asked; the list is as it was.
    """
    from cbr_warehouse.load.find_projects import find_projects

    settings, context = installation.settings, installation.load_context
    (account,) = (
        one for one in require_accounts(settings, installation.environ) if one.settings.name == name
    )
    configured = [source.name for source in settings.sources if source.account is None]
    report = find_projects(context.directory, account, configured, context.clock, context.connect_account)
    if report.failure is not None:
        raise report.failure
    return [project.source for project in report.new]


def _load(
    context: dg.AssetExecutionContext,
    installation: Installation,
    present: Settings,
    without: Sequence[SourceSettings],
) -> None:
    """Loads and publishes sources that were found after the code location was built.

    Raises:
        Failure: One of them failed, or a day of it is incomplete.
    """
    from cbr_warehouse.load.context import LoadRequest
    from cbr_warehouse.load.run import load

    context.log.info(
        "Loading %s, which have no asset yet: reload the code location to see them.",
        ", ".join(source.name for source in without),
    )
    load_context = replace(
        installation.load_context,
        progress=LoggedProgress(context.log),
        analytics=present.analytics,
    )
    with as_dagster_failures():
        ready = [
            one for source in without for one in require_sources(present, source.name, installation.environ)
        ]
        result = load(load_context, ready, LoadRequest())
    failed = [one for one in result.sources if not one.is_good]
    if failed:
        said = "; ".join(
            f"{one.entry.source}: {one.entry.message or 'a day is incomplete or lost'}" for one in failed
        )
        raise failure(said, failed[0].failure)
