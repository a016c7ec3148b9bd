import Model

/// What a model is made of, in words: the rows of `model`.
extension Configuration {
  var normText: String {
    norm.rawValue + (hasQueryKeyNorms ? ", of each head's q and k too" : "")
      + (hasPostNorms ? ", on the way into the stream too" : "")
  }

  /// Of layers that differ, each kind once.
  var mlpText: String {
    let kinds = mlp.map { ($0.isGated ? "gated " : "") + $0.nonlinearity.rawValue }
    return Set(kinds).sorted().joined(separator: ", ")
  }

  var neuronsText: String {
    let counts = mlp.map(\.neurons)
    guard let least = counts.min(), let most = counts.max(), least < most else {
      return counts.first.map(String.init) ?? ""
    }
    return "\(least) to \(most), by layer"
  }

  var positionText: String {
    if hasLearnedPositions { return "learned" }
    var kinds: [Rotary] = []
    for rotary in attention.compactMap(\.rotary) where !kinds.contains(rotary) {
      kinds.append(rotary)
    }
    return kinds.map { rotary in
      let base = Value.number(rotary.base).shortText ?? ""
      let part =
        kinds.count == 1
        ? "" : " in \(attention.count { $0.rotary == rotary }) of \(layers) layers"
      return "RoPE, base \(base)\(part)" + rotary.partText(of: headWidth)
        + (rotary.factors.isEmpty ? "" : ", scaled")
    }.joined(separator: "; ")
  }

  var windowText: String {
    let windows = Set(attention.compactMap(\.window)).sorted()
    if windows.isEmpty { return "none" }
    return windows.map { window in
      "\(window) in \(attention.count { $0.window == window }) of \(layers) layers"
    }.joined(separator: ", ")
  }

  var capText: String {
    let caps = [("scores", scoreCap), ("logits", logitCap)].compactMap { name, cap in
      cap.map { "\(name) \($0)" }
    }
    return caps.isEmpty ? "none" : caps.joined(separator: ", ")
  }
}

extension Rotary {
  fileprivate func partText(of headWidth: Int) -> String {
    width == headWidth ? "" : ", on \(width) of \(headWidth) elements"
  }
}
