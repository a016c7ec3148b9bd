/// The part of Markdown that texts in scripts need: headings, paragraphs, lists, quotes, fenced
/// code; `code`, *emphasis*, **strong** and [links](https://…). All else is text, HTML among it.
struct MarkdownText: Equatable {
  enum Block: Equatable {
    case heading(level: Int, [Inline])
    case paragraph([Inline])
    case list(isOrdered: Bool, [[Inline]])
    case quote([Inline])
    case code(String)
  }

  indirect enum Inline: Equatable {
    case text(String)
    case code(String)
    case emphasis([Inline])
    case strong([Inline])
    case link([Inline], to: String)
  }

  var blocks: [Block] = []

  init(_ text: String) {
    var paragraph: [Substring] = []
    var fence: [Substring]?
    func close(_ lines: [Substring]) -> Block? {
      lines.isEmpty ? nil : .paragraph(Self.inlines(lines.joined(separator: " ")))
    }
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let bare = line.drop { $0 == " " }
      if bare.hasPrefix("```") {
        if let open = fence {
          blocks.append(.code(open.joined(separator: "\n")))
          fence = nil
        } else {
          close(paragraph).map { blocks.append($0) }
          (paragraph, fence) = ([], [])
        }
        continue
      }
      if fence != nil {
        fence?.append(line)
        continue
      }
      let isApart = bare.isEmpty || Self.block(bare) != nil
      if isApart {
        close(paragraph).map { blocks.append($0) }
        paragraph = []
      }
      if let block = Self.block(bare) {
        append(block)
      } else if !bare.isEmpty {
        paragraph.append(bare)
      }
    }
    close(paragraph).map { blocks.append($0) }
    if let fence { blocks.append(.code(fence.joined(separator: "\n"))) }
  }

  /// A line that is a block by itself.
  private static func block(_ line: Substring) -> Block? {
    let level = line.prefix { $0 == "#" }.count
    if (1...6).contains(level), line.dropFirst(level).first == " " {
      return .heading(level: level, inlines(String(line.dropFirst(level)).trimmingSpaces()))
    }
    if line.hasPrefix("- ") || line.hasPrefix("* ") {
      return .list(isOrdered: false, [inlines(String(line.dropFirst(2)).trimmingSpaces())])
    }
    if line.hasPrefix("> ") { return .quote(inlines(String(line.dropFirst(2)))) }
    let digits = line.prefix { $0.isASCII && $0.isNumber }
    let rest = line.dropFirst(digits.count)
    if (1...3).contains(digits.count), rest.hasPrefix(". ") {
      return .list(isOrdered: true, [inlines(String(rest.dropFirst(2)).trimmingSpaces())])
    }
    return nil
  }

  /// Items of a list that follow each other are one list, lines of a quote one quote.
  private mutating func append(_ block: Block) {
    switch (blocks.last, block) {
    case (.list(let isOrdered, let items)?, .list(let other, let more)) where isOrdered == other:
      blocks[blocks.count - 1] = .list(isOrdered: isOrdered, items + more)
    case (.quote(let words)?, .quote(let more)):
      blocks[blocks.count - 1] = .quote(words + [.text(" ")] + more)
    default: blocks.append(block)
    }
  }
}

extension MarkdownText {
  static func inlines(_ text: String) -> [Inline] { InlineReader(Array(text)).all(depth: 0) }
}

/// Reads what stands within a line.
private struct InlineReader {
  private let text: [Character]
  /// How often the character at each place stands there without a break: counted once, as a text of
  /// stars alone would be counted again from each star.
  private let runs: [Int]
  private static let deepest = 8

  init(_ text: [Character]) {
    self.text = text
    var runs = [Int](repeating: 1, count: text.count)
    for place in runs.indices.dropLast().reversed() where text[place] == text[place + 1] {
      runs[place] += runs[place + 1]
    }
    self.runs = runs
  }

  func all(depth: Int) -> [MarkdownText.Inline] {
    var result: [MarkdownText.Inline] = []
    var plain = ""
    var place = 0
    while place < text.count {
      if text[place] == "\\", place + 1 < text.count, text[place + 1].isEscapable {
        plain.append(text[place + 1])
        place += 2
        continue
      }
      guard depth < Self.deepest, let (inline, next) = special(at: place, depth: depth) else {
        plain.append(text[place])
        place += 1
        continue
      }
      if !plain.isEmpty { result.append(.text(plain)) }
      plain = ""
      result.append(inline)
      place = next
    }
    return plain.isEmpty ? result : result + [.text(plain)]
  }

  private func special(at place: Int, depth: Int) -> (MarkdownText.Inline, next: Int)? {
    switch text[place] {
    case "`": code(at: place)
    case "*": stressed(at: place, depth: depth)
    case "[": link(at: place, depth: depth)
    default: nil
    }
  }

  private func code(at place: Int) -> (MarkdownText.Inline, next: Int)? {
    let ticks = run(of: "`", at: place)
    var end = place + ticks
    while end < text.count {
      let found = run(of: "`", at: end)
      if found == ticks {
        let inside = String(text[(place + ticks)..<end])
        return (.code(inside.trimmingSpaces()), end + ticks)
      }
      end += max(1, found)
    }
    return nil
  }

  /// Stars are stress where they stand at the ends of words: `L9H*` and `L*H3` mean what they say.
  private func stressed(at place: Int, depth: Int) -> (MarkdownText.Inline, next: Int)? {
    let stars = min(2, run(of: "*", at: place))
    let start = place + stars
    guard start < text.count, !text[start].isWhitespace,
      place == 0 || !text[place - 1].isWordPart
    else { return nil }
    var end = start + 1
    while end < text.count {
      let found = run(of: "*", at: end)
      let after = end + found
      if found == stars, !text[end - 1].isWhitespace,
        after == text.count || !text[after].isWordPart
      {
        let inside = InlineReader(Array(text[start..<end])).all(depth: depth + 1)
        return (stars == 2 ? .strong(inside) : .emphasis(inside), after)
      }
      end += max(1, found)
    }
    return nil
  }

  private func link(at place: Int, depth: Int) -> (MarkdownText.Inline, next: Int)? {
    guard let close = text[place...].firstIndex(of: "]"), close + 1 < text.count,
      text[close + 1] == "(", let end = text[close...].firstIndex(of: ")")
    else { return nil }
    let target = String(text[(close + 2)..<end])
    // Nothing but pages: a script's address would be run by a click.
    guard target.hasPrefix("https://") || target.hasPrefix("http://"), !target.contains(" ") else {
      return nil
    }
    let words = InlineReader(Array(text[(place + 1)..<close])).all(depth: depth + 1)
    return (.link(words, to: target), end + 1)
  }

  private func run(of character: Character, at place: Int) -> Int {
    text[place] == character ? runs[place] : 0
  }
}

extension Character {
  fileprivate var isEscapable: Bool { isASCII && (isPunctuation || isSymbol) }
  fileprivate var isWordPart: Bool { isLetter || isNumber }
}

extension [MarkdownText.Inline] {
  /// Without any marks.
  var plain: String {
    map { inline in
      switch inline {
      case .text(let text), .code(let text): text
      case .emphasis(let words), .strong(let words), .link(let words, _): words.plain
      }
    }.joined()
  }
}
