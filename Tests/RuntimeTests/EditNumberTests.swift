import Model
import TestSupport
import Testing

@testable import Runtime

@Suite("What edited runs print, against float64 references")
struct EditNumberTests {
  /// Logits of about 1, within 1e-5 of it.
  @Test(arguments: ["tiny-gqa", "tiny-mha"])
  func everyEditOnTinyModels(model: String) throws {
    let wanted = try EditTable(model)
    let shell = try PipedSession(tiny: model)
    let compared = try compare(shell, wanted) { 1e-5 * max(1, $0) }
    // The rest are edits of which a later one leaves nothing, which the language refuses.
    #expect(compared > 600)
  }

  /// Logits of up to 20.
  @Test func editsOnSmolLM2() throws {
    let wanted = try EditTable("smollm2")
    let compared = try compare(try PipedSession(), wanted) { _ in 5e-4 }
    #expect(compared == wanted.cells.count)
  }

  /// - Parameter tolerance: for logits of such a magnitude.
  /// - Returns: how many cells were compared; none but those with an edit that never fires are not.
  private func compare(
    _ shell: PipedSession, _ wanted: EditTable, tolerance: (Double) -> Double
  ) throws -> Int {
    try shell.define(wanted.prologue)
    let configuration = try #require(shell.session.model).configuration
    var compared = 0
    for cell in wanted.cells {
      let line = try wanted.line(cell, configuration)
      let (status, output, messages) = shell.session.running(line)
      guard status == .done else {
        #expect(messages.contains("never fires"), "\(line): \(messages)")
        #expect(cell.edits.count > 1, "\(line)")
        continue
      }
      let rows = try parseTable(Array(output.utf8), name: "cell", format: .tsv)
      let logits = Dictionary(
        uniqueKeysWithValues: zip(try rows.numbers("token_id"), try rows.numbers("logit")))
      let last = try #require(cell.logits.last)
      try expectClose(
        try wanted.logitTokens.map { try #require(logits[Double($0)]) }, last,
        within: tolerance(last.map(abs).max() ?? 0), String(line.prefix(300)))
      compared += 1
    }
    return compared
  }
}
