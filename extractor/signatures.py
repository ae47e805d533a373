"""What `help()` and completion show of a call: each keyword with its type and default, not `**options`; and
what a wrong keyword is told as where Python would only say that an argument is missing.

The calls themselves take `**options: Unpack[...]`, which type checkers read. That is not changed here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache, wraps
from inspect import Parameter
from typing import Any, TypeVar, cast

from .errors import ConfigError
from .groups import GROUPS, in_group
from .options import INSTEAD, PARAMETERS, unknown

T = TypeVar("T")
_UNPACKED = re.compile(r"Unpack\[(\w+)\]")
_REQUIRED = re.compile(r"Required\[(.+)\]")


class Otherwise:
    """A default that is no value: what happens where nothing is said."""

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
    "max_calls": 200,
    "max_line_bytes": 4_194_304,
    "max_repairs": 2,
    "max_reply_bytes": 16_777_216,
    "max_retries": 4,
    "max_rounds": 10,
    "mode": "auto",
    "ocr": "auto",
    "on": {},
    "page_images": False,
    "parts": "auto",
    "prices": {},
    "prompt": PROVIDERS_OWN,
    "proxy": Otherwise("the environment's"),
    "read_values": False,
    "samples": 1,
    "strict_reading": False,
    "text_form": "plain",
    "timeout": PROVIDERS_OWN,
    "tools": (),
    "turns": "any",
    "verify": True,
}


def explicit(function: T) -> T:
    """Return a function, or a class with its public methods, that shows its keywords and tells wrong ones."""
    if isinstance(function, type):
        for name, method in list(vars(function).items()):
            if inspect.isfunction(method) and (name == "__init__" or not name.startswith("_")):
                setattr(function, name, explicit(method))
    elif inspect.isfunction(function):
        _show(function)
        return cast(T, _hinting(function))
    return function


def telling(form: str, instead: Mapping[str, str]) -> Callable[[T], T]:
    """Return a decorator for a function whose wrong keywords are named, where Python would name only those
    that are missing. Its call then raises ConfigError. form: how it is called. instead: which of its keywords
    is meant by names that others have.
    """

    def decorated(function: Any) -> Any:
        shown, known = inspect.signature(function).parameters, frozenset(_taken_by(function))

        @wraps(function)
        def call(*args: Any, **given: Any) -> Any:
            _check_call(
                form, instead, shown, args, {k: v for k, v in given.items() if k not in known - {*shown}}
            )
            return function(*args, **given)

        return call

    return decorated


def _check_call(
    form: str,
    instead: Mapping[str, str],
    shown: Mapping[str, Parameter],
    args: Sequence[Any],
    given: Mapping[str, Any],
) -> None:
    for name in given:
        if name in shown or name in INSTEAD or in_group(name, *GROUPS):
            continue
        near = [instead[name]] if name in instead else get_close_matches(name, shown, 1, 0.75)
        if near:
            raise ConfigError(f"there is no {name!r} here: did you mean {near[0]}=? The call is {form}")
    placed = [each.name for each in shown.values() if each.kind is Parameter.POSITIONAL_OR_KEYWORD]
    if len(args) > len(placed):
        raise ConfigError(f"what comes after {' and '.join(placed)} is named: it is {form}")
    needed = [name for name, each in shown.items() if each.default is Parameter.empty]
    missing = [name for name in needed if name not in given and name not in placed[: len(args)]]
    if missing:
        also = [name for name in given if name not in shown and not in_group(name, *GROUPS)]
        said = f", and there is no {also[0]!r} here" if also else ""
        raise ConfigError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing{said}: it is {form}"
        )


def _hinting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as one that tells wrong keywords, in one more frame."""
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def acall(*args: Any, **given: Any) -> Any:
            try:
                begun = function(*args, **given)
            except TypeError as error:
                raise _told(function, given, error) from None
            return await begun

        return acall

    @wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        try:
            return function(*args, **given)
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                raise  # it was begun
            raise _told(function, given, error) from None

    return call


def _told(function: Callable[..., Any], given: Mapping[str, Any], error: TypeError) -> Exception:
    """Return what to raise where a call does not fit its function."""
    own = function.__code__.co_varnames[: function.__code__.co_argcount + function.__code__.co_kwonlyargcount]
    known = {*own, *inspect.signature(function).parameters, *(_taken_by(function))}
    for name in given:
        if name not in known:
            near = get_close_matches(name, own[1:], 1, 0.75)
            said = f"{name!r} is not a keyword here; did you mean {near[0]!r}?" if near else unknown(name)
            return ConfigError(f"{said} ({error})")
    return error


def _taken_by(function: Callable[..., Any]) -> Iterator[str]:
    """Yield the names that a function's `**options` takes, those in groups too."""
    for annotation in function.__annotations__.values():
        if found := _UNPACKED.fullmatch(str(annotation)):
            yield from inspect.unwrap(function).__globals__[found[1]].__annotations__


def _show(function: Callable[..., Any]) -> None:
    signature = inspect.signature(function)
    shown = [each for part in signature.parameters.values() for each in _spelt_out(part, function)]
    function.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]


def _spelt_out(parameter: Parameter, function: Callable[..., Any]) -> Iterator[Parameter]:
    """Yield the keywords that a parameter stands for: it alone, unless it is `**options: Unpack[...]`."""
    found = _UNPACKED.fullmatch(str(parameter.annotation))
    if parameter.kind is not Parameter.VAR_KEYWORD or found is None:
        yield parameter
        return
    named = inspect.signature(function).parameters
    yield from (each for each in _keywords(function.__globals__[found[1]]) if each.name not in named)


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
