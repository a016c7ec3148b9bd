import Lang

/// A component, a site or a position as it was written; which model and which prompt it means is
/// decided where it is used.
public struct Selector: Sendable {
  indirect enum Base: Sendable {
    case literal(ComponentLiteral)
    case word(Word)
    /// `ln_final.scale`, the one site with a dot outside of a layer.
    case finalScale
    /// `L5H1 -> L9H6.q`: where it begins, and where it leads.
    case path([Selector])
    /// At the end of a path.
    case logits
    /// `@last` alone.
    case nothing
  }

  /// Words that name components.
  enum Word: String, Sendable, CaseIterable {
    case embed
    case posEmbed = "pos_embed"
    case heads, mlps, attns, layers, writes, edges
  }

  var base: Base
  /// What stands after `@`; nil where nothing does.
  var position: Position.Kind?
  /// As written.
  var text: String

  /// Whether it is a position and nothing else: `@last`.
  var isPosition: Bool { if case .nothing = base { position != nil } else { false } }
}

extension Selector {
  /// Whether it means a single component or site on every model that has it.
  var isOneComponent: Bool {
    switch base {
    case .literal(let literal): literal.layers?.isOne != false && literal.part.isOne
    case .word(let word): word == .embed || word == .posEmbed
    case .finalScale, .logits: true
    case .path(let nodes): nodes.allSatisfy(\.isOneComponent)
    case .nothing: false
    }
  }

  /// The selector that an expression spells, nil if it spells none.
  init?(_ expression: Lang.Expression) {
    switch expression.kind {
    case .component(let literal):
      self.init(base: .literal(literal), position: nil, text: literal.text)
    case .name(let name):
      guard let word = Word(rawValue: name) else { return nil }
      self.init(base: .word(word), position: nil, text: name)
    case .member(let base, let name):
      if case .name("ln_final") = base.kind, name.text == "scale" {
        self.init(base: .finalScale, position: nil, text: "ln_final.scale")
        return
      }
      guard let literal = expression.dottedNames.flatMap(ComponentLiteral.init(names:)) else {
        return nil
      }
      self.init(base: .literal(literal), position: nil, text: literal.text)
    case .at(let base, let position):
      guard let base else {
        self.init(base: .nothing, position: position.kind, text: "@\(position.kind.text)")
        return
      }
      guard let inner = Selector(base), inner.position == nil else { return nil }
      self.init(
        base: inner.base, position: position.kind, text: inner.text + "@\(position.kind.text)")
    case .path(let nodes):
      let ends = nodes.compactMap(Selector.init(end:))
      guard ends.count == nodes.count, let path = try? Selector(path: ends) else { return nil }
      self = path
    default: return nil
    }
  }

  /// A component on a path.
  init?(end expression: Lang.Expression) {
    switch expression.kind {
    case .name("logits"): self.init(base: .logits, position: nil, text: "logits")
    case .at(let base?, let position):
      guard let end = Selector(end: base), end.position == nil else { return nil }
      self.init(
        base: end.base, position: position.kind, text: end.text + "@\(position.kind.text)")
    default: self.init(expression)
    }
  }

  /// Components with arrows between them. The position is that of all, and stands at the last.
  ///
  /// - Throws: `Failure` for what is not a component, and a position before an arrow.
  init(path nodes: [Selector]) throws {
    guard var last = nodes.last else { throw Failure("this path leads nowhere") }
    for node in nodes.dropLast() {
      guard let position = node.position?.text else { continue }
      throw Failure(
        "'\(node.text)': the position of an edge stands at its end",
        help: "write … -> \(last.text)@\(position)")
    }
    let position = last.position
    last.position = nil
    self.init(
      base: .path(nodes.dropLast() + [last]), position: position,
      text: nodes.map(\.text).joined(separator: " -> "))
  }

  /// The selector that a text spells: a cell of a `component` column, or a string.
  init(parsing text: String) throws {
    let expression = try parseSelector(text).get()
    guard let selector = Selector(expression) else {
      throw Failure(
        "'\(text)' is not a component",
        help: "components look like L9H8, L9.mlp, L9.resid_pre, embed")
    }
    self = selector
  }
}

extension Indices {
  fileprivate var isOne: Bool {
    switch self {
    case .all: false
    case .some(let ranges): ranges.count == 1 && ranges[0].lowerBound == ranges[0].upperBound
    }
  }
}

extension ComponentLiteral.Part {
  fileprivate var isOne: Bool {
    switch self {
    case .whole: true
    case .heads(let indices), .neurons(let indices), .keyValueHeads(let indices),
      .features(let indices):
      indices.isOne
    }
  }
}

extension Position.Kind {
  /// As it is written after `@`.
  var text: String {
    switch self {
    case .all: "*"
    case .index(let index): "\(index)"
    case .range(let first, let last): "\(first)..\(last)"
    case .name(let name): name
    case .text(let text): quotedText(text)
    case .set(let kinds): "{\(kinds.map(\.text).joined(separator: ", "))}"
    case .except(let all, let others): "\(all.text) except \(others.text)"
    }
  }
}
