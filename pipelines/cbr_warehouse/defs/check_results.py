"""The results of asset checks that Dagster has recorded."""

import dagster as dg


def newest_evaluation(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> dg.AssetCheckEvaluation | None:
    """The newest result of a check, whatever run it is of; None if it never had one.

    Args:
        instance: The instance.
        key: The check.
    """
    from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as Status

    ended = {Status.SUCCEEDED, Status.FAILED}
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=1, status=ended)
    if not history or history[0].event is None or history[0].event.dagster_event is None:
        return None
    return history[0].event.dagster_event.asset_check_evaluation_data
