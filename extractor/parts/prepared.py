"""A record type to be asked of models, whole or in parts, prepared once for each model."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from ..dialogue import Ask
from ..given import Text
from ..model import Model
from ..saying import Saying
from ..task import Task, mask_for
from .division import Division, PartQuestion, PartRound, divided


class Prepared:
    """What is asked of models. Safe to use from several threads.

    division: into which parts the record type is divided. tasks: for each model one for each part.
    """

    def __init__(self, models: Sequence[Model], record_type: Any, options: Mapping[str, Any]) -> None:
        """Raise ConfigError and SchemaError for what could work for no text."""
        given = dict(options)
        parts = given.pop("parts", None)
        self.models = models
        self.division: Division = divided(models, record_type, parts, given)

        def tasks(model: Model) -> tuple[Task[Any], ...]:
            said = {**given, "mask": mask_for(model, models[0], given.get("mask"))}
            if self.division.is_whole:
                return (Task(model, record_type, **said),)
            shares = self.division.shares
            return tuple(Task(model, record_type, share=each, parts=len(shares), **said) for each in shares)

        self.tasks: Callable[[Model], tuple[Task[Any], ...]] = cache(tasks)

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
        return self.tasks(model)[question.number].ask(text, part, by_row, question.rejected)
