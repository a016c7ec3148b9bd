import Model

struct SortKey: Sendable, Equatable {
  var column: String
  var descending: Bool

  init(_ column: String, descending: Bool = false) {
    self.column = column
    self.descending = descending
  }
}

extension Table {
  /// The rows ordered by the first key, rows alike in it by the second, and so on; rows alike in all
  /// keep their order. What is missing comes last in both directions. Texts are in natural order.
  func sorted(by keys: [SortKey]) throws -> Table {
    let orders = try keys.map { key in
      (order: rowOrder(try column(key.column).values), descending: key.descending)
    }
    let rows = try (0..<rowCount).sortedChecked { one, other in
      for (order, descending) in orders {
        switch order(one, other) {
        case .same: continue
        case .before: return !descending
        case .after: return descending
        case .missingLast(let first): return first
        }
      }
      return one < other
    }
    return try gathered(rows)
  }
}

private enum RowOrder {
  case before, same, after
  /// One of the two is missing; `true` where it is the second.
  case missingLast(Bool)

  init(_ difference: Int) { self = difference < 0 ? .before : difference > 0 ? .after : .same }
}

private func rowOrder(_ values: Values) -> (Int, Int) -> RowOrder {
  switch values {
  case .integers(let values): order(of: values) { $0 < $1 ? .before : $0 > $1 ? .after : .same }
  case .singles(let values): order(of: values)
  case .doubles(let values): order(of: values)
  case .texts(let values): order(of: values) { RowOrder(naturalOrder($0, $1)) }
  case .booleans(let values):
    order(of: values) { $0 == $1 ? .same : $1 ? .before : .after }
  }
}

private func order<Value>(
  of values: [Value?], _ compare: @escaping (Value, Value) -> RowOrder
) -> (Int, Int) -> RowOrder {
  { one, other in
    switch (values[one], values[other]) {
    case (let one?, let other?): compare(one, other)
    case (nil, nil): .same
    case (_?, nil): .missingLast(true)
    case (nil, _?): .missingLast(false)
    }
  }
}

private func order<Value: FloatingPoint>(of values: [Value]) -> (Int, Int) -> RowOrder {
  { one, other in
    let a = values[one]
    let b = values[other]
    if a < b { return .before }
    if a > b { return .after }
    switch (a.isNaN, b.isNaN) {
    case (false, false), (true, true): return .same
    case (false, true): return .missingLast(true)
    case (true, false): return .missingLast(false)
    }
  }
}
