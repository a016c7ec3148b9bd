/// A dictionary at a site of a model: what it reads there, and where what its features add stands.
///
/// Of a cross-layer transcoder it is one layer: its features are added at its site and at that of each later layer.
public final class PlacedDictionary: Sendable {
  public let dictionary: FeatureDictionary
  /// Where its features are added up: the site itself, or what a transcoder stands for.
  public let site: Site
  public let reads: Reads
  /// Of a cross-layer transcoder its earlier layers, whose features are added here too.
  let earlier: [PlacedDictionary]
  let transformer: Transformer

  /// What a dictionary reads.
  public enum Reads: String, Sendable, CaseIterable {
    /// What stands at its site: an autoencoder.
    case site
    /// The stream before the MLP, whatever norm follows.
    case stream
    /// What the MLP reads: the stream after the norm and its gain.
    case norm
    /// The stream after the norm, before its gain and bias.
    case normWithoutGain = "norm_without_gain"
  }

  /// - Parameter earlier: of a cross-layer transcoder its earlier layers: `layers(of:reading:in:)` has all.
  /// - Throws: `ModelError` where the site has another width or cannot have features, or the model does
  ///   not have what the dictionary reads.
  public init(
    _ dictionary: FeatureDictionary, at site: Site, reading reads: Reads,
    in transformer: Transformer, after earlier: [PlacedDictionary] = []
  ) throws {
    (self.dictionary, self.site, self.reads) = (dictionary, site, reads)
    (self.transformer, self.earlier) = (transformer, earlier)
    let c = transformer.configuration
    if let reason = c.lacks(site.activation) { throw ModelError(.request, reason) }
    let name = site.activation.hookName(layer: site.layer)
    guard site.activation.isInLayer, !site.activation.isOverSources, !site.activation.isScale,
      site.activation != .result, (0..<c.layers).contains(site.layer)
    else { throw ModelError(.request, "\(name) cannot have features") }
    let width = c.unitCount(site) * c.unitWidth(site.activation, sources: 1)
    guard dictionary.outputWidth == width else {
      throw ModelError(
        .request,
        "this dictionary is of \(dictionary.outputWidth) elements, and \(name) has \(width)",
        help: "it is of another site or another model")
    }
    if reads == .site {
      guard !dictionary.isTranscoder else {
        throw ModelError(.request, "a transcoder reads something else than \(name)")
      }
      return
    }
    guard site.activation == .mlpOut else {
      throw ModelError(
        .request, "what reads the MLP's input stands for the MLP, and not for \(name)",
        help: "place it at L\(site.layer).mlp_out")
    }
    guard dictionary.inputWidth == c.width else {
      throw ModelError(
        .request,
        "this dictionary reads \(dictionary.inputWidth) elements, and the MLP reads \(c.width)",
        help: "it is of another model")
    }
    guard c.residual == .sequential || reads == .norm else {
      throw ModelError(
        .request,
        "this model runs attention and MLP in parallel, and what its MLP reads can only be read after "
          + "the norm", help: "reads norm")
    }
  }

  /// Whether it is asked of the rows of its own site.
  var readsItsSite: Bool { reads == .site }

  // MARK: - What is read of a run

  /// What a run must keep for `input`.
  public var readSites: [Site] {
    switch reads {
    case .site: [site]
    case .stream, .normWithoutGain: [stream]
    case .norm: [stream, scale]
    }
  }

  /// And to compare what stands at its site with what features add to it.
  public var sites: [Site] {
    (readsItsSite ? [] : readSites) + earlier.flatMap(\.readSites) + [site]
  }

  private var layer: Transformer.Layer { transformer.layers[site.layer] }

  private var stream: Site {
    Site(
      transformer.configuration.residual == .sequential ? .residMid : .residPre, layer: site.layer)
  }

  private var scale: Site { Site(layer.ln2 == nil ? .ln1Scale : .ln2Scale, layer: site.layer) }

  private var mlpNorm: Transformer.Norm { layer.ln2 ?? layer.ln1 }

  /// What it reads at a position of a run that kept `readSites`; nil where it did not.
  public func input(_ activations: [Site: CapturedActivation], at position: Int) -> [Float]? {
    func row(_ site: Site) -> [Float]? {
      guard let kept = activations[site], let i = kept.positions.firstIndex(of: position) else {
        return nil
      }
      return kept[i]
    }
    switch reads {
    case .site: return row(site)
    case .stream: return row(stream)
    case .norm:
      guard let x = row(stream), let scale = row(scale)?.first else { return nil }
      return normed(x, mlpNorm, scale: scale)
    case .normWithoutGain: return row(stream).map(withoutGain)
    }
  }

  /// What stands at its site.
  public func output(_ activations: [Site: CapturedActivation], at position: Int) -> [Float]? {
    guard let kept = activations[site], let i = kept.positions.firstIndex(of: position) else {
      return nil
    }
    return kept[i]
  }

  private func normed(_ x: [Float], _ norm: Transformer.Norm, scale: Float) -> [Float] {
    [Float](unsafeUninitializedCapacity: x.count) { out, count in
      if let out = out.baseAddress {
        norm.apply(to: x, scale: scale, x.count, Kernels.current, into: out)
      }
      count = x.count
    }
  }

  /// The norm between the stream and what it reads; nil where there is none.
  var inputNorm: Transformer.Norm? {
    switch reads {
    case .site, .stream: nil
    case .norm: mlpNorm
    case .normWithoutGain: normWithoutGain
    }
  }

  /// The site of what that norm divides by.
  var inputScale: Site? { inputNorm == nil ? nil : scale }

  private var normWithoutGain: Transformer.Norm {
    var norm = mlpNorm
    norm.weight = [Float](repeating: 1, count: transformer.configuration.width)
    norm.bias = norm.bias.map { _ in 0 }
    return norm
  }

  private func withoutGain(_ x: [Float]) -> [Float] {
    let norm = normWithoutGain
    let scale = norm.scale(of: x, x.count, transformer.configuration.epsilon, Kernels.current)
    return normed(x, norm, scale: scale)
  }

  /// What it reads, of rows on their way.
  ///
  /// - Parameters:
  ///   - row: what stands at its site, before it is changed.
  ///   - mlp: the stream before the MLP, and what the MLP reads.
  func input(_ row: [Float], mlp: MLPInputs?) -> [Float] {
    switch reads {
    case .site: row
    case .stream: mlp?.stream ?? []
    case .norm: mlp?.normed ?? []
    case .normWithoutGain: withoutGain(mlp?.stream ?? [])
    }
  }
}

/// What an MLP reads at one row.
struct MLPInputs {
  /// Before the norm; with parallel residuals nobody reads it.
  var stream: [Float]
  var normed: [Float]
}

extension PlacedDictionary: Hashable {
  public static func == (a: PlacedDictionary, b: PlacedDictionary) -> Bool { a === b }
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
