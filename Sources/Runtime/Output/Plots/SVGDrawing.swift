import Lang

/// A drawing for pages and documents. Its units are pixels at its natural size; it grows and shrinks
/// with the place that it is put into. Colours are classes of `SVGStyle`, so that one drawing serves
/// light and dark.
struct SVGDrawing {
  /// What it shows, in a few words and in a sentence: for those who cannot see it.
  let name: String
  let summary: String
  private(set) var width: Double
  private(set) var height: Double
  private var elements = ""

  init(name: String, summary: String, width: Double) {
    self.name = name
    self.summary = summary
    self.width = width
    height = 0
  }

  enum Anchor: String { case start, middle, end }

  // MARK: Elements

  mutating func text(
    _ text: String, x: Double, y: Double, anchor: Anchor = .start, style: String = "",
    isUpright: Bool = false
  ) {
    let anchored = anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\""
    let turned = isUpright ? " transform=\"rotate(-90 \(number(x)) \(number(y)))\"" : ""
    add("<text x=\"\(number(x))\" y=\"\(number(y))\"\(anchored)\(turned)\(Self.style(style))>")
    elements += escapedForMarkup(text) + "</text>\n"
    if !isUpright { grow(to: y + 6) }
  }

  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, style: String) {
    add("<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" ")
    elements += "y2=\"\(number(y2))\"\(Self.style(style))/>\n"
    grow(to: max(y1, y2))
  }

  /// Where a rectangle lies, from its upper left corner.
  struct Rectangle {
    var x: Double
    var y: Double
    var width: Double
    var height: Double
  }

  /// - Parameters:
  ///   - opacity: of the style's colour over the paper.
  ///   - note: what a pointer over it shows.
  mutating func rectangle(
    _ box: Rectangle, style: String, opacity: Double? = nil, note: String? = nil
  ) {
    let shade = opacity.map { " fill-opacity=\"\(number($0))\"" } ?? ""
    add("<rect x=\"\(number(box.x))\" y=\"\(number(box.y))\" width=\"\(number(box.width))\" ")
    elements += "height=\"\(number(box.height))\"\(Self.style(style))\(shade)"
    close("rect", note)
    grow(to: box.y + box.height)
  }

  mutating func path(_ data: String, style: String, note: String? = nil) {
    add("<path d=\"\(data)\"\(Self.style(style))")
    close("path", note)
  }

  /// Another drawing as a part of this one, its upper left corner there.
  mutating func place(_ other: SVGDrawing, x: Double, y: Double) {
    add("<g transform=\"translate(\(number(x)) \(number(y)))\">\n\(other.elements)</g>\n")
    grow(to: y + other.height)
  }

  /// How a curve looks.
  struct Stroke {
    /// Its colour.
    var style: String
    var width: Double
    /// Of its colour over what is below.
    var opacity: Double
    var isDashed: Bool
  }

  /// A line that leaves and arrives upright. A long one straight up goes round what stands in between.
  mutating func curve(
    from start: (x: Double, y: Double), to end: (x: Double, y: Double), _ stroke: Stroke,
    note: String
  ) {
    let middle = (start.y + end.y) / 2
    let long = abs(start.x - end.x) < 20 && abs(start.y - end.y) > 50
    let bow = long ? min(64, 14 + abs(start.y - end.y) / 14) : 0
    let data = [start, (start.x + bow, middle), (end.x + bow, middle), end]
      .map { "\(number($0.0)) \(number($0.1))" }
    let dashes = stroke.isDashed ? ";stroke-dasharray:5 3" : ""
    add("<path d=\"M\(data[0])C\(data[1...].joined(separator: " "))\"\(Self.style(stroke.style)) ")
    elements += "style=\"stroke-width:\(number(stroke.width));"
    elements += "stroke-opacity:\(number(stroke.opacity))\(dashes)\""
    close("path", note)
    grow(to: max(start.y, end.y))
  }

  private mutating func add(_ text: String) { elements += text }

  private mutating func close(_ element: String, _ note: String?) {
    guard let note else {
      elements += "/>\n"
      return
    }
    elements += "><title>\(escapedForMarkup(note))</title></\(element)>\n"
  }

  private static func style(_ names: String) -> String {
    names.isEmpty ? "" : " class=\"\(names)\""
  }

  mutating func grow(to height: Double) { self.height = max(self.height, height) }

  // MARK: Whole

  /// The element, for a page that has `SVGStyle.rules`.
  var element: String {
    let (wide, high) = (number(width), number(height + 4))
    // As wide as what it stands in, within what can be read.
    let limits =
      "max-width:\(number(width * 1.2))px;min-width:\(number(min(width, width * 0.7)))px"
    return """
      <svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(wide) \(high)" \
      width="100%" role="img" aria-label="\(escapedForMarkup(name))" style="\(limits)">
      <title>\(escapedForMarkup(name))</title>
      <desc>\(escapedForMarkup(summary))</desc>
      \(elements)</svg>

      """
  }

  /// A file of its own. It paints its paper: outside of browsers nothing else does.
  var document: String {
    let style = "<style>\n\(SVGStyle.rules)</style>\n"
    let paper =
      "<rect class=\"paper\" width=\"\(number(width))\" height=\"\(number(height + 4))\"/>\n"
    let start = element.firstIndex(of: "\n").map { element.index(after: $0) } ?? element.startIndex
    let content = element.firstRange(of: "</desc>\n")?.upperBound ?? start
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + element[..<start] + style
      + element[start..<content] + paper + element[content...]
  }
}

