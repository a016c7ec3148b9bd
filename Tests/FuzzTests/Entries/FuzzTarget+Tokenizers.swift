@testable import Model

/// Tokenizers, and what comes out of them.
extension FuzzTarget {
  /// A tokenizer.json and, after a zero byte, the tokenizer_config.json beside it.
  static func tokenizer(_ bytes: [UInt8], _ folder: ScratchFolder) throws {
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    let file = try folder.write(parts.first ?? [], "tokenizer.json")
    let config = try folder.write(
      parts.count > 1 ? parts[1] : [UInt8]("{}".utf8)[...], "tokenizer_config.json")
    try use(try Tokenizer(tokenizerJSON: file, config: config))
  }

  /// The metadata of a GGUF file, a key on each line: the type (`s` string, `u` and `i` whole
  /// numbers, `f` float, `b` bool; a capital for an array), the key, `=`, and the value or, with
  /// tabs between, the values.
  static func ggufTokenizer(_ bytes: [UInt8], _ folder: ScratchFolder) throws {
    let file = try GGUFFile(path: folder.write(metadata(bytes), "file.gguf"))
    try use(try Tokenizer(gguf: file))
  }

  private static func metadata(_ text: [UInt8]) -> [UInt8] {
    var (body, count): ([UInt8], UInt64) = ([], 0)
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { body.append(contentsOf: $0) }
    }
    func append(string: some Collection<UInt8>) {
      append(UInt64(string.count))
      body.append(contentsOf: string)
    }
    for line in text.split(separator: UInt8(ascii: "\n")) {
      guard let equals = line.firstIndex(of: UInt8(ascii: "=")), let letter = line.first,
        equals > line.startIndex
      else { continue }
      let key = line[(line.startIndex + 1)..<equals]
      let isArray = letter & 0x20 == 0
      let values = line[(equals + 1)...].split(
        separator: UInt8(ascii: "\t"), maxSplits: isArray ? .max : 0,
        omittingEmptySubsequences: false)
      let type: UInt32 =
        switch Unicode.Scalar(letter | 0x20) {
        case "u": 4
        case "i": 5
        case "f": 6
        case "b": 7
        default: 8
        }
      append(string: key)
      if isArray {
        append(9 as UInt32)
        append(type)
        append(UInt64(values.count))
      } else {
        append(type)
      }
      for value in values {
        let text = String(decoding: value, as: UTF8.self)
        switch type {
        case 4: append(UInt32(text) ?? 0)
        case 5: append(Int32(text) ?? 0)
        case 6: append((Float(text) ?? 0).bitPattern)
        case 7: append(text == "true" ? 1 as UInt8 : 0)
        default: append(string: value)
        }
      }
      count += 1
    }
    let keys = body
    body = Array("GGUF".utf8)
    append(3 as UInt32)
    append(0 as UInt64)
    append(count)
    return body + keys
  }

  /// Whatever the tokenizer: pieces lie in the text and in order, and every token can be shown.
  static func use(_ tokenizer: Tokenizer) throws {
    let count = tokenizer.vocabularySize
    let ids = Array(Set((0..<20).map { $0 * count / 20 }))
    for id in [-1, count] + ids {
      let bytes = tokenizer.bytes(of: id)
      try promise((0..<count).contains(id) || bytes == nil, "the token \(id) of \(count) is there")
      _ = tokenizer.text(of: id)
      _ = tokenizer.isSpecial(id)
    }
    let own = ids.prefix(8).map { tokenizer.text(of: $0) }.joined(separator: " ")
    let texts = [
      "", "a Bc  12\n é", "e\u{301}\u{3a9} <s>x</s> ▁ '\u{17F}S", String(own.prefix(200)),
    ]
    for text in texts {
      for isContinuation in [false, true] {
        let pieces = tokenizer.encode(text, isContinuation: isContinuation)
        var start = 0
        for piece in pieces {
          try promise((0..<count).contains(piece.id), "the token \(piece.id) of \(count)")
          try promise(
            piece.range.lowerBound >= start && piece.range.upperBound <= text.utf8.count,
            "\(piece.range) after \(start) in \(text.utf8.count) bytes")
          start = piece.range.lowerBound
        }
        _ = tokenizer.isWhole(pieces, of: text)
        _ = tokenizer.decode(pieces.map(\.id))
      }
      _ = tokenizer.isWholeToken(text)
    }
    for id in [tokenizer.bos, tokenizer.eos].compactMap(\.self) {
      try promise((0..<count).contains(id), "BOS or EOS is \(id) of \(count)")
    }
  }
}
