"""Several answers to each text, tried by tuning, kept in its file and asked for by whoever uses it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from extractor import AsyncExtractor, Chunks, ConfigError, Extractor, Price, Run, tables
from extractor.engines.step import ArrowStep
from extractor.evaluation import promise
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply
from extractor.tuned import Tuned
from extractor.tuning import tune
from tests.tuning.test_tuning import FINGERPRINT, Visit, cases, gold_of, text_of

VOTES = Tuned("m", FINGERPRINT, samples=3)


def errs(every: int) -> Callable[[ReceivedRequest], Scripted]:
    """Return a model that answers each text rightly, but for every so many requests."""
    asked = 0

    def answer(request: ReceivedRequest) -> Scripted:
        nonlocal asked
        said = str(request.json["messages"])
        if "You describe the fields" in said:
            return reply({"fields": []})
        if "Proposal" in said:
            return reply({"instructions": "Be careful."})
        asked += 1
        i = int(re.findall(r"(\d+): a visit", request.json["messages"][-1]["content"])[-1])
        return reply({**gold_of(i), "code": f"?{asked}"} if asked % every == 0 else gold_of(i))

    return answer


@pytest.mark.slow
def test_votes_that_help_are_found_and_whoever_takes_the_file_asks_as_often(tmp_path: Path) -> None:
    doubtful: Any = {"below": 0.1, "escalate": "review"}
    with ChatServer(errs(3)) as server, Extractor("m", base_url=server.base_url, **doubtful) as ex:
        found = tune(ex, Visit, cases(40), try_samples=(3,), run=Run(journal=False, concurrency=1))
    assert found.tuned is not None, found.why
    assert (found.tuned.samples, found.after and found.after.value) == (3, 1.0)
    assert found.tuned.second == "review"
    assert found.trials[-1].candidate == "3 answers, which vote"
    (tmp_path / "t.json").write_text(found.tuned.to_json())
    with (
        ChatServer(errs(3)) as server,
        Extractor("m", base_url=server.base_url, tuned=tmp_path / "t.json", **doubtful) as ex,
    ):
        result = ex.run(Visit, text_of(3))
        assert (result.record, len(result.attempts)) == (Visit(**gold_of(3)), 3)


@pytest.mark.slow
def test_votes_are_not_tried_unless_asked_for_nor_beyond_the_budget() -> None:
    with ChatServer(errs(3)) as server, Extractor("m", base_url=server.base_url) as ex:
        least = 12 + 2 * 12 + 12
        none = tune(ex, Visit, cases(40), max_requests=least, run=Run(journal=False))
        few = tune(ex, Visit, cases(40), try_samples=(9,), max_requests=170, run=Run(journal=False))
    assert not any("answers" in each.candidate for each in none.trials)
    assert "9 answers, which vote" in few.skipped
    assert few.requests <= 170


@pytest.mark.slow
def test_each_verb_asks_as_often_as_was_tuned_but_for_a_call_that_says_so_itself(tmp_path: Path) -> None:
    texts = [text_of(1), text_of(2)]
    frame = pd.DataFrame({"body": texts})
    (tmp_path / "in.csv").write_text("body\n" + "\n".join(texts) + "\n")

    async def both(url: str) -> None:
        async with AsyncExtractor("m", base_url=url, tuned=VOTES) as ex:
            assert len((await ex.run(Visit, texts[0])).attempts) == 3
            async for row in ex.rows(texts, Visit, run=Run(journal=False)):
                assert row.extraction is not None
                assert len(row.extraction.attempts) == 3

    with ChatServer(errs(99)) as server, Extractor("m", base_url=server.base_url, tuned=VOTES) as ex:
        run = Run(journal=False)
        assert [len(r.extraction.attempts) for r in ex.rows(texts, Visit, run=run) if r.extraction] == [3, 3]
        assert ex.estimate(texts, Visit, run=run).requests == 6
        assert "visit_confidence" in ex.frame(frame, Visit, text="body", run=run)
        written = tables.run(
            tmp_path / "in.csv", Visit, into=tmp_path / "o.jsonl", text="body", model=ex, run=run
        )
        assert written.ok == 2
        assert '"visit_confidence"' in (tmp_path / "o.jsonl").read_text()
        assert len(ex.run(Visit, texts[0], samples=1).attempts) == 1
        assert [*ex.stream(Visit, texts[0], samples=1)][-1].record == Visit(**gold_of(1))
        whole = ex.document(Visit, texts[0], chunks=Chunks(window=8000), run=run)
        assert whole.chunks[0].extraction is not None
        assert len(whole.chunks[0].extraction.attempts) == 3
        assert promise(ex, Visit, cases(3), right=0.5, run=run).samples == 3
        asyncio.run(both(server.base_url))
        before = len(server.requests)
        step = ArrowStep(Visit, text="body", model="m", base_url=server.base_url, tuned=VOTES, run=run)
        (batch,) = step(iter([pa.RecordBatch.from_pylist([{"body": text} for text in texts])]))
        assert "visit_confidence" in batch.schema.names
        assert len(server.requests) - before == 6


def test_calls_that_cannot_do_as_was_tuned_say_what_to_do(tmp_path: Path) -> None:
    with ChatServer() as server, Extractor("m", base_url=server.base_url, tuned=VOTES) as ex:
        with pytest.raises(ConfigError, match="tuned= asks for several: give samples=1"):
            ex.rows(["x"], Visit, run=Run(journal=tmp_path / "j.db", mode="batch"))
        with pytest.raises(ConfigError, match="give it an Extractor without tuned="):
            ex.update(Visit(town="Ulm", code="UL"), "Now in Bern.")
        with pytest.raises(ConfigError, match="split asks for something else"):
            ex.split("Two letters.", Visit)
        for stream in (ex.stream, ex.items):
            with pytest.raises(ConfigError, match="a stream is one answer, but tuned= asks for 3: give sam"):
                stream(Visit, "x")
        assert server.requests == ()


def test_what_was_tuned_with_a_second_model_is_refused_with_another_one_and_without_any() -> None:
    at: Any = {"base_url": "http://127.0.0.1:9/v1", "below": 0.5}
    made = Tuned("m", FINGERPRINT, second="large")
    with Extractor("large", base_url=at["base_url"]) as large:
        assert Extractor("m", **at, escalate=large, tuned=made).escalates_to == "large"
        assert Extractor("m", **at, escalate=large, tuned=VOTES).escalates_to == "large"  # made with none
    for given, named in (({}, "without escalate="), ({**at, "escalate": "review"}, "with review")):
        with pytest.raises(ConfigError, match=f"with escalate= to large, and can't be used {named}"):
            Extractor("m", **{"base_url": at["base_url"], **given}, tuned=made)


@pytest.mark.parametrize(
    ("options", "client", "why"),
    [
        ({"try_samples": (3,), "samples": 2}, {}, "can't be used if samples= is given"),
        ({"try_samples": (1,)}, {}, "must be numbers from 2 on"),
        ({"try_samples": (3,)}, {"temperature": 0}, "at 0 all answers are the same"),
        ({"try_samples": (3,), "seed_": 1}, {"seed": 7}, "leave the seed out"),
        ({"samples": 3, "max_requests": 100}, {}, "max_requests must be at least 144"),
    ],
)
def test_votes_that_cannot_be_tried_are_refused_before_anything_is_asked(
    options: dict[str, Any], client: dict[str, Any], why: str
) -> None:
    options.pop("seed_", None)
    with ChatServer() as server, Extractor("m", base_url=server.base_url, **client) as ex:
        with pytest.raises(ConfigError, match=why):
            tune(ex, Visit, cases(40), **options)
        assert server.requests == ()


@pytest.mark.slow
def test_dollars_and_tokens_of_the_proof_are_kept_back() -> None:
    with ChatServer(errs(3)) as server:
        prices = {"m": Price(input=1, output=1)}
        with Extractor("m", base_url=server.base_url, prices=prices) as ex:
            one = ex.run(Visit, text_of(1)).usage.total_tokens
            most = one * 70
            found = tune(ex, Visit, cases(40), max_tokens_total=most, run=Run(journal=False))
    assert len(found.trials) >= 2
    assert found.tokens <= most
