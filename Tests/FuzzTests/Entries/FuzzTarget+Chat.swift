@testable import Model

extension FuzzTarget {
  /// A chat template, which conversations are put through: whatever it does, it ends, and what it makes
  /// is bounded.
  static func chat(_ bytes: [UInt8]) throws {
    let tokens = ["bos_token": "<s>", "eos_token": "</s>"]
    let template = try ChatTemplate(String(decoding: bytes, as: UTF8.self), tokens: tokens)
    guard let date = ChatDate("2026-11-08") else { throw BrokenPromise(message: "a day is none") }
    let turns = [ChatMessage(.user, " a\n"), ChatMessage(.assistant, "é"), ChatMessage(.user, "c")]
    var problem: ModelError?
    for messages in [Array(turns.prefix(1)), [ChatMessage(.system, "s")] + turns] {
      do {
        let text = try template.text(of: messages, date: date, isDateGiven: true)
        try promise(text.utf8.count <= 16 << 20, "a text of \(text.utf8.count) bytes")
      } catch let error as ModelError {
        problem = error
      }
    }
    if let problem { throw problem }
  }
}
