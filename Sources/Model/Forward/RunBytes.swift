// Runs and their results as bytes, for what is kept on a disk.

/// Bytes that are written one after the other, all numbers with their lowest byte first.
public struct ByteWriter {
  public private(set) var bytes: [UInt8] = []

  public init() {}

  public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  public mutating func append(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  public mutating func append(count: Int) { append(UInt64(count)) }

  public mutating func append(_ numbers: [Float]) {
    append(count: numbers.count)
    numbers.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  public mutating func append(_ numbers: [Int]) {
    append(count: numbers.count)
    numbers.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  public mutating func append(_ text: String) {
    append(count: text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }
}

/// Reads what a `ByteWriter` wrote; nil where the bytes are not that.
public struct ByteTaker {
  private let bytes: UnsafeRawBufferPointer
  private var index = 0

  public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  public var isAtEnd: Bool { index == bytes.count }

  public mutating func number<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
    let size = MemoryLayout<Number>.size
    guard bytes.count - index >= size else { return nil }
    defer { index += size }
    return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: Number.self))
  }

  /// A number of things that take at least `size` bytes each.
  public mutating func count(of size: Int) -> Int? {
    guard let count = number(UInt64.self), count <= UInt64((bytes.count - index) / max(1, size))
    else { return nil }
    return Int(count)
  }

  public mutating func floats() -> [Float]? { numbers(Float.self) }

  public mutating func integers() -> [Int]? { numbers(Int.self) }

  private mutating func numbers<Number>(_: Number.Type) -> [Number]? {
    guard let count = count(of: MemoryLayout<Number>.size) else { return nil }
    let size = count * MemoryLayout<Number>.size
    defer { index += size }
    let part = UnsafeRawBufferPointer(rebasing: bytes[index..<index + size])
    return [Number](unsafeUninitializedCapacity: count) { buffer, initialized in
      UnsafeMutableRawBufferPointer(buffer).copyMemory(from: part)
      initialized = count
    }
  }

  public mutating func text() -> String? {
    guard let count = count(of: 1) else { return nil }
    defer { index += count }
    return String(validating: bytes[index..<index + count], as: UTF8.self)
  }
}

extension RunRequest {
  /// Everything that the result follows from, the model apart. What it varies counts only where the two
  /// are compared: else it changes no bit.
  ///
  /// - Parameter base: the request that it varies.
  public func write(to bytes: inout ByteWriter, varying base: RunRequest?) {
    bytes.append(tokens)
    bytes.append(count: edits.count)
    for edit in edits { edit.write(to: &bytes) }
    bytes.append(count: captures.count)
    let sites = captures.keys.map { ($0, $0.number) }.sorted { $0.1 < $1.1 }
    for (site, number) in sites {
      bytes.append(count: number)
      switch captures[site] {
      case .some(.some(let positions)): bytes.append(positions)
      case .some(.all), nil: bytes.append(UInt64.max)
      }
    }
    logits.write(to: &bytes)
    bytes.append(isUncapped ? 1 as UInt8 : 0)
    guard comparesWithBase else { return }
    bytes.append(base == nil ? UInt64.max : UInt64(base?.edits.count ?? 0))
    for edit in base?.edits ?? [] { edit.write(to: &bytes) }
  }

  /// Whether something of it is compared with the run that it varies.
  private var comparesWithBase: Bool {
    guard case .summaries(let queries) = logits else { return false }
    return queries.contains { !$0.comparisons.isEmpty }
  }
}

extension Site {
  private static let numbers = Dictionary(
    uniqueKeysWithValues: Activation.allCases.enumerated().map { ($1, $0) })

  fileprivate var number: Int { (Self.numbers[activation] ?? 0) << 32 | layer }

