/// The filters that templates use. Others of jinja2 are refused by name where the rendering comes to
/// them, so that a branch that is not taken may have them.
enum JinjaFilter: String {
  case abs, capitalize, count, d, dictsort, first, float, indent, int, items, join, last, length,
    list
  case lower, map, max, min, reject, rejectattr, replace, reverse, round, safe, select, selectattr
  case sort, string, sum, title, tojson, trim, unique, upper
  case usual = "default"

  /// Of jinja2, not known here.
  static let unsupported: Set<String> = [
    "attr", "batch", "center", "e", "escape", "filesizeformat", "forceescape", "format", "groupby",
    "pprint", "random", "slice", "striptags", "truncate", "urlencode", "urlize", "wordcount",
    "wordwrap", "xmlattr",
  ]
}

extension JinjaRenderer {
  func filter(_ name: String, _ value: JinjaValue, _ given: JinjaCall) throws -> JinjaValue {
    guard let filter = JinjaFilter(rawValue: name) else {
      throw JinjaError(
        JinjaFilter.unsupported.contains(name)
          ? "the filter `\(name)` is not supported" : "there is no filter \(quoted(name))")
    }
    if case .markup = value, ![.safe, .string].contains(filter) {
      throw JinjaError("a text that is marked `safe` can only be printed")
    }
    func bound(_ names: String...) throws -> [JinjaValue?] {
      try given.bound(to: names, of: "`\(name)`")
    }
    switch filter {
    case .upper, .lower, .title, .capitalize, .string, .safe, .trim, .replace, .indent, .tojson,
      .join:
      return try textFilter(filter, value, bound)
    case .abs, .float, .int, .round, .sum: return try numberFilter(filter, value, bound)
    case .usual, .d:
      let values = try bound("default_value", "boolean")
      let isAbsent: Bool = if case .undefined = value { true } else { false }
      let replaces = isAbsent || values[1]?.isTrue == true && !value.isTrue
      return replaces ? values[0] ?? .text([]) : value
    case .count, .length:
      _ = try bound()
      guard let length = length(of: value) else { throw JinjaError("\(value.kind) has no length") }
      return .integer(length)
    case .map: return try map(value, given)
    case .select, .reject, .selectattr, .rejectattr: return try choose(filter, value, given)
    default: return try listFilter(filter, value, bound)
    }
  }

  // MARK: Texts

  private func textFilter(
    _ filter: JinjaFilter, _ value: JinjaValue, _ bound: (String...) throws -> [JinjaValue?]
  ) throws -> JinjaValue {
    if filter == .join {
      let values = try bound("d", "attribute")
      var items = try items(of: value)
      if let attribute = values[1], !attribute.isNone {
        items = try items.map { try member(attribute, of: $0) }
      }
      return .text(try joined(items, with: try values[0].map(text) ?? []))
    }
    if filter == .tojson {
      return try json(value, bound("ensure_ascii", "indent", "separators", "sort_keys"))
    }
    let source = try text(of: value)
    try charge(text: source.count)
    switch filter {
    case .upper: return .text(try none(bound, source.uppercased))
    case .lower: return .text(try none(bound, source.lowercased))
    case .capitalize: return .text(try none(bound, source.capitalized))
    case .title: return .text(try none(bound, titled(source)))
    case .string:
      if case .markup = value { return value }
      return .text(try none(bound, source))
    case .safe: return .markup(try none(bound, source))
    case .trim: return .text(try stripped(source, try bound("chars")[0]))
    case .indent: return .text(try indented(source, try bound("width", "first", "blank")))
    default:
      let values = try bound("old", "new", "count")
      guard let old = values[0], let new = values[1] else {
        throw JinjaError("`replace` needs what it replaces and by what")
      }
      let limit = try values[2].flatMap { $0.isNone ? nil : try integer($0) } ?? -1
      return .text(try replaced(try text(of: old), by: try text(of: new), in: source, limit: limit))
    }
  }

  private func none<Result>(_ bound: (String...) throws -> [JinjaValue?], _ result: Result) throws
    -> Result
  {
    _ = try bound()
    return result
  }

  /// Unlike `str.title()`: words begin after white space and opening brackets, and after `-`.
  private func titled(_ text: JinjaText) -> JinjaText {
    let borders = Set("-({[<".unicodeScalars)
    var (result, word): (JinjaText, JinjaText) = ([], [])
    func finish() {
      guard let first = word.first else { return }
      result += [first].uppercased + Array(word.dropFirst()).lowercased
      word = []
    }
    for scalar in text {
      if scalar.isPythonSpace || borders.contains(scalar) {
        finish()
        result.append(scalar)
      } else {
        word.append(scalar)
      }
    }
    finish()
    return result
  }

