"""A code of a long list: each letter is given the article that it is about, out of a catalogue of 648.

For each text the model sees the six likeliest articles. `Vocabulary.read("catalogue.csv")` reads a catalogue
of your own.
"""

from itertools import product
from typing import Annotated

from pydantic import BaseModel

from extractor import Coded, Extractor, Vocabulary

GOODS = ("pump", "valve", "hose", "filter", "bearing", "gasket", "motor", "switch", "relay")
STUFFS = ("steel", "brass", "copper", "plastic", "rubber", "ceramic", "aluminium", "nylon")
USES = ("ships", "kitchens", "railways", "laboratories", "gardens", "hospitals", "mines", "farms", "pools")
CATALOGUE = Vocabulary(
    {
        f"{1000 + i}": f"{thing}, {stuff}, for {use}"
        for i, (thing, stuff, use) in enumerate(product(GOODS, STUFFS, USES))
    },
    name="the catalogue",
)


class Order(BaseModel):
    """What is ordered."""

    article: Annotated[str | None, Coded(CATALOGUE, shown=6)] = None
    pieces: int | None = None


if __name__ == "__main__":
    letters = [
        "Please send 12 brass valves of the kind for ships.",
        "We need four gaskets for our swimming pools, the rubber ones.",
    ]
    with Extractor(max_tokens=100) as extractor:
        for letter in letters:
            result = extractor.run(Order, letter)
            print(result.record, *result.notes, sep="\n  ")
            print("  shown:", ", ".join(result.shown["/article"].codes))
