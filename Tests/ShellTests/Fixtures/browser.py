"""Opens a page in headless Chromium as people see it, and prints what was found as JSON.

    browser.py CHROMIUM PAGE [FOLDER]

Light and dark, wide and as narrow as a phone. For each: what scripts and the console complained of, what was
asked of a network, whether the page is wider than its window, texts of a plot that cover each other or stand
outside of it, and the least contrast of a text with what is behind it. Then the tables, cell by cell. With a
FOLDER, pictures of each are put there. It talks to the browser through a pipe (fd 3 and 4), so that no port is
open and nothing but Python is needed.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

LOOK = r"""(() => {
  const svgs = [...document.querySelectorAll('svg.plot')];
  for (const details of document.querySelectorAll('details')) details.open = true;
  const covered = [], outside = [];
  svgs.forEach((svg, plot) => {
    const frame = svg.getBoundingClientRect();
    const boxes = [...svg.querySelectorAll('text')].map(text => {
      const box = text.getBoundingClientRect();
      return {text: text.textContent, left: box.left, right: box.right, top: box.top, bottom: box.bottom};
    });
    for (const box of boxes) {
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 2 ||
          box.bottom > frame.bottom + 2) outside.push(`plot ${plot}: ${box.text}`);
    }
    // The room around letters may touch; letters may not.
    for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
      const a = boxes[i], b = boxes[j], slack = (a.bottom - a.top) * 0.2;
      if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - slack && b.top < a.bottom - slack)
        covered.push(`plot ${plot}: ${a.text} and ${b.text}`);
    }
  });
  const numbers = colour => {
    const parts = colour.match(/[\d.]+/g).map(Number);
    // What `color-mix` makes is from 0 to 1.
    return colour.startsWith('color(srgb') ? parts.map((part, i) => i < 3 ? part * 255 : part) : parts;
  };
  const light = ([r, g, b]) => {
    const part = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ratio = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = element => {
    if (!element) return [255, 255, 255];
    const colour = numbers(getComputedStyle(element).backgroundColor);
    if (colour.length < 4 || colour[3] === 1) return colour;
    const paper = behind(element.parentElement);
    return [0, 1, 2].map(i => colour[i] * colour[3] + paper[i] * (1 - colour[3]));
  };
  let contrast = {ratio: 21, text: ''};
  const note = (found, text) => { if (found < contrast.ratio) contrast = {ratio: found, text}; };
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || element.closest('title, desc')) continue;
    const style = getComputedStyle(element);
    const isPlot = element.tagName.toLowerCase() === 'text';
    // A number in a cell of a heatmap stands on the cell's shade of the paper. Nothing reads better than 4.58 : 1 on
    // the shade halfway between black and white, and two signs share one turning point: 4.3 does.
    if (isPlot && element.classList.contains('inside')) {
      const cell = element.previousElementSibling;
      const shade = numbers(getComputedStyle(cell).fill);
      const share = Number(getComputedStyle(cell).fillOpacity), paper = behind(element);
      note(ratio(numbers(style.fill), [0, 1, 2].map(i => shade[i] * share + paper[i] * (1 - share))) * 4.5 / 4.3,
           element.textContent);
    } else if (element.matches('.reading .src i')) {
      // The same shades, with the same turning points.
      note(ratio(numbers(style.color), behind(element)) * 4.5 / 4.3, element.textContent);
    } else note(ratio(numbers(isPlot ? style.fill : style.color), behind(element)), element.textContent);
  }
  return {
    window: innerWidth, page: document.documentElement.scrollWidth, covered, outside, contrast,
    paper: getComputedStyle(document.body).backgroundColor, plots: svgs.length,
    small: svgs.map(svg => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width * 11),
  };
})()"""

READ = r"""(() => ({
  title: document.title,
  text: document.body.innerText,
  tables: [...document.querySelectorAll('figure')].map(figure => ({
    line: figure.querySelector('figcaption').textContent,
    columns: [...figure.querySelector('thead')?.rows[0].cells ?? []].map(cell => cell.textContent),
    rows: [...figure.querySelectorAll('tbody tr')].map(row => [...row.cells].map(
      cell => ({text: cell.textContent, value: cell.dataset.value ?? null}))),
  })),
  values: [...document.querySelectorAll('output')].map(output => output.dataset.value ?? output.textContent),
  scripts: document.scripts.length,
}))()"""


class Browser:
    def __init__(self, program, folder):
        to_browser, self.writer = os.pipe()
        self.reader, from_browser = os.pipe()

        def arrange():
            # Fd 3 is where the browser reads, 4 where it writes; neither may be lost on the way.
            high = os.dup2(to_browser, 100), os.dup2(from_browser, 101)
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--remote-debugging-pipe", f"--user-data-dir={folder}", "about:blank"],
            preexec_fn=arrange, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.pending = b""
        self.events = []
        self.number = 0
        self.session = None

    def message(self):
        while b"\0" not in self.pending:
            more = os.read(self.reader, 1 << 20)
            if not more:
                sys.exit("the browser ended")
            self.pending += more
        text, _, self.pending = self.pending.partition(b"\0")
        return json.loads(text)

    def ask(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.writer, data):]
        while True:
            message = self.message()
            if message.get("id") == self.number:
                if "error" in message:
                    sys.exit(f"{method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)

    def wait(self, method):
        while not any(event["method"] == method for event in self.events):
            self.events.append(self.message())

    def evaluate(self, expression):
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            sys.exit(json.dumps(result["exceptionDetails"]))
        return result["result"]["value"]

    def complaints(self):
        found = []
        for event in self.events:
            parameters = event.get("params", {})
            match event["method"]:
                case "Runtime.exceptionThrown":
                    found.append(json.dumps(parameters["exceptionDetails"]))
                case "Runtime.consoleAPICalled":
                    found.append(json.dumps(parameters["args"]))
                case "Log.entryAdded":
                    found.append(parameters["entry"]["text"])
        return found

    def requests(self):
        addresses = [event["params"]["request"]["url"] for event in self.events
                     if event["method"] == "Network.requestWillBeSent"]
        return [address for address in addresses if not address.startswith("data:")]


def opened(browser):
    """A tab that says what happens in it."""
    target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
    browser.session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ["Page", "Runtime", "Log", "Network"]:
        browser.ask(f"{domain}.enable")


def shown(browser, page, scheme, width):
    browser.events = []
    browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                mobile=width < 500)
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.ask("Page.navigate", url=page)
    browser.wait("Page.loadEventFired")


def main():
    program, page = sys.argv[1], pathlib.Path(sys.argv[2]).resolve().as_uri()
    pictures = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(program, folder)
        try:
            opened(browser)
            looks = []
            for scheme in ["light", "dark"]:
                for width in [1200, 390]:
                    shown(browser, page, scheme, width)
                    if pictures:
                        height = browser.evaluate("document.documentElement.scrollHeight")
                        for part, top in enumerate(range(0, height, 1500)):
                            clip = {"x": 0, "y": top, "width": width, "height": min(1500, height - top), "scale": 1}
                            picture = browser.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
                            name = f"{scheme}-{width}-{part}.png"
                            (pictures / name).write_bytes(base64.b64decode(picture["data"]))
                    look = browser.evaluate(LOOK)
                    looks.append({"scheme": scheme, "width": width, **look, "complaints": browser.complaints(),
                                  "requests": [a for a in browser.requests() if a != page]})
            print(json.dumps({"looks": looks, **browser.evaluate(READ)}))
        finally:
            browser.process.kill()
            browser.process.wait()


if __name__ == "__main__":
    main()
