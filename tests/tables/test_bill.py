"""What a run has cost, and all the runs over one output; what is not known stays unknown."""

from __future__ import annotations

import pickle
from decimal import Decimal
from pathlib import Path

import pytest

from extractor import BudgetExceeded, Extractor, Price, Run, RunStopped, tables
from extractor.bulk.limits.budget import RunBudget, rounded_up
from extractor.tables.bill import Bill, BillBook
from extractor.testing import ChatServer
from tests.tables.towns import Visit, visit

DOLLAR = Decimal(1)
PRICES = {"m": Price(input=100, output=100)}  # US dollars for a million tokens


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def settled(cost: Decimal | None, goes_on: bool, reads_back: bool, name: str = "mails.csv") -> Bill:
    book = BillBook("/out.jsonl", name)
    book.begin()
    return book.settle(cost, goes_on, reads_back)


def test_the_runs_over_one_output_add_up() -> None:
    assert settled(DOLLAR, False, False).total == 1
    assert settled(DOLLAR, True, False).total == 2
    assert settled(Decimal(0), False, True).costs == (1, 1, 0)
    assert settled(DOLLAR, True, False, "bad.jsonl").total == 3, (
        "a quarantine that is fed again is another input"
    )


def test_a_run_that_begins_anew_has_a_bill_of_its_own() -> None:
    settled(DOLLAR, False, False)
    assert settled(DOLLAR, False, False).costs == (1,)
    assert settled(DOLLAR, False, True, "other.csv").total is None, "who paid for its answers is not known"


def test_the_cost_of_a_run_that_was_killed_stays_unknown() -> None:
    settled(DOLLAR, False, False)
    BillBook("/out.jsonl", "mails.csv").begin()
    assert settled(DOLLAR, True, False).costs == (1, None, 1)
    assert settled(DOLLAR, True, False).total is None


def test_what_a_killed_run_is_known_to_have_cost_is_a_lower_bound_of_the_bill() -> None:
    settled(DOLLAR, False, False)
    book = BillBook("/out.jsonl", "mails.csv")
    book.begin()
    for least, elapsed in [(0, 0.5), (2, 1.5), (3, 2.0), (4, 2.6), (4, 9.0)]:
        book.tell(Decimal(least), elapsed)  # written once a second: at 1.5, and at 2.6
    bill = settled(DOLLAR, True, False)
    assert (bill.costs, bill.total, bill.least) == ((1, None, 1), None, 6)
    assert settled(DOLLAR, True, False).least == 7, "it is kept for the runs that follow"
    assert settled(None, True, False).least == 7


def test_a_bill_that_is_not_there_or_damaged_is_unknown_and_not_zero() -> None:
    assert settled(DOLLAR, True, False).total is None
    (bill,) = Path("cache/bills").iterdir()
    for damaged in ('{"of": "mails.csv", "costs": ["much"]}', '{"costs": 3}', "[]", "{"):
        bill.write_text(damaged)
        assert settled(DOLLAR, True, False).costs == (None, 1)


def test_a_summary_says_what_this_run_cost_and_what_all_did() -> None:
    Path("mail").mkdir()
    for number in range(6):
        Path(f"mail/{number}.txt").write_text(f"Bonn {number}")
    with ChatServer(visit) as server, Extractor("m", base_url=server.base_url, prices=PRICES) as ex:
        run = Run(max_cost=0.5, concurrency=1, progress=False)  # each request may cost 0.49
        with pytest.raises(BudgetExceeded) as stopped:
            tables.run("mail", Visit, into="o.jsonl", run=run, model=ex)
        part = stopped.value.partial
        assert stopped.value.needed == Decimal("0.5")
        assert f"only ${Decimal('0.5') - part.cost:.6f} of max_cost=0.5 are left" in str(stopped.value)
        assert 0 < part.ok < 6
        assert part.costs == f"Cost: ${part.cost:.4f}."
        rest = tables.run("mail", Visit, into="o.jsonl", resume=True, model=ex)
        assert (rest.earlier, rest.ok) == (part.ok, 6 - part.ok)
        assert rest.bill.total == part.cost + rest.cost
        assert f"${rest.cost:.4f} in this run, ${rest.bill.total:.4f} in all 2 runs." in str(rest)


def test_a_cap_that_allows_no_request_says_which_one_would() -> None:
    Path("mail.txt").write_text("Bonn")
    with ChatServer(visit) as server, Extractor("m", base_url=server.base_url, prices=PRICES) as ex:
        with pytest.raises(BudgetExceeded, match=r"raise it to 0\.4\d at least") as stopped:
            tables.run("mail.txt", Visit, into="o.jsonl", run=Run(max_cost=0.01), model=ex)
        assert not server.requests
        enough = stopped.value.needed
        assert tables.run("mail.txt", Visit, into="o.jsonl", run=Run(max_cost=enough), model=ex).ok == 1


@pytest.mark.parametrize(
    ("cost", "least"), [("0.00841", "0.0085"), ("0.0084", "0.0084"), ("123.4", "130"), ("0.999", "1")]
)
def test_an_amount_is_rounded_up_to_two_digits(cost: str, least: str) -> None:
    assert str(rounded_up(Decimal(cost))) == least


def test_the_error_of_a_cap_survives_pickling_with_what_it_needs() -> None:
    error = RunBudget(DOLLAR).exceeded(DOLLAR * 2)
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, RunStopped)
    assert (str(again), again.needed) == (str(error), 2)
