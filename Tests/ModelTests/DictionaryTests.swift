import Foundation
import TestSupport
import Testing

@testable import Model

/// What the code that dictionaries come from makes of some rows, in float64.
struct ReferenceDictionary: Decodable {
  var rows: [[Float]]
  var activations: [[Double]]
  var output: [[Double]]

  static let all: [String: ReferenceDictionary] = {
    let path = Fixtures.path("dictionaries/expected.json")
    guard let data = FileManager.default.contents(atPath: path) else { return [:] }
    return (try? JSONDecoder().decode([String: ReferenceDictionary].self, from: data)) ?? [:]
  }()

  static func open(_ name: String) throws -> FeatureDictionary {
    try DictionarySource.open(path: Fixtures.path("dictionaries/\(name)"), layer: 1)
  }
}

@Suite("Dictionaries of every format encode and decode as the code that wrote them")
struct DictionaryTests {
  private static let pool = WorkerPool(width: 2)

  @Test("all are there") func count() { #expect(ReferenceDictionary.all.count == 24) }

  @Test("activations and reconstructions", arguments: ReferenceDictionary.all.keys.sorted())
  func numbers(name: String) throws {
    let wanted = try #require(ReferenceDictionary.all[name])
    let dictionary = try ReferenceDictionary.open(name)
    let found = try dictionary.encode(wanted.rows, on: Self.pool)
    for (row, x) in wanted.rows.enumerated() {
      var dense = [Float](repeating: 0, count: dictionary.features)
      for active in found[row] { dense[active.feature] = active.activation }
      #expect(!found[row].isEmpty && found[row].count < dictionary.features)
      for (j, value) in wanted.activations[row].enumerated() {
        #expect(abs(Double(dense[j]) - value) < 2e-6 * max(1, abs(value)), "\(name): feature \(j)")
      }
      let output = try dictionary.reconstruct(x, from: found[row], on: Self.pool)
      for (i, value) in wanted.output[row].enumerated() {
        #expect(abs(output[i] - value) < 5e-6 * max(1, abs(value)), "\(name): element \(i)")
      }
    }
  }

  /// A dictionary, its rows, and what is active at them.
  private func encoded(_ name: String) throws -> (FeatureDictionary, [[Float]], [[ActiveFeature]]) {
    let rows = try #require(ReferenceDictionary.all[name]).rows
    let dictionary = try ReferenceDictionary.open(name)
    return (dictionary, rows, try dictionary.encode(rows, on: Self.pool))
  }

  @Test(
    "some features at one row have the bits of all features at many",
    arguments: ReferenceDictionary.all.keys.sorted())
  func bits(name: String) throws {
    let (dictionary, rows, found) = try encoded(name)
    let products = Products(pool: WorkerPool(width: 1))
    for (row, x) in rows.enumerated() {
      let wanted = Array(0..<dictionary.features)
      let (some, _) = dictionary.activations(
        of: wanted.reversed(), at: x, products, WorkerPool(width: 1))
      let active = zip(wanted, some.reversed()).filter { $0.1 != 0 }
      #expect(
        active.map { ActiveFeature(feature: $0.0, activation: $0.1) } == found[row], "\(name)")
    }
  }

  @Test(
    "some features at many rows have the same bits",
    arguments: ReferenceDictionary.all.keys.sorted())
  func bitsOfSome(name: String) throws {
    let (dictionary, rows, found) = try encoded(name)
    for features in [[7], Array((0..<dictionary.features).reversed())] {
      let some = try dictionary.activations(of: features, at: rows, on: Self.pool)
      #expect(some == found.map { active in features.map(active.activation) }, "\(name)")
    }
  }

  @Test("a row is encoded once, and known by its bits")
  func encodings() throws {
    let name = "topk"
    let rows = try #require(ReferenceDictionary.all[name]).rows
    let dictionary = try ReferenceDictionary.open(name)
    let products = Products(pool: Self.pool)
    func ask(_ rows: [[Float]]) throws {
      for row in rows {
        for feature in 0..<dictionary.features {
          let (found, _) = dictionary.activations(of: [feature], at: row, products, Self.pool)
          let wanted = try dictionary.encode([row], on: Self.pool)[0].activation(of: feature)
          #expect(found == [wanted])
        }
      }
    }
    try ask(rows)
    #expect(dictionary.encodedRows.encodings == rows.count)
    try ask(rows.map { $0.map { $0 + 1 } })
    try ask(rows)
    #expect(dictionary.encodedRows.encodings == 2 * rows.count)
  }

  @Test("rows that were encoded are kept by their bits, in bounded memory")
  func encodedRows() {
    func encodings(_ rows: [[Float]], bytes: Int = 1 << 20) -> Int {
      let known = EncodedRows(bytes: bytes)
      for (number, row) in (rows + rows).enumerated() {
        let wanted = ActiveFeature(feature: number % rows.count, activation: 1)
        #expect(known.active(at: row) { [wanted] } == [wanted])
      }
      return known.encodings
    }
    #expect(encodings([[0, 1], [-0.0, 1], [.nan, 1], [1, 0]]) == 4)
    // 8 bytes of the row, 16 of what is active, 128 besides: one row a half, of three.
    #expect(encodings([[1, 0], [2, 0], [3, 0]], bytes: 400) == 6)
    #expect(encodings([[1, 0], [2, 0], [3, 0]], bytes: 10) == 6)
    #expect([ActiveFeature]().activation(of: 3) == 0)
  }

