import Foundation
import TestSupport
import Testing

@testable import Runtime

/// What transformers finds in float64: see `Scripts/reference/families/lenses.py`.
private struct LensReference: Decodable {
  var models: [Model]

  struct Model: Decodable {
    var family: String
    var tokens: [Int]
    /// Every `step`-th token's logit is there.
    var step: Int
    var rows: [Row]
  }

  struct Row: Decodable {
    var way, component: String
    var position: Int
    var best: [Int]
    var logsum: Double
    var logits: [Double]
  }

  static let folder = packageRoot.appending(path: "Tests/RuntimeTests/Fixtures")

  static func read() throws -> LensReference {
    try JSONDecoder().decode(
      LensReference.self, from: Data(contentsOf: folder.appending(path: "lenses.json")))
  }

  static func lens(_ family: String) -> String { folder.appending(path: "lenses/\(family)").path }
}

@Suite("Sites read as if the model ended there, against transformers in float64")
struct LensNumberTests {
  /// Every site, every layer, two positions, of four families: within 1e-5 of the largest logit.
  @Test func everySite() throws {
    let reference = try LensReference.read()
    #expect(reference.models.count == 4)
    for model in reference.models {
      let shell = try PipedSession(tiny: "families/\(model.family)")
      try shell.define("let asked = prompt \(model.tokens)")
      let lens = LensReference.lens(model.family)
      for (way, words) in [("plain", ""), ("raw", "raw"), ("tuned", "tuned \"\(lens)\"")] {
        let rows = model.rows.filter { $0.way == way }
        #expect(rows.count >= 4)
        let sites = Set(rows.map(\.component)).sorted().joined(separator: ", ")
        let table = try shell.table(
          "asked | lens \(sites) top 96 at @{3,last} \(words)")
        #expect(table.rowCount == rows.count * 96, "\(model.family) \(way)")
        for row in rows { try check(row, in: table, model, "\(model.family) \(way)") }
      }
    }
  }

  private func check(
    _ row: LensReference.Row, in table: Table, _ model: LensReference.Model, _ name: String
  ) throws {
    let what = "\(name) \(row.component)@\(row.position)"
    let (components, positions) = (
      try table.texts("component"), try table.numbers("position").map { Int($0) }
    )
    let own = components.indices.filter {
      components[$0] == row.component && positions[$0] == row.position
    }
    let (ids, logits) = (
      try table.numbers("token_id").map { Int($0) }, try table.numbers("logit")
    )
    let found = Dictionary(uniqueKeysWithValues: own.map { (ids[$0], logits[$0]) })
    let wanted = row.logits
    let largest = wanted.reduce(0) { max($0, abs($1)) }
    try expectClose(
      wanted.indices.map { found[$0 * model.step] ?? .nan }, wanted, within: 1e-5 * largest, what)
    #expect(Array(own.prefix(3).map { ids[$0] }) == row.best, "\(what)")
    let logprobs = try table.numbers("logprob")
    #expect(abs(logits[own[0]] - logprobs[own[0]] - row.logsum) < 1e-4, "\(what)")
  }
}

@Suite struct LensTests {
  private let shell: PipedSession

  init() throws {
    shell = try PipedSession(tiny: "families/llama3")
    try shell.define("let asked = prompt [41, 7, 90, 23, 58] -> \"x\"")
  }

  private func table(_ line: String) throws -> Table { try shell.table(line) }

  @Test("named sites have the very numbers of the usual ones")
  func sites() throws {
    let usual = try table("asked | lens at *")
    let named = try table("asked | lens L*.resid_pre, L1.resid_post at *")
    #expect(named.columnNames == ["component"] + usual.columnNames)
    for column in ["rank", "logit", "prob", "logprob"] {
      #expect(try named.numbers(column) == usual.numbers(column))
    }
    #expect(try table("asked | lens L1.mlp_out@3 top 2").numbers("position") == [3, 3])
    #expect(try table("asked | lens L1.mlp_out@3").rowCount == 1)
    // Heads add up to what attention adds, biases aside, before the norm and the unembedding.
    let heads = try table("asked | lens L1H*.result raw").numbers("logit")
    let whole = try table("asked | lens L1.attn_out raw").numbers("logit")
    #expect(heads.count == 4)
    #expect(abs(heads.reduce(0, +) - whole[0]) < 1e-5)
  }

  @Test("a tuned lens leaves the last stream as it is, and reads both names of a stream")
  func tuned() throws {
    let lens = "tuned \"\(LensReference.lens("llama3"))\""
    let (usual, tuned) = (try table("asked | lens"), try table("asked | lens \(lens)"))
    #expect(try usual.numbers("logit").last == tuned.numbers("logit").last)
    #expect(try usual.numbers("logit").first != tuned.numbers("logit").first)
    let after = try table("asked | lens L*.resid_post \(lens)").numbers("logit")
    let later = Array(try tuned.numbers("logit").dropFirst())
    #expect(later == after)
    // Edited runs, and sets of prompts.
    try shell.define("let other = prompt [12, 77, 3] -> \"b\"")
    let both = try table("[asked, other] | lens \(lens)").numbers("logit")
    let first = Array(both.prefix(3))
    let (own, edited) = (
      try tuned.numbers("logit"), try table("asked | ablate L0.mlp | lens \(lens)").numbers("logit")
    )
    #expect(first == own)
    #expect(edited != own)
    #expect(try table("plan asked | lens \(lens)").rowCount > 0)
  }

