import TestSupport
import Testing

@testable import Model
@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The numbers of `compare`: of equal weights 0, of a known change that change, and else those that
/// each model gives alone.
@Suite struct CompareTests {
  private static let fixtures = Fixtures.folder

  private static let prompts = #"""
    let one = prompt "The sky is" -> " is" vs " s"
    let asked = [one, (prompt "Rome" -> " s" vs " is", "The"), (prompt "a b c d" -> "The" vs " s")]
    """#

  private func session(_ models: [(path: String, name: String)]) throws -> PipedSession {
    let shell = PipedSession(session: Session(host: TestHost(format: .tsv)))
    for (path, name) in models { try shell.define("load \"\(path)\" as \(name)") }
    try shell.define(Self.prompts)
    return shell
  }

  private static func fixture(_ name: String) -> String { fixtures.appending(path: name).path }

  /// The same weights in safetensors and in GGUF, whose q and k are permuted.
  @Test(arguments: [("tiny-gqa", "tiny-gqa.F32.gguf"), ("tiny-mha", "tiny-mha.F32.gguf")])
  func equalWeights(a: String, b: String) throws {
    let shell = try session([(Self.fixture(a), "a"), (Self.fixture(b), "b")])
    let rows = try shell.table("asked | compare a b")
    for column in ["difference", "kl", "largest_gap"] {
      #expect(try rows.numbers(column) == [0, 0, 0])
    }
    #expect(try rows.texts("agree") == ["true", "true", "true"])
    for division in ["head", "layer", "component", "depth", "component of logit_diff centred"] {
      let rows = try shell.table("asked | compare a b by \(division)")
      #expect(rows.rowCount >= 6)
      #expect(try rows.numbers("difference").allSatisfy { $0 == 0 })
    }
  }

  /// One head's output projection is 0 in b, at the last layer: so is its attribution, and that is
  /// all that the stream before the final norm loses.
  @Test func aHeadThatWasTakenOut() throws {
    try withTampered("tiny-gqa.F32.gguf", tensor: "blk.2.attn_output.weight") { index, value in
      // [d_model 32][heads · d_head 4 · 24]: head 1
      (24..<48).contains(index % 96) ? 0 : value
    } body: { file in
      let shell = try session([
        (Self.fixture("tiny-gqa.F32.gguf"), "whole"), (file, "tampered"),
      ])
      let rows = try shell.table("one | compare whole tampered by head")
      #expect(try rows.numbers("dla_b")[rows.texts("component").firstIndex(of: "L2H1") ?? 0] == 0)
      let ofA = try shell.table("one | with whole | dla by head")
      let ofB = try shell.table("one | with tampered | dla by head")
      let order = try rows.texts("component").map {
        try ofA.texts("component").firstIndex(of: $0) ?? 0
      }
      #expect(try rows.numbers("dla_a") == order.map { try ofA.numbers("dla")[$0] })
      #expect(try rows.numbers("dla_b") == order.map { try ofB.numbers("dla")[$0] })
      let differences = try rows.numbers("difference")
      try expectClose(
        differences, zip(try rows.numbers("dla_b"), try rows.numbers("dla_a")).map { $0 - $1 },
        within: 1e-6)
      #expect(differences.map(abs) == differences.map(abs).sorted(by: >))
      // Layers 0 and 1 are what they were, but for the final norm's scale.
      let ablated = try shell.table("one | with whole | ablate L2H1 | rank")
      let answers = try shell.table("one | compare whole tampered")
      try expectClose(
        try answers.numbers("logit_b"), try ablated.numbers("logit"), within: 1e-6)
    }
  }

  /// Each column is what `rank` and `logits` say of the model alone.
  @Test func answersAreThoseOfEachAlone() throws {
    let shell = try session([
      (Self.fixture("tiny-gqa.F32.gguf"), "a"), (Self.fixture("tiny-gqa.Q4_1.gguf"), "b"),
    ])
    let rows = try shell.table("asked | compare a b")
    for side in ["a", "b"] {
      let alone = try shell.table("asked | with \(side) | rank")
      for column in ["logit", "logprob", "rank"] {
        #expect(try rows.numbers("\(column)_\(side)") == alone.numbers(column))
      }
    }
    let differences = zip(try rows.numbers("logit_b"), try rows.numbers("logit_a")).map { $0 - $1 }
    try expectClose(try rows.numbers("difference"), differences, within: 1e-6)

    let logits = try ["a", "b"].map { side in
      try shell.table("one | with \(side) | logits | sort token_id")
    }
    let (p, q) = (try logits[0].numbers("logprob"), try logits[1].numbers("logprob"))
    let kl = zip(p, q).reduce(0) { $0 + Numerics.exp($1.0) * ($1.0 - $1.1) }
    try expectClose([try rows.numbers("kl")[0]], [kl], within: 1e-9)
    #expect(kl > 1e-3)
    let gaps = zip(try logits[0].numbers("logit"), try logits[1].numbers("logit")).map {
      abs($0 - $1)
    }
    try expectClose([try rows.numbers("largest_gap")[0]], [gaps.max() ?? 0], within: 1e-6)
    let best = try shell.table("one | with b | logits | top 1")
    #expect(try rows.texts("top_b")[0] == best.texts("token")[0])
  }

  @Test func answersOfSeveralTokens() throws {
    let shell = try session([
      (Self.fixture("tiny-gqa.F32.gguf"), "a"), (Self.fixture("tiny-gqa.Q4_1.gguf"), "b"),
    ])
    try shell.define(
      #"let long = [(prompt "a b" -> whole " thing"), (prompt "a b c"), (prompt "c d" -> "e", "f")]"#
    )
    let rows = try shell.table("long | compare a b")
    let heads = try shell.table("long | take 1 | compare a b by head | sort component")
    for side in ["a", "b"] {
      let alone = try [1, 3].flatMap { index in
        let line = "long | with \(side) | take \(index) | take -1 | rank"
        return try ["logit", "logprob", "rank"].flatMap { try shell.table(line).numbers($0) }
      }
      let found = try [0, 2].flatMap { index in
        try ["logit", "logprob", "rank"].map { try rows.numbers("\($0)_\(side)")[index] }
      }
      #expect(found == alone)
      let dla = try shell.table("long | with \(side) | take 1 | dla by head | sort component")
      #expect(try heads.numbers("dla_\(side)") == dla.numbers("dla"))
    }
    #expect(try rows.texts("logit_a")[1].isEmpty && rows.texts("answer")[0] == " thing")
    #expect(try rows.numbers("kl").allSatisfy { $0 > 0 })
  }

  /// Of any two shapes: the bins of each side sum to its own logit.
  @Test func depthsSumToTheLogit() throws {
    let shell = try session([(Self.fixture("tiny-gqa"), "a"), (Self.fixture("tiny-mha"), "b")])
    let rows = try shell.table("one | compare a b by depth")
    #expect(try rows.texts("part") == ["embed", "attn", "mlp", "attn", "mlp"])
    #expect(try rows.texts("depth") == ["", "0.0", "0.0", "0.5", "0.5"])
    let answers = try shell.table("one | compare a b")
    for side in ["a", "b"] {
      try expectClose(
        [try rows.numbers("dla_\(side)").reduce(0, +)], try answers.numbers("logit_\(side)"),
        within: 1e-5)
    }
    let layers = try shell.table("one | with a | dla | where layer <= 1 and head == head")
    let early = try rows.numbers("dla_a")[1]
    try expectClose([early], [try layers.numbers("dla").reduce(0, +)], within: 1e-5)
  }

  /// Few are held at a time: what is held changes nothing.
  @Test func chunks() throws {
    let shell = try session([
      (Self.fixture("tiny-gqa"), "a"), (Self.fixture("tiny-gqa.Q8_0.gguf"), "b"),
    ])
    let whole = try shell.table("asked | compare a b")
    try #require(shell.session.host as? TestHost).memory = 60_000
    #expect(try shell.table("asked | compare a b") == whole)
  }

  private func withTampered(
    _ name: String, tensor: String, _ change: (Int, Float) -> Float,
    body: (String) throws -> Void
  ) throws {
    let file = try GGUFFile(path: Self.fixture(name))
    let info = try file.require(tensor)
    var bytes = [UInt8](try Data(contentsOf: URL(filePath: Self.fixture(name))))
    bytes.withUnsafeMutableBytes { bytes in
      for index in 0..<info.elementCount {
        let offset = info.offset + 4 * index
        let bits = UInt32(
          littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        bytes.storeBytes(
          of: change(index, Float(bitPattern: bits)).bitPattern.littleEndian, toByteOffset: offset,
          as: UInt32.self)
      }
    }
    let copy = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).gguf")
    try Data(bytes).write(to: copy)
    defer { try? FileManager.default.removeItem(at: copy) }
    try body(copy.path)
  }
}
