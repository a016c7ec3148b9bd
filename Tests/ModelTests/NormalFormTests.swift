import Foundation
import TestSupport
import Testing

@testable import Model

/// NFC against the package `tokenizers`: every character, and runs of letters and marks; made by
/// Scripts/reference/tokens/normal_forms.py.
@Suite struct NormalFormTests {
  @Test func everyCharacterAndRunsOfMarks() throws {
    let record = try String(contentsOfFile: Fixtures.path("normal-forms.txt"), encoding: .utf8)
    var known: Set<String.UnicodeScalarView.Element> = []
    var wrong: [String] = []
    func check(_ text: String, _ normal: String) {
      let found = Normalizer.nfc.apply(AlignedText(Array(text.utf8)[...])).bytes
      if found != Array(normal.utf8) {
        let points = text.unicodeScalars.map { String($0.value, radix: 16) }
        let got = String(decoding: found, as: UTF8.self).unicodeScalars
        wrong.append("\(points): \(got.map { String($0.value, radix: 16) })")
      }
    }
    func text(_ field: Substring) throws -> String {
      var text = ""
      for part in field.split(separator: " ") {
        let value: UInt32 = try #require(UInt32(part, radix: 16))
        text.unicodeScalars.append(try #require(Unicode.Scalar(value)))
      }
      return text
    }
    let lines = record.split(separator: "\n")
    #expect(lines.count > 3000)
    for line in lines {
      let fields = line.split(separator: "\t")
      let written = try text(fields[0])
      if written.unicodeScalars.count == 1 { known.formUnion(written.unicodeScalars) }
      check(written, try text(fields[1]))
    }
    for value in UInt32(0)...0x10FFFF {
      guard let scalar = Unicode.Scalar(value), !known.contains(scalar) else { continue }
      check(String(scalar), String(scalar))
    }
    #expect(wrong.isEmpty, "\(wrong.count): \(wrong.prefix(8))")
  }
}