  private func indented(_ text: JinjaText, _ values: [JinjaValue?]) throws -> JinjaText {
    let margin: JinjaText
    if case .text(let text)? = values[0] {
      margin = text
    } else {
      let width = try values[0].map(integer) ?? 4
      try charge(text: max(0, width))
      margin = Array(repeating: " ", count: max(0, width))
    }
    let (first, blank) = (values[1]?.isTrue == true, values[2]?.isTrue == true)
    var result: JinjaText = first ? margin : []
    // As Python does it, with a line's end put after the text.
    for (index, line) in (text + ["\n"]).lines.enumerated() {
      if index > 0 {
        result.append("\n")
        if blank || !line.isEmpty { result += margin }
      }
      result += line
      try charge(margin.count)
    }
    try charge(text: result.count)
    return result
  }

  private func json(_ value: JinjaValue, _ values: [JinjaValue?]) throws -> JinjaValue {
    var writer = JinjaJSON(self)
    writer.isASCII = values[0]?.isTrue == true
    switch values[1] {
    case nil, .some(.none): break
    case .text(let text)?: writer.margin = text
    case let width?:
      let width = max(0, try integer(width))
      try charge(text: width)
      writer.margin = Array(repeating: " ", count: width)
    }
    writer.separators = (JinjaText(writer.margin == nil ? ", " : ","), JinjaText(": "))
    if let separators = values[2], !separators.isNone {
      let pair = try items(of: separators)
      guard pair.count == 2 else { throw JinjaError("`separators` is a pair of texts") }
      writer.separators = (try text(of: pair[0]), try text(of: pair[1]))
    }
    writer.sortsKeys = values[3]?.isTrue == true
    return .text(try writer.text(of: value))
  }

  // MARK: Numbers

  private func numberFilter(
    _ filter: JinjaFilter, _ value: JinjaValue, _ bound: (String...) throws -> [JinjaValue?]
  ) throws -> JinjaValue {
    switch filter {
    case .abs:
      _ = try bound()
      if case .double(let number) = value { return .double(number.magnitude) }
      let number = try integer(value)
      return number < 0 ? try signed(.integer(number), true) : .integer(number)
    case .int: return try whole(value, try bound("default", "base"))
    case .float:
      let values = try bound("default")
      let found: Double? =
        if case .text(let text) = value { Self.double(text) } else { value.number }
      return found.map { .double($0) } ?? values[0] ?? .double(0)
    case .round:
      let values = try bound("precision", "method")
      let method = try values[1].map { String(try text(of: $0)) } ?? "common"
      guard try values[0].map(integer) ?? 0 == 0, method == "common" else {
        throw JinjaError("`round` with a precision or a method is not supported")
      }
      if let number = value.integer { return .integer(number) }
      guard let number = value.number else { throw JinjaError("`round` needs a number") }
      return .double(number.rounded(.toNearestOrEven))
    default:
      let values = try bound("attribute", "start")
      var sum = values[1] ?? .integer(0)
      for item in try items(of: value) {
        let item = try values[0].map { $0.isNone ? item : try member($0, of: item) } ?? item
        sum = try calculate(sum, .add, item)
      }
      return sum
    }
  }

  private func whole(_ value: JinjaValue, _ values: [JinjaValue?]) throws -> JinjaValue {
    guard try values[1].map(integer) ?? 10 == 10 else {
      throw JinjaError("`int` with a base is not supported")
    }
    var number = value.number
    if case .text(let text) = value {
      let digits = Self.joined(text.stripped(\.isPythonSpace))
      let body = digits.drop { $0 == "-" || $0 == "+" }
      if !body.isEmpty, body.count >= digits.count - 1, body.allSatisfy(\.isASCIIDigit) {
        guard let found = Int(String(digits)) else {
          throw JinjaError("a whole number is too large")
        }
        return .integer(found)
      }
      number = Self.double(text)
    }
    if let found = value.integer { return .integer(found) }
    guard let number, number.isFinite else { return values[0] ?? .integer(0) }
    guard let found = Int(exactly: number.rounded(.towardZero)) else {
      throw JinjaError("a whole number is too large")
    }
    return .integer(found)
  }

  /// A number's text without the single underscores that Python allows between digits.
  private static func joined(_ text: JinjaText) -> JinjaText {
    var joined: JinjaText = []
    for (index, scalar) in text.enumerated() {
      let isBetween =
        scalar == "_" && index > 0 && text[index - 1].isASCIIDigit
        && index + 1 < text.count && text[index + 1].isASCIIDigit
      if !isBetween { joined.append(scalar) }
    }
    return joined
  }

  /// `float(text)`
  private static func double(_ text: JinjaText) -> Double? {
    let text = String(joined(text.stripped(\.isPythonSpace))).lowercased()
    let isPlain = text.unicodeScalars.allSatisfy {
      $0.isASCIIDigit || "+-.e".unicodeScalars.contains($0)
    }
    let words = ["inf", "infinity", "nan"]
    let isWord = words.contains(
      text.hasPrefix("-") || text.hasPrefix("+") ? String(text.dropFirst()) : text)
    return isPlain || isWord ? Double(text) : nil
  }
}
