"""Draws the receipts of this folder, as a phone would see them: grey, a little turned and noisy.

python examples/documents/draw.py
"""

import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

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


if __name__ == "__main__":
    for number, (name, lines) in enumerate(RECEIPTS.items()):
        drawn(lines, number).save(Path(__file__).parent / "receipt" / name, quality=60)