  @Test("ties in a choice go to the lower number")
  func ties() {
    var row: [Float] = [1, 3, 3, -1, 3, 2]
    row.withUnsafeMutableBufferPointer { FeatureRule.top(2).apply(to: $0.baseAddress!, 6) }
    #expect(row == [0, 3, 3, 0, 0, 0])
  }

  @Test("rows with numbers that are none have no features")
  func notFinite() throws {
    let dictionary = try ReferenceDictionary.open("standard")
    var row = [Float](repeating: 1, count: 32)
    row[3] = .nan
    #expect(throws: ModelError.self) { try dictionary.encode([row], on: Self.pool) }
  }
}

@Suite("Dictionaries that would be read wrongly are refused")
struct DictionaryRefusalTests {
  /// A copy of a fixture's folder whose settings are changed.
  private func copy(_ name: String, _ settings: String, _ change: (inout [String: Any]) -> Void)
    throws -> String
  {
    let folder = NSTemporaryDirectory() + "dictionary-\(UUID().uuidString)"
    try FileManager.default.copyItem(
      atPath: Fixtures.path("dictionaries/\(name)"), toPath: folder)
    let path = folder + "/" + settings
    let data = try #require(FileManager.default.contents(atPath: path))
    var object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    change(&object)
    try JSONSerialization.data(withJSONObject: object).write(to: URL(fileURLWithPath: path))
    return folder
  }

  private func message(_ path: String) -> String {
    do {
      _ = try DictionarySource.open(path: path, layer: 1)
      return "opened"
    } catch let error as ModelError {
      return error.message + " / " + (error.help ?? "")
    } catch {
      return "\(error)"
    }
  }

  @Test(
    "settings",
    arguments: [
      ("standard", "normalize_activations", "expected_average_only_in", "statistics"),
      ("standard", "normalize_activations", "covariance_whitening", "statistics"),
      ("standard", "architecture", "temporal", "which is not supported"),
      ("standard", "d_in", "33", "'d_in' must be"),
      ("standard", "novel_key", "1", "novel_key"),
      ("sparsify", "activation", "relu", "topk and groupmax"),
      ("sparsify", "k", "none", "'k' must be"),
    ])
  func settings(name: String, key: String, value: String, wanted: String) throws {
    let folder = try copy(name, "cfg.json") { $0[key] = value }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(message(folder).contains(wanted), "\(message(folder))")
  }

  @Test("numbers that the weights do not have")
  func shapes() throws {
    for (name, key, value) in [
      ("standard", "d_sae", 41), ("standard", "d_in", 31), ("topk", "k", 41),
    ] {
      let folder = try copy(name, "cfg.json") { $0[key] = value }
      defer { try? FileManager.default.removeItem(atPath: folder) }
      #expect(message(folder) != "opened", "\(name) \(key)")
    }
    let transcoder = try copy("transcoder", "cfg.json") { $0["apply_b_dec_to_input"] = true }
    defer { try? FileManager.default.removeItem(atPath: transcoder) }
    #expect(message(transcoder).contains("apply_b_dec_to_input"))
    let gemma = try copy("gemma-scope-2", "config.json") { $0["width"] = 16 }
    defer { try? FileManager.default.removeItem(atPath: gemma) }
    #expect(message(gemma).contains("width"))
  }

  @Test("pickles, with the name of the converter; files of another kind")
  func pickles() throws {
    let folder = NSTemporaryDirectory() + "dictionary-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for name in ["ae.pt", "x.txt"] {
      FileManager.default.createFile(atPath: folder + "/" + name, contents: Data([1, 2, 3]))
    }
    #expect(message(folder + "/ae.pt").contains("Scripts/convert-dictionary"))
    #expect(message(folder).contains("Scripts/convert-dictionary"))
    #expect(message(folder + "/x.txt").contains("not a dictionary's file"))
    #expect(message(folder + "/none").contains("there is no file"))
  }

  @Test("an archive that is cut short anywhere")
  func truncated() throws {
    let path = Fixtures.path("dictionaries/gemma-scope/params.npz")
    let whole = try #require(FileManager.default.contents(atPath: path))
    let other = NSTemporaryDirectory() + "cut-\(UUID().uuidString).npz"
    defer { try? FileManager.default.removeItem(atPath: other) }
    for count in stride(from: 0, to: whole.count, by: 97) {
      try whole.prefix(count).write(to: URL(fileURLWithPath: other))
      #expect(message(other) != "opened", "\(count) bytes")
    }
  }

  @Test("YAML of more than one level")
  func yaml() throws {
    for text in ["a:\n  b: c\n", "a: [1, 2]\n", "a: &x 1\n", "- 1\n", "a: 1\na: 2\n", "a: \"x\n"] {
      let path = NSTemporaryDirectory() + "config-\(UUID().uuidString).yaml"
      defer { try? FileManager.default.removeItem(atPath: path) }
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      #expect(throws: ModelError.self, "\(text)") { try FlatYAML(path: path) }
    }
    let path = Fixtures.path("dictionaries/circuit-tracer/config.yaml")
    let file = try FlatYAML(path: path)
    #expect(file.values["feature_input_hook"] == "hook_resid_mid")
    #expect(file.lists["transcoders"] == ["layer_1.safetensors"])
  }
}