extension SVGDrawing {
  /// The most that a text of this size can be wide, whatever font is there.
  static func width(of text: String, size: Double = 12) -> Double {
    Double(displayWidth(of: text)) * size * 0.65
  }

  /// The text cut to fit.
  static func fitted(_ text: String, into width: Double, size: Double = 12) -> String {
    // A hair more, as the width may be that of the very text.
    text.cut(to: max(1, Int(width / (size * 0.65) + 0.01)), mark: "…")
  }

  /// The title over a plot, and where what is below it begins.
  mutating func heading(_ title: String?) -> Double {
    guard let title else { return 0 }
    var lines = [""]
    for word in escapedText(title).split(separator: " ") {
      let longer =
        lines[lines.count - 1].isEmpty ? String(word) : "\(lines[lines.count - 1]) \(word)"
      let fits = Self.width(of: longer, size: 15) <= width
      if fits || lines[lines.count - 1].isEmpty {
        lines[lines.count - 1] = longer
      } else {
        lines.append(String(word))
      }
    }
    for (index, line) in lines.enumerated() {
      let text = Self.fitted(line, into: width, size: 15)
      self.text(text, x: 0, y: 16 + 20 * Double(index), style: "title")
    }
    return 8 + 20 * Double(lines.count)
  }

  /// What is said below a plot; faint.
  mutating func footnote(_ text: String, x: Double = 0) {
    self.text(Self.fitted(text, into: width - x), x: x, y: height + 16, style: "soft")
  }
}

/// A coordinate with at most two decimals: the same text on every machine, and no more digits than
/// can be seen.
private func number(_ value: Double) -> String {
  // NaN and infinity have no position; nothing that is drawn reaches here.
  guard value.isFinite else { return "0" }
  let hundredths = Int((min(max(value, -1e6), 1e6) * 100).rounded())
  let (whole, rest) = hundredths.magnitude.quotientAndRemainder(dividingBy: 100)
  let sign = hundredths < 0 ? "-" : ""
  if rest == 0 { return "\(sign)\(whole)" }
  let digits = rest < 10 ? "0\(rest)" : rest % 10 == 0 ? "\(rest / 10)" : "\(rest)"
  return "\(sign)\(whole).\(digits)"
}

/// For what stands between tags or in quotes, in XML and HTML. Controls and marks that change the
/// direction of writing are seen as on a terminal; XML could not hold most of them. What else it
/// cannot hold becomes U+FFFD.
func escapedForMarkup(_ text: String) -> String {
  let text = withPictures(text)
  var result = ""
  result.unicodeScalars.reserveCapacity(text.utf8.count)
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    case "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

/// The path of points joined by lines.
func svgPath(_ points: [(x: Double, y: Double)]) -> String {
  points.enumerated().map { index, point in
    "\(index == 0 ? "M" : "L")\(number(point.x)) \(number(point.y))"
  }.joined(separator: " ")
}

/// A sign around a point, the series' own: they are told apart without colours too.
func svgSign(_ series: Int, x: Double, y: Double, radius r: Double) -> String {
  func polygon(_ corners: [(Double, Double)]) -> String {
    svgPath(corners.map { (x + $0.0 * r, y + $0.1 * r) }) + "Z"
  }
  switch series % 4 {
  case 0:
    let radius = number(r)
    return "M\(number(x - r)) \(number(y))a\(radius) \(radius) 0 1 0 \(number(2 * r)) 0"
      + "a\(radius) \(radius) 0 1 0 \(number(-2 * r)) 0Z"
  case 1: return polygon([(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)])
  case 2: return polygon([(0, -1.2), (1.1, 0.8), (-1.1, 0.8)])
  default: return polygon([(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)])
  }
}
