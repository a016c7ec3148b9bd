import Foundation
import Testing

@testable import Runtime

/// The merged shards of any line are, byte for byte, what one process saves.
@Suite struct ShardTests {
  static let lines = [
    "few | SHARD | rank",
    "few | SHARD | logits",
    "few | SHARD | loss",
    "few | SHARD | perplexity",
    "few | SHARD | tokens",
    "few | SHARD",
    "few | SHARD | lens",
    "few | SHARD | attention heads",
    "few | SHARD | activations L0.resid_pre@last, L1H0.z@last",
    "few | SHARD | gradient L0.resid_pre@last, L1H0.z@last of prob",
    "few | SHARD | patch each L0H*@last from few | attribute gradient both",
    "few | ablate each heads@last | SHARD | attribute",
    "few | SHARD | dla by head, span",
    "few | SHARD | generate 4 temperature 1 samples 2 seed 3",
    "few | SHARD | compare tiny other",
    "few | SHARD | rank | where rank > 3 | derive twice = logit * 2 | select prompt, twice | rename twice x",
    // Draws, donors and means are of all prompts.
    "few | SHARD | ablate L0H0@last resample seed 3 | effect",
    "few | SHARD | ablate each heads@last mean over few | effect",
    "few | SHARD | patch each L*.resid_pre@last from few | effect",
    "few | SHARD | freeze L1.mlp | ablate L0H0 | effect of prob",
    "few | SHARD | known top 240 | rank",
    "few | SHARD | sample 4 seed 2 | rank",
    "few | SHARD | where tokens > 0 | take 4 | rank",
    "few | SHARD | few_shot 1 from few | rank",
    "few | SHARD | with other | rank",
    "few | ablate L0H0 | SHARD | rank at @*",
    // Of a sweep the runs are divided.
    "few | ablate each heads@last | SHARD | effect",
    "few | ablate each heads@* resample seed 1 | SHARD | rank",
    "few | take 1 | ablate each heads@* | SHARD | effect of kl",
    "few | ablate each heads@last | SHARD | effect | where effect > 0",
  ]

  @Test(arguments: lines, ["json", "parquet"])
  func mergedIsWhole(line: String, ending: String) throws {
    let few = try ShardSession()
    defer { few.remove() }
    let (whole, merged) = (few.path("whole.\(ending)"), few.path("merged.\(ending)"))
    try few.run("\(ShardSession.whole(line)) | save \"\(whole)\"")
    for count in [3, 8] {
      try few.saveShards(line, count, as: ending)
      try few.run("merge \"\(few.path("out"))/*\" | save \"\(merged)\"")
      #expect(try few.bytes("merged.\(ending)") == few.bytes("whole.\(ending)"), "\(count)")
    }
  }

  @Test(arguments: ["tsv", "csv", "ndjson", "markdown"])
  func mergedIsWholeInOtherFormats(ending: String) throws {
    let few = try ShardSession()
    defer { few.remove() }
    let line = "few | ablate each heads@last | SHARD | effect"
    try few.saveShards(line, 3, as: "json")
    let whole = try few.run("\(ShardSession.whole(line)) | show as \(ending)").output
    #expect(try few.run("merge \"\(few.path("out"))/*\" | show as \(ending)").output == whole)
    // `top` still knows what to rank by.
    let top = try few.run("\(ShardSession.whole(line)) | top 3").output
    #expect(try few.run("merge \"\(few.path("out"))/*\" | top 3").output == top)
  }

  /// A group of rows of Parquet ends where it would in the whole.
  @Test func groupsOfRowsAreThoseOfTheWhole() throws {
    let few = try ShardSession()
    defer { few.remove() }
    let line = "few | SHARD | activations L*.mlp_post, L*.resid_pre, L*.attn_scores"
    try few.run("\(ShardSession.whole(line)) | save \"\(few.path("whole.parquet"))\"")
    try few.saveShards(line, 3, as: "parquet")
    try few.run("merge \"\(few.path("out"))/*\" | save \"\(few.path("merged.parquet"))\"")
    #expect(try few.bytes("merged.parquet") == few.bytes("whole.parquet"))
  }

