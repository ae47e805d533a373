"""Writes the documents of this folder: receipts as a phone would see them, grey, a little turned and noisy;
bills and forms as PDFs, letters in Word, and mails with a PDF attached.

pip install reportlab python-docx pillow && python examples/documents/draw.py
"""

import random
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path

from docx import Document
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

HERE = Path(__file__).parent

RECEIPTS = {
    "corner_cafe.jpg": ["Corner Cafe", "14 Mill Lane, Ghent", "Date: 12.03.2026", "", "Latte   3.50",
                        "Croissant   2.40", "Orange juice   4.10", "", "Total   10.00", "Thank you!"],
    "nordic_tools.jpg": ["Nordic Tools", "Harbour Street 8", "Date: 2026-04-02", "", "Hammer 500 g   18.90",
                         "Nails, box of 200   6.25", "", "Total   25.15", "Paid by card"],
    "green_market.jpg": ["Green Market", "Station Square 1", "Date: 7 May 2026", "", "Apples 1.2 kg   3.60",
                         "Rye bread   4.20", "Goat cheese   7.95", "", "Total   15.75"],
}  # fmt: skip


def drawn(lines: list[str], seed: int) -> Image.Image:
    """Return a picture of a receipt."""
    chance = random.Random(seed)
    picture = Image.new("L", (560, 80 + 52 * len(lines)), 236)
    pen = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        left, _, right = line.partition("   ")
        font = ImageFont.load_default(40 if row == 0 else 28)
        pen.text((40, 40 + 52 * row), left, fill=40, font=font)
        pen.text((520 - pen.textlength(right, font=font), 40 + 52 * row), right, fill=40, font=font)
    picture = picture.rotate(
        chance.uniform(-1.5, 1.5), expand=True, fillcolor=120, resample=Image.Resampling.BICUBIC
    )
    noise = Image.effect_noise(picture.size, 24)
    return Image.blend(picture, noise, 0.12).filter(ImageFilter.GaussianBlur(0.6))


BILLS = {
    "harbour_print.pdf": (
        ["Harbour Print Ltd", "3 Quay Road", "Bristol BS1 4RW"],
        ["Green Market", "Station Square 1", "Leeds LS1 4DY"],
        "HP-2207",
        "14 March 2026",
        [("Flyers, 2,000 pieces", "2", "84.00"), ("Posters A2", "25", "112.50")],
        "196.50",
    ),
    "tischlerei_ohm.pdf": (
        ["Tischlerei Ohm", "Gartenweg 9", "50674 Köln"],
        ["Nordic Tools", "Harbour Street 8", "9000 Ghent"],
        "2026/118",
        "2026-04-20",
        [("Oak shelf, made to measure", "3", "540.00"), ("Delivery", "1", "35.00")],
        "575.00",
    ),
}
FORMS = {
    "library_card.pdf": (
        "Application for a library card",
        [
            ("Family name", "Okafor", "Given name", "Ngozi"),
            ("Born on", "1991-08-23", "Telephone", "0113 496 0712"),
            ("Street", "5 Chapel Lane", "Town", "Leeds"),
        ],
    ),
    "boat_berth.pdf": (
        "Request for a berth",
        [
            ("Family name", "Lindqvist", "Given name", "Maja"),
            ("Born on", "1978-02-11", "Telephone", "031-555 01 20"),
            ("Street", "Strandvägen 40", "Town", "Göteborg"),
        ],
    ),
}
LETTERS = {
    "rent.docx": (
        "B. Landlord & Sons",
        "7 May 2026",
        "Your rent from July",
        "from 1 July 2026 the monthly rent is EUR 950.00.",
        [("Rent", "880.00"), ("Heating", "70.00")],
    ),
    "insurance.docx": (
        "Seaside Mutual",
        "2 February 2026",
        "Your policy SM-4471",
        "your new yearly premium is EUR 312.40.",
        [("House", "250.00"), ("Glass", "62.40")],
    ),
}
MAILS = {
    "order.eml": (
        "Ada Marsh <ada@harbourprint.example>",
        "Invoice HP-2207",
        "Dear Green Market,\n\nplease find our invoice HP-2207 attached. It is due on "
        "13 April 2026.\n\nAda Marsh",
        "harbour_print.pdf",
    ),
    "shelf.eml": (
        "Jon Ohm <jon@ohm.example>",
        "Rechnung 2026/118",
        "Hello,\n\nthe shelf is ready, and invoice 2026/118 is attached. Please pay until "
        "4 May 2026.\n\nJon Ohm",
        "tischlerei_ohm.pdf",
    ),
}


