/// What is wrong with a text as XML, nil if nothing: tags that do not close each other, attributes
/// without quotes or twice, bare `<` and `&`, characters that XML cannot hold.
func complaint(ofMarkup text: String) -> String? {
  for scalar in text.unicodeScalars {
    let isAllowed =
      scalar == "\t" || scalar == "\n"
      || scalar.value >= 0x20 && scalar.value != 0xFFFE
        && scalar.value != 0xFFFF
    if !isAllowed { return "the character \(scalar.value)" }
  }
  var open: [Substring] = []
  var rest = text[...]
  if rest.hasPrefix("<?xml "), let end = rest.firstRange(of: "?>") {
    rest = rest[end.upperBound...]
  }
  let tag = /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z][a-zA-Z0-9-]*="[^"<]*")*)\s*(\/?)>/
  let attribute = /([a-zA-Z0-9-]+)="([^"]*)"/
  while let start = rest.firstIndex(of: "<") {
    if let wrong = complaint(ofText: rest[..<start]) { return wrong }
    guard let match = rest[start...].prefixMatch(of: tag) else {
      return "no tag: \(rest[start...].prefix(60))"
    }
    let (_, slash, name, attributes, ending) = match.output
    let names = attributes.matches(of: attribute)
    if Set(names.map(\.output.1)).count != names.count { return "twice in <\(name)\(attributes)>" }
    for name in names {
      if let wrong = complaint(ofText: name.output.2) { return wrong }
    }
    if slash.isEmpty {
      if ending.isEmpty { open.append(name) }
    } else if open.popLast() != name {
      return "</\(name)> closes nothing"
    }
    rest = rest[match.range.upperBound...]
  }
  if let wrong = complaint(ofText: rest) { return wrong }
  return open.isEmpty ? nil : "open: \(open)"
}

private func complaint(ofText text: Substring) -> String? {
  for place in text.indices where text[place] == "&" {
    if text[place...].prefixMatch(of: /&(amp|lt|gt|quot|#39);/) == nil {
      return "a bare &: \(text[place...].prefix(20))"
    }
  }
  return nil
}

/// The contents of elements that are named so, their marks resolved.
func contents(of name: String, in markup: String) -> [String] {
  var found: [String] = []
  var rest = markup[...]
  while let start = rest.firstRange(of: "<\(name)") {
    rest = rest[start.upperBound...]
    guard rest.first == ">" || rest.first == " ", let open = rest.firstIndex(of: ">"),
      let end = rest.firstRange(of: "</\(name)>")
    else { continue }
    found.append(unescaped(String(rest[rest.index(after: open)..<end.lowerBound])))
    rest = rest[end.upperBound...]
  }
  return found
}

func unescaped(_ text: String) -> String {
  text.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&quot;", with: "\"")
    .replacing("&#39;", with: "'").replacing("&amp;", with: "&")
}
