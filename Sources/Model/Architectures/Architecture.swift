/// A family of models: which files it reads, and how their names and layouts map to the canonical
/// form. Everything after loading knows no family by name.
protocol Architecture: Sendable {
  /// As GGUF's `general.architecture` and Hugging Face's `model_type` have it.
  static var names: [String] { get }
  static func configuration(gguf: GGUFFile) throws -> Configuration
  static func configuration(json: ConfigFile) throws -> Configuration
  static func weightNames(gguf: Configuration) -> WeightNames
  static func weightNames(json: Configuration) -> WeightNames
}

/// Every family that can be opened.
enum Architectures {
  static let all: [any Architecture.Type] = [Llama.self]

  static func named(_ name: String, path: String) throws -> any Architecture.Type {
    if let found = all.first(where: { $0.names.contains(name) }) { return found }
    let known = all.flatMap { $0.names }.joined(separator: ", ")
    throw ModelError(
      .file,
      "\(quoted(path)) is a model of the architecture \(quoted(name)), which Summand cannot run",
      help: "it can run: \(known)")
  }
}

/// What a file calls the weights, and how it lays them out.
struct WeightNames {
  var embedding: String
  var finalNorm: String
  /// Absent from the file when the unembedding is tied.
  var unembedding: String
  var layer: @Sendable (Int) -> LayerNames
  /// How the rows of a query or key head are ordered in the file.
  var rotation: RotationLayout
  /// Tensors that the file may have beside these, and that nobody needs.
  var isHarmless: @Sendable (String) -> Bool = { _ in false }
}

struct LayerNames {
  var ln1, q, k, v, o, ln2, gate, up, down: String

  var all: [String] { [ln1, q, k, v, o, ln2, gate, up, down] }
}

/// Which two elements of a head RoPE rotates together in the file's order of rows. The canonical
/// form, Hugging Face's, is half-split.
enum RotationLayout {
  /// i and i + d/2
  case halfSplit
  /// 2i and 2i + 1: llama.cpp's converter permutes the rows of q and k so.
  case interleaved

  /// For each canonical row, the row of the file.
  func rowOrder(heads: Int, width: Int) -> [Int]? {
    switch self {
    case .halfSplit: nil
    case .interleaved:
      (0..<heads * width).map { row in
        let (head, i) = row.quotientAndRemainder(dividingBy: width)
        return head * width + (i < width / 2 ? 2 * i : 2 * (i - width / 2) + 1)
      }
    }
  }
}
