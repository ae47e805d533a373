"""A record type to be asked of models, whole or in parts, prepared once for each model."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..dialogue import Ask
from ..given import Text
from ..model import Model
from ..saying import Saying
from ..task import Task, mask_for
from .division import Division, PartQuestion, PartRound, divided

FORMS = ("extras", "evidence")  # options that say in which form a record type is asked for
OF_RECORDS = (*FORMS, "examples", "confidence")  # options that mean nothing where a union is decided
KEPT = 256  # tasks of divisions, by model


class Prepared:
    """What is asked of models. Safe to use from several threads.

    division: into which parts the record type is divided.
    """

    def __init__(self, models: Sequence[Model], record_type: Any, options: Mapping[str, Any]) -> None:
        """Raise ConfigError and SchemaError for what could work for no text."""
        given = dict(options)
        parts = given.pop("parts", None)
        self.models = models
        self.division: Division = divided(models, record_type, parts, given)

        def tasks(model: Model, division: Division) -> tuple[Task[Any], ...]:
            said = {**given, "mask": mask_for(model, models[0], given.get("mask"))}
            if division.planned is not None:
                plain = {key: value for key, value in said.items() if key not in OF_RECORDS}
                first = Task[Any](model, division.question, parts=len(division.plan), bare=True, **plain)
                return (first, *tasks(model, division.planned))
            if division != self.division:  # of a type whose form has been given with it
                said = {key: value for key, value in said.items() if key not in FORMS}
                record_of, bare = division.record_type, True
            else:
                record_of, bare = record_type, False
            if division.is_whole:
                return (Task(model, record_of, bare=bare, **said),)
            shares = division.shares
            return tuple(
                Task(model, record_of, share=s, parts=len(shares), bare=bare, **said) for s in shares
            )

        self._tasks: Callable[[Model, Division], tuple[Task[Any], ...]] = lru_cache(KEPT)(tasks)

    def tasks(self, model: Model) -> tuple[Task[Any], ...]:
        """Return what is asked of a model, one task for each request of the plan."""
        return self._tasks(model, self.division)

    @property
    def first(self) -> Task[Any]:
        """What is asked of the first model first."""
        return self.tasks(self.models[0])[0]

    def round(self, text: Text, by_row: Saying | None = None) -> PartRound:
        """Return the first questions about a text. Raises ConfigError for one that can't be asked of."""
        task = self.first
        context = {} if self.division.is_whole else task.context_for(text, by_row)
        return self.division.first(time.monotonic(), task.model.policy.max_repairs, context)

    def ask(
        self,
        model: Model,
        question: PartQuestion,
        text: Text,
        part: str | None = None,
        by_row: Saying | None = None,
    ) -> Ask[Any]:
        """Return the first step of the dialogue about one question; see Task.ask."""
        tasks = self._tasks(model, question.of or self.division)
        return tasks[question.number].ask(text, part, by_row, question.rejected)
