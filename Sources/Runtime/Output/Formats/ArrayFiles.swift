import Lang

extension ArrayFormat {
  /// The files of an array, by this format's conventions.
  func files(_ path: String, _ document: ArrayDocument, key: String = "values") throws -> [NewFile]
  {
    switch self {
    case .npz: [try npz(path, document)]
    case .npy: try npy(path, document)
    case .safetensors: [try safetensors(path, document, key: key)]
    }
  }

  /// `values` as it is, `index` as records, compressed; the provenance without the prompts, which
  /// the index has, is the comment of the archive.
  private func npz(_ path: String, _ document: ArrayDocument) throws -> NewFile {
    let (records, size) = (try NumpyRecords(document.index), try document.byteCount())
    return NewFile(path) { sink in
      var zip = ZipWriter()
      let header = NumpyWriter.header(
        type: pythonString(document.numpyType), shape: document.shape)
      try zip.write("values.npy", size: header.count + size, into: &sink) { write in
        try write(header)
        try document.forEachPiece(write)
      }
      let indexHeader = NumpyWriter.header(type: records.type, shape: [records.count])
      try zip.write(
        "index.npy", size: indexHeader.count + records.count * records.byteCount,
        record: records.byteCount, into: &sink
      ) { write in
        try write(indexHeader)
        try records.write(write)
      }
      let comment = document.particulars.filter { $0.key != "prompts" }
      try zip.finish(comment: JSONValue.object(comment).text, into: &sink)
    }
  }

  private func npy(_ path: String, _ document: ArrayDocument) throws -> [NewFile] {
    _ = try document.byteCount()
    let values = NewFile(path) { sink in
      try sink.write(
        NumpyWriter.header(type: pythonString(document.numpyType), shape: document.shape))
      try document.forEachPiece { try sink.write($0) }
    }
    var provenance = Provenance()
    provenance.members = document.particulars
    let index = NewFile(path + ".json") { [provenance] sink in
      try renderDocument(document.index, provenance, into: &sink)
    }
    return [values, index]
  }

  private func safetensors(_ path: String, _ document: ArrayDocument, key: String) throws -> NewFile
  {
    let size = try document.byteCount()
    let index = JSONValue.object(
      document.index.columns.map { column in
        JSONValue.Member(
          column.name, .array((0..<column.count).map { JSONValue(column[$0]) }))
      })
    let metadata = [
      ("provenance", JSONValue.object(document.provenance.members)), ("index", index),
      ("columns", .array(document.columns.map(JSONValue.string))),
    ].map { JSONValue.Member($0, .string($1.text)) }
    let values: [(String, JSONValue)] = [
      ("dtype", .string(document.isDouble ? "F64" : "F32")),
      ("shape", .array(document.shape.map(JSONValue.integer))),
      ("data_offsets", .array([.integer(0), .integer(size)])),
    ]
    var text = Array(
      JSONValue.object([
        JSONValue.Member("__metadata__", .object(metadata)),
        JSONValue.Member(key, .object(values.map { JSONValue.Member($0, $1) })),
      ]).text.utf8)
    // The data begins at a multiple of 8.
    text += [UInt8](repeating: 0x20, count: (8 - text.count % 8) % 8)
    guard text.count <= SafetensorsArrays.longestHeader else {
      throw Failure(
        "the index needs \(sizeText(text.count)), and safetensors allows 100 MB before its data",
        help: "save the array as .npz, or fewer rows in a file")
    }
    return NewFile(path) { [text] sink in
      var length: [UInt8] = []
      length.append(little: UInt64(text.count))
      try sink.write(length + text)
      try document.forEachPiece { try sink.write($0) }
    }
  }
}

extension JSONValue {
  /// What is missing is null; an infinity, which JSON has not, a text.
  init(_ cell: Cell) {
    switch cell {
    case .missing: self = .null
    case .integer(let value): self = .integer(value)
    case .single(let value):
      self = value.isFinite ? .number(Double(value)) : .string(value < 0 ? "-Infinity" : "Infinity")
    case .double(let value):
      self = value.isFinite ? .number(value) : .string(value < 0 ? "-Infinity" : "Infinity")
    case .text(let text): self = .string(text)
    case .boolean(let value): self = .boolean(value)
    }
  }
}
