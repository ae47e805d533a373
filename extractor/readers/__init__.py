"""Documents in, sources out: their text, and where each word of it stands. Loaded on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .reading import (
        PageMark as PageMark,
    )
    from .reading import (
        marked_pdf as marked_pdf,
    )
    from .reading import (
        pdf_of_pages as pdf_of_pages,
    )
    from .reading import (
        pictures_of as pictures_of,
    )
    from .reading import (
        read as read,
    )


__getattr__ = lazy_names(
    globals(),
    {
        "reading": "PageMark marked_pdf pdf_of_pages pictures_of read",
    },
)
