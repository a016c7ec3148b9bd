/// A column of a metric. Logits are single precision, and print so; differences and probabilities
/// are computed in double.
enum MetricColumn {
  case singles(TableBuilder.Key<Float>)
  case doubles(TableBuilder.Key<Double>)
  case integers(TableBuilder.Key<Int>)

  init(_ name: String, of metric: ChosenMetric, in table: inout TableBuilder) {
    switch metric.known {
    case .logit: self = .singles(table.singles(name))
    case .logitDiff, .prob, .probDiff, .logprob, .loss, .kl, .js, .tv, .overlap, nil:
      self = .doubles(table.doubles(name))
    case .rank, .accuracy: self = .integers(table.integers(name))
    }
  }

  /// Of the last rows.
  func fill(_ values: [Double], in table: inout TableBuilder) {
    switch self {
    case .singles(let key): table.fill(key, values.map(Float.init))
    case .doubles(let key): table.fill(key, values)
    case .integers(let key): table.fill(key, values.map { $0.isNaN ? nil : Int($0) })
    }
  }

  func set(_ value: Double, in table: inout TableBuilder) {
    switch self {
    case .singles(let key): table[key] = Float(value)
    case .doubles(let key): table[key] = value
    case .integers(let key): table[key] = value.isNaN ? nil : Int(value)
    }
  }
}
