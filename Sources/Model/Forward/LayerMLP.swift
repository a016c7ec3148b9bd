/// What a layer's MLP multiplies by.
enum LayerMLP: Sendable {
  case dense(DenseMLP)

  /// Multiplications and additions of its products, for one row.
  var flopsPerRow: Double {
    switch self {
    case .dense(let mlp): mlp.linears.reduce(0) { $0 + $1.flopsPerRow }
    }
  }

  var matrices: [PackedMatrix] {
    switch self {
    case .dense(let mlp): mlp.linears.map(\.matrix)
    }
  }

  /// What makes of neurons what is added to the stream.
  var down: Transformer.Linear {
    switch self {
    case .dense(let mlp): mlp.down
    }
  }

  /// Floats that a row of its input to the nonlinearity takes, whole panels.
  var hiddenStride: Int {
    switch self {
    case .dense(let mlp): mlp.gate.stride
    }
  }

  /// The same of what the nonlinearity's result is multiplied by; 0 where there is no gate.
  var upStride: Int {
    switch self {
    case .dense(let mlp): mlp.up?.stride ?? 0
    }
  }

  /// Floats that a row of what it adds to the stream takes.
  var outputStride: Int {
    switch self {
    case .dense(let mlp): mlp.down.stride
    }
  }
}

/// down(act(gate(x)) · up(x)), or down(act(gate(x))) where there is no gate.
struct DenseMLP: Sendable {
  /// The gate, or the only matrix into the neurons: what the nonlinearity is of.
  var gate: Transformer.Linear
  /// What the gate's activation is multiplied by.
  var up: Transformer.Linear?
  var down: Transformer.Linear

  var neurons: Int { gate.matrix.rows }

  var linears: [Transformer.Linear] { [gate] + (up.map { [$0] } ?? []) + [down] }
}
