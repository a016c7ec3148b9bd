import Lang
import Model

/// The bytes of an NPY file.
enum NumpyWriter {
  /// What stands before the data.
  ///
  /// - Parameter type: as Python writes it: `'<f4'`, or a list of fields.
  static func header(type: String, shape: [Int]) -> [UInt8] {
    let axes = shape.map { "\($0)," }.joined(separator: " ")
    let text = "{'descr': \(type), 'fortran_order': False, 'shape': (\(axes)), }"
    // Version 1 has two bytes for the length, and Latin-1.
    let isShort = text.utf8.count < 60_000 && text.utf8.allSatisfy { $0 < 0x80 }
    let start = isShort ? 10 : 12
    let count = (start + text.utf8.count + 1 + 63) / 64 * 64 - start
    var header = NumpyArray.magic + [isShort ? 1 : 3, 0]
    if isShort {
      header.append(little: UInt16(count))
    } else {
      header.append(little: UInt32(count))
    }
    header += text.utf8
    header += [UInt8](repeating: 0x20, count: count - text.utf8.count - 1)
    return header + [0x0A]
  }
}

/// A table as records of NumPy: integers in as few bytes as hold all of them, texts as wide as the
/// longest. Where integers or booleans are missing the column is of floats, and NaN there; a missing
/// text is empty.
struct NumpyRecords {
  private let columns: [(column: Column, field: Field)]
  let count: Int

  private enum Field {
    case integer32, integer64, single, double, boolean
    /// How many characters.
    case text(Int)

    var descr: String {
      switch self {
      case .integer32: "<i4"
      case .integer64: "<i8"
      case .single: "<f4"
      case .double: "<f8"
      case .boolean: "|b1"
      case .text(let count): "<U\(count)"
      }
    }

    var byteCount: Int {
      switch self {
      case .integer32, .single: 4
      case .integer64, .double: 8
      case .boolean: 1
      case .text(let count): 4 * count
      }
    }
  }

  init(_ table: Table) throws {
    columns = try table.columns.map { ($0, try Self.field(of: $0)) }
    count = table.rowCount
  }

  /// Of one record.
  var byteCount: Int { columns.reduce(0) { $0 + $1.field.byteCount } }

  /// As Python writes it.
  var type: String {
    let fields = columns.map { "(\(pythonString($0.column.name)), '\($0.field.descr)')" }
    return "[" + fields.joined(separator: ", ") + "]"
  }

  func write(_ write: ([UInt8]) throws -> Void) throws {
    var bytes: [UInt8] = []
    for row in 0..<count {
      for (column, field) in columns { Self.append(column, row, as: field, to: &bytes) }
      if bytes.count >= 1 << 16 || row == count - 1 {
        try Interruption.check()
        try write(bytes)
        bytes.removeAll(keepingCapacity: true)
      }
    }
  }

  private static func field(of column: Column) throws -> Field {
    switch column.values {
    case .singles: return .single
    case .doubles: return .double
    case .booleans(let values): return values.contains { $0 == nil } ? .single : .boolean
    case .texts(let texts):
      let longest = try texts.mapChecked { $0?.unicodeScalars.count ?? 0 }.max() ?? 0
      return .text(max(1, longest))
    case .integers(let values):
      if values.contains(where: { $0 == nil }) {
        guard values.allSatisfy({ ($0?.magnitude ?? 0) <= 1 << 53 }) else {
          throw Failure(
            "NumPy has no missing integers, and no float holds all of those in the column "
              + "`\(excerpt(column.name))`",
            help: "drop the missing ones, or save the table as .parquet")
        }
        return .double
      }
      return values.allSatisfy { Int32(exactly: $0 ?? 0) != nil } ? .integer32 : .integer64
    }
  }

  private static func append(
    _ column: Column, _ row: Int, as field: Field, to bytes: inout [UInt8]
  ) {
    let cell = column[row]
    switch (field, cell) {
    case (.integer32, .integer(let value)): bytes.append(little: Int32(truncatingIfNeeded: value))
    case (.integer64, .integer(let value)): bytes.append(little: Int64(value))
    case (.boolean, .boolean(let value)): bytes.append(value ? 1 : 0)
    case (.single, .boolean(let value)):
      bytes.append(little: (value ? 1 : 0 as Float).bitPattern)
    case (.single, _): bytes.append(little: Float(cell.number ?? .nan).bitPattern)
    case (.double, _): bytes.append(little: (cell.number ?? .nan).bitPattern)
    case (.text(let count), _):
      let scalars = cell.description.unicodeScalars
      for scalar in scalars { bytes.append(little: scalar.value) }
      bytes += [UInt8](repeating: 0, count: 4 * (count - scalars.count))
    case (.integer32, _), (.integer64, _), (.boolean, _):
      bytes += [UInt8](repeating: 0, count: field.byteCount)
    }
  }
}
