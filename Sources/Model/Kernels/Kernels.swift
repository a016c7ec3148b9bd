import CSIMD

#if arch(x86_64)
  import KernelsAVX2
#else
  import KernelsNEON
#endif

/// The instruction sets that this build has kernels for.
public enum Kernels {
  /// Columns of a panel.
  static let panelWidth = 32

  /// What this process computes with: what `SUMMAND_ISA` names, else the widest that the processor
  /// has.
  static let current: any InstructionSet.Type = {
    let asked = getenv("SUMMAND_ISA").map { String(cString: $0) }
    return available.first { $0.name == asked } ?? available.first ?? all[0]
  }()

  /// The name of what this process computes with.
  public static var name: String { current.name }

  /// Why this processor, or the instruction set that was asked for, cannot serve. To be asked
  /// before anything is computed.
  public static func complaint() -> ModelError? {
    guard !available.isEmpty else {
      return ModelError(
        .request, "this processor has no AVX2 with FMA, which Summand's arithmetic needs",
        help: "any x86-64 processor since 2013 (Haswell, Excavator) or any arm64 will do")
    }
    guard let asked = getenv("SUMMAND_ISA").map({ String(cString: $0) }) else { return nil }
    if available.contains(where: { $0.name == asked }) { return nil }
    let names = available.map { $0.name }.joined(separator: ", ")
    return ModelError(
      .request, "SUMMAND_ISA is '\(asked)', which this processor or build does not have",
      help: "leave it unset, or choose from: \(names)")
  }

  #if arch(x86_64)
    private static let all: [any InstructionSet.Type] = wide + [KernelsAVX2.Implementation.self]

    /// What the processor can run, widest first.
    static let available: [any InstructionSet.Type] =
      (summand_has_v4() != 0 ? wide : [])
      + (summand_has_v3() != 0 ? [KernelsAVX2.Implementation.self] : [])
  #else
    private static let all: [any InstructionSet.Type] = [KernelsNEON.Implementation.self]
    static let available = all
  #endif
}

#if arch(x86_64)
  extension KernelsAVX2.Implementation: InstructionSet {
    static var name: String { "avx2" }
  }
#else
  extension KernelsNEON.Implementation: InstructionSet {
    static var name: String { "neon" }
  }
#endif
