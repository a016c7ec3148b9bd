/// What one part of the model gives to a later one: what `writer` adds to the stream, as `reader` reads it
/// there.
///
/// The names and the order are those of EAP-IG, MIB and ACDC. Each reader has a copy of the stream of
/// its own, before its norm, so that an edge can be changed by itself.
public struct Edge: Sendable, Hashable {
  public var writer: Writer
  public var reader: Reader

  public init(from writer: Writer, to reader: Reader) {
    self.writer = writer
    self.reader = reader
  }

  /// What adds to the stream.
  public enum Writer: Sendable, Hashable {
    /// The embedding; that of learned positions is not part of it.
    case embed
    /// z · W_O of one head, without a bias. Where a norm follows attention, a reader's copy has the norm
    /// of the sum that this head's output is then part of.
    case head(layer: Int, head: Int)
    /// What an MLP adds.
    case mlp(layer: Int)
  }

  /// What reads the stream.
  public enum Reader: Sendable, Hashable {
    /// The queries, keys or values of one query head. Where heads share keys, the copy is this head's
    /// alone.
    case head(Input, layer: Int, head: Int)
    case mlp(layer: Int)
    /// The final norm.
    case logits
  }

  /// What a head makes of what it reads.
  public enum Input: String, Sendable, Hashable, CaseIterable {
    case q, k, v
  }
}

extension Edge: CustomStringConvertible {
  /// As a line has it: `L5H1 -> L9H6.q`.
  public var description: String { "\(writer) -> \(reader)" }
}

extension Edge.Writer: CustomStringConvertible {
  public var description: String {
    switch self {
    case .embed: "embed"
    case .head(let layer, let head): "L\(layer)H\(head)"
    case .mlp(let layer): "L\(layer).mlp"
    }
  }

  /// Nil for the embedding.
  public var layer: Int? {
    switch self {
    case .embed: nil
    case .head(let layer, _), .mlp(let layer): layer
    }
  }

  /// The head whose output it is.
  public var head: Int? { if case .head(_, let head) = self { head } else { nil } }
}

extension Edge.Reader: CustomStringConvertible {
  public var description: String {
    switch self {
    case .head(let input, let layer, let head): "L\(layer)H\(head).\(input.rawValue)"
    case .mlp(let layer): "L\(layer).mlp"
    case .logits: "logits"
    }
  }

  /// Nil for the logits.
  public var layer: Int? {
    switch self {
    case .head(_, let layer, _), .mlp(let layer): layer
    case .logits: nil
    }
  }
}
