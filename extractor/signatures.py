"""What `help()` and completion show of a call: each keyword with its type and default, not `**options`; and
what is said of a wrong keyword.

The calls themselves take `**options: Unpack[...]`, which type checkers read. That is not changed here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, wraps
from inspect import Parameter
from types import MappingProxyType
from typing import Any, ForwardRef, TypeVar, cast

from .errors import ConfigError
from .groups import GROUPS, in_group
from .options import MAX_CALLS, MAX_ROUNDS, PARAMETERS, unknown

T = TypeVar("T")
_UNPACKED = re.compile(r"Unpack\[(\w+)\]")
_REQUIRED = re.compile(r"Required\[(.+)\]")


class Otherwise:
    """A default that is no value: what happens where nothing is said. Given as a value, it is left out."""

    def __init__(self, said: str) -> None:
        self._said = said

    def __repr__(self) -> str:
        return f"<{self._said}>"


NOT_SENT, PROVIDERS_OWN = Otherwise("not sent"), Otherwise("the provider's")
OF_EXTRACTOR = frozenset(  # options of an Extractor: calls that extract take them, too, but do not show them
    {"mask", "parts", "prompt", "read_values", "strict_reading"}
)
DEFAULTS: Mapping[str, Any] = {  # of our own keywords; those that are not here are None
    "capture_content": Otherwise("the environment's"),
    "deadline": 600.0,
    "evidence": False,
    "examples": (),
    "grounded": PROVIDERS_OWN,
    "http2": False,
    "max_calls": MAX_CALLS,
    "max_line_bytes": 4_194_304,
    "max_repairs": 2,
    "max_reply_bytes": 16_777_216,
    "max_retries": 4,
    "max_rounds": MAX_ROUNDS,
    "mode": "auto",
    "on": {},
    "parts": "auto",
    "prices": {},
    "prompt": PROVIDERS_OWN,
    "proxy": Otherwise("the environment's"),
    "read_values": False,
    "samples": 1,
    "strict_reading": False,
    "timeout": PROVIDERS_OWN,
    "tools": (),
    "turns": "any",
    "verify": True,
}


def explicit(function: T, instead: Mapping[str, str] = MappingProxyType({})) -> T:
    """Return a function, or a class with its public methods, that shows its keywords and names wrong ones.

    instead: which of its keywords is meant by names that others have. A keyword that does not exist raises
    ConfigError. An argument that is missing, or is one too many, stays Python's TypeError, with the form of
    the call as its note.
    """
    if isinstance(function, type):
        for name, method in list(vars(function).items()):
            if inspect.isfunction(method) and (name == "__init__" or not name.startswith("_")):
                setattr(function, name, explicit(method))
    elif inspect.isfunction(function):
        return cast(T, _checked(function, _Call.of(function, instead)))
    return function


@dataclass(frozen=True)
class _Call:
    """What a function takes. own: its parameters. options: the TypedDict of its other keywords. instead: see
    `explicit`.
    """

    name: str
    own: tuple[Parameter, ...]
    options: Any
    instead: Mapping[str, str]

    @classmethod
    def of(cls, function: Callable[..., Any], instead: Mapping[str, str]) -> _Call:
        parameters = inspect.signature(function).parameters.values()
        own = tuple(each for each in parameters if each.kind is not Parameter.VAR_KEYWORD)
        unpacked = (_UNPACKED.fullmatch(str(each.annotation)) for each in parameters)
        named = next((function.__globals__[found[1]] for found in unpacked if found), None)
        made = function.__name__ == "__init__"
        name = function.__qualname__.rpartition(".")[0] if made else function.__name__
        return cls(name, own, named, instead)

    @property
    def hints(self) -> dict[str, Any]:
        """The types of the options. A string in them is read in the module that defines the options."""
        said = {} if self.options is None else self.options.__annotations__
        return {name: _without_required(hint) for name, hint in said.items()}

    @property
    def shown(self) -> Iterator[Parameter]:
        """The parameters, with the keywords of the options spelt out."""
        named = {each.name for each in self.own}
        yield from self.own
        if self.options is not None:
            yield from (each for each in _keywords(self.options) if each.name not in named)

    @property
    def form(self) -> str:
        """How the call is written: what it needs, and dots for the rest."""
        needed = [each for each in self.own if each.default is Parameter.empty and each.name != "self"]
        written = [f"{each.name}=..." if each.kind is each.KEYWORD_ONLY else each.name for each in needed]
        return f"{self.name}({', '.join((*written, '...'))})"

    def wrong(self, name: str) -> ConfigError:
        """Return what to raise for a keyword that the function does not take."""
        near = get_close_matches(name, [each.name for each in self.own], 1, 0.75)
        meant = [self.instead[name]] if name in self.instead else near
        said = f"{name!r} is not a keyword here; did you mean {meant[0]!r}?" if meant else unknown(name)
        return ConfigError(f"{said} (The call is {self.form})")


def _checked(function: Callable[..., Any], known: _Call) -> Callable[..., Any]:
    """Return the function as one that shows its keywords and names wrong ones, in one more frame."""
    hints, shown = known.hints, tuple(known.shown)
    taken = frozenset(hints).union(each.name for each in known.own)

    @wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        if not taken.issuperset(given):
            raise known.wrong(next(name for name in given if name not in taken))
        said = {name: value for name, value in given.items() if not isinstance(value, Otherwise)}
        try:
            return function(*args, **said)
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is None:  # it was not begun
                error.add_note(f"The call is {known.form}")
            raise

    @wraps(function)
    async def acall(*args: Any, **given: Any) -> Any:
        return await call(*args, **given)

    explicit: Any = acall if inspect.iscoroutinefunction(function) else call
    explicit.__signature__ = inspect.signature(function).replace(parameters=shown)
    named = {*(each.name for each in shown), "return"}
    both = {**hints, **function.__annotations__}
    explicit.__annotations__ = {name: hint for name, hint in both.items() if name in named}
    return cast("Callable[..., Any]", explicit)


def _without_required(hint: Any) -> Any:
    """Return the type of an option as the type of a keyword, which is needed if it has no default."""
    found = _REQUIRED.fullmatch(getattr(hint, "__forward_arg__", ""))
    return ForwardRef(found[1], module=hint.__forward_module__) if found else hint


@cache
def _keywords(options: Any) -> tuple[Parameter, ...]:
    """Return the keywords of a TypedDict of options."""
    return tuple(_listed(options))


def _listed(options: Any) -> Iterator[Parameter]:
    """Yield them: our own first, those in groups left out, then the parameters of the API by name."""
    groups = [name for name in GROUPS if name in options.__annotations__]
    apart = () if "live" in str(options.__annotations__.get("mode", "live")) else ("mode",)
    hidden = {name for name in options.__annotations__ if name not in apart and in_group(name, *groups)}
    hidden -= {"evidence"}
    if "samples" in options.__annotations__ and "base_url" not in options.__annotations__:
        hidden |= OF_EXTRACTOR
    ours = [name for name in options.__annotations__ if name not in PARAMETERS and name not in hidden]
    theirs = sorted(name for name in options.__annotations__ if name in PARAMETERS)
    for name in (*ours, *theirs):
        usual = NOT_SENT if name in PARAMETERS else DEFAULTS.get(name)
        said = getattr(options.__annotations__[name], "__forward_arg__", "")
        required = _REQUIRED.fullmatch(said)
        default = Parameter.empty if required else usual
        annotation = required[1] if required else said or Parameter.empty
        yield Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
