import Lang
import Model

/// An array with what its rows are: what `save` writes as NPZ, NPY and safetensors. Nothing is ever
/// padded: prompts of unequal length have their rows one below the other.
struct ArrayDocument {
  /// What each row is: a row each.
  var index: Table
  /// What the numbers are: the name of the elements, or one for each column.
  var columns: [String]
  /// Elements of a row; nil where a row has a number for each of `columns`.
  var width: Int?
  var isDouble = false
  var provenance = Provenance()
  /// Hands over the numbers as they lie in a file, row by row.
  var forEachPiece: (_ write: ([UInt8]) throws -> Void) throws -> Void

  /// [rows, elements], [rows, columns], or [rows] of one column.
  var shape: [Int] {
    if let width { return [index.rowCount, width] }
    return columns.count == 1 ? [index.rowCount] : [index.rowCount, columns.count]
  }

  var numpyType: String { isDouble ? "<f8" : "<f4" }

  func byteCount() throws -> Int {
    guard let count = elementCount(shape + [isDouble ? 8 : 4]) else {
      throw Failure("the array would be larger than any file")
    }
    return count
  }

  /// The same with the names of the numbers, for the file.
  var particulars: [JSONValue.Member] {
    provenance.members + [JSONValue.Member("columns", .array(columns.map(JSONValue.string)))]
  }
}

extension ArrayDocument {
  /// The floating-point columns of a table are the array, all others its index. A column `element`
  /// that counts from 0 in every stretch of rows which are else alike becomes the second axis.
  ///
  /// - Parameter prompts: what the table was measured on, which adds tokens to the index.
  init(_ table: Table, prompts: IndexedPrompts) throws {
    let numbers = table.columns.filter(\.kind.isFloating)
    guard !numbers.isEmpty else {
      throw Failure(
        "an array needs a column of floating-point numbers, and this table has none",
        help: "save it as .parquet or .csv, or make one: derive x = 1.0 * COLUMN")
    }
    columns = numbers.map(\.name)
    isDouble = numbers.contains { $0.kind == .doubles }
    let others = table.columns.filter { !$0.kind.isFloating }
    if numbers.count == 1, let element = others.first(where: { $0.name == "element" }),
      let width = try Self.width(element, among: others.filter { $0.name != "element" })
    {
      self.width = width
      let rows = try stride(from: 0, to: table.rowCount, by: width).mapChecked { $0 }
      index = try Table(columns: others.filter { $0.name != "element" }).gathered(rows)
    } else {
      index = Table(columns: others)
      // A table of numbers alone has rows all the same.
      if others.isEmpty {
        index = Table(columns: [Column("row", .integers(Array(0..<table.rowCount)))])
      }
    }
    index = try prompts.adding(to: index.withoutEmptyColumns)
    let (isDouble, rowCount) = (isDouble, table.rowCount)
    forEachPiece = { write in
      for start in stride(from: 0, to: rowCount, by: 1 << 14) {
        try Interruption.check()
        let rows = start..<min(rowCount, start + 1 << 14)
        try write(Self.bytes(of: numbers.map(\.values), rows, isDouble: isDouble))
      }
    }
  }

  /// How many elements each stretch has; nil where they are not equally many, or something else
  /// changes within one.
  private static func width(_ element: Column, among others: [Column]) throws -> Int? {
    guard case .integers(let elements) = element.values, elements.first == 0 else { return nil }
    let width = elements.dropFirst().firstIndex(of: 0) ?? elements.count
    guard elements.count % width == 0 else { return nil }
    for row in elements.indices {
      if row.isMultiple(of: Interruption.stride) { try Interruption.check() }
      guard elements[row] == row % width else { return nil }
      if row % width > 0, others.contains(where: { $0[row] != $0[row - 1] }) { return nil }
    }
    return width
  }

