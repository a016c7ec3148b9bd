import CSIMD

/// One way of storing a panel: how a product reads it, and how it is made from the file's rows.
///
/// A row of the file is a sequence of blocks; a panel is a sequence of blocks of 32 rows each, of 32
/// times the bytes, with what belongs to one k side by side: that is what a conformance lays out.
/// Weights come out as `gguf.quants` decodes them, to the bit: what it rounds is rounded here. Where a
/// minimum or an offset is added to scale · q the two are fused all the same: a scale has at most 17
/// bits and q at most 5, so that their product is exact and rounds nothing.
protocol PanelFormat {
  associatedtype Scales
  /// How many k share a block.
  static var blockLength: Int { get }
  /// The size of one row's block in the file.
  static var blockBytes: Int { get }
  /// How many k share one set of scales.
  static var scaleLength: Int { get }
  /// The scales number `part` of a panel's block. `group` 0 is columns 0..<16, 1 columns 16..<32.
  static func scales(_ block: UnsafeRawPointer, part: Int, group: Int) -> Scales
  /// The weights at k, counted from the start of the block.
  static func weights(_ block: UnsafeRawPointer, k: Int, group: Int, scales: Scales)
    -> SIMD16<Float>
  /// Lays one row's block out as `column` of a panel's block, which is zero there.
  static func pack(_ source: UnsafeRawPointer, column: Int, into block: UnsafeMutableRawPointer)
  /// Lays the blocks of 32 rows, which begin at `offset`, out as a panel's block, every byte of it: what
  /// `pack` does column by column.
  static func pack(
    _ rows: UnsafePointer<UnsafeRawPointer>, at offset: Int, into block: UnsafeMutableRawPointer)
  /// Whether no weight of a packed block is infinite or no number: a matter of its scales alone,
  /// where it has scales.
  static func isFinite(_ block: UnsafeRawPointer) -> Bool
}

extension PanelFormat {
  @inline(__always)
  static func pack(
    _ rows: UnsafePointer<UnsafeRawPointer>, at offset: Int, into block: UnsafeMutableRawPointer
  ) {
    summand_clear(block, blockBytes * panelWidth)
    for column in 0..<panelWidth { pack(rows[column] + offset, column: column, into: block) }
  }
}

/// What can be done with a panel of any format.
protocol PanelTask {
  func run<Format: PanelFormat>(_: Format.Type)
}

extension PanelTask {
  /// The only place where the number of a type becomes its format.
  @inline(__always)
  func run(_ type: SummandPanelType) {
    switch type {
    case .F32: run(F32.self)
    case .F16: run(F16.self)
    case .BF16: run(BF16.self)
    case .Q4_0: run(Q4_0.self)
    case .Q4_1: run(Q4_1.self)
    case .Q5_0: run(Q5_0.self)
    case .Q5_1: run(Q5_1.self)
    case .Q8_0: run(Q8_0.self)
    case .Q2_K: run(Q2_K.self)
    case .Q3_K: run(Q3_K.self)
    case .Q4_K: run(Q4_K.self)
    case .Q5_K: run(Q5_K.self)
    case .Q6_K: run(Q6_K.self)
    case .IQ4_NL: run(IQ4_NL.self)
    case .IQ4_XS: run(IQ4_XS.self)
    case .MXFP4: run(MXFP4.self)
    case .F8_E4M3: run(F8_E4M3.self)
    case .F8_E5M2: run(F8_E5M2.self)
    }
  }
}
