import Model

/// Makes a table row by row. A column is declared once, by name and type, and a cell is set through
/// what the declaration gave back; a cell that a row does not set is missing. So all columns have
/// the same count whatever a row sets.
///
///     var table = TableBuilder()
///     let rank = table.integers("rank")
///     let token = table.texts("token")
///     table.addRow()
///     table[rank] = 1
///     table[token] = " Italy"
struct TableBuilder {
  /// A declared column, of the builder that declared it.
  struct Key<Value> { fileprivate let index: Int }

  private(set) var rowCount = 0
  private let capacity: Int
  private var declared: [(name: String, kind: Values.Kind, index: Int)] = []
  private var integers = Storage<Int?>(missing: nil)
  private var singles = Storage<Float>(missing: .nan)
  private var doubles = Storage<Double>(missing: .nan)
  private var texts = Storage<String?>(missing: nil)
  private var booleans = Storage<Bool?>(missing: nil)
  private var units: [Int] = []

  /// - Parameter capacity: how many rows there will be, where that is known. An array that grows is
  ///   in memory twice for a while.
  init(capacity: Int = 0) { self.capacity = capacity }

  // MARK: Columns

  mutating func integers(_ name: String) -> Key<Int> {
    Key(index: declare(name, .integers, integers.add(capacity)))
  }

  mutating func singles(_ name: String) -> Key<Float> {
    Key(index: declare(name, .singles, singles.add(capacity)))
  }

  mutating func doubles(_ name: String) -> Key<Double> {
    Key(index: declare(name, .doubles, doubles.add(capacity)))
  }

  mutating func texts(_ name: String) -> Key<String> {
    Key(index: declare(name, .texts, texts.add(capacity)))
  }

  mutating func booleans(_ name: String) -> Key<Bool> {
    Key(index: declare(name, .booleans, booleans.add(capacity)))
  }

  var columnNames: [String] { declared.map(\.name) }

  private mutating func declare(_ name: String, _ kind: Values.Kind, _ index: Int) -> Int {
    declared.append((name, kind, index))
    return index
  }

  // MARK: Rows

  mutating func addRow() { rowCount += 1 }

  /// What the last row is of, among the units that shards divide.
  mutating func setUnit(_ unit: Int?) {
    guard let unit else { return }
    if units.count == rowCount {
      units[rowCount - 1] = unit
    } else {
      units.append(unit)
    }
  }

  /// The cell of the last row. NaN is missing.
  subscript(key: Key<Int>) -> Int? {
    get { integers.value(key.index, rowCount) }
    set { integers.set(newValue, key.index, rowCount) }
  }

  subscript(key: Key<Float>) -> Float? {
    get {
      let value = singles.value(key.index, rowCount)
      return value.isNaN ? nil : value
    }
    set { singles.set(newValue ?? .nan, key.index, rowCount) }
  }

  subscript(key: Key<Double>) -> Double? {
    get {
      let value = doubles.value(key.index, rowCount)
      return value.isNaN ? nil : value
    }
    set { doubles.set(newValue ?? .nan, key.index, rowCount) }
  }

  subscript(key: Key<String>) -> String? {
    get { texts.value(key.index, rowCount) }
    set { texts.set(newValue, key.index, rowCount) }
  }

  subscript(key: Key<Bool>) -> Bool? {
    get { booleans.value(key.index, rowCount) }
    set { booleans.set(newValue, key.index, rowCount) }
  }

  // MARK: Many rows

  /// Rows that get their cells column by column.
  mutating func addRows(_ count: Int) { rowCount += count }

  /// What the last rows are of, as `setUnit` has it of one.
  mutating func setUnits(_ units: [Int]) {
    guard self.units.count + units.count == rowCount else { return }
    self.units += units
  }

  /// The cells of the last rows, as many as there are.
  mutating func fill(_ key: Key<Int>?, _ cells: [Int?]) {
    if let key { integers.fill(cells, key.index, rowCount) }
  }

  mutating func fill(_ key: Key<Float>, _ cells: [Float]) {
    singles.fill(cells, key.index, rowCount)
  }

  mutating func fill(_ key: Key<Double>, _ cells: [Double]) {
    doubles.fill(cells, key.index, rowCount)
  }

  mutating func fill(_ key: Key<String>?, _ cells: [String?]) {
    if let key { texts.fill(cells, key.index, rowCount) }
  }

  /// Of the last rows, which have the same there.
  mutating func fill(_ key: Key<String>?, _ cell: String?, count: Int) {
    if let key { texts.fill(cell, count: count, key.index, rowCount) }
  }

  mutating func fill(_ key: Key<Int>?, _ cell: Int?, count: Int) {
    if let key { integers.fill(cell, count: count, key.index, rowCount) }
  }

  // MARK: The table

  /// - Parameters:
  ///   - measure: the column that `top N` without `by` ranks by.
  ///   - pool: what puts columns of many cells together.
  func table(measure: String? = nil, on pool: WorkerPool? = nil) -> Table {
    var columns = declared.map { Column($0.name, Values.missing($0.kind, count: 0)) }
    columns.withUnsafeMutableBufferPointer { columns in
      if let pool {
        pool.run(columns.count) { column, _ in columns[column].values = values(column) }
      } else {
        for column in columns.indices { columns[column].values = values(column) }
      }
    }
    var table = Table(columns: columns, measure: measure)
    if units.count == rowCount, rowCount > 0 { table.units = units }
    return table
  }

  private func values(_ column: Int) -> Values {
    let (_, kind, index) = declared[column]
    return switch kind {
    case .integers: .integers(integers.filled(index, rowCount))
    case .singles: .singles(singles.filled(index, rowCount))
    case .doubles: .doubles(doubles.filled(index, rowCount))
    case .texts: .texts(texts.filled(index, rowCount))
    case .booleans: .booleans(booleans.filled(index, rowCount))
    }
  }

  /// The columns of one type. A column may be shorter than the table: what it lacks is missing.
  private struct Storage<Element> {
    let missing: Element
    private var columns: [GrowingColumn<Element>] = []

    init(missing: Element) { self.missing = missing }

    mutating func add(_ capacity: Int) -> Int {
      columns.append(GrowingColumn(missing: missing, capacity: capacity))
      return columns.count - 1
    }

    func value(_ column: Int, _ rowCount: Int) -> Element { columns[column].value(rowCount) }

    mutating func set(_ value: Element, _ column: Int, _ rowCount: Int) {
      columns[column].set(value, rowCount)
    }

    mutating func fill(_ cells: [Element], _ column: Int, _ rowCount: Int) {
      columns[column].fill(cells, rowCount)
    }

    mutating func fill(_ cell: Element, count: Int, _ column: Int, _ rowCount: Int) {
      columns[column].fill(cell, count: count, rowCount)
    }

    func filled(_ column: Int, _ rowCount: Int) -> [Element] { columns[column].filled(rowCount) }
  }
}

/// A column that some tables do not have: setting its cell does nothing there.
extension TableBuilder {
  subscript(key: Key<Int>?) -> Int? {
    get { key.flatMap { self[$0] } }
    set { if let key { self[key] = newValue } }
  }

  subscript(key: Key<String>?) -> String? {
    get { key.flatMap { self[$0] } }
    set { if let key { self[key] = newValue } }
  }

  subscript(key: Key<Double>?) -> Double? {
    get { key.flatMap { self[$0] } }
    set { if let key { self[key] = newValue } }
  }
}
