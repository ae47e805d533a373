"""`mask="presidio"`, with the real presidio-analyzer: its patterns, and names by a spaCy model."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractor import ConfigError, Extractor
from extractor.masking import TextMask

spacy = pytest.importorskip("spacy", reason="presidio-analyzer is not installed")
pytest.importorskip("presidio_analyzer", reason="presidio-analyzer is not installed")
TEXT = "Ada Lovelace paid with 4111 1111 1111 1111 from DE89370400440532013000; ada@example.org, 2024-05-01."


@pytest.mark.slow
def test_presidios_patterns_hide_what_they_find_without_a_network() -> None:
    mask = TextMask.of("presidio")
    assert mask is not None
    masked = mask.hide([TEXT])
    assert masked.texts == (
        "Ada Lovelace paid with [CREDIT_CARD_1] from [IBAN_CODE_1]; email_1@masked.invalid, 2024-05-01.",
    )
    assert masked.back(masked.texts[0]) == TEXT


@pytest.mark.slow
def test_a_spacy_model_finds_names_too(tmp_path: Path) -> None:
    model = spacy.blank("en")
    ruler = model.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PERSON", "pattern": "Ada Lovelace"}])
    model.to_disk(tmp_path / "names")
    mask = TextMask.of(f"presidio:{tmp_path / 'names'}")
    assert mask is not None
    assert mask.hide([TEXT]).texts[0].startswith("[PERSON_1] paid with [CREDIT_CARD_1]")


def test_a_spacy_model_that_is_not_here_is_named_and_not_downloaded() -> None:
    with pytest.raises(ConfigError, match="python -m spacy download en_core_web_none"):
        Extractor("m", base_url="http://127.0.0.1:9/v1", mask="presidio:en_core_web_none")
