/// What a file calls the weights, and how it lays them out.
struct WeightNames {
  var embedding: WeightSource
  var positionEmbedding: WeightSource?
  var finalNorm: BiasedSource
  /// Absent from the file when the unembedding is tied.
  var unembedding: WeightSource
  var unembeddingBias: WeightSource?
  var layer: @Sendable (Int) -> LayerNames
  /// What names begin with, all but the unembedding's.
  var prefix = ""
  /// What some files have in its place: most often nothing.
  var otherPrefixes = [""]
  /// Further tensors that the file may have, and that nobody needs.
  var isHarmless: @Sendable (String) -> Bool = { _ in false }

  /// How a file may spell a name, the usual way first.
  func spellings(of name: String) -> [String] {
    guard !prefix.isEmpty, name.hasPrefix(prefix) else { return [name] }
    return [name] + otherPrefixes.map { $0 + name.dropFirst(prefix.count) }
  }

  var all: [String] {
    [embedding, unembedding].map(\.name) + finalNorm.all
      + [positionEmbedding, unembeddingBias].compactMap { $0?.name }
  }
}

struct LayerNames {
  var ln1: BiasedSource
  var q, k, v, o: BiasedSource
  var qNorm, kNorm, ln1Post: WeightSource?
  var ln2: BiasedSource?
  var gate: BiasedSource
  var up: BiasedSource?
  var down: BiasedSource
  var ln2Post: WeightSource?

  var all: [String] {
    let linears = [q, k, v, o, gate, down] + (up.map { [$0] } ?? [])
    return linears.flatMap(\.all) + ln1.all + (ln2?.all ?? [])
      + [qNorm, kNorm, ln1Post, ln2Post].compactMap { $0?.name }
  }
}

/// Where a weight stands in the file: a tensor, a slice of one, or some rows of either.
struct WeightSource: Sendable {
  var name: String
  /// Which of how many weights that the tensor holds one after another, by its first dimension.
  var slice: (index: Int, count: Int)?
  /// How many rows the tensor has; nil where they are the weight's own.
  var fileRows: Int?
  /// Which row of the tensor each row of the weight is; nil where they are the same.
  var order: RowOrder?
  /// [in, out] rather than [out, in].
  var isTransposed = false
  /// What is added to every element: Hugging Face's Gemma norms are 1 + w.
  var offset: Float = 0

  init(_ name: String) { self.name = name }

  /// Rows of a tensor that has `count`.
  func rows(_ order: RowOrder, of count: Int) -> WeightSource {
    var part = self
    part.fileRows = count
    part.order = order
    return part
  }

  /// One of `count` weights that the tensor holds one after another: an expert's.
  func slice(_ index: Int, of count: Int) -> WeightSource {
    var part = self
    part.slice = (index, count)
    return part
  }

  var transposed: WeightSource {
    var turned = self
    turned.isTransposed = true
    return turned
  }

  var plusOne: WeightSource {
    var moved = self
    moved.offset = 1
    return moved
  }
}

/// A weight and its bias, where it has one: of a matrix, whose rows the bias is ordered as, or of a
/// norm.
struct BiasedSource: Sendable {
  var weight: WeightSource
  var bias: WeightSource?

  /// - Parameter stem: what stands before `.weight` and `.bias`.
  init(_ stem: String, hasBias: Bool = false) {
    weight = WeightSource(stem + ".weight")
    bias = hasBias ? WeightSource(stem + ".bias") : nil
  }

  func rows(_ order: RowOrder, of count: Int) -> BiasedSource {
    var part = self
    part.weight = weight.rows(order, of: count)
    part.bias = bias?.rows(order, of: count)
    return part
  }

  func slice(_ index: Int, of count: Int) -> BiasedSource {
    var part = self
    part.weight = weight.slice(index, of: count)
    part.bias = bias?.slice(index, of: count)
    return part
  }

  var transposed: BiasedSource {
    var turned = self
    turned.weight = weight.transposed
    return turned
  }

  var plusOne: BiasedSource {
    var moved = self
    moved.weight = weight.plusOne
    return moved
  }

  var all: [String] { [weight.name] + (bias.map { [$0.name] } ?? []) }
}

/// Which row of a tensor each row of a weight is.
enum RowOrder: Sendable {
  /// Some of several weights that stand one after another.
  case range(Range<Int>)
  /// Of query or key heads that a GGUF file of the Llama family has with those elements side by side
  /// which RoPE turns together; here they are half a head apart, as Hugging Face has them.
  case interleaved(heads: Int, width: Int)
  /// One of three weights that alternate head by head: GPT-NeoX's queries, keys and values.
  case ofEachHead(part: Int, heads: Int, width: Int)

  var rows: [Int] {
    switch self {
    case .range(let range): Array(range)
    case .interleaved(let heads, let width):
      (0..<heads * width).map { row in
        let (head, i) = row.quotientAndRemainder(dividingBy: width)
        return head * width + (i < width / 2 ? 2 * i : 2 * (i - width / 2) + 1)
      }
    case .ofEachHead(let part, let heads, let width):
      (0..<heads * width).map { row in
        let (head, i) = row.quotientAndRemainder(dividingBy: width)
        return (3 * head + part) * width + i
      }
    }
  }
}
