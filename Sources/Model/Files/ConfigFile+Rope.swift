/// RoPE as transformers 5.24 finds it (`modeling_rope_utils.py`): at its old places and its new one.
struct RopeKeys {
  let file: ConfigFile
  var members: [String: JSON]

  /// The keys of most families: `rope_scaling` wins over `rope_parameters`, and keys inside
  /// it over the same keys at the top level.
  ///
  /// - Parameters:
  ///   - theta: the older key of the base.
  ///   - share: the older key of the part of each head that is rotated.
  ///   - sharesByDefault: that part where neither place has it; nil where families ignore it.
  init(
    _ file: ConfigFile, theta: String = "rope_theta", share: String = "partial_rotary_factor",
    shareByDefault: Double? = nil
  ) throws {
    self.file = file
    members = try Self.object(file, "rope_scaling") ?? [:]
    if members.isEmpty { members = try Self.object(file, "rope_parameters") ?? [:] }
    // Only Gemma 3 reads parameters for each type of layer. Classes with types of layers fail on them;
    // others read only the keys at the top level.
    if file.values["layer_types"] != nil, !Self.areFlat(members) { throw file.nestedRope() }
    setDefault("rope_theta", file.stated[theta] ?? .double(10_000))
    if let share = file.stated[share], shareByDefault != nil || share != .null {
      setDefault("partial_rotary_factor", share)
    } else if let shareByDefault {
      setDefault("partial_rotary_factor", .double(shareByDefault))
    }
    setDefault("rope_type", members["type"] ?? .string("default"))
  }

  /// The keys of one of Gemma 3's kinds of layers. Top-level keys under their older names
  /// apply to the global layers; only the base of the local ones has a key of its own.
  init(gemma3 file: ConfigFile, kind: String) throws {
    self.file = file
    var kinds =
      try Self.object(file, "rope_parameters") ?? [
        "sliding_attention": .object(["rope_type": .string("default")]),
        "full_attention": .object(["rope_type": .string("default")]),
      ]
    if let scaling = try Self.object(file, "rope_scaling") {
      guard let global = kinds["full_attention"]?.object else {
        throw file.unsupported("rope_scaling together with rope_parameters without full_attention")
      }
      kinds["full_attention"] = .object(global.merging(scaling) { _, new in new })
    }
    switch kinds[kind] ?? .null {
    case .null: members = ["rope_type": .string("default")]
    case .object(let found): members = found
    default: throw file.mistyped("rope_parameters.\(kind)", "an object")
    }
    let (old, base) =
      kind == "full_attention" ? ("rope_theta", 1_000_000.0) : ("rope_local_base_freq", 10_000.0)
    setDefault("rope_theta", file.stated[old] ?? .double(base))
    if let share = file.stated["partial_rotary_factor"], share != .null {
      setDefault("partial_rotary_factor", share)
    }
    setDefault("rope_type", members["type"] ?? .string("default"))
  }

  private static func object(_ file: ConfigFile, _ key: String) throws -> [String: JSON]? {
    guard let value = file.stated[key], value != .null else { return nil }
    guard let object = value.object else { throw file.mistyped(key, "an object or null") }
    return object
  }

  /// Whether parameters are those of all layers.
  static func areFlat(_ members: [String: JSON]) -> Bool {
    members["full_attention"] == nil && members["sliding_attention"] == nil
  }

  mutating func setDefault(_ key: String, _ value: JSON) {
    if members[key] == nil { members[key] = value }
  }

  // MARK: - What is computed from them

  var kind: String? { members["rope_type"]?.string }

