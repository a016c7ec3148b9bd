import Foundation
import Model
import TestSupport
import Testing

@testable import Runtime

@Suite("What heads' weights say, against numpy on whole matrices in float64")
struct HeadNumberTests {
  private struct Reference: Decodable {
    var models: [Golden]
  }

  private struct Golden: Decodable {
    var family: String
    var tokens: [Int]
    var start: Int
    var heads: [Head]
    var composition: [Pair]
    var read: [Int]
    var logits: [[Double]]
    var own: [Double]
  }

  private struct Head: Decodable {
    var component: String
    var copying, ovPositivity, ovNorm, qkNorm: Double
    var ovSingular, qkSingular, largest: [Double]
    var previousToken, duplicateToken, prefixMatching, induction: Double
  }

  private struct Pair: Decodable {
    var writer, reader: String
    var q, k, v: Double
  }

  private let models: [Golden]

  init() throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let path = packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/heads.json")
    models = try decoder.decode(Reference.self, from: Data(contentsOf: path)).models
    try #require(models.count == 4)
  }

  private func check(_ found: Double, _ wanted: Double, within tolerance: Double, _ what: String) {
    #expect(abs(found - wanted) < tolerance * max(1, abs(wanted)), "\(what): \(found), \(wanted)")
  }

  /// Through the vocabulary in F32: within 1e-4. All else in double precision: within 1e-6.
  @Test func scores() throws {
    for model in models {
      let shell = try PipedSession(tiny: "families/\(model.family)")
      let table = try shell.table("describe heads tokens 4 sequences 1")
      #expect(try table.texts("component") == model.heads.map(\.component))
      let copying = try shell.table("copying heads").numbers("copying")
      #expect(try table.numbers("copying") == copying)
      for (row, head) in model.heads.enumerated() {
        let what = "\(model.family) \(head.component)"
        check(copying[row], head.copying, within: 1e-4, what)
        let wanted = [
          ("ov_positivity", head.ovPositivity), ("ov_norm", head.ovNorm), ("qk_norm", head.qkNorm),
        ]
        for (column, number) in wanted {
          check(try table.numbers(column)[row], number, within: 1e-6, "\(what) \(column)")
        }
        for (product, values) in [("ov", head.ovSingular), ("qk", head.qkSingular)] {
          let found = try shell.table("svd \(head.component) \(product) top 3").numbers("value")
          for (value, wanted) in zip(found, values) {
            check(value, wanted, within: 1e-6, "\(what) \(product)")
          }
          #expect(found.count == 3)
        }
        let found = try shell.table("eigenvalues \(head.component) | take 3").numbers("magnitude")
        for (value, wanted) in zip(found, head.largest) {
          check(value, wanted, within: 1e-6, "\(what) eigenvalues")
        }
      }
    }
  }

  /// On given tokens. Activations are F32.
  @Test func repetition() throws {
    for golden in models {
      let model = try LanguageModel(
        path: Fixtures.path("families/\(golden.family)"), pool: WorkerPool(width: 2))
      let count = (golden.tokens.count - golden.start) / 2
      let sequence = RepeatedTokens(
        start: Array(golden.tokens.prefix(golden.start)),
        Array(golden.tokens[golden.start..<golden.start + count]))
      #expect(sequence.tokens == golden.tokens)
      let run = try model.transformer.run([sequence.request(of: model.configuration)])[0]
      let scores = try RepetitionReader(model.transformer).scores(of: sequence, run).flatMap(\.self)
      for (found, head) in zip(scores, golden.heads) {
        let what = "\(golden.family) \(head.component)"
        check(found.previousToken, head.previousToken, within: 1e-5, what)
        check(found.duplicateToken, head.duplicateToken, within: 1e-5, what)
        check(found.prefixMatching, head.prefixMatching, within: 1e-5, what)
        check(found.induction, head.induction, within: 1e-4, "\(what) induction")
      }
      #expect(scores.count == golden.heads.count)
    }
  }

  @Test func composition() throws {
    for model in models {
      let shell = try PipedSession(tiny: "families/\(model.family)")
      let table = try shell.table("composition heads -> heads")
      let (writers, readers) = (try table.texts("writer"), try table.texts("reader"))
      let (kinds, scores) = (try table.texts("by"), try table.numbers("score"))
      let found = Dictionary(
        uniqueKeysWithValues: scores.indices.map {
          ("\(writers[$0])\(readers[$0])\(kinds[$0])", scores[$0])
        })
      for pair in model.composition {
        for (kind, wanted) in [("q", pair.q), ("k", pair.k), ("v", pair.v)] {
          let name = "\(pair.writer)\(pair.reader)\(kind)"
          check(try #require(found[name]), wanted, within: 1e-6, "\(model.family) \(name)")
        }
      }
      let (expected, excess) = (try table.numbers("baseline"), try table.numbers("excess"))
      for row in scores.indices { #expect(abs(scores[row] - expected[row] - excess[row]) < 1e-12) }
      // Of random heads about 1 / √d_model, and of tiny ones more.
      #expect(expected.allSatisfy { $0 > 0.05 && $0 < 0.5 })
    }
  }

  @Test func promotedWhereRead() throws {
    for model in models {
      let shell = try PipedSession(tiny: "families/\(model.family)")
      let count = model.own.count
      let table = try shell.table("ov L1H0 on \(model.read) top \(count)")
      let (ids, scores) = (try table.numbers("token_id"), try table.numbers("score"))
      for (part, wanted) in model.logits.enumerated() {
        let size = wanted.reduce(0) { max($0, abs($1)) }
        for row in part * count..<(part + 1) * count {
          #expect(abs(scores[row] - wanted[Int(ids[row])]) < 1e-5 * size, "\(model.family)")
        }
      }
      let own = try shell.table("ov L1H0 top \(count)")
      let size = model.own.reduce(0) { max($0, abs($1)) }
      for (id, score) in zip(try own.numbers("token_id"), try own.numbers("score")) {
        #expect(abs(score - model.own[Int(id)]) < 1e-5 * size, "\(model.family)")
      }
    }
  }

  // MARK: - Rows and mistakes

  /// What a head writes is its z times the rows of W_O; what a neuron reads is W_in.
  @Test func rowsOfWeights() throws {
    let shell = try PipedSession(tiny: "families/llama3")
    try shell.define("let asked = prompt [41, 7, 90, 23]")
    let z = try shell.table("asked | activations L1H1.z@last").numbers("value")
    let result = try shell.table("asked | activations L1H1.result@last").numbers("value")
    let rows = try shell.table("weights L1H1.W_O")
    let values = try rows.numbers("value")
    let width = values.count / z.count
    let found = (0..<width).map { i in
      z.indices.reduce(0.0) { $0 + z[$1] * values[$1 * width + i] }
    }
    try expectClose(found, result, within: 1e-5)
    #expect(try rows.texts("component")[0] == "L1H1.W_O")
    let neuron = try shell.table("(weights L1N3.W_out | vector).value").numbers("value")
    let column = try shell.table("weights L1N3.W_out").numbers("value")
    try expectClose(neuron, column, within: 1e-7)
    let folded = try shell.table("weights W_U on 33 folded").numbers("value")
    try shell.define("let stream = asked | activations L1.resid_post@last | vector")
    let score = try shell.table("stream | unembed top 96 | where token_id == 33").numbers("score")[
      0]
    let v = try shell.table("stream.value").numbers("value")
    let size = try shell.table("norm(stream)")
    _ = size
    #expect(abs(zip(folded, v).reduce(0) { $0 + $1.0 * $1.1 } - score) < 1e-4)
  }

  @Test(arguments: [
    ("describe L1.mlp", "is not a head"), ("describe heads@last", "the same at every position"),
    ("describe heads tokens 1", "`tokens` is from 2"),
    ("describe heads tokens 4 sequences 0", "`sequences` is from 1"),
    ("svd L0H0 top 0", "`top` takes a count from 1"), ("svd L0H0 vo", "expected ov or qk"),
    ("composition L0H0", "an earlier and a later head"),
    ("composition L1H0 -> L0H0", "none of these heads comes before"),
    ("composition L0H0 -> L1H0 samples 0", "`samples` is from 1"),
    ("ov L0H0 on []", "expected a token"), ("ov L0H0 on 1000000", "there is no token"),
    ("weights L0H0.W_X", "is not a matrix"), ("weights W_Q", "there is no matrix 'W_Q'"),
    ("weights W_U", "has a row for each token"), ("weights L0H0.W_Q on 3", "`on` goes with"),
    ("weights L0N0.W_Q", "has no such rows"), ("weights L9H0.W_Q", "layers 0 to"),
    ("weights L0.W_gate", "this model's MLPs have no gate"),
  ])
  func mistakes(line: String, message: String) throws {
    let shell = try PipedSession(tiny: "families/gpt2")
    let result = shell.session.running(line)
    #expect(result.status == .failed, "\(line)")
    #expect(result.messages.contains(message), "\(line): \(result.messages)")
  }
}
