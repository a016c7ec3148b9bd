import Testing

@testable import Runtime

/// What has been published of Pythia-2.8b, held against a model that is none: every check is made, and fails.
@Suite struct PythiaTests {
  @Test func aStandInFails() throws {
    let model = try StandInModel(words: [
      " Italy", " basketball", " football", " baseball", " tennis", " soccer", " golf",
    ])
    defer { model.remove() }
    let session = Session(
      host: TestHost(format: .tsv),
      arguments: [("model", model.folder.path), ("facts", try model.writeFacts().path)])
    let path = "Examples/paper/pythia-2.8b.summand"
    let result = session.running(try repositoryText(path), name: path)

    #expect(result.status == .assertion, "\(result.messages)")
    guard case .table(let checks)? = session.lookUp("checks") else {
      Issue.record("no checks were made: \(result.messages)")
      return
    }
    let table = checks.table
    #expect(table.rowCount == 21)
    let ok = try table.column("ok")
    #expect((0..<ok.count).allSatisfy { !ok[$0].isMissing })
    let failed = (0..<ok.count).count { ok[$0] == .boolean(false) }
    #expect(result.messages.contains("assertion failed: \(failed) of 21 checks fail"))
    // By chance a few may hold.
    #expect(failed >= 10)
    for check in ["subject head", "relation head", "mixed head", "largest direct effect"] {
      #expect(result.output.contains(check))
    }
  }
}
