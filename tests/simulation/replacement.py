"""Replaces what a module or class calls something by, for a while."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def replaced(place: Any, name: str, substitute: Callable[[Any], Any]) -> Iterator[None]:
    """Replaces an attribute while the block runs; it must exist.

    Args:
        place: The module or class.
        name: The attribute.
        substitute: Gets what is there, and returns what is to be there.
    """
    plain = vars(place)[name]
    setattr(place, name, substitute(plain))
    try:
        yield
    finally:
        setattr(place, name, plain)
