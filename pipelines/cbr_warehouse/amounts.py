"""Numbers of things in sentences, which are in the singular where there is one. Pure; nothing of CBR."""


def amount(number: int, plural: str) -> str:
    """A number of things.

    Args:
        number: How many.
        plural: Their name in the plural, which ends in s.

    >>> amount(1, "queries"), amount(1, "days"), amount(1200, "tasks")
    ('1 query', '1 day', '1,200 tasks')
    """
    singular = f"{plural[:-3]}y" if plural.endswith("ies") else plural.removesuffix("s")
    return f"{number:,} {singular if number == 1 else plural}"
