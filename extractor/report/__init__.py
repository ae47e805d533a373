"""Records beside their texts and documents, on one self-contained page: values in, HTML out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .assembling import assembled as assembled
    from .derivation import derived as derived
    from .derivation import derived_of as derived_of
    from .pages import (
        Entry as Entry,
    )
    from .pages import (
        EscalatedValue as EscalatedValue,
    )
    from .pages import (
        PagePiece as PagePiece,
    )
    from .pages import (
        ShownPage as ShownPage,
    )
    from .pages import (
        Variants as Variants,
    )
    from .pages import (
        as_json as as_json,
    )
    from .pages import (
        by_name as by_name,
    )
    from .pages import (
        frame as frame,
    )
    from .pages import (
        height_of as height_of,
    )
    from .pages import (
        page as page,
    )
    from .pages import (
        piece_told as piece_told,
    )
    from .pages import (
        shown_pages as shown_pages,
    )
    from .pages import (
        units as units,
    )


__getattr__ = lazy_names(
    globals(),
    {
        "assembling": "assembled",
        "derivation": "derived derived_of",
        "pages": (
            "Entry EscalatedValue PagePiece ShownPage Variants as_json by_name frame height_of page "
            "piece_told shown_pages units"
        ),
    },
)