  private static func bytes(of columns: [Values], _ rows: Range<Int>, isDouble: Bool) -> [UInt8] {
    var bytes: [UInt8] = []
    if columns.count == 1 {
      switch columns[0] {
      case .singles(let values): bytes.append(inMemory: Array(values[rows]))
      case .doubles(let values): bytes.append(inMemory: Array(values[rows]))
      case .integers, .texts, .booleans: break
      }
      return bytes
    }
    for row in rows {
      for column in columns {
        let number = column.number(row) ?? .nan
        if isDouble {
          bytes.append(little: number.bitPattern)
        } else {
          bytes.append(little: Float(number).bitPattern)
        }
      }
    }
    return bytes
  }
}

/// The prompts that a table was measured on, by which the rows of an index get their tokens.
struct IndexedPrompts {
  /// Each prompt once, as the provenance lists them.
  let prompts: [Prompt]
  /// Of each name the prompt and its number; nil where prompts of different tokens share it.
  private var named: [String: (number: Int, prompt: Prompt)?] = [:]

  /// The index holds no more of a prompt's text: NumPy makes every row as wide as the longest.
  static let longestText = 200

  init(_ origins: [Origin]) {
    var seen: Set<String> = []
    prompts = origins.flatMap(\.prompts).filter { seen.insert($0.identity).inserted }
    for (number, prompt) in prompts.enumerated() {
      if let known = named[prompt.name] {
        if let known, known.prompt.tokens != prompt.tokens {
          named.updateValue(nil, forKey: prompt.name)
        }
      } else {
        named.updateValue((number, prompt), forKey: prompt.name)
      }
    }
  }

  /// An index of rows that have a prompt and a position, with what is known of them.
  func adding(to index: Table) throws -> Table {
    let names: [String?]? =
      if case .texts(let texts)? = index["prompt"]?.values { texts } else { nil }
    guard names != nil || prompts.count == 1 else { return index }
    return try adding(to: index) { row in
      guard let names else { return (0, prompts[0]) }
      return names[row].flatMap { named[$0] ?? nil }
    }
  }

  /// - Parameter prompt: of a row, with its number; nil where none is known.
  func adding(to index: Table, prompt: (Int) -> (number: Int, prompt: Prompt)?) throws -> Table {
    var table = index
    let found = try (0..<index.rowCount).mapChecked(prompt)
    if case .texts(let texts)? = index["prompt"]?.values {
      let short = texts.map { $0.map { excerpt($0, limit: Self.longestText) } }
      table = try table.setting(Column("prompt", .texts(short)))
      table.add(Column("prompt_number", .integers(found.map { $0?.number })))
    }
    for (name, prefix) in [("position", ""), ("source", "source_")] {
      guard case .integers(let positions)? = index[name]?.values else { continue }
      let places = try zip(found, positions).mapChecked { found, position -> (Prompt, Int)? in
        guard let prompt = found?.prompt, let position, prompt.tokens.indices.contains(position)
        else { return nil }
        return (prompt, position)
      }
      table.add(Column(prefix + "token_id", .integers(places.map { $0.map { $0.tokens[$1] } })))
      table.add(
        Column(prefix + "token", .texts(try places.mapChecked { $0.map { $0.tokenText($1) } })))
      table.add(
        Column(prefix + "span", .texts(try places.mapChecked { $0.flatMap { $0.label(of: $1) } })))
    }
    return table
  }
}

extension Table {
  /// Without columns that have no value; one of them stays where there are no others.
  fileprivate var withoutEmptyColumns: Table {
    let filled = columns.filter { $0.values.missingCount < $0.count }
    return Table(columns: filled.isEmpty ? Array(columns.prefix(1)) : filled)
  }

  /// Adds a column that has a value, where there is none of its name.
  fileprivate mutating func add(_ column: Column) {
    guard self[column.name] == nil, column.values.missingCount < column.count else { return }
    columns.append(column)
  }
}

extension Prompt {
  /// What tells it from others: two models may take the same ids for different texts.
  var identity: String { "\(tokens) \(answers.map(\.tokens)) \(text)" }
}
