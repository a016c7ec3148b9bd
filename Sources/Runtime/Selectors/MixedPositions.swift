import Lang

// `ablate L23H4, L23H5@last` reads as if both heads were ablated at the last position, but without
// its own `@` the first one would be at every position. So a list has `@` on all items or on none.

extension Invocation {
  /// - Throws: `Failure` for a list in which some items have a position and others none, with both
  ///   ways to write what may be meant.
  func refuseMixedPositions(
    in items: [(selector: Selector, span: SourceSpan)], of parameter: String
  ) throws {
    guard let bare = items.first(where: { $0.selector.position == nil }),
      let placed = items.first(where: { $0.selector.position != nil })
    else { return }
    throw Failure(
      "`\(bare.selector.text)` has no position, and `\(placed.selector.text)` has one: "
        + "in a list, all items have `@` or none",
      help: together(items, parameter) + apart(items, parameter), span: span(of: parameter))
  }

  /// How to put all items at the one position that there is.
  private func together(_ items: [(selector: Selector, span: SourceSpan)], _ parameter: String)
    -> String
  {
    let positions = Set(items.compactMap(\.selector.position?.text))
    guard positions.count == 1, let position = positions.first else {
      return "give each item its own `@`"
    }
    let joined =
      items.map(\.selector).joined.map { "\($0)@\(position)" }
      ?? expressions(parameter).map { placed($0, at: position, items) }.joined(separator: ", ")
    return joined.count <= 80
      ? "write \(joined) for all at @\(position)" : "write `@\(position)` after each item"
  }

  /// An expression of the list, with the position where it has none.
  private func placed(
    _ expression: Lang.Expression, at position: String,
    _ items: [(selector: Selector, span: SourceSpan)]
  ) -> String {
    let own = items.filter { $0.span == expression.span }.map(\.selector)
    guard own.contains(where: { $0.position != nil }) else {
      let text = session.source.text(in: expression.span)
      if case .member = expression.kind { return "(\(text))@\(position)" }
      return "\(text)@\(position)"
    }
    return own.map { $0.position == nil ? "\($0.text)@\(position)" : $0.text }
      .joined(separator: ", ")
  }

  /// How to have each as it was written, which two edits or two tables say.
  private func apart(_ items: [(selector: Selector, span: SourceSpan)], _ parameter: String)
    -> String
  {
    guard command.group == .edits else {
      return "; to read them at different positions, read them apart and `append` the tables"
    }
    // There `@*` would make a run of each position.
    if hasFlag("each") {
      return "; to sweep them at different positions, sweep them apart and `append` the tables"
    }
    func edit(_ belongs: (Selector) -> Bool) -> String {
      let chosen = items.map(\.selector).filter(belongs)
      let position = chosen.first?.position.map { "@\($0.text)" } ?? ""
      let sites = chosen.joined.map { $0 + position } ?? chosen.map(\.text).joined(separator: ", ")
      return "\(command.name) \(sites)\(optionsText(besides: parameter))"
    }
    let edits = "\(edit { $0.position == nil }) | \(edit { $0.position != nil })"
    return "; if the items without `@` are meant at all positions, write "
      + (edits.count <= 80
        ? edits : "two edits: \(command.name) … | \(command.name) …@…")
  }

  /// The other arguments, as they were written.
  private func optionsText(besides parameter: String) -> String {
    command.parameters.filter { $0.name != parameter }.compactMap(written).map { " \($0)" }
      .joined()
  }
}

extension [Selector] {
  /// The items as one selector with braces, their positions aside; nil where none can say them all.
  fileprivate var joined: String? {
    let literals = compactMap { selector -> ComponentLiteral? in
      if case .literal(let literal) = selector.base { literal } else { nil }
    }
    guard literals.count == count, count > 1, let first = literals.first,
      literals.allSatisfy({ $0.path == first.path && $0.dictionary == first.dictionary }),
      Set(compactMap(\.position?.text)).count <= 1
    else { return nil }
    let path = first.path.map { ".\($0)" }.joined()
    let dictionary = first.dictionary.map { $0 + "." } ?? ""
    if literals.allSatisfy({ $0.part == first.part }) {
      guard let layers = literals.map(\.layers).union else { return nil }
      return "\(dictionary)L\(layers)\(first.part.text)\(path)"
    }
    guard literals.allSatisfy({ $0.layers == first.layers }), let layers = first.layers?.text else {
      return nil
    }
    let parts = literals.map { $0.part.indices }
    guard Set(literals.map(\.part.letter)).count == 1, let union = parts.union else { return nil }
    return "\(dictionary)L\(layers)\(first.part.letter)\(union)\(path)"
  }
}

extension [Lang.Indices?] {
  /// All of them in braces; nil where one is `*` or absent.
  fileprivate var union: String? {
    var ranges: [ClosedRange<Int>] = []
    for indices in self {
      guard case .some(let own)? = indices else { return nil }
      for range in own where !ranges.contains(range) { ranges.append(range) }
    }
    return Lang.Indices.some(ranges).text
  }
}

extension Indices {
  /// As it is written after `L` or `H`.
  fileprivate var text: String {
    guard case .some(let ranges) = self else { return "*" }
    let texts = ranges.map {
      $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)..\($0.upperBound)"
    }
    return texts.count == 1 ? texts[0] : "{\(texts.joined(separator: ","))}"
  }
}

extension ComponentLiteral.Part {
  fileprivate var letter: String {
    switch self {
    case .whole: ""
    case .heads: "H"
    case .neurons: "N"
    case .keyValueHeads: "KV"
    case .features: "F"
    }
  }

  fileprivate var indices: Indices? {
    switch self {
    case .whole: nil
    case .heads(let indices), .neurons(let indices), .keyValueHeads(let indices),
      .features(let indices):
      indices
    }
  }

  fileprivate var text: String { letter + (indices?.text ?? "") }
}
