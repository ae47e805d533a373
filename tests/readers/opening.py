"""OpenDocument files, written for the tests as LibreOffice writes them."""

from __future__ import annotations

import zipfile
from io import BytesIO

_PREFIXES = {
    **{
        name: f"urn:oasis:names:tc:opendocument:xmlns:{whole}:1.0"
        for name, whole in (
            *(("office", "office"), ("text", "text"), ("style", "style"), ("table", "table")),
            *(("draw", "drawing"), ("form", "form"), ("presentation", "presentation"), ("chart", "chart")),
        )
    },
    "dc": "http://purl.org/dc/elements/1.1/",
    "xlink": "http://www.w3.org/1999/xlink",
}
NAMESPACES = " ".join(f'xmlns:{name}="{uri}"' for name, uri in _PREFIXES.items())
MEDIA = "application/vnd.oasis.opendocument."


def opened(
    body: str, kind: str = "text", automatic: str = "", styles: str = "", masters: str = "", **parts: str
) -> bytes:
    """Return an archive. body: what the text, the spreadsheet or the presentation holds."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", f"{MEDIA}{kind}")
        archive.writestr(
            "content.xml",
            f'<?xml version="1.0"?><office:document-content {NAMESPACES}><office:automatic-styles>{automatic}'
            f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}></office:body>"
            "</office:document-content>",
        )
        archive.writestr(
            "styles.xml",
            f'<?xml version="1.0"?><office:document-styles {NAMESPACES}><office:styles>{styles}'
            "</office:styles>"
            f"<office:master-styles><style:master-page>{masters}</style:master-page></office:master-styles>"
            "</office:document-styles>",
        )
        for name, text in {"META-INF__manifest_xml": "<a/>", **parts}.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return file.getvalue()


def flat(body: str, kind: str = "text") -> bytes:
    """Return a document in one file."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<office:document {NAMESPACES} '
        f'office:mimetype="{MEDIA}{kind}"><office:body><office:{kind}>{body}</office:{kind}></office:body>'
        "</office:document>"
    ).encode()
