"""The base of both clients: models, copies, repr, and the start of calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, Unpack, cast

from ..config import fallback_at
from ..dialogue import Ask
from ..errors import ConfigError
from ..escalating import Escalating
from ..given import Text, context_of
from ..messages import Mode
from ..model import Model
from ..options import (
    ANSWERS_DEPEND_ON,
    ClientOptions,
    ExtractOptions,
    UpdateOptions,
)
from ..parts import Prepared
from ..readers.given import opened, read_as, text_of
from ..saying import reread
from ..secrets import Environment
from ..settings import Settings
from ..signatures import explicit
from ..task import Task, mask_for
from ..updating import TASK, Updating

if TYPE_CHECKING:
    from ..bulk import SecondModel
    from ..connections import AsyncModelConnection, ModelConnection
    from ..documents.second import DocumentEscalation

Link = TypeVar("Link", "ModelConnection", "AsyncModelConnection")
OF_ALL_MODELS = (  # options that hold for a second model, too
    *("mask", "max_repairs", "max_retries", "timeout", "deadline", "prices", "proxy", "verify", "http2"),
    *("on_event", "capture_content", "instructions", "reference_date", "locale"),
)
AT_HOST = ("base_url", "api_key", "provider", "extra_headers")  # what belongs to one host


class BaseClient(Generic[Link]):
    """What both clients share: their models with their connections, how they are copied and printed."""

    def __init__(self, link: type[Link], model: str | None, given: Any, options: ClientOptions) -> None:
        environment = Environment(os.environ)
        settings = Settings.of(model, options, environment)
        headers: Any = {"extra_headers": settings.headers} if options.get("extra_headers") else {}
        self._arguments: dict[str, Any] = {"model": model, **options, **headers}
        self._arguments.pop("api_key", None)
        first = Model(settings, options)
        self._own: dict[Model, Link] = {first: link(first, given)}  # what is closed with this one
        self._first = first
        self._links: dict[Model, Link] = dict(self._own)
        for other in _listed(options.get("fallback")):
            if isinstance(other, type(self)):
                self._links.update(other._links)
            else:
                named = self._fallback(other, first, options, environment)
                self._links[named] = self._own[named] = link(named)
        self._own_second: Any = self._second(options)
        second = self._own_second or options.get("escalate")
        self._escalating = Escalating.of(options.get("below"), second, type(self), self.masks)
        if settings.tuned is not None:
            settings.tuned.check_second(self.escalates_to)

    def _second(self, options: ClientOptions) -> Any:
        """Return a client of the second model if it is named, with the options that fit any model."""
        named, kind = named_second(options), cast(Any, type(self))
        return kind(**named) if named else None

    @property
    def masks(self) -> bool:
        """Whether values are hidden from the model."""
        return self._first.settings.mask is not None

    @property
    def asked_with(self) -> dict[str, Any]:
        """The options of this client on which its answers depend: none that are secret."""
        return {name: value for name, value in self._arguments.items() if name in ANSWERS_DEPEND_ON}

    @property
    def samples(self) -> int:
        """How many answers a call asks for if it does not say so: what tuning found, else 1."""
        tuned = self._first.settings.tuned
        return (tuned.samples if tuned else None) or 1

    @property
    def escalates(self) -> bool:
        """Whether `escalate` says where doubtful values go."""
        return self._escalating is not None

    @property
    def escalates_to(self) -> str | None:
        """The name of the second model, "null" or "review": where doubtful values go, None if nowhere."""
        return None if self._escalating is None else self._escalating.to

    @property
    def tells_confidence(self) -> bool:
        """Whether results tell how sure each value is, though no call asks for it."""
        return self._escalating is not None or self.samples > 1

    def _voting(self, options: Any) -> None:
        """Let a call that does not say how many answers it asks for ask for the tuned number of them."""
        if self.samples > 1:
            options.setdefault("samples", self.samples)

    def _alone(self, verb: str) -> None:
        """Refuse a verb that puts no values to a second model. Raises ConfigError if it would have to."""
        if self._escalating is not None:
            raise ConfigError(
                f"escalate= is for run, extract, stream, document, rows and frame; {verb} asks only one "
                "model: give it an Extractor without escalate="
            )

    def _untuned(self, verb: str) -> None:
        """Refuse a verb that does not ask for the record type that was tuned. Raises ConfigError."""
        if self._first.settings.tuned is not None:
            raise ConfigError(
                f"tuned= is for calls that extract a record; {verb} asks for something else: give it an "
                "Extractor without tuned="
            )

    def _second_model(self, record_type: Any, options: Any) -> SecondModel | None:
        """Return the model that a run puts doubtful values to. `options` become those of its requests."""
        self._voting(options)
        how = self._doubting(record_type, options)
        if how is None or how.second is None:
            return None
        from ..bulk import SecondModel

        model: Model = how.second._first
        return SecondModel(
            model.name,
            partial(model.policy.budget.price, model.name),
            lambda result: how.doubt(record_type, result) is not None,
        )

    def _second_of_document(self, record_type: Any, options: Any) -> DocumentEscalation | None:
        """Return where the doubtful values of a document go, None if nothing is said of them. Raises
        ConfigError.
        """
        self._voting(options)
        how = self._doubting(record_type, options)
        if how is None:
            return None
        from ..documents.second import DocumentEscalation

        if how.second is not None and how.second._escalating is not None:
            raise ConfigError(
                "escalate=: in `document` the second model can't have a second model of its own"
            )
        return DocumentEscalation(how, None if how.second is None else how.second._models)

    def _doubting(self, record_type: Any, options: Any) -> Escalating | None:
        """Return what becomes of doubtful values in a call, which then has their confidence."""
        found = self._escalating
        if found is not None:
            if options.get("mask") is not None and found.second is not None and not found.second.masks:
                raise ConfigError(
                    "escalate=: this Extractor masks its texts, but the second model has no mask"
                )
            found.check(record_type, self.model, options.get("samples", 1))
            options["confidence"] = options.get("confidence") or True
        return found

    def _fallback(
        self, name: Any, first: Model, options: ClientOptions, environment: Mapping[str, str]
    ) -> Model:
        """Return a fallback model by its name, with this client's options. Raises ConfigError if it does
        not take them, and where texts would go to a host that nobody has named.
        """
        kind = type(self).__name__
        if not isinstance(name, str):
            raise ConfigError(f"fallback= must be names of models or {kind}s, not {name!r:.80}")
        given, url = self._arguments["model"], options.get("base_url")
        try:
            model, here = fallback_at(name, given, first.settings.config, url, environment)
            left = ("fallback", "tuned") if here else ("fallback", "tuned", *AT_HOST)
            same = cast(ClientOptions, {key: value for key, value in options.items() if key not in left})
            return Model(Settings.of(model, same, environment), same)
        except ConfigError as error:
            also = f"fallback= can also be an {kind} with its own options"
            raise ConfigError(f"the fallback model {name!r}: {error} ({also})") from error

    @explicit
    def with_options(self, model: str | None = None, **options: Unpack[ClientOptions]) -> Self:
        """Return a client that is this one but for some options, such as `timeout` or another `model`.

        It uses this one's connections where it goes to the same server, and does not close them. A key and
        headers of this one go to no other server: with another base_url, or a model of another provider,
        give them anew. Raises ConfigError, as Extractor does.
        """
        mine, key = self._first.settings, self._first.settings.config.api_key
        kept = {name: value for name, value in self._arguments.items() if name != "model"}
        if key:
            kept["api_key"] = key.reveal
        url = options.get("base_url", kept.get("base_url"))
        if model is not None and "base_url" not in options:
            environment = Environment(os.environ)
            own = self._arguments["model"]
            model, here = fallback_at(model, own, mine.config, kept.get("base_url"), environment)
        else:
            model, here = model or self._arguments["model"], url == kept.get("base_url")
        if not here:
            kept = {name: value for name, value in kept.items() if name not in AT_HOST}
        client: Any = type(self)
        other: Self = client(model, http_client=self._links[self._first].given, **{**kept, **options})
        other._borrow(self._links)
        return other

    def _borrow(self, links: Mapping[Model, Link]) -> None:
        """Use connections that are there to the same servers, and what was learnt of the same models."""
        for model, link in self._own.items():
            place = _place(model)
            lender: Any = next((each for known, each in links.items() if _place(known) == place), None)
            link.lender = lender
            same = [known for known in links if (known.name, _place(known)) == (model.name, place)]
            if same and same[0].settings.modes == model.settings.modes:
                model.learnt = same[0].learnt

    @property
    def model(self) -> str:
        """The model's name, as it is sent."""
        return self._first.name

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes in which a record may be asked for, best first, as far as the server is known."""
        return self._first.learnt.modes

    def __copy__(self) -> Self:
        return self.with_options()

    def __deepcopy__(self, memo: Any) -> Self:
        return self.with_options()

    def __reduce__(self) -> tuple[Any, ...]:
        """A key is not pickled: the copy reads its own from the environment. Raises TypeError for what
        else must not leave the process, and cannot be found there.
        """
        if self._first.settings.connection.has_password:
            raise TypeError("the proxy's password is not pickled: name the proxy in the environment")
        return _remake, (type(self), self._arguments)

    def __repr__(self) -> str:
        first: Model | None = getattr(self, "_first", None)
        if first is None:  # its making has failed, and a traceback shows it
            return f"{type(self).__name__}(not made)"
        config = first.settings.config
        where = config.base_url or "in this process"
        return f"{type(self).__name__}({config.provider.name}:{config.model} at {where})"


def named_second(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a second model's client where `escalate` names one; else {}."""
    name = options.get("escalate")
    if not isinstance(name, str) or name in ("null", "review"):
        return {}
    return {"model": name, **{key: value for key, value in options.items() if key in OF_ALL_MODELS}}


