"""The tools of one conversation, by the names that the model calls them by. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_origin

from ..dialogue import readable_arguments
from ..errors import ConfigError, Invalid, Problem, Unjudged
from ..messages import StrictSchema, ToolCall
from ..options import Tool
from ..reading import Read, Reader
from ..schema import CompiledSchema, Target, tool_schema

SEVERAL = Problem("", "the reply holds several answers that differ: give one", type="ambiguous")


@dataclass(frozen=True, slots=True)
class Called:
    """One call of the model, checked. function: what to call with `arguments`; None if the arguments
    are the answer itself. problems: why it is not to be carried out. read: how the arguments were read.
    """

    call: ToolCall
    arguments: Any = None
    function: Callable[..., Any] | None = None
    problems: tuple[Problem, ...] = ()
    read: Read = field(default_factory=Read)

    @property
    def is_answer(self) -> bool:
        """Whether this call is the model's last word."""
        return self.function is None and not self.problems


class Toolbox:
    """Tools with their schemas for one target. A function, or a Pydantic model with a `__call__`, is run;
    any other type says what the answer is. reading: how arguments are read, see CompiledSchema.reader.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        record_type: Any,
        target: str | Target,
        reading: Mapping[str, Any] | None = None,
    ) -> None:
        self._readers = dict[str, Reader]()
        self._reading = reading or {}
        self._functions = dict[str, Callable[..., Any] | None]()
        self._schemas = dict[str, CompiledSchema[Any]]()
        for tool in tools:
            function = caller_of(tool)
            if function is None and record_type is not None:
                raise ConfigError(
                    f"{_name(tool)} can't be run: give it a `__call__`, or make it the record_type"
                )
            self._add(tool, function, target)
        self.answer: CompiledSchema[Any] | None = None
        if record_type is not None:
            self.answer = self._add(record_type, None, target)

    def _add(
        self, tool: Any, function: Callable[..., Any] | None, target: str | Target
    ) -> CompiledSchema[Any]:
        schema: CompiledSchema[Any] = tool_schema(tool, target)
        if schema.name in self._schemas:
            raise ConfigError(f"two tools have the name {schema.name!r}: rename one")
        self._functions[schema.name], self._schemas[schema.name] = function, schema
        self._readers[schema.name] = schema.reader(**self._reading)
        return schema

    @property
    def strict(self) -> tuple[StrictSchema, ...]:
        """The schemas as they are sent."""
        return tuple(schema.strict for schema in self._schemas.values())

    def check(self, calls: Sequence[ToolCall]) -> tuple[Called, ...]:
        """Return the model's calls, each with its validated arguments or what is wrong with it. Of answers
        that differ none is taken.
        """
        checked = tuple(map(self._check, calls))
        answers = [called.arguments for called in checked if called.is_answer]
        if all(answer == answers[0] for answer in answers):
            return checked
        return tuple(replace(c, arguments=None, problems=(SEVERAL,)) if c.is_answer else c for c in checked)

    def _check(self, call: ToolCall) -> Called:
        name = call.function.name
        if name not in self._schemas:
            known = ", ".join(self._schemas)
            return Called(call, problems=(Problem("", f"there is no such tool; there are: {known}", name),))
        try:
            read = readable_arguments(call.function.arguments, self._readers[name])
            arguments = self._schemas[name].decode(read.text or "{}")
        except Unjudged:
            raise
        except Invalid as error:
            return Called(call, problems=error.problems)
        parsed = replace(call, function=replace(call.function, parsed_arguments=arguments))
        return Called(parsed, arguments, self._functions[name], read=read)

    @property
    def answer_reader(self) -> Reader | None:
        """What reads the answer, where its type is given."""
        return None if self.answer is None else self._readers[self.answer.name]


def caller_of(tool: Any) -> Callable[..., Any] | None:
    """Return what runs a tool on its validated arguments; None for a type that is only filled in."""
    if _is_function(tool):
        return _CallByKeyword(tool)
    defined = isinstance(tool, type) and any("__call__" in base.__dict__ for base in tool.__mro__)
    return _call_record if defined else None


def _is_function(tool: Any) -> bool:
    return callable(tool) and not isinstance(tool, type) and get_origin(tool) is None


def _call_record(record: Any) -> Any:
    return record()


@dataclass(frozen=True, slots=True)
class _CallByKeyword:
    function: Callable[..., Any]

    def __call__(self, arguments: Mapping[str, Any]) -> Any:
        return self.function(**arguments)


def listed(tools: Any) -> tuple[Tool, ...]:
    """Return tools as they were given: several, or one alone. Raises ConfigError for anything else."""
    one = callable(tools) or isinstance(tools, Mapping)
    found = (tools,) if one else tuple(tools) if isinstance(tools, Iterable) else (None,)
    for tool in (tools,) if isinstance(tools, str) else found:
        if not (callable(tool) or isinstance(tool, Mapping)):
            said = tools if tool is None else tool
            raise ConfigError(f"tools are functions, types or JSON Schemas, several or one, not {said!r:.80}")
    return found


def check_tools(tools: Sequence[Tool], target: str | Target, awaits: bool) -> None:
    """Raise ConfigError if there is no tool, or one that could not be run once the model calls it.

    awaits: whether the caller can await tools.
    """
    if not tools:
        raise ConfigError("run_tools needs tools=[...] to run")
    for tool in tools:
        if not awaits and is_async(tool):
            raise ConfigError(f"{_name(tool)} is async: only AsyncExtractor.run_tools can await it")
        for parameter in _unfilled(tool, target):
            raise ConfigError(
                f"the model can't pass `{parameter}` of {_name(tool)}, which has no default: bind it "
                "with functools.partial"
            )


def is_async(tool: Any) -> bool:
    """Whether calling the tool gives something to await."""
    call = getattr(tool, "__call__", None)  # noqa: B004  of an instance or a class, its method
    return inspect.iscoroutinefunction(tool) or inspect.iscoroutinefunction(call)


def _unfilled(tool: Any, target: str | Target) -> Iterator[str]:
    if not _is_function(tool):
        return
    filled = tool_schema(tool, target).schema.get("properties", {})
    for parameter in inspect.signature(tool).parameters.values():
        variable = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if parameter.default is parameter.empty and parameter.name not in filled and not variable:
            yield parameter.name


def _name(tool: Any) -> str:
    return getattr(tool, "__name__", type(tool).__name__)
