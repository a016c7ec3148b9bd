"""What librsvg and resvg make of `plot … to "x.svg"`: the colours that a browser shows."""

import io
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import resvg_py
from PIL import Image

summand, folder = Path(sys.argv[1]).absolute(), Path(sys.argv[2])
# Written down once more, so that a change of them is noticed: paper, above, below, and the series.
LIGHT = {
    "paper": "ffffff", "high": "15539b", "low": "ad2138", "missing": "f4f5f7", "s0": "2f6fb7", "s1": "c2453a",
    "s2": "2b8a57",
}
DARK_PAPER = (0x13, 0x16, 0x1C)

TABLE = """name,kind,x,y
a,p,1,2.5
b,q,2,-1.5
c,r,3,0.75
d,p,4,-2.25
e,q,5,1.25
f,r,6,-0.5
"""
GRID = "row,column,value\n" + "".join(
    f"{r},{c},{'' if r == c else (c - r) / 6}\n" for r in range(6) for c in range(6)
)
PLOTS = {
    "heatmap": f'read "{folder}/grid.csv" | plot heatmap row, column, value',
    "numbers": f'read "{folder}/grid.csv" | pivot row column value | plot heatmap',
    "bar": f'read "{folder}/table.csv" | plot bar name, y title "Signs"',
    "line": f'read "{folder}/table.csv" | plot line x, y by kind',
    "scatter": f'read "{folder}/table.csv" | plot scatter x, y by kind',
    "attention": f'read "{folder}/table.csv" | derive source = x | derive token = name | plot attention y',
}


def check(holds, what):
    if not holds:
        sys.exit(f"check-readers: {what}")


def rgb(text):
    return tuple(int(text[i : i + 2], 16) for i in (0, 2, 4))


def blended(colour, opacity):
    return tuple(255 + (part - 255) * opacity for part in rgb(colour))


def near(one, other, tolerance=4):
    return all(abs(a - b) <= tolerance for a, b in zip(one, other))


def cells(svg):
    """A point in each rectangle that is large enough, left of its number, and the colour that it must have."""
    for tag in re.findall(r"<rect [^>]*>", svg):
        of = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
        if of["class"] not in LIGHT or of["class"] == "paper":
            continue
        x, y, width, height = (float(of[name]) for name in ("x", "y", "width", "height"))
        if width >= 6 and height >= 6:
            colour = blended(LIGHT[of["class"]], float(of.get("fill-opacity", 1)))
            yield (int(x + 3), int(y + 3)), colour, of["class"]


def browser_images(sizes):
    """All drawings on one page: in light, and next to it in dark."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        print("There is no Chromium: the renderers are not compared with a browser")
        return {}
    page = "<!doctype html><body style='margin:0'>"
    top, places = 0, {}
    for name, (width, height) in sizes.items():
        for column, scheme in enumerate(("light", "dark")):
            page += (
                f"<img src='{name}.svg' style='position:absolute;color-scheme:{scheme};"
                f"left:{700 * column}px;top:{top}px;width:{width}px;height:{height}px'>"
            )
        places[name] = top
        top += height + 10
    (folder / "page.html").write_text(page)
    subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--force-device-scale-factor=1", f"--window-size=1400,{top}", f"--user-data-dir={folder}/profile",
            f"--screenshot={folder}/page.png", f"file://{folder}/page.html",
        ],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60,
    )
    image = Image.open(folder / "page.png").convert("RGB")
    images = {}
    for name, (width, height) in sizes.items():
        box = lambda left: (left, places[name], left + width, places[name] + height)
        images[name] = (image.crop(box(0)), image.crop(box(700)))
    return images


(folder / "table.csv").write_text(TABLE)
(folder / "grid.csv").write_text(GRID)
lines = [f'{line} to "{folder}/{name}.svg"' for name, line in PLOTS.items()]
subprocess.run([summand, "-c", "\n".join(lines)], check=True)

drawn, sizes = {}, {}
for name in PLOTS:
    path = folder / f"{name}.svg"
    svg = path.read_text()
    width, height = (math.ceil(float(n)) for n in re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups())
    sizes[name] = (width, height)
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg))
    drawn[name] = {"resvg": Image.open(io.BytesIO(png)).convert("RGBA")}
    if shutil.which("rsvg-convert"):
        subprocess.run(["rsvg-convert", path, "-o", folder / "rsvg.png"], check=True)
        drawn[name]["librsvg"] = Image.open(folder / "rsvg.png").convert("RGBA")
for name, (light, dark) in browser_images(sizes).items():
    drawn[name]["Chromium"] = light.convert("RGBA")
    corner = dark.getpixel((1, 1))
    check(near(corner, DARK_PAPER), f"{name}: in dark, a browser's paper is {corner}")

for name, images in drawn.items():
    svg = (folder / f"{name}.svg").read_text()
    for renderer, image in images.items():
        what = f"{name} by {renderer}"
        check(abs(image.width - sizes[name][0]) <= 1, f"{what} is {image.width} wide, not {sizes[name][0]}")
        corner = image.getpixel((1, 1))
        check(near(corner, (255, 255, 255, 255)), f"{what}: the paper is {corner}")
        classes = set()
        for place, wanted, style in cells(svg):
            found = image.getpixel(place)
            check(near(found, wanted), f"{what}: {style} at {place} is {found}, not {wanted}")
            classes.add(style)
        if name in ("heatmap", "numbers", "bar", "attention"):
            check({"high", "low"} <= classes, f"{what}: both signs were not looked at")
        if name in ("line", "scatter"):
            pixels = numpy.asarray(image)[:, :, :3].astype(int)
            for series in ("s0", "s1", "s2"):
                colour = blended(LIGHT[series], 1 if name == "line" else 0.75)
                count = (abs(pixels - colour).max(axis=2) <= 6).sum()
                check(count >= 20, f"{what}: {count} pixels of the series {series}")
print(", ".join(drawn["heatmap"]) + f": {len(PLOTS)} plots")
