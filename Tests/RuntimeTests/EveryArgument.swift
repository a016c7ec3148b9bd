import Lang
import Model
import TestSupport
import Testing

@testable import Runtime

/// Lines that call a command in every way that its declaration allows, made from the declaration
/// alone: a new command is tried without a word said here.
struct EveryArgument {
  /// What the lines speak of.
  static let prologue = """
    let asked = prompt "{subject:the sky} {relation:is} a" -> "b" vs "c"
    let several = [asked, (prompt "{subject:a sea} {relation:is} a" -> "c" vs "b")]
    let parts = asked | dla by head, span
    let attended = asked | attention heads@*
    let scores = asked | patch each embed -> L0H0.q, L0H0 -> logits from (prompt "the sea is a") | attribute
    let none = parts | where dla > 1e30
    let holes = parts | derive dla = missing, layer = missing
    let huge = parts | derive dla = 1e308 * 10 * (layer - 0.5), head = 9223372036854775807, source = 9223372036854775807 - layer
    let bad = 1e308 * 10 - 1e308 * 10
    let infinite = 1e308 * 10
    """

  /// What may come through the pipe.
  static let inputs = [
    "", "asked", "several", "asked | ablate L0.mlp", "asked | ablate each heads@last", "parts",
    "attended", "none", "holes", "huge", "3", #""text""#, "[1, 2]", "[]", "missing", "L0H0",
    "true",
  ]

  /// Numbers at which sums overflow, or that are none.
  static let numbers = [
    "0", "1", "-1", "2", "0.5", "-0.5", "1e308", "-1e308", "1e-320", "1e19", "-1e19",
    "9223372036854775807", "(-9223372036854775807 - 1)", "9007199254740993", "4294967296",
    "2147483648", "100%", "1e300%", "99999999TB", "1e300h", "(bad)", "(infinite)", "(-infinite)",
    "(missing)",
  ]

  /// Values of every other kind.
  static let others = [
    #""""#, #""text""#, "'a\u{1}b'", "[]", "[1, [2]]", "[0, -1]", "true", "(parts)", "(none)",
    "(asked)", "(several)", "L0H0", "L99H99", "L9223372036854775807", "L0..9223372036854775807",
    "heads@last", "@last", "@9223372036854775807", "@-9223372036854775807", "@5..99", "nothing",
    "component", "dla", "(args)", "1..3", "0..100000", "_",
  ]

  let command: Command

  /// What satisfies a parameter where another one is tried.
  func usual(_ parameter: Command.Parameter) -> String {
    switch parameter.kind {
    case .number: "2"
    case .text: #""a""#
    case .path:
      switch command.name {
      case "facts": "\"\(countryFactsPath)\""
      case "dictionary": "\"\(Fixtures.path("dictionaries/standard"))\""
      default: "\"no/such/file.tsv\""
      }
    case .model: parameter.name == "b" ? "other" : "tiny"
    case .selector:
      switch parameter.name {
      case "source", "except": "subject"
      case "destination": "last"
      case "at": command.name == "dictionary" ? "L1.resid_post" : "L0"
      case "with": "embed"
      case "into" where command.name == "lre": "L1.resid_post"
      default:
        command.name == "lre"
          ? "L0.resid_post"
          : ["steer", "project", "clamp"].contains(command.name) ? "L0.mlp@last" : "L0H0"
      }
    case .position: "@last"
    case .column:
      switch parameter.name {
      case "x": "dla"
      case "y": "layer"
      case "row": "component"
      case "column": "span"
      case "spans": "subject, relation"
      default: "component"
      }
    case .condition: "dla > 0"
    case .expression: "dla"
    case .donors: "(several)"
    case .tokens: #""b""#
    case .metric(let choices): choices.names[0]
    case .prompts: "(several)"
    case .table: "(parts | where span == \"subject\" | derive class = component | top 3)"
    case .value:
      ["steer", "project", "clamp", "dla", "unembed"].contains(command.name)
        ? "[\(zeros)]"
        : command.name == "only" ? "(scores)" : "2"
    case .loadable: "\"\(tinyModelPath)\""
    case .command: "dla"
    case .name: "word"
    case .oneOf(let choices): choices.names[0]
    case .flag: parameter.name
    }
  }

  private var zeros: String { repeatElement("0.5", count: 32).joined(separator: ", ") }

  /// The words for one argument; nil where it has none to give.
  private func argument(_ parameter: Command.Parameter, _ value: String) -> String {
    switch parameter.form {
    case .positional: value
    case .keyword: "\(parameter.name) \(value)"
    case .keywords(let choices): "\(choices.names[0]) \(value)"
    case .flag: value
    case .arrow: "-> \(value)"
    case .assignment: "fresh = \(value)"
    }
  }

  /// A call with all that must be given, and each of `given`.
  func line(_ input: String, _ given: [String: String]) -> String {
    let words = command.parameters.compactMap { parameter -> String? in
      if let value = given[parameter.name] { return argument(parameter, value) }
      return parameter.isRequired ? argument(parameter, usual(parameter)) : nil
    }
    let stage = ([command.name] + words).joined(separator: " ")
    return input.isEmpty ? stage : "\(input) | \(stage)"
  }

  /// Every parameter with every value of a list, alone and next to all others.
  func lines(
    _ parameters: [Command.Parameter], _ values: [String], inputs: [String]
  ) -> [String] {
    parameters.flatMap { parameter in
      values.flatMap { value in
        inputs.map { line($0, [parameter.name: value]) }
      }
    }
  }

  /// The inputs that the command is made for, and one that it is not.
  var likelyInputs: [String] {
    switch command.input {
    case .none: [""]
    case .prompts: ["asked", "several"]
    case .table: ["parts", "huge"]
    case .any: ["asked", "parts"]
    }
  }
}

let tinyModelPath =
  Fixtures.path("tiny-gqa.F32.gguf")

let countryFactsPath =
  packageRoot.appendingPathComponent("Examples/facts/country.tsv").path
