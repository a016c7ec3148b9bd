/// A tensor as its file describes it: where it lies and how to understand its bytes.
struct TensorInfo: Sendable {
  let name: String
  /// Row-major, the last dimension contiguous: a matrix is `[out, in]` in a GGUF file too, whose
  /// own order is the reverse. Empty for a scalar.
  let shape: [Int]
  let type: TensorType
  /// The product of `shape`: 1 for a scalar.
  let elementCount: Int
  /// The size of the data, as it is handed out.
  let byteCount: Int
  /// Where the data begins, in bytes from the start of its file.
  let offset: Int
  /// Which file of a split checkpoint holds the data.
  let shard: Int
  /// Whether the file has doubles, which are handed out as F32.
  let isDouble: Bool

  /// nil if the element count or the size overflows, or if a row is not a whole number of blocks.
  init?(
    name: String, shape: [Int], type: TensorType, offset: Int, shard: Int, isDouble: Bool = false
  ) {
    guard let elementCount = product(shape),
      (shape.last ?? 1) % type.elementsPerBlock == 0
    else { return nil }
    let (byteCount, overflow) = (elementCount / type.elementsPerBlock)
      .multipliedReportingOverflow(by: type.bytesPerBlock)
    guard !overflow else { return nil }
    self.name = name
    self.shape = shape
    self.type = type
    self.elementCount = elementCount
    self.byteCount = byteCount
    self.offset = offset
    self.shard = shard
    self.isDouble = isDouble
  }

  /// One of the tensors that this one holds one after another, by the first dimension: an expert's
  /// matrix of `[experts, out, in]`.
  func slice(_ index: Int) -> TensorInfo {
    precondition(shape.count > 1 && (0..<shape[0]).contains(index))
    return TensorInfo(self, slice: index)
  }

  /// The same numbers as a matrix: all dimensions but the last are its rows.
  var rowsJoined: TensorInfo {
    precondition(shape.count > 1)
    return TensorInfo(joiningRowsOf: self)
  }

  private init(joiningRowsOf whole: TensorInfo) {
    (name, type, shard, isDouble) = (whole.name, whole.type, whole.shard, whole.isDouble)
    (elementCount, byteCount, offset) = (whole.elementCount, whole.byteCount, whole.offset)
    let columns = whole.shape.last ?? 1
    shape = [columns == 0 ? 0 : whole.elementCount / columns, columns]
  }

  private init(_ whole: TensorInfo, slice index: Int) {
    name = "\(whole.name)[\(index)]"
    shape = Array(whole.shape.dropFirst())
    type = whole.type
    elementCount = whole.elementCount / whole.shape[0]
    byteCount = whole.byteCount / whole.shape[0]
    // Doubles are handed out in half of the bytes that the file has.
    offset = whole.offset + index * byteCount * (whole.isDouble ? 2 : 1)
    shard = whole.shard
    isDouble = whole.isDouble
  }
}

/// The product of the dimensions, nil if one is negative or the product overflows.
func product(_ shape: [Int]) -> Int? {
  // A zero makes the product zero, but must not hide an overflow in the other strides.
  var (product, isEmpty) = (1, false)
  for dimension in shape {
    guard dimension >= 0 else { return nil }
    if dimension == 0 {
      isEmpty = true
      continue
    }
    let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
    guard !overflow else { return nil }
    product = next
  }
  return isEmpty ? 0 : product
}
