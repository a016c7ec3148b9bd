import Lang

extension String {
  /// Followed by spaces up to `width` cells.
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - displayWidth(of: self)))
  }

  /// After spaces up to `width` cells.
  func padded(left width: Int) -> String {
    String(repeating: " ", count: max(0, width - displayWidth(of: self))) + self
  }

  /// Cut to at most `width` cells; where something is cut, `mark` ends it.
  package func cut(to width: Int, mark: String) -> String {
    guard displayWidth(of: self) > width else { return self }
    let room = width - displayWidth(of: mark)
    guard room >= 0 else { return prefix(cells: width) }
    return prefix(cells: room) + mark
  }

  /// As many characters from the start as fit into `cells`.
  func prefix(cells: Int) -> String {
    var result = ""
    var used = 0
    for character in self {
      used += displayWidth(of: character)
      if used > cells { break }
      result.append(character)
    }
    return result
  }
}
