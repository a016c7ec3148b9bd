import Model

// Functions of texts. They compare bytes, as files have them: `\r\n` holds `\n`, and a letter with its
// accent apart is another than the two in one character.
extension Function {
  func ofTexts(_ arguments: [Value]) throws -> Value {
    switch self {
    case .concat: return try concatenated(arguments)
    case .upper, .lower:
      guard arguments.count == 1 else { throw wrongCount("one text") }
      guard let text = try text(arguments[0]) else { return .missing }
      // One letter becomes three at most.
      try Memory.reserve(3 * text.utf8.count, for: "this text")
      return .text(self == .upper ? text.uppercased() : text.lowercased())
    case .split:
      guard (1...2).contains(arguments.count) else {
        throw wrongCount("a text, and what separates its parts; default: white space")
      }
      guard let texts = try texts(arguments) else { return .missing }
      return .list(try parts(of: texts[0], apart: texts.dropFirst().first).map(Value.text))
    case .replace:
      guard arguments.count == 3 else { throw wrongCount("a text, a part of it, and its new text") }
      guard let texts = try texts(arguments) else { return .missing }
      return .text(try replacing(texts[1], in: texts[0], by: texts[2]))
    default:
      guard arguments.count == 2 else { throw wrongCount("a text and another") }
      guard let texts = try texts(arguments) else { return .missing }
      return .boolean(
        self == .starts
          ? texts[0].utf8.starts(with: texts[1].utf8) : try texts[0].holds(texts[1]))
    }
  }

  /// Nil where one is missing.
  private func texts(_ values: [Value]) throws -> [String]? {
    let texts = try values.map(text)
    return texts.contains(nil) ? nil : texts.compactMap(\.self)
  }

  private func text(_ value: Value) throws -> String? {
    if case .missing = value { return nil }
    if let text = value.asText { return text }
    throw Failure(
      "`\(rawValue)` takes text, not \(value.kind)",
      help: value.shortText == nil || value.isList ? nil : "as text it is \"\\(…)\"")
  }

  private func concatenated(_ arguments: [Value]) throws -> Value {
    guard (1...2).contains(arguments.count), case .list(let values) = arguments[0] else {
      throw wrongCount("a list, and what stands between its elements; default: nothing")
    }
    guard let separator = arguments.count == 2 ? try text(arguments[1]) : "" else {
      return .missing
    }
    var pieces: [String] = []
    for value in values {
      switch value {
      case .missing: return .missing
      case .text, .selector, .integer, .number, .boolean: pieces.append(value.shortText ?? "")
      case .nothing, .list, .table, .stream, .prompts, .vector, .map, .circuit, .record:
        throw Failure("`concat` takes a list of texts, and this one holds \(value.kind)")
      }
    }
    try Evaluator.checkSize(ofTexts: pieces)
    let gaps = Swift.max(0, pieces.count - 1)
    let (bytes, overflow) = gaps.multipliedReportingOverflow(by: separator.utf8.count)
    try Memory.reserve(overflow ? .max : bytes, for: "this text")
    return .text(pieces.joined(separator: separator))
  }

  /// Without a separator, the words: white space of any length is between them, and around.
  private func parts(of text: String, apart separator: String?) throws -> [String] {
    guard let separator else {
      return text.unicodeScalars.split { $0.properties.isWhitespace }.map(String.init)
    }
    try refuseEmpty(separator)
    let places = try text.places(of: separator)
    try Memory.reserve(
      places.count * MemoryLayout<Value>.stride, for: "a list of \(thousands(places.count)) texts")
    let bytes = Array(text.utf8)
    let starts = [0] + places.map { $0 + separator.utf8.count }
    return Swift.zip(starts, places + [bytes.count]).map { start, end in
      String(decoding: bytes[start..<end], as: UTF8.self)
    }
  }

  private func replacing(_ part: String, in text: String, by other: String) throws -> String {
    try refuseEmpty(part)
    let places = try text.places(of: part)
    let (added, overflow) = places.count.multipliedReportingOverflow(by: other.utf8.count)
    try Memory.reserve(overflow ? .max : text.utf8.count + added, for: "this text")
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var start = 0
    for place in places {
      result += bytes[start..<place]
      result += other.utf8
      start = place + part.utf8.count
    }
    return String(decoding: result + bytes[start...], as: UTF8.self)
  }

  private func refuseEmpty(_ part: String) throws {
    guard part.isEmpty else { return }
    throw Failure("`\(rawValue)` needs some text to look for, and \"\" is none")
  }
}

extension String {
  /// Whether another text is a part of it, byte by byte.
  func holds(_ part: String) throws -> Bool {
    part.isEmpty ? true : try !places(of: part, atMost: 1).isEmpty
  }

  /// Where a part, which is not empty, begins in UTF-8; one that begins within another is passed over.
  func places(of part: String, atMost limit: Int = .max) throws -> [Int] {
    let (bytes, wanted) = (Array(utf8), Array(part.utf8))
    var places: [Int] = []
    var place = 0
    var steps = 0
    while place + wanted.count <= bytes.count, places.count < limit {
      steps += 1
      if steps & 0xFFFF == 0 { try Interruption.check() }
      guard bytes[place] == wanted[0], bytes[place...].starts(with: wanted) else {
        place += 1
        continue
      }
      places.append(place)
      place += wanted.count
    }
    return places
  }
}
