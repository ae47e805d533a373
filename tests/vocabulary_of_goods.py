"""A made-up vocabulary of goods, and texts about them with the right code. The seed fixes all of it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import product

from extractor import Vocabulary

THINGS = """
pump valve hose filter bearing gasket motor switch relay cable sensor fuse lamp bracket bolt nut washer
screw spring hinge lock handle wheel axle gear chain belt pulley clamp pipe flange elbow tank boiler
radiator fan heater cooler compressor nozzle gauge meter timer display keyboard printer scanner battery
charger adapter antenna speaker microphone camera lens mirror glass frame panel door window shelf drawer
"""
KINDS = """
hydraulic pneumatic electric manual thermal optical magnetic rotary linear digital submersible portable
stationary foldable adjustable heated insulated sealed ventilated reinforced
"""
STUFFS = "steel brass copper plastic rubber ceramic aluminium wooden carbon nylon"
USES = """
ships kitchens railways laboratories gardens hospitals mines aircraft vehicles offices farms pools breweries
workshops warehouses
"""
FILLER = (
    "Please find our order below",
    "Delivery is expected within two weeks to the usual address",
    "We thank you for the prompt answer to our last letter",
    "The invoice goes to the head office",
    "Our driver can collect the goods in the morning",
    "Kindly confirm the date by return of post",
)


def entries(count: int, seed: int = 1) -> dict[str, str]:
    """Return so many codes, each with a label of its own."""
    every = [
        f"{thing}, {kind}, {stuff}, for {use}"
        for thing, kind, stuff, use in product(THINGS.split(), KINDS.split(), STUFFS.split(), USES.split())
    ]
    labels = random.Random(seed).sample(every, count)
    return {f"{8000 + i // 100}.{i % 100:02}": label for i, label in enumerate(sorted(labels))}


def vocabulary(count: int, seed: int = 1) -> Vocabulary:
    return Vocabulary(entries(count, seed), "goods")


def texts(goods: Mapping[str, str], count: int, seed: int = 2) -> list[tuple[str, str]]:
    """Return letters, each about one of the goods with its code: the words of the label in another order, in
    the plural, one of them left out or misspelt.
    """
    rng = random.Random(seed)
    found = []
    for code in rng.sample(sorted(goods), count):
        thing, kind, stuff, use = goods[code].split(", ")
        words = [kind, stuff, f"{thing}s"]
        rng.shuffle(words)
        change = rng.randrange(4)
        if change == 0:
            del words[rng.randrange(2)]
        elif change == 1:
            words[-1] = words[-1][:-2] + words[-1][-1] + words[-1][-2]
        said = f"We need {rng.randint(2, 90)} {' '.join(words)} {use}"
        letter = [*rng.sample(FILLER, 4), said]
        rng.shuffle(letter)
        found.append((". ".join(letter), code))
    return found
