import Lang
import Model

extension Invocation {
  /// The dictionaries in use whose features an attribution has rows for.
  ///
  /// - Throws: `Failure` where there are none, or two stand for the same.
  func attributedDictionaries(of model: LanguageModel) throws -> [AttributedDictionary] {
    let all = session.dictionaries(of: model)
    let place = span(of: "by")
    guard !all.isEmpty else {
      throw Failure(
        "`by feature` needs a dictionary, and none is in use",
        help: "load one: dictionary PATH at L12.resid_post as sae", span: place)
    }
    let sites: [Activation] = [.residPre, .residMid, .residPost, .attnOut, .mlpOut, .z]
    if let other = all.first(where: { !sites.contains($0.placed.site.activation) }) {
      throw Failure(
        "'\(other.name)' is at \(other.siteName), which does not write to the stream by itself",
        help: "`unload \(other.name)`", span: place)
    }
    for (i, one) in all.enumerated() {
      guard let other = all[..<i].first(where: { $0.standsForSame(as: one) }) else { continue }
      throw Failure(
        "'\(other.name)' and '\(one.name)' stand for the same: \(other.siteName) and \(one.siteName)",
        help: "`unload` one of them", span: place)
    }
    return all.map { AttributedDictionary($0.placed, prefix: $0.prefix(among: all)) }
  }
}

extension LoadedDictionary {
  var siteName: String { "L\(placed.site.layer).\(placed.site.activation.rawValue)" }

  /// Whether what one divides is a part of what the other does, or all of it.
  fileprivate func standsForSame(as other: LoadedDictionary) -> Bool {
    let attention: Set<Activation> = [.attnOut, .z]
    let (mine, others) = (placed.site, other.placed.site)
    return mine == others
      || mine.layer == others.layer && attention.contains(mine.activation)
        && attention.contains(others.activation)
  }
}
