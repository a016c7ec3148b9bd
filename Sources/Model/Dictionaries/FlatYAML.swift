/// YAML as far as settings of one level need it: `key: value`, and lists of values. All else is refused.
struct FlatYAML {
  let values: [String: String]
  let lists: [String: [String]]

  init(path: String) throws {
    let file = try ReadableFile(path: path)
    guard file.size <= 1 << 20 else {
      throw file.damaged("\(file.size) bytes are too many for settings")
    }
    let bytes = try file.bytes(at: 0, count: file.size)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw file.damaged("it is not UTF-8")
    }
    var (values, lists, list): ([String: String], [String: [String]], String?) = ([:], [:], nil)
    for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      func refused(_ why: String) -> ModelError {
        file.damaged("line \(number + 1) \(why)", help: "lines are `key: value` or `- value`")
      }
      let content = Self.trimmed(Self.withoutComment(line))
      if content.isEmpty || content == "---" { continue }
      if content.first == "-" {
        guard let key = list, let value = Self.scalar(content.dropFirst()) else {
          throw refused("is not an item of a list of values")
        }
        lists[key, default: []].append(value)
        continue
      }
      guard line.first?.isWhitespace == false, let colon = content.firstIndex(of: ":"),
        let key = Self.scalar(content[..<colon]), !key.isEmpty
      else { throw refused("is not a key and a value") }
      guard values[key] == nil, lists[key] == nil else {
        throw refused("has the key \(quoted(key)) again")
      }
      let rest = Self.trimmed(content[content.index(after: colon)...])
      list = nil
      if rest.isEmpty {
        list = key
        lists[key] = []
      } else if let value = Self.scalar(rest) {
        values[key] = value
      } else {
        throw refused("has a value that is not understood")
      }
    }
    (self.values, self.lists) = (values, lists)
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }

  /// A `#` at the start, or after a space outside of quotes, begins a comment.
  private static func withoutComment(_ line: Substring) -> Substring {
    var (quote, before): (Character?, Character) = (nil, " ")
    for index in line.indices {
      let character = line[index]
      if let open = quote {
        if character == open { quote = nil }
      } else if character == "\"" || character == "'" {
        quote = character
      } else if character == "#", before.isWhitespace {
        return line[..<index]
      }
      before = character
    }
    return line
  }

  /// Nil for what stands for more than a text: maps, lists, references, blocks.
  private static func scalar(_ text: Substring) -> String? {
    let text = trimmed(text)
    guard let first = text.first else { return "" }
    if first == "\"" || first == "'" {
      let inside = text.dropFirst().dropLast()
      guard text.count >= 2, text.last == first, !inside.contains(first), !inside.contains("\\")
      else { return nil }
      return String(inside)
    }
    guard !"[{&*!|>%@`,]}?".contains(first), !text.contains(": ") else { return nil }
    return String(text)
  }
}
