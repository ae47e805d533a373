"""Tools: an annotated Python function, or a record type, -> the schema of a call."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter
from typing import Annotated, Any, NotRequired, TypeAlias, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict, Unpack

from ..errors import SchemaError
from ..keywords import names_wrong_keywords
from .compiled import CompiledSchema
from .compiler.targets import Target, find_target
from .record_type import compile_schema

Tool: TypeAlias = type | Callable[..., Any] | Mapping[str, Any]

# What agent frameworks call the parameter that the caller fills in, not the model.
CONTEXTS = frozenset({"Context", "RunContext", "RunContextWrapper", "ToolContext"})


@names_wrong_keywords({"function": "tool", "provider": "target"})
def tool_schema(tool: Tool, target: str | Target = "openai") -> CompiledSchema[Any]:
    """Return the schema of a call of `tool`.

    A function's record is a dict of validated keyword arguments, for `tool(**record)`. Arguments that the
    model leaves out are not in it, so the function's own defaults apply. Descriptions come from the docstring
    (Google, NumPy or Sphinx style), or from `Annotated[..., Field(description=...)]`, which takes precedence.
    The model does not pass `self`, a context (CONTEXTS), or what is marked with Pydantic's SkipJsonSchema:
    the caller does.

    Any other tool is a record type or a JSON Schema document. Raises SchemaError if a parameter has no type,
    a type that JSON can't carry, or no keyword.
    """
    if not _is_function(tool):
        return compile_schema(tool, target)
    try:
        return _kept(tool, target)
    except TypeError:  # an instance that cannot be hashed
        return _compiled(tool, target)


def tool_name(tool: Tool, target: str | Target = "openai") -> str:
    """Return the name that the model calls `tool` by: its own, made legal for the target."""
    if _is_function(tool):
        return find_target(target).legal_name(_own_name(tool))
    return compile_schema(tool, target).name


def _is_function(tool: Any) -> bool:
    return callable(tool) and not isinstance(tool, type) and get_origin(tool) is None


def _compiled(function: Any, target: str | Target) -> CompiledSchema[Any]:
    """Return the schema of the function's arguments; it pickles as the function and the target."""
    compiled = compile_schema(_argument_type(function), target)
    return dataclasses.replace(compiled, _made_from=(tool_schema, (function, target)))


_kept = functools.lru_cache(maxsize=1024)(_compiled)


def _argument_type(function: Any) -> Any:
    """Return the type of a dict of the function's keyword arguments."""
    name, documented = _own_name(function), _documented(function)
    members: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for parameter, annotation in _parameters(function, name):
        if parameter.kind is Parameter.VAR_KEYWORD:
            extra["extra_items"] = annotation
        else:
            members[parameter.name] = _member(parameter, annotation, documented.get(parameter.name))
    make: Any = TypedDict  # by a name and members that are known only now
    arguments = make(name, members, **extra)
    arguments.__doc__ = documented.get("")
    if not extra:
        arguments.__pydantic_config__ = ConfigDict(extra="forbid")
    return arguments


def _own_name(function: Any) -> str:
    inner = inspect.unwrap(_without_arguments(function))
    name = getattr(inner, "__name__", type(inner).__name__)
    return "function" if name == "<lambda>" else str(name)


def _parameters(function: Any, name: str) -> Iterator[tuple[Parameter, Any]]:
    """Yield what the model passes, each with its type. Raises SchemaError."""
    try:
        signature, hints = inspect.signature(function), _hints(function)
    except (NameError, TypeError, ValueError) as error:
        raise SchemaError(f"{name}() has no readable signature: {error}") from error
    for position, parameter in enumerate(signature.parameters.values()):
        annotation = hints.get(parameter.name, parameter.empty)
        if _callers_own(parameter, annotation, position):
            continue
        if annotation is parameter.empty:
            raise _refused(name, parameter, f"has no type; annotate it, for instance `{parameter.name}: str`")
        if parameter.kind in (Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL):
            raise _refused(name, parameter, "cannot be passed by keyword, and a model passes nothing else")
        if get_origin(annotation) is Unpack:
            yield from _unpacked(get_args(annotation)[0])
        else:
            _describe(name, parameter, annotation)
            yield parameter, annotation


def _hints(function: Any) -> dict[str, Any]:
    function = _without_arguments(function)
    routine = function if inspect.isroutine(function) else type(function).__call__
    return get_type_hints(routine, include_extras=True)


def _without_arguments(function: Any) -> Any:
    """Return the function of a partial one."""
    return _without_arguments(function.func) if isinstance(function, functools.partial) else function


def _callers_own(parameter: Parameter, annotation: Any, position: int) -> bool:
    if annotation is parameter.empty:
        is_self = position == 0 and parameter.name in ("self", "cls")
        return is_self or parameter.kind in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
    if any(SkipJsonSchema in (mark, type(mark)) for mark in get_args(annotation)[1:]):
        return True
    kind = get_origin(annotation) or annotation
    is_model = isinstance(kind, type) and issubclass(kind, BaseModel)
    return getattr(kind, "__name__", "") in CONTEXTS and not is_model


def _refused(name: str, parameter: Parameter, reason: str) -> SchemaError:
    return SchemaError(f"{name}({parameter}): `{parameter.name}` {reason}", f"/properties/{parameter.name}")


def _describe(name: str, parameter: Parameter, annotation: Any) -> None:
    """Raise SchemaError unless Pydantic can describe the type."""
    try:
        TypeAdapter(annotation)
    except PydanticUserError as error:
        advice = "is of a type that no JSON describes; if the caller passes it, annotate it "
        raise _refused(name, parameter, f"{advice}`Annotated[..., SkipJsonSchema()]`: {error}") from error


def _unpacked(options: Any) -> Iterator[tuple[Parameter, Any]]:
    """Yield the members of `**options: Unpack[options]`."""
    for name, annotation in get_type_hints(options, include_extras=True).items():
        default = Parameter.empty if name in options.__required_keys__ else ...
        yield Parameter(name, Parameter.KEYWORD_ONLY, default=default), annotation


def _member(parameter: Parameter, annotation: Any, description: str | None) -> Any:
    """Return the annotation of a TypedDict's member for the parameter.

    The compiler learns that None is a default; else it would distinguish it from an explicit None.
    """
    default = Field(default=None) if parameter.default is None else parameter.default
    if isinstance(default, FieldInfo):
        annotation = Annotated[annotation, default]
    if description := _said(annotation) or description:
        annotation = Annotated[annotation, Field(description=description)]
    required = default.is_required() if isinstance(default, FieldInfo) else default is parameter.empty
    return annotation if required else NotRequired[annotation]


def _said(annotation: Any) -> str | None:
    """Return what the annotation itself says of the parameter: by Field, by PEP 727's Doc, or as text."""
    for mark in reversed(get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()):
        said = mark if isinstance(mark, str) else getattr(mark, "description", None)
        if said := said or getattr(mark, "documentation", None):
            return str(said)
    return None


def _documented(function: Any) -> dict[str, str]:
    """Return what the docstring says of each parameter, and of the whole under ""."""
    from docstring_parser import ParseError, parse

    function = _without_arguments(function)
    if not inspect.isroutine(function):
        function = type(function).__call__ if type(function).__call__.__doc__ else type(function)
    text = inspect.getdoc(function) or ""
    try:
        parsed = parse(text)
    except ParseError:
        return {"": text}
    said = {
        name.strip(" *"): " ".join(parameter.description.split())
        for parameter in parsed.params
        for name in parameter.arg_name.split(",")
        if parameter.description
    }
    return said | ({"": parsed.description} if parsed.description else {})
