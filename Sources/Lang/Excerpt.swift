// Messages quote at most 80 characters of anything: a name, a text, a path, a cell.

/// How much of a text a message quotes.
public let excerptLimit = 80

/// A text of any length as a message may quote it: the beginning, or of a path the end, which tells
/// paths apart.
public func excerpt(_ text: String, limit: Int = excerptLimit) -> String {
  // A character may have any number of scalars, which are what takes room.
  let scalars = text.unicodeScalars
  guard scalars.count > limit else { return text }
  if isPath(text) { return "…" + String(scalars.suffix(limit - 1)) }
  return String(scalars.prefix(limit - 1)) + "…"
}

/// Names with commas between them, each of them cut, and no more of them than can be looked through.
public func listed(_ names: some Collection<String>) -> String {
  let most = 40
  return names.prefix(most).map { excerpt($0) }.joined(separator: ", ")
    + (names.count > most ? " and \(names.count - most) more" : "")
}

private func isPath(_ text: String) -> Bool {
  text.utf8.contains(UInt8(ascii: "/")) && !text.unicodeScalars.contains { $0 == " " || $0 == "\n" }
}

/// A message on one line, with every quotation and every word in it cut to the length of an excerpt:
/// the last resort where whoever wrote the message did not think of it.
public func shortened(_ message: String) -> String {
  let message = onOneLine(message)
  guard message.utf8.count > excerptLimit else { return message }
  let scalars = Array(message.unicodeScalars)
  // No message of ours is so long by itself. Then it is safer to take more for a quotation, up to
  // the last quote, than to end it at an apostrophe within the text.
  let isHuge = scalars.count > 400
  var result = String.UnicodeScalarView()
  var index = 0
  while index < scalars.count {
    if let end = endOfQuotation(scalars, from: index, last: isHuge) {
      result.append(scalars[index])
      result.append(contentsOf: excerpt(string(scalars[index + 1..<end])).unicodeScalars)
      result.append(scalars[end])
      index = end + 1
    } else if isSpace(scalars[index]) {
      result.append(scalars[index])
      index += 1
    } else {
      let end = endOfWord(scalars, from: index)
      result.append(contentsOf: excerpt(string(scalars[index..<end])).unicodeScalars)
      index = end
    }
  }
  return excerpt(String(result), limit: 1000)
}

private func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
  var view = String.UnicodeScalarView()
  view.append(contentsOf: scalars)
  return String(view)
}

private func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\n" }

/// Where the quotation ends that begins at `start`; nil if none does. An apostrophe within a word is
/// none.
///
/// - Parameter last: take the last such place instead of the first.
private func endOfQuotation(_ scalars: [Unicode.Scalar], from start: Int, last: Bool) -> Int? {
  var found: Int?
  let quote = scalars[start]
  guard quote == "'" || quote == "`" || quote == "\"", start + 1 < scalars.count else { return nil }
  if start > 0, scalars[start - 1].properties.isAlphabetic { return nil }
  for index in scalars.indices.dropFirst(start + 1) where scalars[index] == quote {
    if quote == "\"" {
      // Quotes within these are escaped.
      if scalars[index - 1] != "\\" { return index }
    } else if index + 1 == scalars.count || !scalars[index + 1].properties.isAlphabetic {
      guard last else { return index }
      found = index
    }
  }
  return found
}

/// The end of a word, or where a quotation begins in it.
private func endOfWord(_ scalars: [Unicode.Scalar], from start: Int) -> Int {
  var end = start + 1
  while end < scalars.count, !isSpace(scalars[end]), !"'`\"".unicodeScalars.contains(scalars[end]) {
    end += 1
  }
  return end
}
