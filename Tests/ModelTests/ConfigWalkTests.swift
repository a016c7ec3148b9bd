import Foundation
import TestSupport
import Testing

@testable import Model

/// Every key of every family's configuration class, left out, null, of another value, at its old and
/// its new place: Summand gives transformers' logits or refuses, as `families/config_walk.py` recorded.
@Suite("Configurations against transformers") struct ConfigWalkTests {
  private static let bases = [
    "gpt2", "gpt_neox", "gptj", "llama2", "llama3", "mistral", "qwen2", "qwen3", "gemma", "gemma2",
    "gemma3", "gemma3-vision", "phi3", "phi3-longrope",
  ]

  private static func record(_ base: String) throws -> JSON {
    try JSON.read(path: Fixtures.path("config-walk/\(base).json"))
  }

  /// Measured at most: 4e-6.
  @Test("each case is equal or refused", arguments: bases)
  func walk(base: String) throws {
    let record = try Self.record(base)
    let models = try WalkModels(record)
    let logits = try #require(record["logits"]?.array).map { $0.array?.compactMap(\.double) ?? [] }
    var found = (equal: 0, refused: 0)
    for item in try #require(record["cases"]?.array) {
      let wanted = item["logits"]?.int.map { logits[$0] }
      let must = try #require(item["must"]?.string)
      switch try models.outcome(of: item) {
      case .success(let numbers):
        found.equal += 1
        // Relative to the logit where that is above 1.
        let gap = zip(numbers, wanted ?? []).reduce(0.0) {
          max($0, abs(Double($1.0) - $1.1) / max(1, abs($1.1)))
        }
        let isEqual = wanted?.count == numbers.count && gap < 1e-5
        #expect(must == "equal" && isEqual, "\(Self.describe(item)): opened, gap \(gap)")
      case .failure(let error):
        found.refused += 1
        #expect(must == "refused", "\(Self.describe(item)): \(error.message)")
        #expect(!error.message.contains("damaged") && error.help?.contains("damaged") != true)
      }
    }
    #expect(found.equal > 100 && found.refused > 30)
  }

  private static func describe(_ item: JSON) -> String {
    let parts = item.object?.filter { $0.key != "logits" }.map { "\($0.key) \($0.value.text)" }
    return (parts ?? []).sorted().joined(separator: " ")
  }

  /// The families' tables are transformers' classes: the same keys, types and defaults.
  @Test("the keys are those of the classes", arguments: bases)
  func classes(base: String) throws {
    let record = try Self.record(base)
    let family = try #require(record["class"]?.string)
    let keys: [String: ConfigClass] = [
      "GPT2": GPT2.keys, "GPTNeoX": GPTNeoX.keys, "GPTJ": GPTJ.keys, "Llama": Llama.keys,
      "Mistral": Mistral.keys, "Qwen2": Qwen2.keys, "Qwen3": Qwen3.keys, "Gemma": Gemma.keys,
      "Gemma2": Gemma2.keys, "Gemma3Text": Gemma3.keys, "Gemma3": Gemma3.outerKeys,
      "Phi3": Phi3.keys,
    ]
    var wanted: ConfigClass = [:]
    for field in try #require(record["fields"]?.array) {
      let parts = try #require(field.array)
      let name = try #require(parts[0].string)
      let isNullable = try #require(parts[1].bool)
      let kind = try #require(ConfigKey.Kind(rawValue: parts[2].string ?? ""))
      var key = ConfigKey.optional(kind, parts[3])
      key.isNullable = isNullable
      wanted[name] = key
    }
    let ours = try #require(keys[family])
    #expect(Set(ours.keys) == Set(wanted.keys))
    for (name, key) in ours {
      let other = wanted[name]
      let isTyped = ConfigClass.common[name] == nil
      #expect(
        (!isTyped || key.kind == other?.kind && key.isNullable == other?.isNullable)
          && (key.fallback == other?.fallback
            || key.fallback.double != nil && key.fallback.double == other?.fallback.double),
        "\(name): \(key), \(String(describing: other))")
    }
  }
}

/// A model of the families with its configuration and weights changed case by case.
private final class WalkModels {
  private let base: JSON
  private let tensors: [String: (dtype: String, shape: [Int], data: [UInt8])]
  private let prompts: [[Int]]
  private let kept: [Int]
  private var folders: [String: TemporaryDirectory] = [:]
  private let pool = WorkerPool(width: 1)

