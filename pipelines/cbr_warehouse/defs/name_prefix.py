"""What the names of this code location begin with: decided once in a process, before they are made.

A code location has one installation, so its names are those of the process. ``asset_keys`` makes them when it
is imported; whoever wants a prefix sets it before that.
"""

from dataclasses import dataclass

from cbr_warehouse.errors import UsageError


@dataclass(frozen=True)
class NamePrefix:
    """The beginnings of names.

    Attributes:
        keys: Of the keys of assets, part by part.
        jobs: Of the names of jobs, schedules, sensors and steps.
    """

    keys: tuple[str, ...] = ()
    jobs: str = ""


class _Decided:
    """The prefix of this process, and whether names were made with it."""

    prefix = NamePrefix()
    is_used = False


def set_name_prefix(prefix: NamePrefix) -> None:
    """Sets the prefix of this process; the same one may be set again.

    Raises:
        UsageError: Names with another prefix were made already.
    """
    if _Decided.is_used and _Decided.prefix != prefix:
        raise UsageError(
            "A code location has one CbrWarehouseComponent, without the definitions of cbr_warehouse beside "
            f"it: names that begin with {_Decided.prefix.jobs!r} were made already. Put the other one into a "
            "code location of its own."
        )
    _Decided.prefix = prefix


def use_name_prefix() -> NamePrefix:
    """The prefix of this process, which stays from now on."""
    _Decided.is_used = True
    return _Decided.prefix