  @Test func whatCannotBeRead() throws {
    let lens = "tuned \"\(LensReference.lens("llama3"))\""
    for (line, message) in [
      ("asked | lens L1.mlp_post", "is not of the stream"),
      ("asked | lens L1H0", "is not of the stream"),
      ("asked | lens L1.pattern", "as wide as its position"),
      ("asked | lens L9.resid_pre", "this model has layers 0 to 1"),
      ("asked | lens L1.resid_pre@2, L0.resid_pre@3", "at the same positions"),
      ("asked | lens L1.resid_pre@2 at 3", "both give positions"),
      ("asked | lens \(lens) raw", "`raw` leaves out"),
      ("asked | lens L0.attn_out \(lens)", "reads the stream between layers"),
      ("asked | lens tuned \"\(LensReference.lens("gpt2"))\"", "layers of width 36"),
      ("asked | lens tuned \"no/such/folder\"", "is not the folder of a tuned lens"),
      ("asked | lens | plot bar label token", "`label` has no effect"),
    ] {
      let result = shell.session.running(line)
      #expect(result.status != .done, "\(line)")
      #expect(result.messages.contains(message), "\(line): \(result.messages)")
    }
  }

  /// Files of a lens, one thing at a time made wrong.
  @Test func damagedLenses() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "lens-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = URL(fileURLWithPath: LensReference.lens("llama3"))
    let (config, params) = (
      try String(contentsOf: source.appending(path: "config.json"), encoding: .utf8),
      try Data(contentsOf: source.appending(path: "params.safetensors"))
    )
    func message(_ config: String, _ params: Data?, as name: String = "params.safetensors") throws
      -> String
    {
      for name in ["params.safetensors", "params.pt"] {
        try? FileManager.default.removeItem(at: folder.appending(path: name))
      }
      try Data(config.utf8).write(to: folder.appending(path: "config.json"))
      try params?.write(to: folder.appending(path: name))
      return shell.session.running("asked | lens tuned \"\(folder.path)\" | take 1").messages
    }
    #expect(try message(config, params).isEmpty)
    for (old, new, wanted) in [
      ("someone/llama3", "someone/else", "was trained on 'someone/else'"),
      ("someone/llama3", "another/LLaMA3-Q4_K_M", ""),
      ("\"d_model\": 40", "\"d_model\": 41", "layers of width 41"),
      ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "3 layers"),
      ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 2e300", "num_hidden_layers must be"),
      ("\"bias\": true", "\"bias\": false", "has no place for"),
      ("\"bias\": true", "\"bias\": 1", "bias must be true or false"),
      ("linear_tuned_lens", "mlp", "only lenses of the type"),
      ("\"bias\": true", "\"bias\": true, \"rank\": 4", "the key 'rank'"),
    ] {
      let found = try message(config.replacing(old, with: new), params)
      #expect(wanted.isEmpty ? found.isEmpty : found.contains(wanted), "\(new): \(found)")
    }
    #expect(try message(config, params, as: "params.pt").contains("Scripts/convert-lens"))
    #expect(try message(config, nil).contains("has no params.safetensors"))
    #expect(try message(config, params.prefix(params.count / 2)).contains("params.safetensors"))
    let renamed = Data(
      Array(params).replacing(Array("\"1.bias".utf8), with: Array("\"1.bIas".utf8)))
    #expect(try message(config, renamed).contains("1.b"))
    // NaN in the last weights, which are read when they are used.
    let broken = params.dropLast(8) + Data(repeating: 0xFF, count: 8)
    #expect(try message(config, broken).contains("infinite or not numbers"))
  }

  @Test("tokens stand in the cells of a heatmap, and name its columns")
  func labels() throws {
    let session = Session(host: TestHost(format: .tsv))
    session.models = shell.session.models
    let line =
      "prompt [41, 7, 90] | lens top 1 at * | plot heatmap layer, position, prob label token"
    let result = session.running(line)
    #expect(result.status == .done, "\(result.messages)")
    let rows = try table("prompt [41, 7, 90] | lens top 1 at *")
    let tokens = try rows.texts("token")
    let lines = result.output.split(separator: "\n")
    for layer in 0..<3 {
      let cells = lines[2 + layer].split(separator: " ").dropFirst()
      #expect(cells.count == 3, "\(result.output)")
      for (cell, token) in zip(cells, tokens[3 * layer..<3 * layer + 3]) {
        #expect(cell.replacing("·", with: " ") == token.replacing("\"", with: ""))
      }
    }
  }
}
