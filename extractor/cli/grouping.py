"""Groups of options: a command takes one value where its command line has several options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints


def grouping(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command as Typer takes it: in place of each dataclass among its parameters stand that class's
    fields, as options of their own.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    options = [
        option
        for each in signature(command).parameters.values()
        for option in _options(each, hints[each.name], each.name in groups)
    ]

    def called(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{each.name: given.pop(each.name) for each in fields(kind)})
        command(**given)

    called.__name__, called.__doc__ = command.__name__, command.__doc__
    called.__dict__["__signature__"] = Signature(options)  # where inspect looks first
    return called


def _options(parameter: Parameter, hint: Any, is_group: bool) -> list[Parameter]:
    """Return the options of a parameter: a group's fields, else the parameter itself."""
    if not is_group:
        return [parameter.replace(kind=Parameter.KEYWORD_ONLY, annotation=hint)]
    hints = get_type_hints(hint, include_extras=True)
    return [
        Parameter(each.name, Parameter.KEYWORD_ONLY, default=each.default, annotation=hints[each.name])
        for each in fields(hint)
    ]
