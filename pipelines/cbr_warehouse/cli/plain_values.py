"""Takes words and choices of the command line as they are, where Typer would import pydantic to do so.

Typer converts every value, an absent one too, by a type adapter of pydantic, which takes longer to import
than a small query takes to run.
"""

from enum import Enum
from typing import Any


def take_plain_values(parameters: list[Any]) -> list[Any]:
    """Lets these parameters of a command do without pydantic where a value needs no check.

    A Typer that converts otherwise than by ``get_runtime_param`` is left as it is.

    Args:
        parameters: Options and arguments as Typer made them.

    Returns:
        The same ones.
    """
    for one in parameters:
        if hasattr(one, "get_runtime_param") and hasattr(one, "type_descriptor"):
            one._runtime_param = _Plain(one)  # noqa: SLF001  what get_runtime_param returns
    return parameters


class _Plain:
    """Converts the values of one parameter; Typer converts those that are no plain ones."""

    def __init__(self, parameter: Any) -> None:
        self._parameter = parameter

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as the command gets it.

        Raises:
            BadParameter: It is not allowed.
        """
        annotation = self._parameter.type_descriptor.annotation
        is_single = not self._parameter.multiple and self._parameter.nargs == 1
        if is_single and (value is None or (annotation is str and isinstance(value, str))):
            return value
        if is_single and isinstance(annotation, type) and issubclass(annotation, Enum):
            for choice in annotation:
                if value is choice or value == choice.value:
                    return choice
        self._parameter._runtime_param = None  # noqa: SLF001  Typer makes its own
        return self._parameter.get_runtime_param().coerce(value, param=param, ctx=ctx)
