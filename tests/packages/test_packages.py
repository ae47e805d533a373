"""Types that packages ship: each compiles for every target or is refused as by Pydantic, and loses no value.

The packages are not those of the project's tests: `pip install -r tests/packages/requirements.txt`.
"""

import pytest

pytest.importorskip("rstr", reason="the corpus of packages: pip install -r tests/packages/requirements.txt")

from tests.packages.trial import SEED, record_type, table, tried

pytestmark = [pytest.mark.packages, pytest.mark.filterwarnings("ignore")]


@pytest.mark.sampled(40)
@pytest.mark.parametrize("name", table())
def test_a_type_of_a_package_compiles_and_loses_no_value(name: str) -> None:
    try:
        record_type(name)
    except ImportError as error:
        pytest.skip(f"{name.split(':')[0]} is not installed: {error}")
    row = tried(name)
    assert row.passed, (f"seed {SEED}", row.refused, row.faults[:5])


def test_the_corpus_is_of_many_packages() -> None:
    assert len(table()) >= 150
    assert len({name.split(":")[0] for name in table()}) >= 50