def bill(ours, theirs, number, day, items, total):
    """Return an invoice with two addresses side by side and a ruled table, as PDF."""
    file = BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=True)
    canvas.setFont("Helvetica-Bold", 20)
    canvas.drawString(60, 770, "Invoice")
    canvas.setFont("Helvetica", 11)
    for row, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        canvas.drawString(60, 730 - 15 * row, one)
        canvas.drawString(330, 730 - 15 * row, other)
    canvas.drawString(60, 660, f"Number: {number}")
    canvas.drawString(330, 660, f"Date: {day}")
    rows = [("Item", "Count", "Price"), *items, ("Total", "", total)]
    for row, cells in enumerate(rows):
        for x, cell in zip((65, 365, 445), cells, strict=True):
            canvas.drawString(x, 615 - 22 * row, cell)
    for row in range(len(rows) + 1):
        canvas.line(60, 630 - 22 * row, 520, 630 - 22 * row)
    for x in (60, 360, 440, 520):
        canvas.line(x, 630, x, 630 - 22 * len(rows))
    canvas.save()
    return file.getvalue()


def form(title, rows):
    """Return a form in two columns, its values in boxes, as PDF."""
    file = BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=True)
    canvas.setFont("Helvetica-Bold", 16)
    canvas.drawString(60, 770, title)
    for row, cells in enumerate(rows):
        for x, label, value in ((60, *cells[:2]), (310, *cells[2:])):
            canvas.setFont("Helvetica", 9)
            canvas.drawString(x, 720 - 60 * row, f"{label}:")
            canvas.setFont("Courier", 12)
            canvas.drawString(x + 80, 720 - 60 * row, value)
            canvas.rect(x + 75, 712 - 60 * row, 150, 22)
    canvas.save()
    return file.getvalue()


def letter(sender, day, subject, said, prices):
    """Return a letter with a table, as a Word document."""
    document = Document()
    document.add_paragraph(sender)
    document.add_paragraph(day)
    document.add_heading(subject, 2)
    document.add_paragraph(f"Dear customer, {said} It is made of:")
    table = document.add_table(rows=0, cols=2)
    for item in prices:
        for cell, text in zip(table.add_row().cells, item, strict=True):
            cell.text = text
    document.add_paragraph("Yours sincerely,")
    document.add_paragraph(sender)
    return document


def mail(sender, subject, said, attached):
    """Return a mail with one of the bills attached."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "office@example.org", subject
    message["MIME-Version"] = "1.0"
    message.set_content(said)
    message.add_attachment(bill(*BILLS[attached]), maintype="application", subtype="pdf", filename=attached)
    message.set_boundary("a-border-of-its-own")
    return bytes(message)


if __name__ == "__main__":
    for number, (name, lines) in enumerate(RECEIPTS.items()):
        drawn(lines, number).save(HERE / "receipt" / name, quality=60)
    for folder in ("bill", "form", "letter", "mail"):
        (HERE / folder).mkdir(exist_ok=True)
    for name, parts in BILLS.items():
        (HERE / "bill" / name).write_bytes(bill(*parts))
    for name, parts in FORMS.items():
        (HERE / "form" / name).write_bytes(form(*parts))
    for name, parts in LETTERS.items():
        letter(*parts).save(str(HERE / "letter" / name))
    for name, parts in MAILS.items():
        (HERE / "mail" / name).write_bytes(mail(*parts))
