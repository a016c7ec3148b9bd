import Model
import TestSupport
import Testing

@testable import Runtime

/// Here every cell of the table becomes a line of the language.
extension EditTable {
  /// What defines `asked`, and for the values that edits take `others` and `other0`, `other1` ….
  var prologue: String {
    let names = others.indices.map { "other\($0)" }
    let donors = zip(names, others).map { "let \($0) = prompt \($1)" }
    return
      (["let asked = prompt \(tokens)"] + donors
      + ["let others = [\(names.joined(separator: ", "))]"]).joined(separator: "\n")
  }

  /// The last position's logits of a cell, as a pipeline.
  func line(_ cell: Cell, _ configuration: Configuration) throws -> String {
    let edits = try cell.edits.flatMap { try $0.stages(configuration) }
    return (["asked"] + edits + ["logits", "where token_id in \(logitTokens)"])
      .joined(separator: " | ")
  }
}

extension EditTable.Place {
  /// The commands that do it: one, but for a vector over several units, which is one a unit.
  fileprivate func stages(_ configuration: Configuration) throws -> [String] {
    let activation = try #require(Activation(rawValue: site))
    let selector = self.selector(activation, units)
    switch kind {
    case .zero: return ["ablate \(selector)"]
    case .mean: return ["ablate \(selector) mean over others"]
    case .patch: return ["patch \(selector) from other\(try #require(donor))"]
    case .freeze: return ["freeze \(selector)"]
    case .scale: return ["scale \(selector) by \(try #require(factor))"]
    case .cut:
      let heads = units.map { " heads \(Self.list($0))" } ?? ""
      return [
        "knockout \(try #require(sources)) -> \(at) at L\(try #require(layer))\(heads)"
      ]
    case .project, .onto, .clamp:
      let count = configuration.alongWidth(Site(activation, layer: layer ?? 0))
      let vector = "\(try vector(0..<count))"
      switch kind {
      case .project: return ["project \(selector) off \(vector)"]
      case .onto: return ["project \(selector) onto \(vector)"]
      default: return ["clamp \(selector) along \(vector) to \(try #require(to))"]
      }
    case .steer:
      let width = configuration.unitWidth(activation, sources: 1)
      guard let units else {
        let vector = try vector(
          0..<configuration.unitCount(Site(activation, layer: layer ?? 0)) * width)
        return ["steer \(selector) by \(vector)"]
      }
      return try units.enumerated().map { i, unit in
        let vector = try vector(i * width..<(i + 1) * width)
        return "steer \(self.selector(activation, [unit])) by \(vector)"
      }
    }
  }

  private func selector(_ activation: Activation, _ units: [Int]?) -> String {
    let members =
      switch activation.units {
      case .none: ""
      case .heads: "H"
      case .keyValueHeads: "KV"
      case .neurons: "N"
      }
    let some = units.map { "\(members){\(Self.list($0))}" } ?? ""
    let component = layer.map { "L\($0)\(some).\(site)" } ?? site
    return "\(component)@{\(Self.list(at))}"
  }

  private func vector(_ range: Range<Int>) throws -> [Double] {
    let seed = try #require(seed)
    return range.map { Double(Self.element($0, ofSeed: seed)) }
  }

  private static func list(_ numbers: [Int]) -> String {
    numbers.map(String.init).joined(separator: ", ")
  }
}
