import Lang

/// One axis: its range, and round numbers in it.
struct PlotAxis {
  var low: Double
  var high: Double
  var ticks: [Double]
  var labels: [String]

  /// Around `values`, which are finite, with about `count` ticks, at whole numbers only for integers.
  init(_ values: [Double], count: Int, isInteger: Bool) {
    var low = values.min() ?? 0
    var high = values.max() ?? 1
    // Values that are all the same, or as good as, stand in the middle.
    if high - low < 1e-300 {
      let half = max(low.magnitude / 2, isInteger || low == 0 ? 1 : 1e-290)
      (low, high) = (low - half, high + half)
      low = max(low, -.greatestFiniteMagnitude)
      high = min(high, .greatestFiniteMagnitude)
    }
    var step = PlotAxis.step(low, high, count: max(2, count))
    if isInteger {
      step = max(1, step.rounded())
    } else {
      // A little air, so that no point sits on the frame.
      let air = high * 0.02 - low * 0.02
      if (low - air).isFinite, (high + air).isFinite { (low, high) = (low - air, high + air) }
    }
    self.low = low
    self.high = high
    let first = (low / step).rounded(.up)
    let last = (high / step).rounded(.down)
    ticks =
      last >= first && last - first < 1000
      ? stride(from: first, through: last, by: 1).map { $0 * step }.filter(\.isFinite) : []
    labels = PlotAxis.labels(ticks, step: step)
  }

  /// 0 at the low end, 1 at the high end.
  func share(_ value: Double) -> Double {
    // Halved, as the difference of two large doubles may be no number.
    (value / 2 - low / 2) / (high / 2 - low / 2)
  }

  /// 1, 2 or 5 times a power of ten, for about `count` steps between the two.
  static func step(_ low: Double, _ high: Double, count: Int) -> Double {
    let rough = high / Double(count) - low / Double(count)
    let exponent = DecimalText(rough).exponent
    guard let power = Double("1e\(exponent)"), power > 0 else { return rough }
    let factor = [1.0, 2, 5, 10].first { $0 * power >= rough * 0.999 } ?? 10
    return factor * power
  }

  private static func labels(_ ticks: [Double], step: Double) -> [String] {
    let largest = ticks.map(\.magnitude).max() ?? 0
    let digits = DecimalText(step)
    if largest >= 1e6 || (largest > 0 && largest < 1e-3) {
      let decimals = max(0, DecimalText(largest).exponent - digits.exponent)
      return ticks.map { $0 == 0 ? "0" : DecimalText($0).scientific(decimals: decimals) }
    }
    let decimals = max(0, -digits.exponent)
    return ticks.map { DecimalText($0 + 0).fixed(decimals: decimals) }
  }
}

/// A field of points or lines inside its axes.
struct PlotFrame {
  var canvas: PlotCanvas
  let x: PlotAxis
  let y: PlotAxis
  private let settings: RenderSettings
  private let labelWidth: Int

  init(
    x xs: [Double], y ys: [Double], xIsInteger: Bool, yIsInteger: Bool, room: Int = 0,
    _ settings: RenderSettings
  ) {
    self.settings = settings
    let width = settings.width ?? defaultPlotWidth
    // With its title and axis it is on one screen with the prompt.
    let most = settings.maximumRows.map { max(8, $0 - 4) } ?? 24
    let height = min(24, most, max(8, width / 4))
    y = PlotAxis(ys, count: max(2, height / 3), isInteger: yIsInteger)
    labelWidth = y.labels.map(displayWidth(of:)).max() ?? 0
    let columns = max(8, width - labelWidth - 2 - room)
    x = PlotAxis(xs, count: max(2, columns / 10), isInteger: xIsInteger)
    canvas = PlotCanvas(width: columns, height: height)
  }

  /// The dot of a point.
  func dot(_ pointX: Double, _ pointY: Double) -> (x: Int, y: Int) {
    let across = x.share(pointX) * Double(canvas.dotWidth - 1)
    let up = y.share(pointY) * Double(canvas.dotHeight - 1)
    return (Int(across.rounded()), canvas.dotHeight - 1 - Int(up.rounded()))
  }

  /// Faint lines through zero, where nothing else stands.
  mutating func drawZeroes() {
    let signs: (across: Character, down: Character) = settings.unicode ? ("┄", "┊") : ("-", ":")
    if y.low < 0, y.high > 0 {
      let row = dot(x.low, 0).y / 4
      for column in 0..<canvas.width where canvas.isEmpty(column, row) {
        canvas.mark(column, row, signs.across, owner: nil)
      }
    }
    if x.low < 0, x.high > 0 {
      let column = dot(0, y.low).x / 2
      for row in 0..<canvas.height where canvas.isEmpty(column, row) {
        canvas.mark(column, row, signs.down, owner: nil)
      }
    }
  }

