/// A statement of a template, or what stands between its tags.
struct JinjaStatement {
  let kind: Kind
  /// From 1.
  let line: Int

  indirect enum Kind {
    case data(JinjaText)
    case output([JinjaExpression])
    case set(JinjaTarget, JinjaExpression)
    case setBlock(JinjaTarget, [JinjaPostfix], [JinjaStatement])
    case loop(JinjaLoopStatement)
    case choice([(test: JinjaExpression, body: [JinjaStatement])], otherwise: [JinjaStatement])
    case with([(target: JinjaTarget, value: JinjaExpression)], [JinjaStatement])
    case macro(JinjaMacroDefinition)
    /// `call` with the call that is made, and the macro `caller` that it hands over.
    case call(JinjaExpression, JinjaMacroDefinition)
    case filter([JinjaPostfix], [JinjaStatement])
    /// `generation`: what the assistant says. It is a part of the text like others.
    case generation([JinjaStatement])
    case breakLoop, continueLoop
  }
}

struct JinjaLoopStatement {
  var target: JinjaTarget
  var values: JinjaExpression
  var test: JinjaExpression?
  var body: [JinjaStatement]
  var otherwise: [JinjaStatement]
}

struct JinjaMacroDefinition {
  var name: String
  var parameters: [(name: String, usual: JinjaExpression?)]
  var body: [JinjaStatement]
  /// The names that the body reads: `caller`, `varargs` and `kwargs` are handed over where they are
  /// among these.
  var names: Set<String>
}

/// What a value is put into.
indirect enum JinjaTarget {
  case name(String)
  case tuple([JinjaTarget])
  /// `ns.x`
  case member(of: String, String)
}

/// Operators of one level are a list, so that a long line of them is not a deep tree.
indirect enum JinjaExpression {
  case constant(JinjaValue)
  case name(String)
  case list([JinjaExpression])
  case tuple([JinjaExpression])
  case dictionary([(key: JinjaExpression, value: JinjaExpression)])
  case postfix(JinjaExpression, [JinjaPostfix])
  case arithmetic(JinjaExpression, [(JinjaSymbol, JinjaExpression)])
  case concatenation([JinjaExpression])
  case comparison(JinjaExpression, [(JinjaComparison, JinjaExpression)])
  case and([JinjaExpression])
  case or([JinjaExpression])
  case not(JinjaExpression)
  case sign(isNegative: Bool, JinjaExpression)
  case conditional(test: JinjaExpression, JinjaExpression, otherwise: JinjaExpression?)
}

enum JinjaComparison {
  case equal, unequal, less, lessOrEqual, greater, greaterOrEqual, isIn, isNotIn
}

/// What follows a value: `.name`, `[0]`, `(…)`, `| filter`, `is test`.
struct JinjaPostfix {
  let kind: Kind
  /// From 1.
  let line: Int

  enum Kind {
    case attribute(String)
    case item(JinjaExpression)
    case slice(JinjaExpression?, JinjaExpression?, JinjaExpression?)
    case call(JinjaArguments)
    case filter(String, JinjaArguments)
    case test(String, JinjaArguments, isNegated: Bool)
  }
}

struct JinjaArguments {
  var positional: [JinjaExpression] = []
  var named: [(name: String, value: JinjaExpression)] = []
}
