"""The shape of an API record, as a tree derived from the paths of all columns.

Validation walks this tree; the flatten SQL is generated from it. Neither knows a field by name.
"""

from dataclasses import dataclass

from cbr_warehouse.contract.columns import Column, ColumnType, Contract, Table


@dataclass(frozen=True)
class Leaf:
    """A place that holds a value of a column.

    Attributes:
        path: From the record's root, dotted, ``[]`` for an array.
        column: The column it feeds; its type and tolerances apply here.
        alias: The path of the leaf that goes first where both hold a value.
    """

    path: str
    column: Column
    alias: str | None = None

    @property
    def type(self) -> ColumnType:
        """Type of the column."""
        return self.column.type


@dataclass(frozen=True)
class ObjectShape:
    """A JSON object with the keys that the contract knows, in a fixed order."""

    fields: tuple[tuple[str, "Shape"], ...]


@dataclass(frozen=True)
class ArrayShape:
    """A JSON array of one shape."""

    element: "Shape"


Shape = Leaf | ObjectShape | ArrayShape

_Tree = dict[str, "Leaf | _Tree"]


def record_shape(contract: Contract) -> ObjectShape:
    """Derives the shape of an API record from the paths of the record tables.

    Args:
        contract: The contract.

    Returns:
        The record's shape; every path of every column is a leaf of it.
    """
    tree: _Tree = {}
    for table in contract.record_tables:
        for leaf in _leaves(table):
            _plant(tree, leaf)
    shape = _grow(tree)
    if not isinstance(shape, ObjectShape):
        raise TypeError("the contract's record is not an object")
    return shape


def leaves(shape: Shape) -> tuple[Leaf, ...]:
    """All leaves of a shape, in its order."""
    if isinstance(shape, Leaf):
        return (shape,)
    if isinstance(shape, ArrayShape):
        return leaves(shape.element)
    return tuple(leaf for _, child in shape.fields for leaf in leaves(child))


def _leaves(table: Table) -> list[Leaf]:
    found = []
    for column in table.columns:
        first, *others = table.sources_of(column) or (None,)
        if first is None:
            continue
        found.append(Leaf(first, column))
        found += [Leaf(path, column, alias=first if path == column.alias else None) for path in others]
    return found


def _plant(tree: _Tree, leaf: Leaf) -> None:
    steps = leaf.path.replace("[]", ".[]").split(".")
    here = tree
    for step in steps[:-1]:
        below = here.setdefault(step, {})
        if isinstance(below, Leaf):
            raise TypeError(f"{leaf.path}: runs through {below.path}, which is a value")
        here = below
    here.setdefault(steps[-1], leaf)


def _grow(tree: "Leaf | _Tree") -> Shape:
    if isinstance(tree, Leaf):
        return tree
    if set(tree) == {"[]"}:
        return ArrayShape(_grow(tree["[]"]))
    return ObjectShape(tuple((key, _grow(child)) for key, child in tree.items()))
