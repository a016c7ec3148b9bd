// The syntax tree. It says what was written, not what it means: no node knows a command or a model.

/// A whole source text: a file, a line at the prompt, the argument of `-c`.
public struct Script: Sendable {
  public var statements: [Statement]
}

public struct Block: Sendable {
  public var statements: [Statement]
  public var span: SourceSpan
}

/// An identifier where it stands.
public struct Name: Sendable, Hashable {
  public var text: String
  public var span: SourceSpan
  /// Written in backticks, as a column's name: it may have any characters, and is not an option.
  public var isQuoted: Bool

  public init(text: String, span: SourceSpan, isQuoted: Bool = false) {
    self.text = text
    self.span = span
    self.isQuoted = isQuoted
  }
}

public struct Statement: Sendable {
  public var kind: Kind
  public var span: SourceSpan

  public indirect enum Kind: Sendable {
    /// A bare pipeline prints its value.
    case pipeline(Pipeline)
    /// `let NAME = PIPELINE`
    case `let`(Name, Pipeline)
    /// `def NAME(PARAMETERS) { … }`
    case def(Definition)
    /// `for NAME in EXPRESSION { … }`
    case `for`(Name, in: Expression, Block)
    /// `if EXPRESSION { … } else { … }`; `else if` is an else block that holds one `if`.
    case `if`(Expression, then: Block, else: Block?)
    /// `assert EXPRESSION` or `assert EXPRESSION, MESSAGE`
    case assert(Expression, message: Expression?)
    /// `source FILE`, or `source once FILE`, which does nothing where the file was read before.
    case source(Expression, once: Bool)
    /// `time PIPELINE`
    case time(Pipeline)
    /// `plan PIPELINE`
    case plan(Pipeline)
    /// `report FILE { … }`
    case report(Expression, Block)
  }
}

public struct Definition: Sendable {
  public var name: Name
  public var parameters: [Parameter]
  public var body: Block
}

/// `name` or `name = default`.
public struct Parameter: Sendable {
  public var name: Name
  public var defaultValue: Expression?
}

/// `stage | stage | …`: never empty.
public struct Pipeline: Sendable {
  public var stages: [Stage]
  public var span: SourceSpan
}

public struct Stage: Sendable {
  public var kind: Kind
  public var span: SourceSpan

  public indirect enum Kind: Sendable {
    /// Anything that is not a name followed by arguments. A bare name may still be a command
    /// without arguments: whoever binds the tree decides.
    case expression(Expression)
    /// A name and the words after it, which only that command's declaration can tell apart.
    case command(Name, [Argument])
    /// `!`: the rest of the line, for `sh`. Always the last stage.
    case shell(String)
  }
}

/// One of the words after a command's name, or between the parentheses of a call.
public struct Argument: Sendable {
  public var kind: Kind
  public var span: SourceSpan

  public indirect enum Kind: Sendable {
    /// A positional argument or a keyword (a bare name). `a, b` is one unbracketed list.
    case value(Expression)
    /// `name = value`; the name of a new column may be in backticks.
    case named(Name, Expression)
    /// `--name` or `--name=value`
    case option(Name, Expression?)
    /// `->`
    case arrow
  }
}

public struct Expression: Sendable {
  public var kind: Kind
  public var span: SourceSpan

  public init(kind: Kind, span: SourceSpan) {
    self.kind = kind
    self.span = span
  }

  public indirect enum Kind: Sendable {
    case integer(Int)
    case number(Double, Unit)
    case boolean(Bool)
    case string(StringLiteral)
    /// A variable, a column, a keyword, a command, `_`.
    case name(String)
    /// `` `name` ``: a column and nothing else.
    case column(String)
    /// `$name`: a variable and nothing else.
    case variable(String)
    case component(ComponentLiteral)
    /// `L5H1 -> L9H6.q`: components, one after the other, at least two.
    case path([Expression])
    /// `base@position`; without a base, a position of its own (`@last`).
    case at(Expression?, Position)
    /// `[a, b]`, or the unbracketed `a, b` of an argument.
    case list([Expression], bracketed: Bool)
    /// `( pipeline )`
    case pipeline(Pipeline)
    case member(Expression, Name)
    /// `base[index]`
    case element(Expression, Expression)
    /// `name(arguments)`: no space before the parenthesis.
    case call(Name, [Argument])
    case unary(UnaryOperator, Expression)
    case binary(BinaryOperator, Expression, Expression)
    /// `a..b`, both ends in it.
    case range(Expression, Expression)
    /// `if CONDITION { … } else { … }` as a value: that of the last line of the block that is run.
    case conditional(Expression, then: Block, else: Block)
    /// `for NAME in LIST { … }` as a value: a list of the values of the block's last line.
    case each(Name, in: Expression, Block)
  }
}

