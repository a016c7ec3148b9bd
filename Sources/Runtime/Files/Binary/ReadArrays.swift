import Lang
import Model

/// The files whose bytes are not text.
enum BinaryFormat: String, CaseIterable {
  case parquet, npz, npy, safetensors

  /// By the first bytes; safetensors has no mark, and is told by the end of the name.
  init?(_ bytes: [UInt8], path: String) {
    if bytes.starts(with: Parquet.magic) {
      self = .parquet
    } else if bytes.starts(with: NumpyArray.magic) {
      self = .npy
    } else if bytes.starts(with: [0x50, 0x4B, 3, 4]) || bytes.starts(with: [0x50, 0x4B, 5, 6]) {
      self = .npz
    } else {
      guard let format = FileFormat(path: path).flatMap({ Self(rawValue: $0.rawValue) }) else {
        return nil
      }
      self = format
    }
  }

  /// - Parameter path: what messages call the file; an NPY file has its index next to it.
  func table(_ bytes: [UInt8], path: String) throws -> Table {
    switch self {
    case .parquet: try ParquetReader(bytes[...], name: path).table()
    case .npz: try tableFromNPZ(bytes, path: path)
    case .npy: try tableFromNPY(bytes, path: path)
    case .safetensors: try tableFromSafetensors(bytes, path: path)
    }
  }
}

private func tableFromNPZ(_ bytes: [UInt8], path: String) throws -> Table {
  let zip = try ZipReader(bytes[...], name: path)
  let arrays = zip.names.filter { $0.hasSuffix(".npy") }
  let wanted = arrays.contains("values.npy") ? "values.npy" : arrays.first
  guard let wanted, wanted == "values.npy" || arrays.count == 1,
    let data = try zip.bytes(of: wanted)
  else {
    throw severalArrays(
      arrays.map { String($0.dropLast(4)) }, in: path, help: "numpy.savez(FILE, values=x)")
  }
  let values = try NumpyArray(data, name: "\(path):\(wanted)")
  if let records = try values.records() { return records }
  let index = try zip.bytes(of: "index.npy").flatMap {
    try NumpyArray($0, name: "\(path):index.npy").records()
  }
  return try table(
    of: ArrayValues(values: try values.values(), shape: values.shape, name: path), index: index,
    columns: names(in: try? JSONParser.parse(Array(zip.comment.utf8)[...])))
}

private func tableFromNPY(_ bytes: [UInt8], path: String) throws -> Table {
  let array = try NumpyArray(bytes[...], name: path)
  if let records = try array.records() { return records }
  let values = ArrayValues(values: try array.values(), shape: array.shape, name: path)
  let sidecar = path + ".json"
  guard fileStatus(of: sidecar) != nil else {
    return try table(of: values, index: nil, columns: [])
  }
  let source = try TextSource(try readBytes(path: sidecar), name: sidecar)
  let document = try? JSONParser.parse(source.bytes)
  try Interruption.check()
  guard let document, let index = try documentedTable(document, source) else {
    throw source.failure(
      "is next to `\(path)`, and is not the index that `save` writes", help: "move it away")
  }
  return try table(of: values, index: index, columns: names(in: document["provenance"]))
}

private func tableFromSafetensors(_ bytes: [UInt8], path: String) throws -> Table {
  let file = try SafetensorsArrays(bytes[...], name: path)
  let wanted = file.tensors.first { $0.name == "values" } ?? file.tensors.first
  guard let wanted, wanted.name == "values" || file.tensors.count == 1 else {
    throw severalArrays(
      file.tensors.map(\.name), in: path, help: "safetensors.numpy.save_file({\"values\": x}, FILE)"
    )
  }
  let values = ArrayValues(
    values: try file.values(of: wanted), shape: wanted.shape, name: path)
  let metadata = file.metadata.mapValues { try? JSONParser.parse(Array($0.utf8)[...]) }
  try Interruption.check()
  var index: Table?
  if let members = metadata["index"]??.members {
    let columns = try members.map { Column($0.key, try Runtime.values($0.value.array ?? [])) }
    let count = columns.first?.count ?? 0
    guard columns.allSatisfy({ $0.count == count }), firstRepeated(columns.map(\.name)) == nil
    else {
      throw unreadableFile(path, "is damaged: the columns of its index have different lengths")
    }
    index = Table(columns: columns)
  }
  let columns = metadata["columns"].flatMap { $0 }
  return try table(
    of: values, index: index,
    columns: columns?.array.map { $0.compactMap(\.string) } ?? [])
}

