"""What needs to be known of any type's outline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, PlainSerializer, Secret, SecretBytes, SecretStr, field_serializer
from typing_extensions import TypedDict

from tests.record_types import hidden_in


class Login(BaseModel):
    user: str
    password: SecretStr
    keys: dict[str, SecretBytes] = {}
    pin: Secret[int] | None = None
    inner: Login | None = None
    shown: Annotated[SecretStr, PlainSerializer(lambda each: each.get_secret_value())] = SecretStr("")


class Shown(BaseModel):
    password: SecretStr

    @field_serializer("password", when_used="json")
    def written(self, password: SecretStr) -> str:
        return password.get_secret_value()


@dataclass
class Pair:
    first: SecretStr
    second: Login


class Typed(TypedDict):
    token: SecretStr


@pytest.mark.parametrize(
    ("record_type", "hidden"),
    [
        (Login, ["keys", "password", "pin"]),
        (Shown, []),
        (Pair, ["first", "keys", "password", "pin"]),
        (Typed, ["token"]),
        (list[Typed], ["token"]),
        (str, []),
        ({"type": "string", "writeOnly": True}, []),
    ],
)
def test_members_that_are_written_as_asterisks_are_known(record_type: Any, hidden: list[str]) -> None:
    assert hidden_in(record_type) == hidden