  fileprivate init?(number: Int) {
    let (kind, layer) = (number >> 32, number & 0xFFFF_FFFF)
    guard Activation.allCases.indices.contains(kind) else { return nil }
    self.init(Activation.allCases[kind], layer: layer)
  }
}

extension Edit {
  fileprivate func write(to bytes: inout ByteWriter) {
    bytes.append(count: site.number)
    if let units { bytes.append(units) } else { bytes.append(UInt64.max) }
    bytes.append(positions)
    switch change {
    case .zero: bytes.append(0 as UInt8)
    case .replace(let rows):
      bytes.append(1 as UInt8)
      bytes.append(count: rows.count)
      for row in rows { bytes.append(row) }
    case .scale(let factor):
      bytes.append(2 as UInt8)
      bytes.append(factor.bitPattern)
    case .add(let vector):
      bytes.append(3 as UInt8)
      bytes.append(vector)
    case .cut(let sources):
      bytes.append(4 as UInt8)
      bytes.append(sources)
    case .edge(let edge, let rows):
      bytes.append(5 as UInt8)
      bytes.append(edge.description)
      bytes.append(count: rows.count)
      for row in rows { bytes.append(row) }
    case .outside(let reads):
      bytes.append(6 as UInt8)
      bytes.append(reads.reader.description)
      bytes.append(reads.writers)
      bytes.append(reads.given.digest.high)
      bytes.append(reads.given.digest.low)
    case .along(let along):
      bytes.append(7 as UInt8)
      switch along.change {
      case .removed: bytes.append(0 as UInt8)
      case .alone: bytes.append(1 as UInt8)
      case .set(let number):
        bytes.append(2 as UInt8)
        bytes.append(number.bitPattern)
      }
      bytes.append(along.direction)
    case .features(let features):
      bytes.append(8 as UInt8)
      features.write(to: &bytes)
    }
  }
}

extension RunRequest.Logits {
  fileprivate func write(to bytes: inout ByteWriter) {
    switch self {
    case .none: bytes.append(0 as UInt8)
    case .all(let positions):
      bytes.append(1 as UInt8)
      bytes.append(positions)
    case .chosen(let chosen):
      bytes.append(2 as UInt8)
      bytes.append(count: chosen.count)
      for one in chosen {
        bytes.append(count: one.position)
        bytes.append(one.tokens)
      }
    case .summaries(let queries):
      bytes.append(3 as UInt8)
      bytes.append(count: queries.count)
      for query in queries {
        bytes.append(count: query.position)
        bytes.append(query.tokens)
        bytes.append(query.ranksTokens ? 1 as UInt8 : 0)
        bytes.append(count: query.top)
        bytes.append(query.takesMean ? 1 as UInt8 : 0)
        bytes.append(count: query.comparisons.count)
        for comparison in query.comparisons { comparison.write(to: &bytes) }
      }
    }
  }
}

extension LogitComparison {
  fileprivate func write(to bytes: inout ByteWriter) {
    switch self {
    case .divergence: bytes.append(0 as UInt8)
    case .jensenShannon: bytes.append(1 as UInt8)
    case .totalVariation: bytes.append(2 as UInt8)
    case .overlap(let count):
      bytes.append(3 as UInt8)
      bytes.append(count: count)
    }
  }
}

extension RunResult {
  public func write(to bytes: inout ByteWriter) {
    bytes.append(count: activations.count)
    let sites = activations.keys.map { ($0, $0.number) }.sorted { $0.1 < $1.1 }
    for (site, number) in sites {
      guard let activation = activations[site] else { continue }
      bytes.append(count: number)
      bytes.append(count: activation.units)
      bytes.append(activation.positions)
      for row in activation.rows { bytes.append(row) }
    }
    bytes.append(count: logits.count)
    for row in logits { bytes.append(row) }
    bytes.append(count: summaries.count)
    for summary in summaries { summary.write(to: &bytes) }
    bytes.append(count: fired.count)
    for fired in fired {
      bytes.append(count: fired.edit)
      bytes.append(fired.isWhole ? 1 as UInt8 : 0)
      bytes.append(fired.features.sorted())
    }
  }

  /// Nil where the bytes are not a result's.
  public init?(_ bytes: inout ByteTaker) {
    self.init()
    guard let activations = bytes.count(of: 16) else { return nil }
    for _ in 0..<activations {
      guard let number = bytes.number(UInt64.self),
        let site = Int(exactly: number).flatMap(Site.init),
        let units = bytes.number(UInt64.self), (1...1 << 40).contains(units),
        let positions = bytes.integers()
      else { return nil }
      var rows: [[Float]] = []
      rows.reserveCapacity(positions.count)
      for _ in positions {
        guard let row = bytes.floats() else { return nil }
        rows.append(row)
      }
      self.activations[site] = CapturedActivation(
        positions: positions, units: Int(units), rows: rows)
    }
    guard let vocabularies = bytes.count(of: 8) else { return nil }
    for _ in 0..<vocabularies {
      guard let row = bytes.floats() else { return nil }
      logits.append(row)
    }
    guard let summaries = bytes.count(of: 16) else { return nil }
    for _ in 0..<summaries {
      guard let summary = LogitSummary(&bytes) else { return nil }
      self.summaries.append(summary)
    }
    guard let fired = bytes.count(of: 17) else { return nil }
    for _ in 0..<fired {
      guard let edit = bytes.number(Int64.self), edit >= 0,
        let isWhole = bytes.number(UInt8.self), isWhole < 2, let features = bytes.integers()
      else { return nil }
      self.fired.append(
        FiredFeatures(edit: Int(edit), features: Set(features), isWhole: isWhole == 1))
    }
    guard bytes.isAtEnd else { return nil }
  }
}

extension LogitSummary {
  fileprivate func write(to bytes: inout ByteWriter) {
    bytes.append(logSum.bitPattern)
    bytes.append(entropy.bitPattern)
    for list in [tokens, top] {
      bytes.append(count: list.count)
      for token in list {
        bytes.append(count: token.id)
        bytes.append(token.logit.bitPattern)
        bytes.append(Int64(token.rank ?? -1))
      }
    }
    bytes.append(count: comparisons.count)
    for number in comparisons { bytes.append(number.bitPattern) }
    bytes.append(mean == nil ? 0 as UInt8 : 1)
    if let mean { bytes.append(mean.bitPattern) }
  }

  fileprivate init?(_ bytes: inout ByteTaker) {
    guard let sum = bytes.number(UInt64.self), let entropy = bytes.number(UInt64.self) else {
      return nil
    }
    logSum = Double(bitPattern: sum)
    self.entropy = Double(bitPattern: entropy)
    var lists: [[Token]] = []
    for _ in 0..<2 {
      guard let count = bytes.count(of: 20) else { return nil }
      var list: [Token] = []
      list.reserveCapacity(count)
      for _ in 0..<count {
        guard let id = bytes.number(Int64.self), let logit = bytes.number(UInt32.self),
          let rank = bytes.number(Int64.self)
        else { return nil }
        list.append(
          Token(id: Int(id), logit: Float(bitPattern: logit), rank: rank < 0 ? nil : Int(rank)))
      }
      lists.append(list)
    }
    (tokens, top) = (lists[0], lists[1])
    guard let count = bytes.count(of: 8) else { return nil }
    comparisons = []
    for _ in 0..<count {
      guard let number = bytes.number(UInt64.self) else { return nil }
      comparisons.append(Double(bitPattern: number))
    }
    guard let hasMean = bytes.number(UInt8.self), hasMean < 2 else { return nil }
    guard hasMean == 1 else { return }
    guard let number = bytes.number(UInt64.self) else { return nil }
    mean = Double(bitPattern: number)
  }
}
