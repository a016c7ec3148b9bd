/// How a tensor's elements are stored. Each row is a whole number of blocks.
public enum TensorType: Sendable, Hashable, CaseIterable {
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case f32, f16, bf16, q4_1, q8_0, q6_K

  /// The name as GGUF's tools print it: `Q4_1`.
  public var name: String {
    switch self {
    case .f32: "F32"
    case .f16: "F16"
    case .bf16: "BF16"
    case .q4_1: "Q4_1"
    case .q8_0: "Q8_0"
    case .q6_K: "Q6_K"
    }
  }

  /// How many consecutive elements of a row share one block: 1 for the plain floats.
  public var elementsPerBlock: Int {
    switch self {
    case .f32, .f16, .bf16: 1
    case .q4_1, .q8_0: 32
    case .q6_K: 256
    }
  }

  /// The size of one block in the file.
  public var bytesPerBlock: Int {
    switch self {
    case .f32: 4
    case .f16, .bf16: 2
    case .q4_1: 2 + 2 + 16
    case .q8_0: 2 + 32
    case .q6_K: 128 + 64 + 16 + 2
    }
  }

  /// The type with the number that GGUF files give it (`enum ggml_type`).
  init?(ggml: UInt32) {
    switch ggml {
    case 0: self = .f32
    case 1: self = .f16
    case 3: self = .q4_1
    case 8: self = .q8_0
    case 14: self = .q6_K
    case 30: self = .bf16
    default: return nil
    }
  }

  /// The types by name, for messages: `F32, F16, BF16, Q4_1, Q8_0, Q6_K`.
  static var list: String { allCases.map(\.name).joined(separator: ", ") }
}

/// What GGML calls the type numbered `id`, those that were withdrawn included; nil if unknown.
func ggmlTypeName(_ id: UInt32) -> String? {
  let names: [UInt32: String] = [
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 4: "Q4_2", 5: "Q4_3", 6: "Q5_0", 7: "Q5_1",
    8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K",
    16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S",
    22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 30: "BF16", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 34: "TQ1_0",
    35: "TQ2_0", 36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8", 39: "MXFP4", 40: "NVFP4",
    41: "Q1_0",
  ]
  return names[id]
}
