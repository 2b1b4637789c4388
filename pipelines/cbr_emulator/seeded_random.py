"""Chance that hangs on names alone: the same for a task whenever and however often it is asked for."""

from hashlib import blake2b


def chance(*names: object) -> float:
    """A number from 0 up to 1 that the names decide.

    >>> chance(1, "late", "a") == chance(1, "late", "a") != chance(2, "late", "a")
    True
    """
    digest = blake2b("/".join(map(str, names)).encode(errors="surrogatepass"), digest_size=6).digest()
    return int.from_bytes(digest, "big") / (1 << 48)