  @Test func aForGoesThroughTheOwnPrompts() throws {
    let few = try ShardSession()
    defer { few.remove() }
    let (output, _) = try few.run(
      #"for one in (few | shard 2 of 3) { "\(one)" }; length((few | shard 2 of 3))"#)
    #expect(output == "a sea is a\nthe sky is b\n2\n")
  }

  /// What looks at several rows would be of this shard's rows alone.
  @Test(arguments: [
    "sort rank", "top 3", "take 2", "sample 2", "group by relation mean rank", "summary",
    "pivot prompt answer rank", "append (few | rank)", "join (few | rank) on prompt",
    "correlate rank logit", "prompts", "text",
  ])
  func whatLooksAtSeveralRowsIsRefused(stage: String) throws {
    let few = try ShardSession()
    defer { few.remove() }
    let (status, messages) = few.failing("few | shard 2 of 3 | rank | \(stage)")
    #expect(status == .failed)
    #expect(
      messages.contains("of shard 2 of 3 would not be that of the whole table"), "\(messages)")
    #expect(messages.contains("merge"))
  }

  @Test(arguments: [
    "let t = few | shard 1 of 3 | rank; max(t.rank)",
    "let t = few | shard 1 of 3 | rank; length(t)",
    "let t = few | shard 1 of 3 | rank; few | rank | join t on prompt",
    "let t = few | shard 1 of 3 | rank; few | rank | append t",
  ])
  func aVariableOfAShardIsNotTheWhole(line: String) throws {
    let few = try ShardSession()
    defer { few.remove() }
    #expect(few.failing(line).messages.contains("of shard 1 of 3 would not be"))
  }

  @Test(arguments: [
    ("few | shard 1 of 2 | shard 1 of 2 | rank", "already shard 1 of 2"),
    ("[few, (few | shard 1 of 2)] | rank", "cannot be joined"),
    ("few | shard 1 of 2 | compare tiny other by head", "looks at all prompts together"),
    ("few | shard 0 of 8", "shards are numbered from 1 to 8"),
    ("few | shard 9 of 8", "shards are numbered from 1 to 8"),
    ("few | shard 1 of 0", "at least one shard"),
    ("few | shard 3", "does not say of how many"),
    ("few | shard", "nothing says which shard this is"),
    ("few | shard of 8", "nothing says which of them this is"),
  ])
  func mistakesAreNamed(line: String, message: String) throws {
    let few = try ShardSession()
    defer { few.remove() }
    let (status, messages) = few.failing(line)
    #expect(status == .failed)
    #expect(messages.contains(message), "\(messages)")
  }

