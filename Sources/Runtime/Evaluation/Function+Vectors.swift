import Model

// Functions of vectors.
extension Function {
  func ofVectors(_ arguments: [Value], _ undefined: (Undefined) throws -> Value) throws -> Value {
    let vectors = try arguments.map { argument -> VectorValue in
      guard case .vector(let vector) = argument else {
        throw Failure(
          "`\(rawValue)` takes vectors, not \(argument.kind)",
          help: "PROMPTS | activations SITE | vector")
      }
      return vector
    }
    if self == .norm {
      guard vectors.count == 1 else { throw wrongCount("one vector") }
      return .number(vectors[0].norm)
    }
    guard vectors.count == 2 else { throw wrongCount("two vectors") }
    let (a, b) = (vectors[0], vectors[1])
    try a.check(with: b)
    guard self == .cosine else { return .number(a.dot(b)) }
    let (one, other) = (a.norm, b.norm)
    guard one > 0, other > 0 else { return try undefined(.division) }
    return .number(try a.times(1 / one).dot(try b.times(1 / other)))
  }
}
