/// A column that grows cell by cell, or by many cells at a time. Those stay where they are until the column is
/// whole: rows that several parts of a table have alike are there once until then.
struct GrowingColumn<Element> {
  private enum Piece {
    case cells([Element])
    case repeated(Element, Int)

    var count: Int {
      switch self {
      case .cells(let cells): cells.count
      case .repeated(_, let count): count
      }
    }
  }

  private let missing: Element
  private var pieces: [Piece] = []
  /// How many cells the pieces have.
  private var before = 0
  /// Those after them.
  private var cells: [Element] = []

  init(missing: Element, capacity: Int) {
    self.missing = missing
    cells.reserveCapacity(capacity)
  }

  private var count: Int { before + cells.count }

  /// The last row's.
  func value(_ rowCount: Int) -> Element {
    guard count == rowCount else { return missing }
    if let last = cells.last { return last }
    switch pieces.last {
    case .cells(let cells): return cells.last ?? missing
    case .repeated(let cell, _): return cell
    case nil: return missing
    }
  }

  mutating func set(_ value: Element, _ rowCount: Int) {
    assert(rowCount > 0, "a cell is set before the first row")
    guard rowCount > 0 else { return }
    if before == rowCount {
      (cells, pieces, before) = (filled(rowCount), [], 0)
    }
    while count < rowCount - 1 { cells.append(missing) }
    if count == rowCount {
      cells[cells.count - 1] = value
    } else {
      cells.append(value)
    }
  }

  mutating func fill(_ cells: [Element], _ rowCount: Int) { add(.cells(cells), rowCount) }

  mutating func fill(_ cell: Element, count: Int, _ rowCount: Int) {
    add(.repeated(cell, count), rowCount)
  }

  private mutating func add(_ piece: Piece, _ rowCount: Int) {
    let lacking = rowCount - piece.count - count
    assert(lacking >= 0, "cells are set twice")
    if !cells.isEmpty {
      pieces.append(.cells(cells))
      (before, cells) = (count, [])
    }
    for piece in [.repeated(missing, max(0, lacking)), piece] where piece.count > 0 {
      pieces.append(piece)
      before += piece.count
    }
  }

  /// All cells; what the column lacks of the rows is missing.
  func filled(_ rowCount: Int) -> [Element] {
    if pieces.isEmpty, cells.count == rowCount { return cells }
    precondition(count <= rowCount, "a column is longer than its table")
    return [Element](unsafeUninitializedCapacity: rowCount) { out, filled in
      for piece in pieces + [.cells(cells), .repeated(missing, rowCount - count)] {
        switch piece {
        case .cells(let cells):
          for (i, cell) in cells.enumerated() { out.initializeElement(at: filled + i, to: cell) }
        case .repeated(let cell, let count):
          for i in 0..<count { out.initializeElement(at: filled + i, to: cell) }
        }
        filled += piece.count
      }
    }
  }
}
