"""Images and PDFs: what they become, what is refused before it is sent."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import BaseModel

from extractor import ConfigError, Extractor, Message, image, pdf
from extractor.dialects import PROVIDERS
from extractor.readers.kinds import sniffed
from extractor.testing import ChatServer, shaped


class Receipt(BaseModel):
    shop: str
    total: float


def picture(form: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(options.pop("mode", "RGB"), (3, 2)).save(file, form, **options)
    return file.getvalue()


def document(*pages: str) -> bytes:
    """A PDF with one line of text on each page. Source: ISO 32000-1, section 7.5 and annex H."""
    kids = " ".join(f"{3 + 2 * i} 0 R" for i in range(len(pages)))
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>"]
    for i, words in enumerate(pages):
        drawn = f"BT /F 24 Tf 20 50 Td ({words}) Tj ET" if words else ""
        font = "/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"
        page = f"/MediaBox[0 0 300 100]/Contents {4 + 2 * i} 0 R/Resources<<{font}>>"
        objects += [
            f"<</Type/Page/Parent 2 0 R{page}>>",
            f"<</Length {len(drawn)}>>stream\n{drawn}\nendstream",
        ]
    body, places = "%PDF-1.4\n", []
    for number, told in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj{told}endobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    ending = f"trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{len(body)}\n%%EOF"
    return f"{body}xref\n0 {size}\n0000000000 65535 f \n{table}{ending}".encode()


PNG, PDF = picture(), document("Total 12.50", "Thank you")
WIDE = PDF.replace(b"[0 0 300 100]", b"[0 0 1440000 100]")
PNG64, PDF64 = base64.b64encode(PNG).decode(), base64.b64encode(PDF).decode()


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


def url(part: Any) -> str:
    return str(part["image_url"]["url"])


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (picture("JPEG"), "image/jpeg"),
        (picture("GIF"), "image/gif"),
        (picture("WEBP"), "image/webp"),
        (picture("TIFF"), "image/tiff"),
        (picture("BMP"), "image/bmp"),
        (picture("AVIF"), "image/avif"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "image/heic"),
        (PDF, "application/pdf"),
        (b"\n\n<!-- -->" + PDF, "application/pdf"),
        (b"<svg/>", None),
        (b"", None),
    ],
)
def test_what_a_file_is_stands_in_its_bytes(data: bytes, kind: str | None, tmp_path: Path) -> None:
    assert sniffed(data) == kind
    lying = tmp_path / "photo.png"
    lying.write_bytes(data)
    if kind and kind.startswith("image/"):
        assert url(image(lying)).startswith(f"data:{kind};base64,")
    else:
        with pytest.raises(ConfigError, match="this is not an image"):
            image(lying)


@given(st.binary(max_size=40))
def test_an_image_of_any_bytes_is_those_bytes_or_a_clear_error(data: bytes) -> None:
    part = image(b"\xff\xd8\xff" + data)
    assert base64.b64decode(url(part).partition(",")[2]) == b"\xff\xd8\xff" + data
    assert url(image(url(part))) == url(part)


def test_an_image_comes_from_a_path_bytes_a_url_or_pil(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    assert image(tmp_path / "a.png") == image(PNG) == image(f"data:image/gif;base64,{PNG64}")
    assert image("https://example.org/a.png", detail="low") == {
        "type": "image_url",
        "image_url": {"url": "https://example.org/a.png", "detail": "low"},
    }
    for mode in ("RGB", "CMYK", "L", "P", "F", "RGBA"):
        assert url(image(Image.new(mode, (3, 2)))).startswith("data:image/png;base64,iVBOR")
    with pytest.raises(ConfigError, match=r"give pathlib\.Path"):
        image(str(tmp_path / "a.png"))
    with pytest.raises(ConfigError, match="cannot read"):
        image(tmp_path / "b.png")
    with pytest.raises(ConfigError, match="not base64"):
        image("data:image/png;base64,***")
    with pytest.raises(ConfigError, match="not int"):
        image(3)  # type: ignore[arg-type]


def test_a_photo_taken_on_its_side_is_sent_upright() -> None:
    sideways = picture(
        "JPEG",
        exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00",
    )
    opened = Image.open(io.BytesIO(sideways))
    sent = Image.open(io.BytesIO(base64.b64decode(url(image(opened)).partition(",")[2])))
    assert (opened.size, sent.size) == ((3, 2), (2, 3))


@pytest.mark.slow
def test_a_pdf_is_a_file_or_its_pages_as_images_or_as_texts(tmp_path: Path) -> None:
    (tmp_path / "receipt.pdf").write_bytes(PDF)
    (whole,) = pdf(tmp_path / "receipt.pdf")
    assert whole["file"] == {"filename": "receipt.pdf", "file_data": f"data:application/pdf;base64,{PDF64}"}
    assert [part["text"].strip() for part in pdf(PDF, as_="text")] == ["Total 12.50", "Thank you"]
    assert [part["text"].strip() for part in pdf(PDF, as_="text", pages=[2])] == ["Thank you"]
    sizes = [
        Image.open(io.BytesIO(base64.b64decode(url(part).partition(",")[2]))).size
        for part in pdf(PDF, as_="images", dpi=72)
    ]
    assert sizes == [(300, 100), (300, 100)]
    (last,) = pdf(PDF, pages=(page for page in [2]))
    kept = base64.b64decode(last["file"]["file_data"].partition(",")[2])
    assert [part["text"].strip() for part in pdf(kept, as_="text")] == ["Thank you"]
    assert pdf("https://example.org/a.pdf") == [
        {"type": "file", "file": {"file_url": "https://example.org/a.pdf"}}
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pdf(PNG), "this is not a PDF but image/png"),
        (lambda: pdf(PDF, pages=[3]), "no page 3: the PDF has pages 1 to 2"),
        (lambda: pdf(PDF, pages=[0], as_="text"), "no page 0"),
        (lambda: pdf(PDF, pages=[]), "no page chosen"),
        (lambda: pdf(b"%PDF-1.4 and no more", as_="text"), "encrypted or damaged"),
        (lambda: pdf(document("", ""), as_="text"), "only pictures: use as_='images'"),
        (lambda: pdf("https://example.org/a.pdf", pages=[1]), "can't be split into pages"),
        (lambda: pdf("a.pdf"), r"give pathlib\.Path"),
        (lambda: pdf(PDF, as_="images", dpi=0), "dpi must be a number above 0 and at most 1200, not 0"),
        (lambda: pdf(PDF, as_="images", dpi=10**9), "at most 1200"),
        (lambda: pdf(WIDE, as_="images", dpi=1200), "is an image of 24,000,000 x 1,667 pixels.*smaller dpi"),
        (lambda: pdf(PDF, as_="words"), "as_ must be 'file', 'images' or 'text'"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_such_pdf_is_a_clear_error(make: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.slow
def test_a_text_to_extract_from_is_a_mix_of_parts(server: ChatServer) -> None:
    server.play(shaped())
    with Extractor("openai:m", base_url=server.base_url, api_key="any") as ex:
        assert isinstance(ex.extract(Receipt, ["The receipt:", image(PNG), pdf(PDF)]), Receipt)
        sent = server.requests[-1].json["messages"][-1]["content"]
        assert [part["type"] for part in sent] == ["text", "image_url", "file"]
        ex.chat([Message("user", ["And?", *pdf(PDF, as_="text")]), {"role": "user", "content": [pdf(PDF)]}])  # type: ignore[list-item]
        first, second = server.requests[-1].json["messages"]
        assert [part["type"] for part in first["content"]] == ["text"] * 3
        assert [part["type"] for part in second["content"]] == ["file"]
        with pytest.raises(ConfigError, match="not bytes"):
            ex.extract(Receipt, ["The receipt:", PNG])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("provider", "parts", "message"),
    [
        ("cerebras", [image(PNG)], r"does not accept images.*replace\(PROVIDERS\['cerebras'\], images=True"),
        ("groq", pdf(PDF), "does not accept PDFs.*as_='images'"),
        ("openai", [image(picture("TIFF"))], "does not accept image/tiff: convert it to one of image/png"),
        ("gemini", [image(picture("GIF"))], "does not accept image/gif"),
        ("anthropic", [image(PNG + b"\0" * 4_000_000)], "an image may have 5,242,880 base64 digits"),
        ("anthropic", pdf(PDF + b"\0" * 25_000_000), "one request may have 32,000,000 base64 digits"),
        ("groq", [image(PNG + b"\0" * 1_600_000)] * 2, "one request may have 4,000,000 base64 digits"),
        ("openai", pdf("https://example.org/a.pdf"), "does not accept the URL of a file"),
        (
            "openai",
            [{"type": "image_url", "image_url": {"url": "data:image/png;base64,SUkqAA=="}}],
            "image/tiff",
        ),
    ],
)
def test_what_a_provider_does_not_take_is_refused_before_it_is_sent(
    server: ChatServer, provider: str, parts: Any, message: str
) -> None:
    before = len(server.requests)
    with Extractor(f"{provider}:m", base_url=server.base_url, api_key="any") as ex:
        with pytest.raises(ConfigError, match=message):
            ex.extract(Receipt, parts)
        with pytest.raises(ConfigError, match=message):
            ex.chat([{"role": "user", "content": parts}])
    assert len(server.requests) == before


def test_the_caller_knows_better_what_the_server_takes(server: ChatServer) -> None:
    server.play(shaped())
    row = replace(PROVIDERS["cerebras"], images=True)
    with Extractor("m", base_url=server.base_url, api_key="any", provider=row) as ex:
        ex.extract(Receipt, [image(PNG)])


# -- what is sent


def ours(server: ChatServer, provider: str, **options: Any) -> Any:
    """What we send for an image, a PDF and a text."""
    base = server.base_url if PROVIDERS[provider].url_path == "" else server.url
    parts = [image(PNG), *pdf(PDF), "What does it cost?"]
    with Extractor(f"{provider}:m", base_url=base, api_key="any") as ex:
        ex.chat([{"role": "user", "content": parts}], **options)
    return server.requests[-1].json


def test_the_url_of_a_pdf_goes_to_those_who_fetch_it(server: ChatServer) -> None:
    server.play(shaped())
    link = "https://example.org/a.pdf"
    with Extractor("anthropic:m", base_url=server.url, api_key="any") as ex:
        ex.chat([{"role": "user", "content": pdf(link)}])
    (block,) = server.requests[-1].json["messages"][0]["content"]
    assert block["source"] == {"type": "url", "url": link}
    with Extractor("gemini:m", base_url=server.url, api_key="any") as ex:
        ex.chat([{"role": "user", "content": pdf(link)}])
    (told,) = server.requests[-1].json["contents"][0]["parts"]
    assert told == {"fileData": {"fileUri": link, "mimeType": "application/pdf"}}
