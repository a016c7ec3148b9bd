/// Cuts a template into tokens as jinja2's lexer does with transformers' settings: `trim_blocks` (the
/// line's end after a block or comment goes), `lstrip_blocks` (so do spaces between a line's start
/// and a block or comment), and without `keep_trailing_newline`.
struct JinjaLexer {
  private let source: JinjaText
  private var position = 0
  private var tokens: [JinjaToken] = []
  /// The line of `counted`.
  private var line = 1
  private var counted = 0

  static func tokens(of template: String) throws -> [JinjaToken] {
    var lexer = JinjaLexer(template)
    try lexer.readAll()
    return lexer.tokens
  }

  /// Every end of a line becomes `\n`, and a last one goes.
  private init(_ template: String) {
    var source: JinjaText = []
    source.reserveCapacity(template.unicodeScalars.count)
    var previous: Unicode.Scalar?
    for scalar in template.unicodeScalars {
      if scalar == "\r" {
        source.append("\n")
      } else if scalar != "\n" || previous != "\r" {
        source.append(scalar)
      }
      previous = scalar
    }
    if source.last == "\n" { source.removeLast() }
    self.source = source
  }

  private func failure(_ message: String, at place: Int) -> JinjaError {
    JinjaError(message, line: 1 + source[..<min(place, source.count)].count { $0 == "\n" })
  }

  private mutating func emit(_ kind: JinjaToken.Kind, at place: Int) {
    line += source[counted..<max(counted, place)].count { $0 == "\n" }
    counted = max(counted, place)
    tokens.append(JinjaToken(kind: kind, line: line))
  }

  // MARK: Between tags

  private enum Tag { case block, variable, comment, raw }

  private mutating func readAll() throws {
    while position < source.count {
      try Interruption.check()
      let start = position
      let (tag, place, sign) = nextTag()
      emitData(start..<place, before: tag, sign: sign)
      switch tag {
      case nil: break
      case .block: try readTag(isBlock: true, from: place)
      case .variable: try readTag(isBlock: false, from: place)
      case .comment: try skipComment(from: place)
      case .raw: try readRaw(from: place)
      }
    }
    emit(.end, at: source.count)
  }

  /// The next tag, where it begins, and the sign after its opening. `position` is after these.
  private mutating func nextTag() -> (tag: Tag?, place: Int, sign: Unicode.Scalar?) {
    var index = position
    while index + 1 < source.count {
      defer { index += 1 }
      guard source[index] == "{" else { continue }
      let tag: Tag
      switch source[index + 1] {
      case "%": tag = .block
      case "{": tag = .variable
      case "#": tag = .comment
      default: continue
      }
      let sign = self.sign(at: index + 2)
      let open = index + (sign == nil ? 2 : 3)
      if tag == .block, let end = rawEnd(after: open) {
        position = end
        return (.raw, index, sign)
      }
      position = open
      return (tag, index, sign)
    }
    position = source.count
    return (nil, source.count, nil)
  }

  private func sign(at index: Int) -> Unicode.Scalar? {
    index < source.count && (source[index] == "-" || source[index] == "+") ? source[index] : nil
  }

  private func has(_ text: String, at index: Int) -> Bool {
    source[min(max(index, 0), source.count)...].starts(with: text.unicodeScalars)
  }

  private func spaceEnd(_ index: Int) -> Int {
    var index = index
    while index < source.count, source[index].isPythonSpace { index += 1 }
    return index
  }

  /// Where the opening of a raw block ends whose `{%` ends at `index`; nil if it is none.
  private func rawEnd(after index: Int) -> Int? {
    let word = spaceEnd(index)
    guard has("raw", at: word) else { return nil }
    let end = spaceEnd(word + 3)
    if has("-%}", at: end) { return spaceEnd(end + 3) }
    return has("%}", at: end) ? end + 2 : nil
  }

  private mutating func emitData(_ range: Range<Int>, before tag: Tag?, sign: Unicode.Scalar?) {
    var end = range.upperBound
    if sign == "-" {
      while end > range.lowerBound, source[end - 1].isPythonSpace { end -= 1 }
    } else if sign == nil, let tag, tag != .variable {
      var lineStart = end
      while lineStart > range.lowerBound, source[lineStart - 1] != "\n" { lineStart -= 1 }
      let isWholeLine = lineStart == 0 || source[lineStart - 1] == "\n"
      if isWholeLine, source[lineStart..<end].allSatisfy(\.isPythonSpace) { end = lineStart }
    }
    if end > range.lowerBound {
      emit(.data(Array(source[range.lowerBound..<end])), at: range.lowerBound)
    }
  }

  // MARK: Comments and raw blocks

  /// Where a tag's closing ends that begins at `index`; nil where none does.
  private func closing(_ mark: String, at index: Int, trims: Bool = true) -> Int? {
    if has("-" + mark, at: index) { return spaceEnd(index + 3) }
    if trims, has("+" + mark, at: index) { return index + 3 }
    guard has(mark, at: index) else { return nil }
    return index + 2 + (trims && has("\n", at: index + 2) ? 1 : 0)
  }

