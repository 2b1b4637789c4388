"""Random numbers that depend only on a seed and names: a task gets the same number at every request."""

from hashlib import blake2b


def seeded_fraction(*names: object) -> float:
    """A pseudo-random number in [0, 1) derived from a hash of the names.

    >>> seeded_fraction(1, "late", "a") == seeded_fraction(1, "late", "a") != seeded_fraction(2, "late", "a")
    True
    """
    digest = blake2b("/".join(map(str, names)).encode(errors="surrogatepass"), digest_size=6).digest()
    return int.from_bytes(digest, "big") / (1 << 48)
