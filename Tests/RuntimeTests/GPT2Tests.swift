import Testing

@testable import Runtime

/// What has been published of GPT-2 small, held against a model that is none: every check is made, and most fail.
@Suite struct GPT2Tests {
  @Test func aStandInFails() throws {
    let names = ["John", "Mary", "Tom", "James", "Dan", "Sid", "Martin", "Amy"]
    let model = try StandInModel(words: names.map { " \($0)" })
    defer { model.remove() }
    let session = Session(
      host: TestHost(format: .tsv), arguments: [("model", model.folder.path)])
    let path = "Examples/circuits/gpt2.summand"
    let result = session.running(try repositoryText(path), name: path)

    #expect(result.status == .assertion, "\(result.messages)")
    guard case .table(let checks)? = session.lookUp("checks") else {
      Issue.record("no checks were made: \(result.messages)")
      return
    }
    let ok = try checks.table.column("ok")
    #expect(ok.count == 11 && (0..<ok.count).allSatisfy { !ok[$0].isMissing })
    let failed = (0..<ok.count).count { ok[$0] == .boolean(false) }
    #expect(failed >= 8)
    #expect(result.messages.contains("assertion failed: \(failed) of 11 checks fail"))
  }
}
