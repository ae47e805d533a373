"""What is asked at present is asked once: the others wait for what comes."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from extractor.bulk.exchange.single_flight import SingleFlight

KEY = b"key"


def test_those_who_ask_the_same_get_what_the_first_hands_over() -> None:
    async def main() -> None:
        flights: SingleFlight[str] = SingleFlight()
        with flights.asking(KEY) as hand_over:
            assert KEY in flights
            others = [asyncio.create_task(flights.shared(KEY)) for _ in range(3)]
            await asyncio.sleep(0)
            hand_over("answer")
        assert KEY not in flights
        assert await asyncio.gather(*others) == ["answer"] * 3

    asyncio.run(main())


def test_where_there_is_nothing_to_share_the_others_are_told_so() -> None:
    async def main() -> None:
        flights: SingleFlight[str] = SingleFlight()
        with suppress(ValueError), flights.asking(KEY):
            other = asyncio.create_task(flights.shared(KEY))
            await asyncio.sleep(0)
            raise ValueError
        assert await other is None
        assert KEY not in flights

    asyncio.run(main())


def test_one_who_waits_no_more_takes_nothing_from_the_others() -> None:
    async def main() -> None:
        flights: SingleFlight[str] = SingleFlight()
        with flights.asking(KEY) as hand_over:
            gone, stays = (asyncio.create_task(flights.shared(KEY)) for _ in range(2))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.sleep(0)
            hand_over("answer")
        assert await stays == "answer"
        assert gone.cancelled()

    asyncio.run(main())
