import Foundation
import TestSupport
import Testing

@testable import Model
@testable import Runtime

/// Runs that are kept in a folder: what comes of them is to the byte what comes without.
@Suite struct StoreTests {
  static let lines = [
    "few | rank", "few | logits | take 3", "few | ablate each heads@last | effect",
    "few | ablate each heads@last mean over few | effect of kl", "few | dla by head, span",
    "few | patch each L*.resid_pre@last from few | effect", "few | lens", "few | loss",
    "few | activations L1.pattern", "few | compare tiny other", "few | known top 240 | rank",
  ]

  private func kept(_ few: ShardSession, rows: inout Int, _ line: String) throws -> String {
    let host = try #require(few.session.host as? TestHost)
    host.forgetProgress()
    let output = try few.run(line).output
    rows = host.rowsRun
    return output
  }

  private func files(_ few: ShardSession) throws -> [URL] {
    let store = few.folder.appending(path: "store")
    let all = FileManager.default.enumerator(at: store, includingPropertiesForKeys: nil)
    return (all?.allObjects as? [URL] ?? []).filter { $0.pathExtension == "chunks" }
  }

  @Test(arguments: lines)
  func whatIsKeptIsWhatIsComputed(line: String) throws {
    let few = try ShardSession()
    defer { few.remove() }
    let plain = try few.run(line).output
    try few.session.keepRuns(in: few.path("store"))
    var (first, second) = (0, 0)
    #expect(try kept(few, rows: &first, line) == plain)
    // Another process.
    try few.session.keepRuns(in: few.path("store"))
    #expect(try kept(few, rows: &second, line) == plain)
    #expect(first > 0 && second == 0)
  }

  @Test func whatIsMissingIsComputed() throws {
    let few = try ShardSession()
    defer { few.remove() }
    let line = "few | ablate each heads@last | effect"
    let plain = try few.run(line).output
    try few.session.keepRuns(in: few.path("store"))
    try few.run("few | shard 2 of 3 | ablate each heads@last | effect")
    try few.run("few | ablate each heads@last | shard 1 of 4 | effect")
    #expect(try few.run(line).output == plain)
  }

  private func damaged(
    at offset: Int, line: String = "few | rank", _ change: (inout Data) -> Void = { _ in }
  ) throws -> String {
    let few = try ShardSession()
    defer { few.remove() }
    let plain = try few.run(line).output
    try few.session.keepRuns(in: few.path("store"))
    try few.run(line)
    let file = try #require(try files(few).first)
    var data = try Data(contentsOf: file)
    if offset != 0 { data[offset > 0 ? offset : data.count + offset] ^= 1 }
    change(&data)
    try data.write(to: file)
    try few.session.keepRuns(in: few.path("store"))
    let (output, messages) = try few.run(line)
    #expect(output == plain)
    try few.run("store \"\(few.path("store"))\" drop damaged")
    #expect(try few.run("store \"\(few.path("store"))\"").messages.isEmpty)
    return messages
  }

  @Test func damageIsReportedAndComputedAgain() throws {
    #expect(try damaged(at: -1).contains("a chunk has another checksum"))
    // With what it is compared with.
    let compared = "few | take 1 | ablate each L0H*@last | effect of kl"
    #expect(try damaged(at: -1, line: compared).contains("a chunk has another checksum"))
    #expect(try damaged(at: 40).contains("its head has another checksum"))
    #expect(try damaged(at: 2).contains("it is not of a store"))
    #expect(try damaged(at: 0) { $0 = $0.prefix(20) }.contains("it is cut off"))
    #expect(try damaged(at: 0) { $0 = $0.dropLast(10) }.contains("a chunk is cut off"))
    #expect(try damaged(at: 0) { $0 = Data() }.contains("it is cut off"))
  }

