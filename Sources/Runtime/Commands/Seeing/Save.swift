import Lang
import Model

extension Command {
  static let save = Command(
    name: "save", group: .seeing,
    summary: "Write a table to a file, in the format of its ending or of `as`.",
    details: """
      Endings: \(endings.joined(separator: ", ")).
      A JSON file opens with pandas.read_json(file, orient="table"). Arrays (.npz, .npy, \
      .safetensors) hold the floating-point columns as `values`, and all others as the index of \
      its rows; of a vector, `values` are its numbers. Control vectors (.gguf) hold vectors, or a list of \
      them, one for each layer. JSON, Parquet and arrays also have the provenance: the version, the model and its \
      file's SHA-256, the prompts and the edits. The file is replaced as a whole or not at all.
      Of a map (`lre`), .safetensors holds `weight` and `bias`. A circuit is written to .dot for Graphviz, and to .json as EAP-IG and MIB have their graphs; \
      with `as` its edges are a table.
      """,
    input: .any,
    parameters: [
      .positional("file", .path, "its path"),
      .keyword("as", .choice(FileFormat.self), "the format; default: that of the ending"),
      .keyword("key", .text, "of a vector in safetensors: the name of its tensor; default: values"),
    ],
    examples: [],
    run: saveTable)

  private static func saveTable(_ call: Invocation) throws -> Value {
    // A plan has zeros for numbers.
    guard call.statement.runner.isHeard else { return .nothing }
    let path = try call.text(required: "file")
    let (key, chosen) = (try call.text("key"), try call.choice("as", FileFormat.self))
    if case .circuit(let circuit) = call.input, chosen == nil, let file = CircuitFile(path: path) {
      guard key == nil else { throw keyFailure(call) }
      return try placing(at: call.span(of: "file")) {
        try writeFiles([NewFile(path, text: file.text(of: circuit))], host: call.host)
        return .nothing
      }
    }
    if case .map(let map) = call.input { return try save(map, to: path, key, chosen, call) }
    let format = try chosen ?? format(ofFile: path, call.span(of: "file"))
    // A result that is computed as it is written may take hours: what would fail at its end, now.
    if case .stream = call.input {
      try placing(at: call.span(of: "file")) { try checkCanWrite(path, host: call.host) }
    }
    let name = try tensorName(key, call, format)
    let files = try placing(at: call.span(of: "file")) {
      switch format.content {
      case .text(let format): [try textFile(path, format, call)]
      case .parquet: [try parquetFile(path, call)]
      case .array(let format): try format.files(path, try document(call), key: name)
      case .controlVector:
        try [call.vectorsInput().controlVector()].map { bytes in
          NewFile(path) { try $0.write(bytes) }
        }
      case .graph: [try graphFile(path, call)]
      }
    }
    try placing(at: call.span(of: "file")) { try writeFiles(files, host: call.host) }
    return .nothing
  }

  private static func save(
    _ map: MapValue, to path: String, _ key: String?, _ chosen: FileFormat?, _ call: Invocation
  ) throws -> Value {
    let format = chosen ?? FileFormat(path: path)
    guard format == .safetensors, path.hasSuffix(".safetensors"), key == nil else {
      throw Failure(
        "a map is written to .safetensors, with the tensors `weight` and `bias`",
        help: "R | save \"FILE.safetensors\"", span: call.span(of: "file"))
    }
    try placing(at: call.span(of: "file")) {
      let bytes = try map.fileBytes(in: call.session)
      try writeFiles([NewFile(path) { try $0.write(bytes) }], host: call.host)
    }
    return .nothing
  }

  private static func tensorName(_ key: String?, _ call: Invocation, _ format: FileFormat) throws
    -> String
  {
    guard let key else { return "values" }
    guard format == .safetensors, case .vector = call.input, !key.isEmpty, key != "__metadata__"
    else { throw keyFailure(call) }
    return key
  }

  private static func keyFailure(_ call: Invocation) -> Failure {
    Failure(
      "`key` names the tensor of a vector in a .safetensors file", span: call.span(of: "key"))
  }

