"""Draws Summand's pictures in headless Chromium, light and dark, and compares them with the accepted ones.

    pictures.py CHROMIUM FOLDER ACCEPTED [--accept]

FOLDER has what `pictures.summand` wrote; ACCEPTED has a small PNG for each picture and colour scheme. Texts are left
out: fonts differ from machine to machine, and `ReportPageTests` looks at texts. With `--accept` what is drawn now is
accepted. Prints as JSON which pictures differ, and what the reader of an attention view can do.
"""

import base64
import json
import pathlib
import re
import struct
import sys
import tempfile
import zlib

from browser import Browser, opened, shown

# A channel that differs by more than this is another colour, not another antialiasing…
FAR = 32
# …and so many pixels in a thousand may be.
MOST = 1
SCALE = 0.5


def decoded(data):
    """Width, height and the bytes of red, green and blue of each pixel."""
    place, packed = 8, b""
    while place < len(data):
        size, kind = struct.unpack(">I4s", data[place:place + 8])
        body = data[place + 8:place + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
        if kind == b"IDAT":
            packed += body
        place += size + 12
    channels = {2: 3, 6: 4}[colour]
    assert depth == 8
    raw, stride = zlib.decompress(packed), width * channels
    before, pixels = bytearray(stride), bytearray()
    for y in range(height):
        start = y * (stride + 1)
        mode, row = raw[start], bytearray(raw[start + 1:start + 1 + stride])
        for x in range(stride) if mode else ():
            left = row[x - channels] if x >= channels else 0
            up, corner = before[x], before[x - channels] if x >= channels else 0
            if mode == 4:
                guess = left + up - corner
                near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))
                add = near[2]
            else:
                add = (0, left, up, (left + up) // 2)[mode]
            row[x] = (row[x] + add) & 255
        before = row
        pixels += row if channels == 3 else bytes(v for i, v in enumerate(row) if i % 4 != 3)
    return width, height, bytes(pixels)


def encoded(width, height, pixels):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows, before = b"", bytes(width * 3)
    for y in range(height):
        row = pixels[y * width * 3:(y + 1) * width * 3]
        rows += b"\2" + bytes((a - b) & 255 for a, b in zip(row, before))
        before = row
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def difference(one, other):
    """What is wrong; nothing where the two are alike."""
    if one[:2] != other[:2]:
        return f"it is {other[0]}×{other[1]} and was {one[0]}×{one[1]}"
    a, b = one[2], other[2]
    far = sum(
        max(abs(a[i] - b[i]), abs(a[i + 1] - b[i + 1]), abs(a[i + 2] - b[i + 2])) > FAR
        for i in range(0, len(a), 3) if a[i:i + 3] != b[i:i + 3])
    if far * 1000 > MOST * one[0] * one[1]:
        return f"{far} of {one[0] * one[1]} pixels have another colour"


def drawn(browser, folder):
    """Each picture in both schemes: all of them stand on one page."""
    page, places, top = "", {}, 0
    for path in sorted(folder.glob("*.svg")):
        svg = path.read_text().partition("\n")[2]
        width, height = (float(n) for n in re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups())
        page += f"<div style='position:absolute;left:0;top:{top}px;width:{width}px'>{svg}</div>"
        places[path.stem] = {"x": 0, "y": top, "width": width, "height": height, "scale": SCALE}
        top += int(height) + 20
    file = folder / "pictures.html"
    file.write_text(
        "<!doctype html><meta charset=utf-8><body style='margin:0'>" + page
        + "<style>text{visibility:hidden}.plot{min-width:0!important}</style>")
    for scheme in ("light", "dark"):
        shown(browser, file.as_uri(), scheme, 1200)
        for name, clip in places.items():
            picture = browser.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
            yield f"{name}-{scheme}", decoded(base64.b64decode(picture["data"]))


SEEN = r"""(() => ({
  heads: [...document.querySelectorAll('.head')].filter(h => getComputedStyle(h).display !== 'none')
    .map(h => h.querySelector('b').textContent),
  read: [...document.querySelectorAll('.head')].filter(h => getComputedStyle(h).display !== 'none')
    .map(h => [...h.querySelectorAll('.src')].filter(s => getComputedStyle(s).visibility === 'visible')
      .map(s => [...s.children].map(i => i.title))),
  colours: [...document.querySelectorAll('.src')].map(s => getComputedStyle(s.children[0]).backgroundColor),
}))()"""


def pointed(browser, selector, number, kind):
    element = f"document.querySelectorAll({json.dumps(selector)})[{number}]"
    browser.evaluate(element + ".scrollIntoView({block: 'center', behavior: 'instant'})")
    box = browser.evaluate(
        f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({element}.getBoundingClientRect())")
    browser.ask("Input.dispatchMouseEvent", type="mouseMoved", x=box[0], y=box[1])
    for event in ["mousePressed", "mouseReleased"] if kind == "click" else []:
        browser.ask("Input.dispatchMouseEvent", type=event, x=box[0], y=box[1], button="left", clickCount=1)


def reading(browser, page):
    """An attention view at first, with a token pointed at, with a second head, and without the first."""
    shown(browser, page.as_uri(), "light", 1200)
    steps = {"first": browser.evaluate(SEEN)}
    pointed(browser, ".head .q", 1, "move")
    steps["pointed"] = browser.evaluate(SEEN)
    pointed(browser, ".heads label", 1, "click")
    steps["both"] = browser.evaluate(SEEN)
    pointed(browser, ".heads label", 0, "click")
    steps["other"] = browser.evaluate(SEEN)
    steps["complaints"] = browser.complaints()
    steps["requests"] = [a for a in browser.requests() if a != page.as_uri()]
    return steps


def main():
    program, folder, accepted = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3])
    differ, names = {}, []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            opened(browser)
            for name, picture in drawn(browser, folder):
                names.append(name)
                path = accepted / f"{name}.png"
                if "--accept" in sys.argv:
                    path.write_bytes(encoded(*picture))
                elif not path.exists():
                    differ[name] = "there is no accepted picture"
                elif wrong := difference(decoded(path.read_bytes()), picture):
                    differ[name] = wrong
            result = {"pictures": names, "differ": differ, "reading": reading(browser, folder / "reading.html")}
        finally:
            browser.process.kill()
            browser.process.wait()
    for path in accepted.glob("*.png"):
        if path.stem not in names:
            differ[path.stem] = "it is not drawn any more"
    print(json.dumps(result))


main()