  private mutating func skipComment(from start: Int) throws {
    for index in position..<max(position, source.count) {
      if let end = closing("#}", at: index) {
        position = end
        return
      }
    }
    throw failure("a comment is not closed: `#}` is missing", at: start)
  }

  private mutating func readRaw(from start: Int) throws {
    let first = position
    for index in position..<max(position, source.count) where has("{%", at: index) {
      let sign = self.sign(at: index + 2)
      let word = spaceEnd(index + (sign == nil ? 2 : 3))
      guard has("endraw", at: word), let end = closing("%}", at: spaceEnd(word + 6)) else {
        continue
      }
      emitData(first..<index, before: .raw, sign: sign)
      position = end
      return
    }
    throw failure("a raw block is not closed: `{% endraw %}` is missing", at: start)
  }

  // MARK: Within tags

  private mutating func readTag(isBlock: Bool, from start: Int) throws {
    emit(isBlock ? .blockBegin : .variableBegin, at: start)
    var open: [JinjaSymbol] = []
    while position < source.count {
      try Interruption.check()
      let place = position
      if open.isEmpty,
        let end = closing(isBlock ? "%}" : "}}", at: position, trims: isBlock)
      {
        emit(isBlock ? .blockEnd : .variableEnd, at: place)
        position = end
        return
      }
      let scalar = source[position]
      if scalar.isPythonSpace {
        position += 1
      } else if scalar.isASCIIDigit {
        try readNumber()
      } else if scalar == "_" || scalar.properties.isXIDStart {
        while position < source.count, source[position].properties.isXIDContinue { position += 1 }
        emit(.name(String(source[place..<position])), at: place)
      } else if scalar == "'" || scalar == "\"" {
        try readText(quote: scalar)
      } else {
        try readSymbol(&open)
      }
    }
  }

  private mutating func readSymbol(_ open: inout [JinjaSymbol]) throws {
    let place = position
    let two = String(source[position..<min(position + 2, source.count)])
    guard
      let symbol = JinjaSymbol(rawValue: two) ?? JinjaSymbol(rawValue: String(source[position]))
    else {
      throw failure("the character \(quoted(String(source[position]))) has no meaning", at: place)
    }
    position += symbol.rawValue.unicodeScalars.count
    if let closing = symbol.closing {
      open.append(closing)
    } else if symbol.isClosing {
      guard let wanted = open.popLast(), wanted == symbol else {
        throw failure("`\(symbol.rawValue)` closes no bracket", at: place)
      }
    }
    emit(.symbol(symbol), at: place)
  }

  private mutating func readNumber() throws {
    let place = position
    /// Digits, and single `_` between them.
    func digits(_ index: Int, _ isDigit: (Unicode.Scalar) -> Bool) -> Int {
      var end = index
      while end < source.count {
        if isDigit(source[end]) {
          end += 1
        } else if source[end] == "_", end > index, end + 1 < source.count, isDigit(source[end + 1])
        {
          end += 2
        } else {
          break
        }
      }
      return end
    }
    let marks: [(mark: String, radix: Int)] = [("x", 16), ("o", 8), ("b", 2)]
    if source[place] == "0", place + 1 < source.count,
      let radix = marks.first(where: { $0.mark == String(source[place + 1]).lowercased() })?.radix
    {
      let end = digits(place + 2) { Character($0).hexDigitValue.map { $0 < radix } ?? false }
      return try emitInteger(place + 2..<end, radix: radix, from: place)
    }
    var end = digits(place, \.isASCIIDigit)
    var isDouble = false
    let mayBeDouble = place == 0 || source[place - 1] != "."
    if mayBeDouble, end < source.count, source[end] == ".",
      case let fraction = digits(end + 1, \.isASCIIDigit), fraction > end + 1
    {
      (end, isDouble) = (fraction, true)
    }
    if mayBeDouble, end < source.count, source[end] == "e" || source[end] == "E" {
      let sign = self.sign(at: end + 1) == nil ? 1 : 2
      let exponent = digits(end + sign, \.isASCIIDigit)
      if exponent > end + sign { (end, isDouble) = (exponent, true) }
    }
    guard isDouble else { return try emitInteger(place..<end, radix: 10, from: place) }
    position = end
    let text = String(source[place..<end].filter { $0 != "_" })
    emit(.double(Double(text) ?? .infinity), at: place)
  }

  private mutating func emitInteger(_ range: Range<Int>, radix: Int, from place: Int) throws {
    position = range.upperBound
    let text = String(source[range].filter { $0 != "_" })
    guard let number = Int(text, radix: radix) else {
      throw failure(
        "the number \(quoted(String(source[place..<position]))) is too large", at: place)
    }
    emit(.integer(number), at: place)
  }

  private mutating func readText(quote: Unicode.Scalar) throws {
    let place = position
    position += 1
    let start = position
    while position < source.count, source[position] != quote {
      position += source[position] == "\\" ? 2 : 1
    }
    guard position < source.count else { throw failure("a text is not closed", at: place) }
    let content = Array(source[start..<position])
    position += 1
    do {
      emit(.text(try JinjaEscapes.unescaped(content)), at: place)
    } catch let error as JinjaError {
      throw failure(error.message, at: place)
    }
  }
}
