/// `tojson` as transformers has it: `json.dumps` of Python, without escapes for HTML.
struct JinjaJSON {
  private let renderer: JinjaRenderer
  var isASCII = false
  /// What lines begin with, once for each level; nil for one line.
  var margin: JinjaText?
  var separators = (item: JinjaText(", "), key: JinjaText(": "))
  var sortsKeys = false

  init(_ renderer: JinjaRenderer) { self.renderer = renderer }

  func text(of value: JinjaValue) throws -> JinjaText {
    var text: JinjaText = []
    try append(value, level: 0, to: &text)
    try renderer.charge(text: text.count)
    return text
  }

  private func append(_ value: JinjaValue, level: Int, to text: inout JinjaText) throws {
    try renderer.charge(1)
    switch value {
    case .none: text += JinjaText("null")
    case .boolean(let value): text += JinjaText(value ? "true" : "false")
    case .integer(let value): text += JinjaText("\(value)")
    case .double(let value): text += JinjaText(Self.number(value))
    case .text(let part):
      try renderer.charge(part.count)
      text += quoted(part)
    case .list(let list), .tuple(let list):
      try append("[", "]", list.items, level, to: &text) { item, text in
        try append(item, level: level + 1, to: &text)
      }
    case .dictionary(let dictionary):
      var pairs = Array(dictionary.pairs)
      if sortsKeys {
        pairs = try pairs.enumerated().sorted { one, other in
          try renderer.isLess(one.element.0, other.element.0)
        }.map(\.element)
      }
      try append("{", "}", pairs, level, to: &text) { pair, text in
        text += try quoted(key(pair.0)) + separators.key
        try append(pair.1, level: level + 1, to: &text)
      }
    default: throw JinjaError("\(value.kind) cannot be written as JSON")
    }
  }

  private func append<Item>(
    _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ items: [Item], _ level: Int,
    to text: inout JinjaText, _ body: (Item, inout JinjaText) throws -> Void
  ) throws {
    text.append(open)
    for (index, item) in items.enumerated() {
      if index > 0 { text += separators.item }
      try breakLine(level + 1, &text)
      try body(item, &text)
    }
    if !items.isEmpty { try breakLine(level, &text) }
    text.append(close)
  }

  private func breakLine(_ level: Int, _ text: inout JinjaText) throws {
    guard let margin else { return }
    try renderer.charge(margin.count * level + 1)
    text.append("\n")
    for _ in 0..<level { text += margin }
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    return value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : value.pythonText
  }

  private func key(_ value: JinjaValue) throws -> JinjaText {
    switch value {
    case .text(let text): return text
    case .none: return JinjaText("null")
    case .boolean(let value): return JinjaText(value ? "true" : "false")
    case .integer(let value): return JinjaText("\(value)")
    case .double(let value): return JinjaText(Self.number(value))
    default: throw JinjaError("\(value.kind) cannot be a key in JSON")
    }
  }

  private func quoted(_ text: JinjaText) -> JinjaText {
    let short: [Unicode.Scalar: Unicode.Scalar] = [
      "\"": "\"", "\\": "\\", "\n": "n", "\r": "r", "\t": "t", "\u{C}": "f", "\u{8}": "b",
    ]
    var result: JinjaText = ["\""]
    for scalar in text {
      if let letter = short[scalar] {
        result += ["\\", letter]
      } else if scalar.value < 0x20 || isASCII && scalar.value > 0x7E {
        for unit in UTF16.encode(scalar).map(Array.init) ?? [] {
          let digits = String(unit, radix: 16)
          result += JinjaText("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
        }
      } else {
        result.append(scalar)
      }
    }
    return result + ["\""]
  }
}
