/// What is changed at a site of one prompt. Places are resolved: whoever makes an edit has looked
/// that it can fire.
public struct Edit: Sendable, Equatable {
  public var site: Site
  /// Heads, key/value heads or neurons; all of them where nil.
  public var units: [Int]?
  /// Of the prompt that the edit belongs to, from 0.
  public var positions: [Int]
  public var change: Change

  /// An edit whose numbers leave an element as it was does not touch a bit of it. What a norm
  /// divides by cannot be made zero.
  public enum Change: Sendable, Equatable {
    case zero
    /// For each position its new elements: all of `units` one after another.
    case replace([[Float]])
    /// Times a number.
    case scale(Float)
    /// Plus a vector, the same at every position: all of `units` one after another. Not at sites
    /// over sources, which are as wide as their position.
    case add([Float])
    /// Along a direction, and nothing else: `Configuration.alongWidth` says how wide that is. Not at
    /// sites over sources, nor at what a norm divides by.
    case along(Along)
    /// Only at `attn_scores`: what comes from these positions scores −∞, so that the softmax gives
    /// it nothing, and the other sources share what it had. It stays cut whatever else is done to
    /// the scores.
    case cut(sources: [Int])
    /// For each position what the writer of this edge is taken to give: its reader, and nothing else,
    /// reads the stream with that in place of what the writer gave in this run. `init(edge:…)` says at
    /// which site.
    case edge(Edge, [[Float]])
    /// What one reader takes from elsewhere of many writers at once: as `edge`, of each of them.
    /// `init(outside:…)` says at which site. An edge that is edited by itself too is not one of them.
    case outside(OutsideReads)
    /// Features of a dictionary at this site, or what they leave over, and nothing else.
    case features(FeatureEdit)
  }

  public init(site: Site, units: [Int]? = nil, positions: [Int], change: Change) {
    self.site = site
    self.units = units
    self.positions = positions
    self.change = change
  }

  /// Whether it changes features of a dictionary, or what they leave over.
  var isOfFeatures: Bool { if case .features = change { true } else { false } }
}

extension Edit.Change {
  /// One unit's elements after it.
  ///
  /// - Parameters:
  ///   - index: of the position among the edit's.
  ///   - unit: its place among the edit's.
  public func applied(to elements: [Float], index: Int, unit: Int) -> [Float] {
    var elements = elements
    elements.withUnsafeMutableBufferPointer { x in
      guard let start = x.baseAddress else { return }
      Taps.change(start, self, index: index, unit: unit, width: x.count)
    }
    return elements
  }
}