  init(_ record: JSON) throws {
    let name = try #require(record["folder"]?.string)
    let folder = Fixtures.path("families/" + name)
    base = try JSON.read(path: folder + "/config.json").changed(by: record["change"] ?? .null)
    prompts = record["prompts"]?.array?.map { $0.array?.compactMap(\.int) ?? [] } ?? []
    kept = record["kept"]?.array?.compactMap(\.int) ?? []
    let bytes = try Array(Data(contentsOf: URL(filePath: folder + "/model.safetensors")))
    let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSON(Array(bytes[8..<8 + length]), source: "header")
    var tensors: [String: (dtype: String, shape: [Int], data: [UInt8])] = [:]
    for (name, entry) in header.object ?? [:] where name != "__metadata__" {
      let place = entry["data_offsets"]?.array?.compactMap(\.int) ?? []
      tensors[name] = (
        entry["dtype"]?.string ?? "", entry["shape"]?.array?.compactMap(\.int) ?? [],
        Array(bytes[8 + length + place[0]..<8 + length + place[1]])
      )
    }
    self.tensors = tensors
  }

  /// The kept logits of the last position of every prompt, one after another, or the refusal.
  func outcome(of item: JSON) throws -> Result<[Float], ModelError> {
    let folder = try folder(of: item)
    try folder.write(base.changed(by: item).text.utf8, "config.json")
    do {
      let source = try CheckpointSource(path: folder.path)
      try source.blueprint.configuration.validate(path: folder.path)
      let transformer = try source.transformer(pool: pool)
      let results = try transformer.run(
        prompts.map { RunRequest(tokens: $0, logits: .all([$0.count - 1])) })
      return .success(results.flatMap { result in kept.map { result.logits[0][$0] } })
    } catch let error as ModelError {
      return .failure(error)
    }
  }

  /// The folder with the case's weights: without some tensors, with others that are drawn by name.
  private func folder(of item: JSON) throws -> TemporaryDirectory {
    let ends = item["without"]?.array?.compactMap(\.string) ?? []
    let more = item["with"]?.object ?? [:]
    let name = ends.joined(separator: " ") + JSON.object(more).text
    if let folder = folders[name] { return folder }
    var found = tensors.filter { tensor in !ends.contains { tensor.key.hasSuffix($0) } }
    for (name, shape) in more {
      let shape = shape.array?.compactMap(\.int) ?? []
      found[name] = ("F32", shape, Self.draw(name, count: shape.reduce(1, *)))
    }
    let folder = try TemporaryDirectory()
    try folder.write(Self.safetensors(found), "model.safetensors")
    folders[name] = folder
    return folder
  }

  /// What `families/config_walk.py` draws: multiples of 1/256 by a 32-bit generator, begun with the name's CRC.
  private static func draw(_ name: String, count: Int) -> [UInt8] {
    var state = ~name.utf8.reduce(~UInt32(0)) { crc, byte in
      (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in
        crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0)
      }
    }
    return (0..<count).flatMap { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      let value = Float(state >> 24) / 256 - 0.5
      return withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
    }
  }

  private static func safetensors(
    _ tensors: [String: (dtype: String, shape: [Int], data: [UInt8])]
  ) -> [UInt8] {
    var (entries, body): ([String: JSON], [UInt8]) = ([:], [])
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      let end = body.count + tensor.data.count
      entries[name] = .object([
        "dtype": .string(tensor.dtype), "shape": .array(tensor.shape.map { .integer($0) }),
        "data_offsets": .array([.integer(body.count), .integer(end)]),
      ])
      body += tensor.data
    }
    let header = Array(JSON.object(entries).text.utf8)
    return (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header + body
  }
}

extension JSON {
  /// Without the members that `drop` names, with those that `set` has; `/` separates names.
  fileprivate func changed(by change: JSON) -> JSON {
    var result = self
    for path in change["drop"]?.array?.compactMap(\.string) ?? [] {
      result.replace(path.split(separator: "/").map(String.init)[...], by: nil)
    }
    for (path, value) in change["set"]?.object ?? [:] {
      result.replace(path.split(separator: "/").map(String.init)[...], by: value)
    }
    return result
  }

  private mutating func replace(_ path: ArraySlice<String>, by value: JSON?) {
    guard let key = path.first else { return }
    var members = object ?? [:]
    if path.count == 1 {
      members[key] = value
    } else if var inner = members[key] ?? (value == nil ? nil : .object([:])) {
      inner.replace(path.dropFirst(), by: value)
      members[key] = inner
    }
    self = .object(members)
  }

  var text: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .double(let value): "\(value)"
    case .string(let value): "\"\(value)\""
    case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
    case .object(let members):
      "{"
        + members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value.text)" }
        .joined(separator: ",") + "}"
    }
  }
}