  /// - Parameters:
  ///   - headWidth: d_head.
  ///   - isPartial: whether a plain RoPE rotates a part of each head; else it ignores the key.
  ///   - context: `max_position_embeddings`.
  ///   - ownOriginal: whether a top-level `original_max_position_embeddings` wins over the inner one.
  /// - Throws: `ModelError` for a scaling that is not supported.
  func rotary(
    headWidth: Int, isPartial: Bool, pairing: Rotary.Pairing = .halfSplit, ownOriginal: Bool = true
  ) throws -> Rotary {
    guard (1...65536).contains(headWidth) else { throw file.unsupported("heads \(headWidth) wide") }
    var rotary = Rotary(pairing: pairing, width: headWidth, base: try number("rope_theta"))
    if isPartial || kind != "default" {
      rotary.width = try width(of: headWidth, mustBeWhole: !isPartial)
    }
    switch kind {
    case "default": break
    case "linear": rotary.factors = RopeScaling.linear(rotary, factor: try number("factor"))
    case "llama3":
      let (low, high) = (try number("low_freq_factor"), try number("high_freq_factor"))
      guard low > 0, high > 0 else {
        throw file.unsupported("frequency factors of \(low), \(high)")
      }
      rotary.factors = RopeScaling.llama3(
        rotary, factor: try number("factor"), low: low, high: high,
        context: try original(ownOriginal))
    case "longrope": try stretch(&rotary, original: try original(ownOriginal))
    case let other:
      throw file.unsupported("RoPE scaling \(other.map { quoted($0) } ?? "without a type")")
    }
    return rotary
  }

  private func stretch(_ rotary: inout Rotary, original: Int) throws {
    guard original > 0 else { throw file.unsupported("an original context of \(original)") }
    rotary.factors = try numbers("short_factor")
    rotary.long = Rotary.LongFactors(context: original, factors: try numbers("long_factor"))
    if let magnitude = try optionalNumber("attention_factor") {
      rotary.magnitude = magnitude
    } else {
      let stated = try optionalNumber("factor")
      let factor = try stated ?? Double(file.int("max_position_embeddings")) / Double(original)
      rotary.magnitude = RopeScaling.longMagnitude(factor: factor, original: original)
    }
  }

  /// How much of a head is rotated.
  private func width(of headWidth: Int, mustBeWhole: Bool) throws -> Int {
    let share = members["partial_rotary_factor"] == nil ? 1 : try number("partial_rotary_factor")
    let rotated = Double(headWidth) * share
    guard rotated >= 2, rotated < Double(headWidth) + 1,
      !mustBeWhole || Int(rotated) == headWidth
    else { throw file.unsupported("RoPE on \(share) of each head") }
    return Int(rotated)
  }

  /// The context that the model was first trained for: from the top-level key, else from the inner one.
  private func original(_ own: Bool) throws -> Int {
    let key = "original_max_position_embeddings"
    if own, let value = file.values[key] ?? file.stated[key] {
      return try file.require(value.int, key)
    }
    guard let value = members[key] else { return try file.int("max_position_embeddings") }
    return try file.require(value.int, "rope_parameters." + key)
  }

  private func number(_ key: String) throws -> Double {
    try file.require(try optionalNumber(key), "rope_parameters." + key)
  }

  private func optionalNumber(_ key: String) throws -> Double? {
    guard let value = members[key], value != .null else { return nil }
    guard let number = value.double else {
      throw file.mistyped("rope_parameters." + key, "a number")
    }
    return number
  }

  private func numbers(_ key: String) throws -> [Double] {
    let list = try file.require(members[key]?.array, "rope_parameters." + key)
    let numbers = list.compactMap(\.double)
    guard numbers.count == list.count else {
      throw file.mistyped("rope_parameters." + key, "a list of numbers")
    }
    return numbers
  }

  /// Top-level keys that this reads.
  static let read: Set<String> = [
    "rope_scaling", "rope_theta", "partial_rotary_factor", "original_max_position_embeddings",
    "head_dim", "layer_types",
  ]
}

extension ConfigFile {
  /// Whether RoPE's parameters, where they are, are those of all layers.
  var hasFlatRope: Bool {
    ["rope_scaling", "rope_parameters"].allSatisfy { RopeKeys.areFlat(stated[$0]?.object ?? [:]) }
  }

  func nestedRope() -> ModelError { unsupported("RoPE parameters for each type of layer") }
}