  @Test func oneOfOneIsTheWhole() throws {
    let few = try ShardSession()
    defer { few.remove() }
    #expect(
      try few.run("few | shard 1 of 1 | rank | sort rank").output
        == few.run("few | rank | sort rank").output)
  }

  // MARK: The environment

  private func numbers(_ number: Int?, _ count: Int?, _ environment: [String: String]) throws
    -> [Int]
  {
    let found = try ShardNumbers(number: number, of: count, environment: environment)
    return [found.number, found.count]
  }

  private func slurm(_ id: Int, _ low: Int, _ high: Int, _ count: Int, step: Int? = nil)
    -> [String: String]
  {
    let numbers = ["ID": id, "MIN": low, "MAX": high, "COUNT": count, "STEP": step]
    return Dictionary(
      uniqueKeysWithValues: numbers.compactMap { key, value in
        value.map { ("SLURM_ARRAY_TASK_\(key)", "\($0)") }
      })
  }

  @Test func numbersComeFromTheEnvironment() throws {
    #expect(try numbers(nil, nil, ["SUMMAND_SHARD": "3/8"]) == [3, 8])
    #expect(try numbers(nil, 8, ["SUMMAND_SHARD": "3/8"]) == [3, 8])
    #expect(try numbers(nil, 1, [:]) == [1, 1])
    #expect(try numbers(3, 8, ["SUMMAND_SHARD": "3/8"]) == [3, 8])
    #expect(try numbers(nil, nil, slurm(0, 0, 7, 8)) == [1, 8])
    #expect(try numbers(nil, nil, slurm(7, 0, 7, 8)) == [8, 8])
    #expect(try numbers(nil, nil, slurm(13, 10, 16, 3, step: 3)) == [2, 3])
    #expect(try numbers(nil, 8, ["JOB_COMPLETION_INDEX": "0"]) == [1, 8])
    #expect(try numbers(nil, 8, ["JOB_COMPLETION_INDEX": "7"]) == [8, 8])
    // What says both goes before what says one; the line may be about something else than the array.
    #expect(
      try numbers(
        nil, nil, slurm(0, 0, 7, 8).merging(["SUMMAND_SHARD": "5/6"]) { $1 }) == [5, 6])
    #expect(try numbers(5, 6, slurm(0, 0, 2, 3)) == [5, 6])
    #expect(try numbers(5, 6, slurm(1, 1, 7, 3)) == [5, 6])
    let single = try ShardNumbers(number: nil, of: nil, environment: slurm(3, 3, 3, 1))
    #expect(single.count == 1 && single.warning?.contains("single task") == true)
  }

  @Test func contradictionsAreErrors() throws {
    func message(_ number: Int?, _ count: Int?, _ environment: [String: String]) throws -> String {
      try failure { _ = try numbers(number, count, environment) }.message
    }
    #expect(try message(2, 8, ["SUMMAND_SHARD": "3/8"]).contains("SUMMAND_SHARD says 3 of 8"))
    #expect(try message(nil, 9, ["SUMMAND_SHARD": "3/8"]).contains("9 shards"))
    #expect(try message(2, 8, slurm(0, 0, 7, 8)).contains("SLURM_ARRAY_TASK_ID says 1 of 8"))
    #expect(try message(nil, 4, slurm(0, 0, 7, 8)).contains("the Slurm array has 8 tasks"))
    #expect(try message(2, 8, ["JOB_COMPLETION_INDEX": "0"]).contains("says 1 of 8"))
    // --array=1,3,7
    #expect(try message(nil, nil, slurm(3, 1, 7, 3)).contains("numbered with gaps"))
    #expect(try message(nil, nil, slurm(9, 0, 7, 8)).contains("numbered with gaps"))
    #expect(try message(nil, nil, ["SLURM_ARRAY_TASK_ID": "3"]).contains("COUNT is not set"))
    #expect(try message(nil, nil, ["JOB_COMPLETION_INDEX": "3"]).contains("of how many"))
    #expect(try message(nil, 3, ["JOB_COMPLETION_INDEX": "3"]).contains("indices 0 to 2"))
    #expect(try message(nil, 3, ["JOB_COMPLETION_INDEX": "x"]).contains("not a number"))
    for text in ["3", "3/", "/8", "0/8", "9/8", "a/b", "3/8/1", "-1/8", "1/0", " 3/8"] {
      #expect(try message(nil, nil, ["SUMMAND_SHARD": text]).contains("SUMMAND_SHARD"), "\(text)")
    }
  }

  @Test func theCommandReadsTheEnvironment() throws {
    let few = try ShardSession(environment: ["SUMMAND_SHARD": "2/3"])
    defer { few.remove() }
    let bare = try few.run("few | shard | rank")
    #expect(bare.messages.contains("shard 2 of 3: 2 of 5 prompts"))
    #expect(try bare.output == few.run("few | shard 2 of 3 | rank").output)
    #expect(few.failing("few | shard 1 of 3 | rank").messages.contains("says 2 of 3"))
  }
}
