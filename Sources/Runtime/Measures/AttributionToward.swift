import Lang
import Model

/// A vector along which a stream is attributed.
struct VectorTarget {
  var vector: [Float]
  var stream: Site
  /// What the sum is called.
  var name: String
}

extension Invocation {
  /// What `toward` and `into` say.
  func target(of set: PromptSet) throws -> VectorTarget {
    let expression = self.expression("toward")
    let c = set.model.configuration
    for word in ["on", "of"] where has(word) {
      throw Failure(
        "`toward` and `\(word)` do not go together", help: "omit one of them", span: span(of: word))
    }
    let vector = try placing(at: expression?.span ?? span) {
      let value = try expression.map { try session.evaluate($0) } ?? .nothing
      let vector = try value.vector(of: set.model, in: session)
      guard vector.elements.count == c.width else {
        throw Failure(
          "the stream has \(c.width) elements, and the vector \(vector.elements.count)")
      }
      let numbers = vector.elements.map { Float($0) }
      guard numbers.isFinite else { throw Failure("this vector has numbers that F32 cannot hold") }
      return numbers
    }
    var stream = Site(.residPost, layer: c.layers - 1)
    if has("into") {
      let place = try onePlace("into", on: set.model)
      guard let site = place.sites.first?.site,
        [.residPre, .residMid, .residPost].contains(site.activation)
      else {
        throw Failure(
          "\(place.label) is not a stream, whose parts can be told",
          help: "L9.resid_pre, L9.resid_mid or L9.resid_post", span: span(of: "into"))
      }
      stream = site
    }
    return VectorTarget(
      vector: vector, stream: stream,
      name: "L\(stream.layer).\(stream.activation.rawValue) along the vector")
  }
}

extension Command {
  /// The parts of a stream along a vector, at every position that is read.
  static func attribute(
    _ call: Invocation, _ set: PromptSet, _ division: AttributionDivision,
    toward target: VectorTarget
  ) throws -> Value {
    let readings = try Readings(call, of: set, asking: .everything)
    try call.reserveAttributions(of: set, readings, division, ["dla"])
    try placing(at: call.span) { try set.refuseEdgesInAttributions() }
    let transformer = set.model.transformer
    let detail = try call.detail(division, of: set.model, stream: target.stream)
    let direction = try transformer.direction(
      toward: target.vector, withNeurons: division.needsNeurons)
    var rows = AttributionRows(set, readings, division: division, columns: ["dla"])
    var check = SumCheck()
    var results = try call.session.results(
      of: try call.session.cases(of: set), on: set.model, label: "dla", mayStop: true
    ) { item in
      let attributors = readings[item].map {
        Attributor(transformer, at: $0.position, edits: item.edits, detail)
      }
      return Measurement(captures: attributors.captures) { result in
        try zip(readings[item], attributors).map { reading, attributor in
          try Interruption.check()
          return attributor.attribute(
            result, direction,
            logit: result.along(target.vector, target.stream, at: reading.position),
            try attributor.decompose(result))
        }
      }
    }
    while let (item, found) = try results.next() {
      for (reading, attribution) in zip(readings[item], found) {
        check.add(attribution)
        rows.append(reading, [attribution])
      }
    }
    check.report(to: call, goal: target.name)
    return .table(TableValue(rows.table(on: call.session.pool), origins: [set.origin]))
  }
}

extension RunResult {
  /// x · v of a site that was kept, in double precision.
  fileprivate func along(_ vector: [Float], _ site: Site, at position: Int) -> Double {
    guard let kept = activations[site], let index = kept.positions.firstIndex(of: position) else {
      return .nan
    }
    return zip(kept[index], vector).reduce(0) { $0 + Double($1.0) * Double($1.1) }
  }
}
