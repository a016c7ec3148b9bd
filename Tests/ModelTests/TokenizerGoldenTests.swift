import Foundation
import TestSupport
import Testing

@testable import Model

/// Against the package `tokenizers`; the records are made by Scripts/reference/tokens/lines.py.
@Suite struct TokenizerGoldenTests {
  /// One line of a record.
  private struct Line {
    var text: String
    var count: Int
    var hash: UInt64
    var ids: [Int]?
    var decoded: String?

    init(_ json: JSON) throws {
      text = try #require(json["text"]?.string)
      ids = json["ids"]?.array?.compactMap(\.int)
      decoded = json["decoded"]?.string
      if let ids {
        (count, hash) = (ids.count, Self.hash(ids))
      } else {
        count = try #require(json["count"]?.int)
        hash = try #require(UInt64(json["hash"]?.string ?? "", radix: 16))
      }
    }

    /// FNV-1a over the ids as little-endian u32.
    static func hash(_ ids: [Int]) -> UInt64 {
      var state: UInt64 = 0xCBF2_9CE4_8422_2325
      for id in ids {
        for shift in [0, 8, 16, 24] {
          state = (state ^ UInt64(id >> shift & 0xFF)) &* 0x100_0000_01B3
        }
      }
      return state
    }
  }

  private func lines(_ name: String) throws -> [Line] {
    let path = Fixtures.path(name)
    return try Data(contentsOf: URL(filePath: path)).split(separator: 0x0A).dropFirst().map {
      line in
      var scanner = try JSONScanner(Array(line), source: path)
      return try Line(scanner.value())
    }
  }

  /// Compares every line, and what a piece claims about its place.
  private func check(_ tokenizer: Tokenizer, _ name: String, atLeast: Int) throws {
    let lines = try lines(name)
    #expect(lines.count >= atLeast)
    var wrong: [String] = []
    for line in lines {
      let pieces = tokenizer.encode(line.text)
      let ids = pieces.map(\.id)
      if ids.count != line.count || Line.hash(ids) != line.hash {
        wrong.append(
          "\(quoted(line.text)): \(ids) instead of \(line.ids?.description ?? "other ids")")
      }
      if let ids = line.ids, let decoded = line.decoded,
        !tokenizer.decode(ids).unicodeScalars.elementsEqual(decoded.unicodeScalars)
      {
        wrong.append("\(quoted(tokenizer.decode(ids))) decoded instead of \(quoted(decoded))")
      }
      if !rangesHold(pieces, line.text, tokenizer) { wrong.append("ranges: \(quoted(line.text))") }
    }
    #expect(wrong.isEmpty, "\(wrong.count) of \(lines.count): \(wrong.prefix(5))")
  }

  /// The pieces follow one another, leave out only bytes without a token, and stand for the bytes of
  /// their place.
  private func rangesHold(
    _ pieces: [Tokenizer.Piece], _ text: String, _ tokenizer: Tokenizer
  ) -> Bool {
    let utf8 = Array(text.utf8)
    var end = 0
    for piece in pieces {
      guard piece.range.lowerBound >= end, piece.range.upperBound <= utf8.count else {
        return false
      }
      let skipped = utf8[end..<piece.range.lowerBound]
      guard skipped.allSatisfy({ tokenizer.byteTokens[Int($0)] < 0 }) else { return false }
      end = piece.range.upperBound
      if piece.id == tokenizer.unknown { continue }
      let bytes = utf8[piece.range].filter { tokenizer.byteTokens[Int($0)] >= 0 }
      guard let stands = tokenizer.bytes(of: piece.id) else { return false }
      // A token that strips white space, or one that is known without its bytes being so.
      if stands != bytes, !tokenizer.isSpecial(piece.id) { return false }
    }
    return utf8[end...].allSatisfy { tokenizer.byteTokens[Int($0)] < 0 }
  }

  @Test func theDefaultModelsTokens() throws {
    let tokenizer = try Tokenizer(gguf: GGUFFile(path: TestModel.path()))
    try check(tokenizer, "tokenizer-smollm2.ndjson", atLeast: 6000)
  }

  @Test(arguments: ["individually", "apart", "plain", "unknown"])
  func aSmallTokenizer(name: String) throws {
    let tokenizer = try Tokenizer(
      tokenizerJSON: Fixtures.path("tokenizer-small/\(name).json"),
      config: Fixtures.path("tokenizer-small/tokenizer_config.json"))
    try check(tokenizer, "tokenizer-small/\(name).ndjson", atLeast: 600)
    #expect(tokenizer.bos == tokenizer.isWholeToken("<|im_start|>"))
    #expect(tokenizer.eos == tokenizer.isWholeToken("<|im_end|>"))
    #expect(tokenizer.bos != nil && tokenizer.eos != nil && !tokenizer.addsBOS)
    #expect(tokenizer.name == (name == "individually" ? "gpt2 (smollm)" : "gpt2 (gpt-2)"))
  }

  /// What every character is to the patterns.
  @Test func kindsOfCharacters() throws {
    let record = try String(
      contentsOfFile: Fixtures.path("tokenizer-characters.txt"), encoding: .utf8)
    var runs: [(start: UInt32, kind: Substring)] = []
    for line in record.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      runs.append((try #require(UInt32(parts[0], radix: 16)), parts[1]))
    }
    #expect(runs.count > 1500)
    var wrong: [String] = []
    for (index, run) in runs.enumerated() {
      let end = index + 1 < runs.count ? runs[index + 1].start : 0x110000
      for value in run.start..<end {
        guard let scalar = Unicode.Scalar(value) else { continue }
        let letter = LetterCase(scalar).map { "\($0)" } ?? "none"
        let kind = "\(ScalarKind(scalar)) \(scalar.isNumeric ? "digit" : "text") \(letter)"
        if kind != run.kind { wrong.append("\(String(value, radix: 16)): \(kind)") }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.count): \(wrong.prefix(10))")
  }
}