  private static func textFile(_ path: String, _ format: OutputFormat, _ call: Invocation) throws
    -> NewFile
  {
    let (value, declaration) = (try table(call), format.declaration)
    guard let writeFile = declaration.writeFile else {
      return NewFile(path) { try declaration.write(value.table, RenderSettings(), &$0) }
    }
    let provenance = try call.provenance(of: value)
    return NewFile(path) { try writeFile(value.table, provenance, &$0) }
  }

  private static func graphFile(_ path: String, _ call: Invocation) throws -> NewFile {
    let name = path.lastPart
    let slug = name.hasSuffix(".json") ? String(name.dropLast(".json".count)) : name
    let file = try CircuitTracerFile(try table(call), slug: slug, in: call.session)
    return NewFile(path) { try file.write(into: &$0) }
  }

  private static func parquetFile(_ path: String, _ call: Invocation) throws -> NewFile {
    guard case .stream(let stream) = call.input else {
      let value = try table(call)
      let provenance = try call.provenance(of: value)
      return NewFile(path) { sink in
        var writer = try ParquetWriter(columnsOf: value.table, into: &sink)
        try writer.append(value.table, into: &sink)
        try writer.finish(provenance, into: &sink)
      }
    }
    let source = SavedSource(stream)
    return NewFile(path) { sink in
      // A part ends with a prompt's row of numbers, so it is somewhat larger.
      let rows = ParquetWriter.rowsPerGroup / 2
      var part = try stream.part(rows: rows)
      let measure = part.measure
      var counter = source.shard.map(ShardRecord.Counter.init)
      var writer = try ParquetWriter(columnsOf: part, into: &sink)
      while part.rowCount > 0 {
        try counter?.add(part)
        try writer.append(part, into: &sink)
        part = try stream.part(rows: rows)
      }
      let provenance = try call.provenance(of: source, counter?.finish() ?? [], measure: measure)
      try writer.finish(provenance, into: &sink)
    }
  }

  /// The input as an array with its index.
  private static func document(_ call: Invocation) throws -> ArrayDocument {
    if case .vector(let vector) = call.input {
      var document = ArrayDocument(vector)
      document.provenance = try call.provenance(of: vector.listing)
      return document
    }
    guard case .stream(let stream) = call.input else {
      let value = try table(call)
      var document = try ArrayDocument(value.table, prompts: IndexedPrompts(value.origins))
      document.provenance = try call.provenance(of: value)
      return document
    }
    guard var document = try stream.array(IndexedPrompts(stream.origins)) else {
      let value = try stream.table()
      var document = try ArrayDocument(value.table, prompts: IndexedPrompts(value.origins))
      document.provenance = try call.provenance(of: value)
      return document
    }
    document.provenance = try call.provenance(of: SavedSource(stream), [], measure: "value")
    return document
  }

  private static func table(_ call: Invocation) throws -> TableValue {
    switch call.input {
    case .table(let table): return table
    case .stream(let stream): return try stream.table()
    case .prompts(let set): return TableValue(set.listing, origins: [set.origin])
    case .circuit(let circuit): return circuit.table
    case .vector(let vector): return vector.listing
    case let other: throw call.failure("`save` needs a table, not \(other.kind)")
    }
  }

  private static func format(ofFile path: String, _ place: SourceSpan) throws -> FileFormat {
    if let format = FileFormat(path: path) { return format }
    throw Failure(
      "'\(excerpt(path, limit: 80))' has no ending that names a format",
      help: "end it in \(endings.dropLast().joined(separator: ", ")) or \(endings.last ?? ""), or "
        + "add `as FORMAT`: " + FileFormat.allCases.map(\.rawValue).joined(separator: ", "),
      span: place)
  }

  /// The usual ending of each format that has one.
  private static let endings = FileFormat.allCases.compactMap(\.endings.first).map { "." + $0 }
}

extension Invocation {
  /// A vector, or a list of some.
  fileprivate func vectorsInput() throws -> [VectorValue] {
    switch input {
    case .vector(let vector): return [vector]
    case .list(let values) where !values.isEmpty:
      return try values.map { value in
        guard case .vector(let vector) = value else {
          throw failure("a control vector is made of vectors, and this list has \(value.kind)")
        }
        return vector
      }
    case let other:
      throw failure(
        "a control vector is made of vectors, and this is \(other.kind)",
        help: "V | save \"FILE.gguf\", or [V, W] | save \"FILE.gguf\"")
    }
  }
}