  /// The field with its axes; `ends` stand to the right of their rows, `paint` styles what owner n
  /// drew.
  func text(
    xTitle: String, yTitle: String, ends: [Int: (text: String, owner: Int)] = [:],
    paint: (String, Int) -> String
  ) -> String {
    func faint(_ text: String) -> String { Style.faint.paint(text, colour: settings.colour) }
    func heading(_ text: String) -> String { Style.heading.paint(text, colour: settings.colour) }
    let unicode = settings.unicode
    let (xTitle, yTitle) = (escapedText(xTitle), escapedText(yTitle))
    var rows: [Int: String] = [:]
    for (tick, label) in zip(y.ticks, y.labels) { rows[dot(x.low, tick).y / 4] = label }

    let width = settings.width ?? defaultPlotWidth
    let mark = Marks(unicode: unicode).ellipsis
    var lines = yTitle.isEmpty ? [] : [heading(yTitle.cut(to: width, mark: mark))]
    for row in 0..<canvas.height {
      let label = rows[row]
      let side = label == nil ? (unicode ? "│" : "|") : (unicode ? "┤" : "+")
      let body = canvas.text(row: row) { text, owner in
        owner.map { paint(text, $0) } ?? faint(text)
      }
      let end = ends[row].map { " " + paint($0.text, $0.owner) } ?? ""
      lines.append(
        faint((label ?? "").padded(left: labelWidth) + " " + side)
          + (end.isEmpty ? body.trimmingEnd() : body + end))
    }

    var axis = [Character](repeating: unicode ? "─" : "-", count: canvas.width)
    var labels = ""
    for (tick, label) in zip(x.ticks, x.labels) {
      let column = dot(tick, y.low).x / 2
      axis[column] = unicode ? "┬" : "+"
      let start = max(
        0, min(column - displayWidth(of: label) / 2, canvas.width - displayWidth(of: label)))
      let used = displayWidth(of: labels)
      if used > 0, start <= used { continue }
      labels = labels.padded(to: start) + label
    }
    let indent = String(repeating: " ", count: labelWidth + 1)
    lines.append(faint(indent + (unicode ? "└" : "+") + String(axis)))
    lines.append(faint((indent + " " + labels).trimmingEnd()))
    let title = xTitle.cut(to: width, mark: mark)
    let place = labelWidth + 2 + max(0, canvas.width - displayWidth(of: title))
    lines.append(String(repeating: " ", count: place) + heading(title))
    return lines.map { $0 + "\n" }.joined()
  }
}

/// How the series of a plot are told apart: by colour, and without it by signs.
enum PlotSeries {
  static let limit = 8

  private static let colours = [
    "38;5;68", "38;5;167", "38;5;72", "38;5;172", "38;5;140", "38;5;73", "38;5;175", "38;5;143",
  ]

  static func paint(_ text: String, _ index: Int, colour: Bool) -> String {
    guard colour, !text.isEmpty else { return text }
    return "\u{1B}[\(colours[index % colours.count])m\(text)\u{1B}[0m"
  }

  static func sign(_ index: Int, unicode: Bool) -> Character {
    let signs: [Character] =
      unicode
      ? ["●", "○", "▲", "△", "■", "□", "◆", "◇"] : ["o", "x", "+", "*", "#", "@", "%", "&"]
    return signs[index % signs.count]
  }

  /// `● subject  ○ relation`, on as many lines as it takes.
  static func legend(_ names: [String], _ settings: RenderSettings) -> String {
    let width = settings.width ?? defaultPlotWidth
    var lines: [String] = []
    var line = ""
    var used = 0
    for (index, name) in names.enumerated() {
      let text = name.cut(to: width - 2, mark: Marks(unicode: settings.unicode).ellipsis)
      let size = displayWidth(of: text) + 2
      if used > 0, used + size + 2 > width {
        lines.append(line)
        (line, used) = ("", 0)
      }
      if used > 0 {
        line += "  "
        used += 2
      }
      let sign = String(sign(index, unicode: settings.unicode))
      line += paint(sign, index, colour: settings.colour) + " " + text
      used += size
    }
    return (lines + [line]).map { $0 + "\n" }.joined()
  }
}
