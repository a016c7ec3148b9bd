/// A change of what an activation has along a direction, and of nothing else.
public struct Along: Sendable, Equatable {
  /// Of length 1. As wide as one head where a site has heads, which are changed one by one; as
  /// wide as the site elsewhere.
  public var direction: [Float]
  public var change: Change

  public enum Change: Sendable, Equatable {
    /// Nothing is left along it: x − (x · d) d.
    case removed
    /// Nothing else is left: (x · d) d.
    case alone
    /// This much is along it: x + (c − x · d) d.
    case set(Float)
  }

  /// - Parameter vector: any but 0; it is divided by its length.
  public init(_ vector: [Double], _ change: Change) {
    let largest = vector.reduce(0) { max($0, abs($1)) }
    // So that no square is too large or too small.
    let length = vector.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }.squareRoot()
    direction = vector.map { Float($0 / largest / length) }
    self.change = change
  }

  /// Changes what the direction is as wide as.
  func apply(_ x: UnsafeMutablePointer<Float>) {
    let count = direction.count
    let along = Kernels.current.dot(x, direction, count: count)
    switch change {
    case .alone: for i in 0..<count { x[i] = along * direction[i] }
    case .removed: add(-along, to: x)
    case .set(let number): add(number - along, to: x)
    }
  }

  private func add(_ amount: Float, to x: UnsafeMutablePointer<Float>) {
    for i in direction.indices {
      let part = amount * direction[i]
      // Adding 0 would turn −0 into 0.
      if part != 0 { x[i] += part }
    }
  }

  /// Takes derivatives by what it leaves to those by what was there.
  func reverse(_ g: UnsafeMutablePointer<Float>) {
    switch change {
    case .alone: apply(g)
    case .removed, .set:
      add(-Kernels.current.dot(g, direction, count: direction.count), to: g)
    }
  }
}

extension Configuration {
  /// How wide a direction is along which a site is changed: heads are changed one by one, neurons
  /// together.
  public func alongWidth(_ site: Site) -> Int {
    let width = unitWidth(site.activation, sources: 1)
    switch site.activation.units {
    case .heads, .keyValueHeads: return width
    case .none, .neurons: return unitCount(site) * width
    }
  }
}

extension Edit.Change {
  /// What is changed as a whole, where the units of a site are not changed one by one.
  func whole(at activation: Activation) -> Along? {
    guard case .along(let along) = self, activation.units == .neurons else { return nil }
    return along
  }
}