  @Test func aStoreIsListedAndEmptied() throws {
    let few = try ShardSession()
    defer { few.remove() }
    let store = few.path("store")
    try few.session.keepRuns(in: store)
    try few.run("few | rank\nfew | ablate each heads@last | effect")
    let (listing, _) = try few.run("store \"\(store)\" | select line, model, rows, current")
    #expect(listing.contains("\"few | rank\"\t\"tiny-gqa.F32.gguf\"\t5\ttrue"), "\(listing)")
    #expect(listing.contains("few | ablate each heads@last | effect"))
    #expect(
      try few.run("store \"\(store)\" drop stale").messages.contains("dropped 0 files"))
    #expect(
      try few.run("store \"\(store)\" drop all older 1").messages.contains("dropped 0 files"))
    try few.run("store \"\(store)\" drop all")
    #expect(try files(few).isEmpty)
    #expect(try few.run("store \"\(store)\" | select line").output == "\"line\"\n")
  }

  @Test func aStoreThatCannotBeIsAnError() throws {
    let few = try ShardSession()
    defer { few.remove() }
    try Data().write(to: few.folder.appending(path: "file"))
    for path in [few.path("file"), few.path("file/store"), "/proc/store", ""] {
      let failure = try failure { try few.session.keepRuns(in: path) }
      #expect(failure.message.contains("store"), "\(failure.message)")
      #expect(failure.status == .unreadable)
    }
    #expect(few.failing("store \"\(few.path("none"))\"").messages.contains("there is no store"))
  }

  // MARK: Keys and bytes

  private static let request = RunRequest(
    tokens: [1, 2, 3],
    edits: [Edit(site: Site(.z, layer: 1), units: [0], positions: [2], change: .zero)],
    captures: [Site(.z, layer: 0): .some([1]), Site(.q, layer: 1): .all],
    logits: .chosen([.init(tokens: [4], position: 2)]))

  private func key(
    varying base: RunRequest? = nil, _ change: (inout RunRequest) -> Void = { _ in }
  ) -> ContentDigest {
    var (request, bytes) = (Self.request, ByteWriter())
    change(&request)
    request.write(to: &bytes, varying: base)
    return ContentDigest(of: bytes.bytes)
  }

  @Test func everythingThatMattersIsInTheKey() {
    let changes: [(inout RunRequest) -> Void] = [
      { $0.tokens = [1, 2, 4] }, { $0.tokens = [1, 2] }, { $0.edits = [] },
      { $0.edits[0].units = nil }, { $0.edits[0].units = [1] }, { $0.edits[0].positions = [1] },
      { $0.edits[0].site = Site(.z, layer: 0) }, { $0.edits[0].site = Site(.v, layer: 1) },
      { $0.edits[0].change = .scale(0) }, { $0.edits[0].change = .scale(-0.0) },
      { $0.edits[0].change = .replace([[0]]) }, { $0.edits[0].change = .replace([[0], []]) },
      { $0.edits[0].change = .add([0]) }, { $0.edits[0].change = .cut(sources: [0]) },
      { $0.edits += $0.edits }, { $0.captures = [:] },
      { $0.captures[Site(.z, layer: 0)] = .all }, { $0.captures[Site(.z, layer: 0)] = .some([2]) },
      { $0.logits = .none }, { $0.logits = .all([2]) },
      { $0.logits = .chosen([.init(tokens: [4], position: 1)]) },
      { $0.logits = .summaries([LogitQuery(position: 2, tokens: [4])]) },
      { $0.logits = .summaries([LogitQuery(position: 2, tokens: [4], ranksTokens: false)]) },
      { $0.logits = .summaries([LogitQuery(position: 2, tokens: [4], top: 1)]) },
      { $0.logits = .summaries([LogitQuery(position: 2, tokens: [4], takesMean: true)]) },
      {
        $0.logits = .summaries([LogitQuery(position: 2, tokens: [4], comparisons: [.divergence])])
      },
      {
        $0.logits = .summaries([LogitQuery(position: 2, tokens: [4], comparisons: [.overlap(2)])])
      },
      {
        $0.logits = .summaries([LogitQuery(position: 2, tokens: [4], comparisons: [.overlap(3)])])
      },
      { $0.isUncapped = true },
    ]
    let keys = [key()] + changes.map { key($0) }
    #expect(Set(keys).count == keys.count)
    // What it shares with others changes no bit.
    #expect(key { $0.base = 3 } == key())
    #expect(key(varying: Self.request) == key())
    // But where the two are compared.
    func compared(_ base: RunRequest?) -> ContentDigest {
      key(varying: base) {
        $0.logits = .summaries([LogitQuery(position: 2, comparisons: [.divergence])])
      }
    }
    var (bare, other) = (Self.request, Self.request)
    bare.edits = []
    other.edits[0].positions = [1]
    let bases = [nil, bare, other, Self.request].map(compared)
    #expect(Set(bases).count == 4)
  }

  @Test func resultsComeBackToTheBit() throws {
    var result = RunResult()
    let odd: [Float] = [.nan, -.infinity, -0.0, 1e-45, 3]
    result.activations[Site(.z, layer: 3)] = CapturedActivation(
      positions: [0, 4], units: 5, rows: [odd, []])
    result.logits = [odd, [], [7]]
    result.summaries = [
      LogitSummary([1, 2, 3], LogitQuery(position: 0, tokens: [2, 0], top: 2)),
      LogitSummary([1, .nan, 3], LogitQuery(position: 0, tokens: [2], top: 3)),
      LogitSummary(
        [1, 2, 3],
        LogitQuery(position: 0, comparisons: [.divergence, .overlap(2)], takesMean: true)),
    ]
    result.fired = [
      FiredFeatures(edit: 2, features: [5, 3], isWhole: true),
      FiredFeatures(edit: 0, isWhole: false),
    ]
    var bytes = ByteWriter()
    result.write(to: &bytes)
    let read = bytes.bytes.withUnsafeBytes { buffer -> RunResult? in
      var taker = ByteTaker(buffer)
      return RunResult(&taker)
    }
    var again = ByteWriter()
    try #require(read).write(to: &again)
    #expect(again.bytes == bytes.bytes)
    #expect(read?.fired == result.fired)
    #expect(read?.summaries[0].tokens[0].rank == 1)
    #expect(read?.summaries[1].tokens[0].rank == nil)
    #expect(read?.summaries[2].comparisons == [0, 1] && read?.summaries[2].mean == 2)
    // No beginning of it is a result.
    for count in bytes.bytes.indices {
      bytes.bytes[..<count].withUnsafeBytes { buffer in
        var taker = ByteTaker(buffer)
        #expect(RunResult(&taker) == nil)
      }
    }
  }

  /// From the reference implementation.
  @Test func digestsAreThoseOfMurmurHash3() {
    #expect(ContentDigest(of: []).text == "00000000000000000000000000000000")
    #expect(ContentDigest(of: Array("hello".utf8)).text == "cbd8a7b341bd9b025b1e906a48ae1d19")
    #expect(
      ContentDigest(of: Array("The quick brown fox jumps over the lazy dog".utf8)).text
        == "e34bbc7bbc071b6c7a433ca9c49a9347")
  }
}
