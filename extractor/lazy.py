"""Names that a package loads with their modules on first use (PEP 562), so that importing it is cheap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(namespace: dict[str, Any], modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module.

    - namespace: its `globals()`.
    - modules: by module, as seen from its package, the names that it has, separated by spaces.
    """
    module_of = {name: module for module, names in modules.items() for name in names.split()}

    def load(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
        module = import_module(f".{module_of[name]}", namespace["__package__"])
        return namespace.setdefault(name, getattr(module, name))

    return load
