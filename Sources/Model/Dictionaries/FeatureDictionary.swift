/// A sparse autoencoder or a transcoder, whatever its file format.
///
/// Of a row x, [d_in]:
/// - x̃ = norm(x), less b_dec where `subtractsBias` says so
/// - p = x̃ W_enc + b_enc, times ‖d_j‖ where decoder norms are part of the choice
/// - f = `rule`(p), the activations, [features]
/// - x̂ = σ (Σ_j f_j d_j + b_dec) + μ + W_skip x, where σ and μ undo the norm and d_j is the feature's
///   decoder row
///
/// A layer of a cross-layer transcoder has a decoder row for each layer that its features write in: its own and
/// all later ones. There x̂ is a sum over the features of this layer and of earlier ones: `PlacedDictionary`.
///
/// Sources: SAELens 6 (`sae_lens/saes`), EleutherAI's sparsify (`sparse_coder.py`), circuit-tracer
/// (`single_layer_transcoder.py`), Gemma Scope 1 and 2.
public final class FeatureDictionary: Sendable {
  public let facts: DictionaryFacts
  let rule: FeatureRule
  let norm: InputNorm
  let subtractsBias: Bool
  /// [features, d_in]
  let encoder: PackedMatrix
  /// [features]; nil where the rule has biases of its own.
  let encoderBias: [Float]?
  /// [features · (rowsBefore + layersWritten), d_out]: the rows of a feature follow each other.
  let decoder: PackedMatrix
  /// How many rows of a feature come before those that count.
  private let rowsBefore: Int
  /// How many layers each feature writes in: 1, unless it is of a cross-layer transcoder.
  public let layersWritten: Int
  /// ‖d_j‖, where activations count times that: the rows of `decoder` are then divided by it.
  let decoderNorms: [Float]?
  /// b_dec, [d_out]
  let decoderBias: [Float]
  /// [d_out, d_in]
  let skip: PackedMatrix?
  private let failures: WeightFailures
  /// What was made of single rows last.
  let encodedRows = EncodedRows()
  /// What tells its numbers from those of others.
  let identity: String

  /// d_in
  public var inputWidth: Int { encoder.columns }
  /// d_out
  public var outputWidth: Int { decoder.columns }
  /// d_sae
  public var features: Int { encoder.rows }
  /// Whether it gives something else than it reads.
  public var isTranscoder: Bool { facts.isTranscoder }

  /// What a format's reader has found.
  struct Parts {
    var facts: DictionaryFacts
    var rule: FeatureRule
    var norm = InputNorm.none
    var subtractsBias = false
    var encoder: PackedMatrix
    var encoderBias: [Float]?
    var decoder: PackedMatrix
    var decoderBias: [Float]
    var scalesByDecoderNorms = false
    var skip: PackedMatrix?
    var rowsBefore = 0
    var layersWritten = 1
  }

  /// - Parameter readers: of its files. They have one `failures`.
  init(_ parts: Parts, _ readers: DictionaryReader...) throws {
    facts = parts.facts
    rule = parts.rule
    norm = parts.norm
    subtractsBias = parts.subtractsBias
    encoder = parts.encoder
    encoderBias = parts.encoderBias
    decoder = parts.decoder
    decoderBias = parts.decoderBias
    skip = parts.skip
    rowsBefore = parts.rowsBefore
    layersWritten = parts.layersWritten
    failures = readers[0].failures
    identity = readers.map(\.identity).joined(separator: " ")
    decoderNorms = parts.scalesByDecoderNorms ? Self.norms(of: parts.decoder) : nil
    try failures.check()
    if let norms = decoderNorms, let zero = norms.firstIndex(where: { !($0 > 0) }) {
      throw ModelError(
        .file,
        "\(quoted(facts.path)): the decoder row of feature \(zero) is 0, and is divided by its norm"
      )
    }
  }

  /// Of each row, in double precision; a panel of rows is decoded at a time.
  private static func norms(of matrix: PackedMatrix) -> [Float] {
    let panel = FloatBuffer(matrix.columns * Kernels.panelWidth)
    return (0..<matrix.panelCount).flatMap { index in
      Kernels.current.widen(matrix.panel(index), into: panel.pointer)
      let rows = min(Kernels.panelWidth, matrix.rows - index * Kernels.panelWidth)
      return (0..<rows).map { row in
        let squares = (0..<matrix.columns).reduce(0.0) {
          let x = Double(panel.pointer[$1 * Kernels.panelWidth + row])
          return $0 + x * x
        }
        return Float(squares.squareRoot())
      }
    }
  }

