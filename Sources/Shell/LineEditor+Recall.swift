import CLibedit

/// What Up and Down go through: the entries that begin as the line did before the first Up. libedit's
/// own search takes the whole line for what it looks for as soon as it has found one.
struct Recall {
  /// What was typed before the cursor.
  var prefix: String
  /// The line as it was typed.
  var typed: String
  /// The place among the entries, oldest first.
  var index: Int
  /// What stands in the line because of it: another text is a new beginning.
  var shown: String
}

extension LineEditor {
  func recallEarlier() -> Int32 {
    let (line, cursor) = lineAndCursor()
    let entries = entries()
    var recall =
      self.recall.flatMap { $0.shown == line ? $0 : nil }
      ?? Recall(
        prefix: String(decoding: line.utf8.prefix(cursor), as: UTF8.self), typed: line,
        index: entries.count, shown: line)
    guard
      let found = entries[..<min(recall.index, entries.count)].lastIndex(where: {
        $0.hasPrefix(recall.prefix) && $0 != recall.shown
      })
    else { return CC_REFRESH_BEEP }
    recall.index = found
    return show(entries[found], recall)
  }

  func recallLater() -> Int32 {
    let (line, _) = lineAndCursor()
    guard var recall, recall.shown == line else { return CC_REFRESH_BEEP }
    let entries = entries()
    let found = entries.indices.dropFirst(recall.index + 1).first {
      entries[$0].hasPrefix(recall.prefix) && entries[$0] != recall.shown
    }
    recall.index = found ?? entries.count
    return show(found.map { entries[$0] } ?? recall.typed, recall)
  }

  private func show(_ text: String, _ recall: Recall) -> Int32 {
    var recall = recall
    recall.shown = text
    let (line, cursor) = lineAndCursor()
    let length = line.unicodeScalars.count
    el_cursor(editor, Int32(length - line.scalarCount(before: cursor)))
    el_deletestr(editor, Int32(length))
    self.recall = recall
    return insert(text)
  }
}
