@testable import Runtime

extension FuzzTarget {
  /// A table in each of the formats that are read, and in the one that it looks like.
  static func tables(_ bytes: [UInt8]) throws {
    for format in [nil] + TableFormat.allCases.map(Optional.some) {
      do {
        try check(try parseTable(bytes, name: "fuzz", format: format))
      } catch let failure as Failure {
        try check(failure)
      }
    }
  }

  /// Parquet and files of arrays, each as what it is and as what it is not.
  static func arrays(_ bytes: [UInt8]) throws {
    for format in BinaryFormat.allCases {
      do {
        try check(try format.table(bytes, path: "fuzz"))
      } catch let failure as Failure {
        try check(failure)
      }
    }
  }

  /// A vector of each of the files that hold some, with and without what says which.
  static func vectors(_ bytes: [UInt8], _ folder: ScratchFolder) throws {
    for name in ["v.npy", "v.npz", "v.safetensors", "v.gguf"] {
      let path = try folder.write(bytes, name)
      for (key, layer) in [(nil, nil), ("a", nil), (nil, 1)] as [(String?, Int?)] {
        do {
          let vector = try readVector(path: path, key: key, layer: layer)
          try promise(!vector.elements.isEmpty, "a vector of nothing")
          try promise(vector.elements.allSatisfy(\.isFinite), "a vector of what is no number")
        } catch let failure as Failure {
          try check(failure)
        }
      }
    }
  }

  private static func check(_ table: Table) throws {
    let counts = Set(table.columns.map(\.count))
    try promise(counts.count <= 1, "columns of \(counts) rows")
    let names = Set(table.columnNames)
    try promise(!names.contains(""), "a column without a name")
    try promise(names.count == table.columns.count, "two columns of the same name")
  }

  private static func check(_ failure: Failure) throws {
    try promise(!failure.message.isEmpty, "an error that says nothing")
    try promise(failure.message.utf8.count < 4000, "an error of \(failure.message.utf8.count)")
  }
}
