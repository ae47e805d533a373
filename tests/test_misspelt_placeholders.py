"""A placeholder that the model did not copy as it was: put right where that is certain, and always told."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import Extractor
from extractor.masking import MISSPELT, TextMask
from extractor.testing import ChatServer, reply

TEXT = "Ada (ada@example.org) asks for C-123456, not C-777777. Case 5."
MASK = ["email", {"customer": r"C-\d{6}"}]


class Inquiry(BaseModel):
    mail: str
    customer: str


def asked(answer: dict[str, Any], record_type: Any = Inquiry, text: str = TEXT) -> Any:
    options: dict[str, Any] = {"mask": MASK, "max_repairs": 0}
    with ChatServer([reply(answer)]) as server, Extractor("m", base_url=server.base_url, **options) as ex:
        return ex.run(record_type, text)


@pytest.mark.parametrize(
    "written",
    [
        *("CUSTOMER_2", "customer_2", "<CUSTOMER_2>", "[CUSTOMER_2", "CUSTOMER_2]", "(Customer 2)"),
        *(
            "[customer_2]",
            "[CUSTOMER-2]",
            "[CUSTOMER_02]",
            "`[CUSTOMER_2]`",
            " [CUSTOMER 2] ",
            '"CUSTOMER_2"',
        ),
    ],
)
def test_a_value_that_is_a_misspelt_placeholder_is_put_right_and_told(written: str) -> None:
    result = asked({"mail": "email_1@masked.invalid", "customer": written})
    assert result.record == Inquiry(mail="ada@example.org", customer="C-777777")
    exact = "[CUSTOMER_2]" in written
    assert result.notes == (() if exact else (f"{MISSPELT}: /customer",))


@pytest.mark.parametrize(
    "written", ["email_1@masked", "EMAIL_1@MASKED.INVALID", "email_1", "[EMAIL_1]", "<email 1>"]
)
def test_a_misspelt_mail_address_is_put_right(written: str) -> None:
    assert asked({"mail": written, "customer": "[CUSTOMER_1]"}).record.mail == "ada@example.org"


@pytest.mark.parametrize("written", ["CUSTOMER_2 (old)", "CUSTOMER_9", "both CUSTOMER_1 and CUSTOMER_2"])
def test_what_is_not_certain_stays_and_is_told(written: str) -> None:
    result = asked({"mail": "email_1@masked.invalid", "customer": written})
    assert result.record.customer == written
    assert result.notes == (f"{MISSPELT}: /customer",)


def test_words_of_the_text_are_no_placeholder() -> None:
    result = asked(
        {"mail": "email_1@masked.invalid", "customer": "Customer 1"}, text=f"{TEXT} I am customer 1."
    )
    assert (result.record.customer, result.notes) == ("Customer 1", ())


def test_members_and_choices_with_such_names_stay_as_they_are() -> None:
    class Numbered(BaseModel):
        customer_1: str
        slot: Literal["customer_1", "customer_2"]

    result = asked({"customer_1": "[CUSTOMER_1]", "slot": "customer_2"}, Numbered)
    assert result.record == Numbered(customer_1="C-123456", slot="customer_2")


@pytest.mark.slow
@given(
    st.lists(st.text(min_size=1, max_size=8).filter(str.strip), min_size=1, max_size=3, unique=True),
    st.data(),
)
def test_whatever_is_masked_a_misspelt_placeholder_is_right_noted_or_words_of_the_text(
    values: list[str], data: st.DataObject
) -> None:
    text = " ; ".join(values)
    mask = TextMask.of(lambda text: [(i, i + len(v), "name") for v in values if (i := text.find(v)) >= 0])
    assert mask is not None
    masked = mask.hide([text])
    name = data.draw(st.sampled_from(sorted(masked.values)))
    core = name.strip("[]")
    written = data.draw(
        st.sampled_from([core, core.lower(), f"<{core}>", f"[{core}", core.replace("_", " ")])
    )
    answer = json.dumps({"a": written})
    restored = json.loads(masked.json_back(masked.misspelt.restored(answer)))["a"]
    if restored == written:
        said = "".join(masked.texts).lower()
        assert core.lower() in said.replace(name.lower(), "") or masked.note(answer), (masked, written)
    else:
        assert restored == masked.values[name]
        assert MISSPELT in str(masked.note(answer))