/// What follows a number's digits. The value is already scaled: `10%` is 0.1, `2GB` 2e9, `30s` 30.
public enum Unit: Sendable, Equatable {
  case none, percent
  case bytes(suffix: String)
  case seconds(suffix: String)
}

public enum UnaryOperator: String, Sendable, CaseIterable {
  case negate = "-"
  case not
}

public enum BinaryOperator: String, Sendable, CaseIterable {
  case or, and
  case equal = "=="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
  case `in`
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case remainder = "%"
  case power = "**"
}

public struct StringLiteral: Sendable {
  /// `'single'`: no escapes, no interpolation.
  public var isRaw: Bool
  public var pieces: [Piece]

  public enum Piece: Sendable {
    /// Text with its escapes resolved; `offsets[i]` is where the i-th UTF-8 byte of `text` stands
    /// in the source, so that an error inside a prompt can point at its very place.
    case text(String, offsets: [Int])
    case interpolation(Pipeline)
  }

  /// Its text; nil where something is interpolated.
  public var plainText: String? {
    var whole = ""
    for piece in pieces {
      guard case .text(let text, _) = piece else { return nil }
      whole += text
    }
    return whole
  }
}

/// `L9` `L9H8` `L5..12` `L*H3` `L9H{1,3}` `L9N123` `L9KV2` `L9.mlp` `L9H8.z`, or a hook's name as
/// TransformerLens writes it (`blocks.9.attn.hook_z`, kept in `path` alone).
public struct ComponentLiteral: Sendable, Equatable {
  /// Nil only for a hook's name.
  public var layers: Indices?
  public var part: Part
  /// The names after the dots: `["mlp"]`, `["z"]`, `["ln1", "scale"]`.
  public var path: [String]
  /// As written.
  public var text: String
  /// Of features: the dictionary that they are of, where it is named.
  public var dictionary: String?

  public enum Part: Sendable, Equatable {
    case whole
    case heads(Indices)
    case neurons(Indices)
    case keyValueHeads(Indices)
    case features(Indices)
  }
}

extension ComponentLiteral {
  /// `sae.L12F5` or `sae.L12.error`, from its parts; nil where they are not these.
  public init?(names: [String]) {
    guard names.count == 2 || names.count == 3 && names[2] == "error", !names[1].isEmpty else {
      return nil
    }
    let bytes = Array(names[1].utf8)
    guard case .component(bytes.count, let literal) = ComponentScanner.scan(bytes, at: 0),
      literal.layers != nil
    else { return nil }
    switch literal.part {
    case .features where names.count == 2: break
    case .whole where names.count == 3: break
    default: return nil
    }
    self = literal
    dictionary = names[0]
    path = Array(names.dropFirst(2))
    text = names.joined(separator: ".")
  }
}

extension Expression {
  /// The names of `a.b.c`; nil for anything else.
  public var dottedNames: [String]? {
    switch kind {
    case .name(let name): [name]
    case .member(let base, let name): base.dottedNames.map { $0 + [name.text] }
    default: nil
    }
  }
}

/// Which layers or heads: `*`, `9`, `5..12`, `{1,3,5..7}`.
public enum Indices: Sendable, Equatable {
  case all
  case some([ClosedRange<Int>])
}

/// What stands after `@`.
public struct Position: Sendable {
  public var kind: Kind
  public var span: SourceSpan

  public init(kind: Kind, span: SourceSpan) {
    self.kind = kind
    self.span = span
  }

  public indirect enum Kind: Sendable, Hashable {
    /// `@*`
    case all
    /// `@3`; counted from the end where negative, `@-1` being the last.
    case index(Int)
    /// `@3..5`, both ends in it.
    case range(Int, Int)
    /// `@last`, or a span of the prompt: `@subject`.
    case name(String)
    /// `@"Colosseum"`: the tokens that this text covers.
    case text(String)
    /// `@{0,last}`
    case set([Kind])
    /// The first but for the second, as `knockout … except` has it.
    case except(Kind, Kind)
  }
}
