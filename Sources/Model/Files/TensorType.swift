import CSIMD

/// How a tensor's elements are stored. Each row is a whole number of blocks.
public enum TensorType: Sendable, Hashable, CaseIterable {
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q2_K, q3_K, q4_K, q5_K, q6_K, iq4_NL, iq4_XS,
    mxfp4
  /// Eight-bit floats, which GGUF does not have.
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case f8_E4M3, f8_E5M2

  /// A type in the words of GGUF, and the shape of its blocks.
  private struct Layout {
    let name: String
    /// nil where GGUF has no such type.
    let ggml: UInt32?
    let elements: Int
    let bytes: Int
    /// How the kernels know it.
    let panel: SummandPanelType

    init(_ name: String, ggml: UInt32?, elements: Int, bytes: Int, panel: SummandPanelType) {
      self.name = name
      self.ggml = ggml
      self.elements = elements
      self.bytes = bytes
      self.panel = panel
    }
  }

  private var layout: Layout {
    switch self {
    case .f32: Layout("F32", ggml: 0, elements: 1, bytes: 4, panel: .F32)
    case .f16: Layout("F16", ggml: 1, elements: 1, bytes: 2, panel: .F16)
    case .bf16: Layout("BF16", ggml: 30, elements: 1, bytes: 2, panel: .BF16)
    case .q4_0: Layout("Q4_0", ggml: 2, elements: 32, bytes: 2 + 16, panel: .Q4_0)
    case .q4_1: Layout("Q4_1", ggml: 3, elements: 32, bytes: 2 + 2 + 16, panel: .Q4_1)
    case .q5_0: Layout("Q5_0", ggml: 6, elements: 32, bytes: 2 + 4 + 16, panel: .Q5_0)
    case .q5_1: Layout("Q5_1", ggml: 7, elements: 32, bytes: 2 + 2 + 4 + 16, panel: .Q5_1)
    case .q8_0: Layout("Q8_0", ggml: 8, elements: 32, bytes: 2 + 32, panel: .Q8_0)
    case .q2_K: Layout("Q2_K", ggml: 10, elements: 256, bytes: 16 + 64 + 2 + 2, panel: .Q2_K)
    case .q3_K: Layout("Q3_K", ggml: 11, elements: 256, bytes: 32 + 64 + 12 + 2, panel: .Q3_K)
    case .q4_K: Layout("Q4_K", ggml: 12, elements: 256, bytes: 2 + 2 + 12 + 128, panel: .Q4_K)
    case .q5_K: Layout("Q5_K", ggml: 13, elements: 256, bytes: 2 + 2 + 12 + 32 + 128, panel: .Q5_K)
    case .q6_K: Layout("Q6_K", ggml: 14, elements: 256, bytes: 128 + 64 + 16 + 2, panel: .Q6_K)
    case .iq4_NL: Layout("IQ4_NL", ggml: 20, elements: 32, bytes: 2 + 16, panel: .IQ4_NL)
    case .iq4_XS: Layout("IQ4_XS", ggml: 23, elements: 256, bytes: 2 + 2 + 4 + 128, panel: .IQ4_XS)
    case .mxfp4: Layout("MXFP4", ggml: 39, elements: 32, bytes: 1 + 16, panel: .MXFP4)
    case .f8_E4M3: Layout("F8_E4M3", ggml: nil, elements: 1, bytes: 1, panel: .F8_E4M3)
    case .f8_E5M2: Layout("F8_E5M2", ggml: nil, elements: 1, bytes: 1, panel: .F8_E5M2)
    }
  }

  /// The name as GGUF's tools print it: `Q4_1`.
  public var name: String { layout.name }

  /// How many consecutive elements of a row share one block: 1 for the plain floats.
  public var elementsPerBlock: Int { layout.elements }

  /// The size of one block in the file.
  public var bytesPerBlock: Int { layout.bytes }

  /// The type of a panel of such weights.
  var panelType: SummandPanelType { layout.panel }

  /// The type with the number that GGUF files give it (`enum ggml_type`).
  init?(ggml: UInt32) {
    guard let type = Self.allCases.first(where: { $0.layout.ggml == ggml }) else { return nil }
    self = type
  }

  /// GGUF's types by name, for messages: `F32, F16, BF16, Q4_0, …`.
  static var list: String {
    allCases.filter { $0.layout.ggml != nil }.map(\.name).joined(separator: ", ")
  }
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
