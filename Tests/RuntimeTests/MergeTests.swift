import Foundation
import TestSupport
import Testing

@testable import Runtime

/// `merge` refuses what is not one whole, and names it.
@Suite struct MergeTests {
  private func withShards(
    _ line: String = "few | SHARD | rank", _ body: (ShardSession) throws -> Void
  ) throws {
    let few = try ShardSession()
    defer { few.remove() }
    try few.saveShards(line, 3, as: "json")
    try body(few)
  }

  private func refusal(_ few: ShardSession) throws -> String {
    let (status, messages) = few.failing("merge \"\(few.path("out"))/*\"")
    #expect(status == .unreadable)
    return messages
  }

  /// Shard 2 saved again as something else.
  private func replace(_ few: ShardSession, with line: String, before: String = "") throws {
    try few.run("\(before)\n\(line) | save \"\(few.path("out/14.json"))\"")
  }

  private func edit(_ few: ShardSession, _ name: String, _ old: String, _ new: String) throws {
    let file = few.folder.appending(path: "out/\(name)")
    let text = try String(contentsOf: file, encoding: .utf8)
    try #require(text.contains(old), "\(text)")
    try Data(text.replacing(old, with: new).utf8).write(to: file)
  }

  @Test func missingAndDoubleShardsAreNamed() throws {
    try withShards { few in
      try FileManager.default.removeItem(atPath: few.path("out/14.json"))
      #expect(try refusal(few).contains("1 of 3 shards are missing: 2"))
      #expect(try refusal(few).contains("SUMMAND_SHARD=2/3"))
      try FileManager.default.copyItem(
        atPath: few.path("out/7.json"), toPath: few.path("out/a.json"))
      #expect(try refusal(few).contains("a.json` are both shard 1 of 3"))
    }
  }

  @Test(arguments: [
    ("few | shard 2 of 3 | ablate L0H0 | rank", "their edits are"),
    ("few | take 4 | shard 2 of 3 | rank", "one is of 4 prompts, the other of 5"),
    ("few | shard 2 of 3 | logit_diff", "their lines are `logit_diff` and `rank`"),
    ("few | shard 2 of 3 | rank | where rank > 1", "their lines are"),
    ("few | shard 2 of 4 | rank", "one is shard 2 of 4, the other shard 3 of 3"),
    (
      "let less = (few | take 4) | append (prompt \"the sky is it\" -> \"b\" vs \"c\")\n"
        + "less | shard 2 of 3 | rank", "they are of different prompts"
    ),
    ("few | rank", "14.json` is not of a shard"),
  ])
  func whatIsOfAnotherRunIsNamed(line: String, message: String) throws {
    try withShards { few in
      try replace(few, with: line)
      #expect(try refusal(few).contains(message))
    }
  }

  @Test func otherModelsAndVersionsAreNamed() throws {
    try withShards { few in
      let quantized = Fixtures.path("tiny-gqa.Q4_1.gguf")
      try replace(
        few, with: "few | with quantized | shard 2 of 3 | rank",
        before: "load \"\(quantized)\" as quantized; use tiny")
      #expect(try refusal(few).contains("their models are"))
    }
    try withShards { few in
      try edit(few, "14.json", "\"summand\": \"1.2.3\"", "\"summand\": \"1.2.4\"")
      #expect(try refusal(few).contains("their versions are \"1.2.4\" and \"1.2.3\""))
    }
  }

  @Test func partsAndDamageAreNamed() throws {
    try withShards { few in
      try edit(few, "14.json", "  },\n  \"data\"", "  ,\"partial\": true},\n  \"data\"")
      #expect(try refusal(few).contains("has only a part of shard 2"))
    }
    try withShards { few in
      try edit(few, "14.json", "\"rows\": [[2, 1]]", "\"rows\": [[3, 1]]")
      #expect(try refusal(few).contains("its rows are not those that it speaks of"))
    }
    try withShards { few in
      try edit(few, "14.json", "\"text\": \"a sea is a\"", "\"text\": \"a sea is b\"")
      #expect(try refusal(few).contains("are not those of the whole"))
    }
  }

  @Test(arguments: ["tsv", "csv", "ndjson", "npz"])
  func filesWithoutProvenanceAreRefused(ending: String) throws {
    let few = try ShardSession()
    defer { few.remove() }
    try few.saveShards("few | SHARD | rank", 3, as: ending)
    #expect(try refusal(few).contains("has no provenance"))
  }

  @Test func whatIsNotThereIsNamed() throws {
    try withShards { few in
      let (status, messages) = few.failing("merge \"\(few.path("none"))/*\"")
      #expect(status == .unreadable)
      #expect(messages.contains("no file matches"))
    }
  }

  /// `read` takes each file for what it is.
  @Test func readDoesNotMerge() throws {
    try withShards { few in
      let (output, _) = try few.run("read \"\(few.path("out"))/*\" | select file, prompt | take 2")
      #expect(output.contains("out/14.json\"\t\"a sea is a"))
    }
  }

  /// A merged table keeps its provenance when new measurements are appended to it.
  @Test func mergedTablesAreJoined() throws {
    try withShards { few in
      try few.run(
        "let whole = merge \"\(few.path("out"))/*\"\n"
          + "whole | append (few | take 1 | rank) | save \"\(few.path("both.json"))\"")
      let text = try String(contentsOfFile: few.path("both.json"), encoding: .utf8)
      #expect(text.contains("\"merged\": [{\"summand\": \"1.2.3\""))
    }
  }

  @Test func unitsWithoutRowsAreGoneThrough() throws {
    var counter = ShardRecord.Counter(Shard(number: 2, count: 3, division: .prompts))
    var table = Table(columns: [Column("x", .integers([1, 2, 3, 4]))])
    table.units = [4, 4, 13, 16]
    try counter.add(table)
    typealias Run = ShardRecord.UnitRun
    #expect(
      counter.finish() == [
        Run(units: 1, rows: 0), Run(units: 1, rows: 2), Run(units: 2, rows: 0),
        Run(units: 2, rows: 1),
      ])
    table.units = [4, 4, 16, 13]
    #expect(throws: Failure.self) { try counter.add(table) }
    table.units = [3, 4, 13, 16]
    #expect(throws: Failure.self) { try counter.add(table) }
  }
}