private func severalArrays(_ names: [String], in path: String, help: String) -> Failure {
  unreadableFile(
    path,
    names.isEmpty ? "has no arrays" : "has the arrays \(enumeration(names)), none of them `values`",
    help: "one array is read, or the one named `values`: \(help)")
}

private func names(in provenance: JSONValue?) -> [String] {
  provenance?["columns"]?.array.map { $0.compactMap(\.string) } ?? []
}

/// The elements of an array, the last axis running first.
struct ArrayValues {
  var values: Values
  var shape: [Int]
  /// Of the file.
  var name: String
}

/// An array as a table: a row for each element, its place in the columns of `index` and `element`, or
/// of an array without an index in `axis_0`, `axis_1`, …
///
/// - Parameter columns: the names of the numbers, as the file gives them; may be of another count.
func table(of array: ArrayValues, index: Table?, columns names: [String]) throws -> Table {
  let (shape, count) = (array.shape, array.values.count)
  let width = 16 * (2 + shape.count + (index?.columns.count ?? 0))
  try Memory.reserve(
    count.multipliedReportingOverflow(by: width).overflow ? .max : count * width,
    for: "the table of `\(array.name)`, \(rows(count)),")
  guard let index else {
    let axes = try shape.indices.map { axis in
      Column("axis_\(axis)", .integers(try places(along: axis, of: shape, count: count)))
    }
    return Table(
      columns: axes + [Column(unique("value", in: axes), array.values)], measure: "value")
  }
  guard let rowCount = shape.first, rowCount == index.rowCount else {
    throw unreadableFile(
      array.name,
      "has an array of the shape \(shape), and an index of \(rows(index.rowCount))",
      help: "an index has a row for each of the first axis")
  }
  let stretch = rowCount == 0 ? 0 : count / rowCount
  if shape.count == 2, names.count == stretch, stretch > 1, firstRepeated(names) == nil {
    let numbers = try names.indices.map { column in
      Column(
        unique(names[column], in: index.columns),
        try array.values.gathered(try (0..<rowCount).mapChecked { $0 * stretch + column }))
    }
    return Table(columns: index.columns + numbers, measure: numbers.last?.name)
  }
  var table =
    shape.count == 1 ? index : try index.gathered(try (0..<count).mapChecked { $0 / stretch })
  for axis in shape.indices.dropFirst() {
    let name = shape.count == 2 ? "element" : "axis_\(axis)"
    table.columns.append(
      Column(
        unique(name, in: table.columns), .integers(try places(along: axis, of: shape, count: count))
      ))
  }
  let name = unique(names.first { !$0.isEmpty } ?? "value", in: table.columns)
  table.columns.append(Column(name, array.values))
  return Table(columns: table.columns, measure: array.values.kind.isNumeric ? name : nil)
}

/// The place of each element along an axis.
private func places(along axis: Int, of shape: [Int], count: Int) throws -> [Int?] {
  // An axis of nothing leaves the others free to be anything.
  guard count > 0 else { return [] }
  let step = shape[(axis + 1)...].reduce(1, *)
  return try (0..<count).mapChecked { $0 / step % shape[axis] }
}

/// The name with as many underscores as make it different from all others.
private func unique(_ name: String, in columns: [Column]) -> String {
  var name = name
  while columns.contains(where: { $0.name == name }) { name += "_" }
  return name
}