  /// - Throws: `ModelError` if the file cannot be read any more, or has weights that are not numbers.
  func checkWeights() throws { try failures.check() }

  /// The size of its matrices in memory, in bytes.
  public var weightBytes: Int {
    encoder.byteCount + decoder.byteCount + (skip?.byteCount ?? 0)
  }

  /// d_j, [d_out]: what an activation of 1 adds.
  ///
  /// - Parameter above: how many layers above its own.
  /// - Throws: `ModelError` where weights cannot be read.
  public func decoderRow(_ feature: Int, above: Int = 0) throws -> [Float] {
    let row = row(ofDecoder: feature, above: above)
    try checkWeights()
    return row
  }

  /// The same; not numbers where weights cannot be read, which `checkWeights` reports.
  func row(ofDecoder feature: Int, above: Int = 0) -> [Float] {
    precondition((0..<layersWritten).contains(above))
    let row = decoder.row(feature * (rowsBefore + layersWritten) + rowsBefore + above)
    guard let norm = decoderNorms?[feature] else { return row }
    return row.map { $0 / norm }
  }
}

extension FeatureDictionary: Hashable {
  public static func == (a: FeatureDictionary, b: FeatureDictionary) -> Bool { a === b }
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// What the files of a dictionary say about it.
public struct DictionaryFacts: Sendable {
  /// The file that holds the weights.
  public var path: String
  /// `SAELens`, `Gemma Scope`, `Gemma Scope 2`, `sparsify` or `circuit-tracer`.
  public var format: String
  /// As SAELens calls it: `standard`, `gated`, `topk`, `jumprelu`, `transcoder`, …
  public var architecture: String
  public var isTranscoder = false
  /// The model that it was trained on.
  public var model: String?
  /// Where it reads, and of a transcoder where it writes, in TransformerLens' or transformers' words.
  public var hook: String?
  public var outputHook: String?
  /// Whether it was trained with BOS before each text; nil where the files do not say.
  public var prependsBOS: Bool?

  init(path: String, format: String, architecture: String) {
    self.path = path
    self.format = format
    self.architecture = architecture
  }
}

/// What makes activations of pre-activations. Ties in a choice go to the lower number.
enum FeatureRule: Sendable {
  /// max(0, p)
  case rectified
  /// p where p > 0 and p > the feature's threshold
  case jump([Float])
  /// The k largest of a row that are above 0.
  case top(Int)
  /// The largest of each of k groups of neighbours, where it is above 0.
  case groups(Int)
  /// max(0, p · scale + b_mag) where p + b_gate > 0
  case gated(Gate)

  struct Gate: Sendable {
    /// b_gate
    var bias: [Float]
    /// exp(r_mag)
    var scales: [Float]
    /// b_mag
    var magnitudeBias: [Float]
  }

  var isJump: Bool { if case .jump = self { true } else { false } }

  /// Whether a feature's activation depends on other features.
  var isJoint: Bool {
    switch self {
    case .top, .groups: true
    case .rectified, .jump, .gated: false
    }
  }
}

/// What is done to a row before it is encoded, and undone after it is decoded.
enum InputNorm: Sendable {
  case none
  /// √d x / ‖x‖
  case constantNorm
  /// (x − mean) / (s + 1e-5), s with n − 1 in its denominator
  case layer

  /// Norms a row in place.
  ///
  /// - Returns: what its reconstruction is multiplied by, and what is then added to it.
  func apply(to x: UnsafeMutablePointer<Float>, _ width: Int) -> (scale: Float, shift: Float) {
    switch self {
    case .none: return (1, 0)
    case .constantNorm:
      let squares = (0..<width).reduce(0.0) { $0 + Double(x[$1]) * Double(x[$1]) }
      let factor = (Double(width) / squares).squareRoot()
      for i in 0..<width { x[i] = Float(Double(x[i]) * factor) }
      return (Float(1 / factor), 0)
    case .layer:
      let mean = (0..<width).reduce(0.0) { $0 + Double(x[$1]) } / Double(width)
      let squares = (0..<width).reduce(0.0) {
        $0 + (Double(x[$1]) - mean) * (Double(x[$1]) - mean)
      }
      let deviation = (squares / Double(width - 1)).squareRoot()
      for i in 0..<width { x[i] = Float((Double(x[i]) - mean) / (deviation + 1e-5)) }
      return (Float(deviation), Float(mean))
    }
  }
}
