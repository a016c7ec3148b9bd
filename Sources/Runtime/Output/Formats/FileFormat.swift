/// How `save` writes a file: a format of text, or one that only files have.
enum FileFormat: String, Choice {
  case table, plain, tsv, escaped, csv, json, ndjson, markdown, html, latex
  case parquet, npz, safetensors, npy, gguf
  case circuitTracer = "circuit_tracer"

  /// What a file of the format holds.
  enum Content {
    /// The table as text.
    case text(OutputFormat)
    /// The table as Parquet.
    case parquet
    /// The table's numbers as an array, and what its rows are.
    case array(ArrayFormat)
    /// Vectors, as llama.cpp adds them to the stream.
    case controlVector
    /// The table of `graph`, for circuit-tracer's page.
    case graph
  }

  var content: Content {
    switch self {
    case .table: .text(.table)
    case .plain: .text(.plain)
    case .tsv: .text(.tsv)
    case .escaped: .text(.escaped)
    case .csv: .text(.csv)
    case .json: .text(.json)
    case .ndjson: .text(.ndjson)
    case .markdown: .text(.markdown)
    case .html: .text(.html)
    case .latex: .text(.latex)
    case .parquet: .parquet
    case .npz: .array(.npz)
    case .safetensors: .array(.safetensors)
    case .npy: .array(.npy)
    case .gguf: .controlVector
    case .circuitTracer: .graph
    }
  }

  var summary: String {
    switch content {
    case .text(let format): format.summary
    case .parquet: "columns of typed values"
    case .array(.npz): "an array of NumPy and an index of its rows"
    case .array(.safetensors): "an array, its index in the metadata"
    case .array(.npy): "an array of NumPy, its index in FILE.json"
    case .controlVector: "vectors, as llama.cpp steers with them"
    case .graph: "the table of `graph`, for circuit-tracer's page"
    }
  }

  /// How the names of its files end, the usual ending first.
  var endings: [String] {
    switch content {
    case .text(let format): format.declaration.endings
    // Its files end in .json, as tables do.
    case .graph: []
    case .parquet, .array, .controlVector: [rawValue]
    }
  }

  /// The format that a file's name ends in; nil where it ends in none.
  init?(path: String) {
    let name = path.lastPart.lowercased()
    guard let dot = name.lastIndex(of: ".") else { return nil }
    let ending = String(name[name.index(after: dot)...])
    guard let format = Self.allCases.first(where: { $0.endings.contains(ending) }) else {
      return nil
    }
    self = format
  }
}

/// The files that hold an array.
enum ArrayFormat { case npz, safetensors, npy }
