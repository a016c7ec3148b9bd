/// The text of a prompt: `Fact: {subject:The Colosseum} {relation:is in the country of}`.
///
/// `{name:text}` labels a span of the prompt, `{name}` stands for a column of a facts file, and a
/// span may hold fields. `{{` and `}}` are braces, except that the `}` after a field's name always
/// ends the field: `{subject:The {place}}` is a span that holds a field.
public struct Template: Sendable, Hashable {
  public var segments: [Segment]

  /// Words that mean something else after `@` or in tables, so that no span can be called so.
  private static let reserved: Set<String> = ["last", "bos", "other", "next", "completion"]

  public indirect enum Segment: Sendable, Hashable {
    case text(String)
    case span(Name, [Segment])
    case field(Name)
  }

  /// A piece of a prompt's literal: text with the source offset of each of its UTF-8 bytes, or a
  /// value that was interpolated, whose braces mean nothing.
  public enum Piece: Sendable {
    case text(String, offsets: [Int])
    case value(String, SourceSpan)
  }

  public init(segments: [Segment]) {
    self.segments = segments
  }

  /// - Parameter offsets: where in the source each UTF-8 byte of `text` stands, as a
  ///   `StringLiteral` has it; may be empty, then errors carry offsets into `text` itself.
  public static func parse(_ text: String, offsets: [Int] = []) throws(Diagnostic) -> Template {
    try parse([.text(text, offsets: offsets)])
  }

  public static func parse(_ pieces: [Piece]) throws(Diagnostic) -> Template {
    var parser = TemplateParser(pieces)
    let template = Template(segments: try parser.parse())
    for segment in template.segments {
      guard let label = segment.label, reserved.contains(label.text) else { continue }
      throw Diagnostic(
        "`\(label.text)` cannot name a span: it has a meaning of its own", at: label.span,
        help: segment.isField
          ? "put the column into a span with another name: {\(label.text)_word:{\(label.text)}}"
          : "choose another name: {\(label.text)_word:…}")
    }
    return template
  }

  /// The columns that the prompt needs, each once, in order.
  public var fields: [String] {
    var names: [String] = []
    func collect(_ segments: [Segment]) {
      for segment in segments {
        switch segment {
        case .text: break
        case .field(let name): if !names.contains(name.text) { names.append(name.text) }
        case .span(_, let inner): collect(inner)
        }
      }
    }
    collect(segments)
    return names
  }
}

extension Template.Segment {
  /// What it is called as a span of the prompt.
  fileprivate var label: Name? {
    switch self {
    case .text: nil
    case .span(let name, _), .field(let name): name
    }
  }

  fileprivate var isField: Bool { if case .field = self { true } else { false } }
}

private struct TemplateParser {
  private var bytes: [UInt8] = []
  private var spans: [SourceSpan] = []
  /// Whether the byte came out of a value, so that it means only itself.
  private var isValue: [Bool] = []
  private var position = 0

  init(_ pieces: [Template.Piece]) {
    for piece in pieces {
      switch piece {
      case .text(let text, let offsets):
        for (index, byte) in text.utf8.enumerated() {
          let start = index < offsets.count ? offsets[index] : (offsets.last ?? index)
          append(byte, at: SourceSpan(start, start + 1), isValue: false)
        }
      case .value(let text, let span):
        for byte in text.utf8 { append(byte, at: span, isValue: true) }
      }
    }
  }

  private mutating func append(_ byte: UInt8, at span: SourceSpan, isValue: Bool) {
    bytes.append(byte)
    spans.append(span)
    self.isValue.append(isValue)
  }

  /// The top level, or the text of a span up to its `}`.
  mutating func parse(inSpan opening: Int? = nil) throws(Diagnostic) -> [Template.Segment] {
    var segments: [Template.Segment] = []
    var text: [UInt8] = []
    func flush() {
      guard !text.isEmpty else { return }
      segments.append(.text(String(decoding: text, as: UTF8.self)))
      text = []
    }
    while position < bytes.count {
      let isOpening = isSign("{", at: position)
      let isClosing = isSign("}", at: position)
      if (isOpening && isSign("{", at: position + 1))
        || (isClosing && isSign("}", at: position + 1))
      {
        text.append(bytes[position])
        position += 2
      } else if isOpening {
        flush()
        segments.append(try parseBraces(inSpan: opening != nil))
      } else if isClosing {
        guard opening != nil else {
          throw Diagnostic(
            "there is no `{` for this `}`", at: spans[position],
            help: "a brace that belongs to the text is written twice: }}")
        }
        flush()
        return segments
      } else {
        text.append(bytes[position])
        position += 1
      }
    }
    if let opening { throw unclosed(opening) }
    flush()
    return segments
  }

  /// `{name}` or `{name:text}`, from the brace on.
  private mutating func parseBraces(inSpan: Bool) throws(Diagnostic) -> Template.Segment {
    let opening = position
    position += 1
    let name = try parseName(opening)
    if isSign("}", at: position) {
      position += 1
      return .field(name)
    }
    guard !inSpan else {
      throw Diagnostic(
        "a span cannot contain another span", at: spans[opening],
        help: "close the first one before it, or write {\(name.text)} for a column's text")
    }
    position += 1
    let start = position
    let segments = try parse(inSpan: opening)
    guard position > start else {
      throw Diagnostic(
        "the span `\(name.text)` is empty", at: spans[opening].joined(with: spans[position]),
        help: "write the text that it labels: {\(name.text):The Colosseum}")
    }
    position += 1
    return .span(name, segments)
  }

  /// Leaves `position` at the `:` or `}` after the name.
  private mutating func parseName(_ opening: Int) throws(Diagnostic) -> Name {
    let start = position
    while position < bytes.count, !isSign(":", at: position), !isSign("}", at: position),
      !isSign("{", at: position)
    {
      position += 1
    }
    guard position < bytes.count else { throw unclosed(opening) }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    let place =
      start < position ? spans[start].joined(with: spans[position - 1]) : spans[opening]
    if isSign("{", at: position) {
      throw Diagnostic(
        "there is a `{` within a name", at: spans[position],
        help: "a brace that belongs to the text is written twice: {{")
    }
    guard start < position else {
      throw Diagnostic(
        "a name is missing after `{`", at: place,
        help: "write {subject:The Colosseum} for a span, {subject} for a column, {{ for a brace")
    }
    guard isName(text) else {
      let trimmed = text.split(whereSeparator: \.isWhitespace).joined(separator: "_")
      throw Diagnostic(
        "`\(excerpt(text, limit: 40))` cannot name a span or a column", at: place,
        help: isName(trimmed)
          ? "write {\(trimmed)\(isSign(":", at: position) ? ":…" : "")}"
          : "a name has letters, digits and `_`; a brace of the text is written twice: {{")
    }
    return Name(text: text, span: place)
  }

  private func isName(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard let first = text.unicodeScalars.first, first == "_" || first.properties.isXIDStart else {
      return false
    }
    return Lexer.wordEnd(in: bytes, from: 0) == bytes.count
  }

  private func unclosed(_ opening: Int) -> Diagnostic {
    let isDoubled = bytes.suffix(2).elementsEqual("}}".utf8)
    return Diagnostic(
      "this `{` is not closed", at: spans[opening],
      help: isDoubled
        ? "`}}` is a brace of the text: end the span with one `}`"
        : "put a `}` after the span's text, or write {{ for a brace")
  }

  private func isSign(_ sign: Unicode.Scalar, at index: Int) -> Bool {
    index < bytes.count && !isValue[index] && bytes[index] == UInt8(ascii: sign)
  }
}