def prepared(links: Mapping[Model, Any], record_type: Any, options: ExtractOptions) -> Prepared:
    """Return what is asked of the models, prepared once for each. Raises ConfigError and SchemaError."""
    given = {**options, "examples": reread(options.get("examples"))}  # a fallback model reads them again
    return Prepared(tuple(links), record_type, given)


def updating(
    links: Mapping[Model, Any], record: Any, text: Any, record_type: Any, options: UpdateOptions
) -> tuple[Updating[Any], Prepared]:
    """Return what a record's update is made of, and what is asked of the models. Raises ConfigError,
    SchemaError, and Invalid for a record that is none of its type.
    """
    said = text_of(opened(read_as(text, options)))
    if not isinstance(said, str) or not said.strip():
        raise ConfigError(
            "update takes a text that is not empty, or a document that has one; the order is "
            "update(record, text)"
        )
    given: dict[str, Any] = dict(options)
    task = Updating.of(record, said, record_type, context_of(said, given.pop("context", None)))
    told = "\n\n".join(filter(None, (TASK, given.pop("instructions", None))))
    asked_with: Any = {**given, "instructions": told, "parts": "never"}
    return task, prepared(links, task.asked, asked_with)


def extracting(
    first: Model, record_type: Any, text: Text, options: ExtractOptions
) -> Callable[[Model], Ask[Any]]:
    """Return what begins an extraction that is one request, prepared once for each."""
    given: dict[str, Any] = {**options, "examples": reread(options.get("examples"))}  # read by each model
    given.pop("parts", None)

    @cache
    def task(model: Model) -> Task[Any]:
        return Task[Any](model, record_type, **{**given, "mask": mask_for(model, first, given.get("mask"))})

    return lambda model: task(model).ask(text)


def context_for(text: Text, options: ExtractOptions) -> dict[str, Any]:
    """Return what validators find in `info.context` before there is a reply."""
    return context_of(text, options.get("context"))


def _place(model: Model) -> Any:
    """Return what two models have in common that can share connections."""
    return model.place, model.settings.connection


def _listed(given: Any) -> Sequence[Any]:
    return given if isinstance(given, Sequence) and not isinstance(given, str) else [given] if given else ()


def _remake(client: type[Any], arguments: Mapping[str, Any]) -> Any:
    return client(**arguments)
