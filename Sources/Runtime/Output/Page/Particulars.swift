import Lang
import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One thing to know about how a report came to be: what was run, on what, when.
struct Particular: Equatable {
  let name: String
  let value: String
  /// A digest or the like, for a font in which its characters can be told apart.
  var isCode = false

  init(_ name: String, _ value: String, isCode: Bool = false) {
    self.name = name
    self.value = value
    self.isCode = isCode
  }

  var html: String {
    let text = escapedForMarkup(escapedText(value))
    let shown = isCode ? "<code>\(text)</code>" : text
    return "<dt>\(escapedForMarkup(name))</dt><dd>\(shown)</dd>\n"
  }

  var markdown: String { isCode ? codeForMarkdown(value) : escapedForMarkdown(escapedText(value)) }
}

extension Session {
  /// Enough to make the same report again; but for the date, nothing that depends on the machine.
  func particulars(of page: Page) throws -> [Particular] {
    var list = [Particular("Summand", host.version)]
    if !source.name.isEmpty { list.append(Particular("script", source.name.lastPart)) }
    if case .record(let members)? = lookUp("args"), !members.isEmpty {
      let texts = members.keys.sorted().map { name in
        "\(name)=\(Self.argumentText(members[name] ?? .missing))"
      }
      list.append(Particular("arguments", texts.joined(separator: ", ")))
    }
    list += try particulars(ofModelsOf: page)
    if !draws.isEmpty {
      let texts = draws.map { "\($0.command) \($0.seed)" }
      list.append(Particular("seeds", texts.joined(separator: ", ")))
    }
    list.append(Particular("date", try dateText()))
    return list
  }

  /// Where on a machine a file lies is nobody's concern.
  private static func argumentText(_ value: Value) -> String {
    let text = value.shortText ?? value.kind
    return text.hasPrefix("/") || text.hasPrefix("~") ? text.lastPart : text
  }

  private func particulars(ofModelsOf page: Page) throws -> [Particular] {
    var models: [LanguageModel] = []
    for model in page.origins.map(\.model) + [model].compactMap({ $0 })
    where !models.contains(where: { $0 === model }) {
      // A model that is only loaded counts where nothing else was measured.
      if models.isEmpty || page.origins.contains(where: { $0.model === model }) {
        models.append(model)
      }
    }
    return try models.flatMap { model in
      var seen: Set<[Int]> = []
      let prompts = page.origins.filter { $0.model === model }.flatMap(\.prompts)
        .filter { seen.insert($0.tokens).inserted }
      let types = model.tensorTypes.map { "\($0.type.name) × \($0.count)" }
      let files = try digests(of: model)
      let digests = files.map { file in
        Particular(
          files.count == 1 ? "SHA-256" : "SHA-256 of \(file.name)", file.sha256 ?? "unknown",
          isCode: true)
      }
      var list = [Particular("model", model.weightsPath.lastPart)]
      list += digests
      list += [
        Particular("architecture", model.configuration.architecture),
        Particular("types", types.joined(separator: ", ")),
        Particular("BOS", bosText(model, prompts)),
      ]
      if !prompts.isEmpty { list.append(Particular("prompts", thousands(prompts.count))) }
      return list
    }
  }

  private func bosText(_ model: LanguageModel, _ prompts: [Prompt]) -> String {
    let fed = prompts.count { $0.hasBOS }
    guard !prompts.isEmpty, fed > 0, fed < prompts.count else {
      let isFed = prompts.isEmpty ? addsBOS(model) && model.tokenizer.bos != nil : fed > 0
      let text = model.tokenizer.bos.map { model.tokenizer.text(of: $0) } ?? ""
      return isFed ? "fed (\(text))" : "not fed"
    }
    return "fed before \(fed) of \(prompts.count) prompts"
  }

  /// Now, or what `SOURCE_DATE_EPOCH` says, so that the same page can be made again.
  private func dateText() throws -> String {
    utcText(seconds: try sourceDate() ?? Int(Date().timeIntervalSince1970))
  }

  /// The seconds since 1970 that `SOURCE_DATE_EPOCH` says; nil where it is not set.
  func sourceDate() throws -> Int? {
    let said = host.environment["SOURCE_DATE_EPOCH"] ?? ""
    guard said.isEmpty || Int(said).map({ (0..<253_402_300_800).contains($0) }) == true else {
      throw Failure(
        "SOURCE_DATE_EPOCH is '\(said)', not a number of seconds since 1970",
        help: "unset it to use the current time")
    }
    return Int(said)
  }
}

/// `2026-11-25 09:05 UTC`
func utcText(seconds: Int) -> String {
  // Days since 1970 to a date of the Gregorian calendar: counted in years that begin in March, whose
  // leap day is their last.
  let (days, rest) = seconds.quotientAndRemainder(dividingBy: 86_400)
  let shifted = days + 719_468
  let (era, dayOfEra) = shifted.quotientAndRemainder(dividingBy: 146_097)
  let year = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
  let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
  let shiftedMonth = (5 * dayOfYear + 2) / 153
  let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
  let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
  return "\(year + era * 400 + (month <= 2 ? 1 : 0))-\(two(month))-\(two(day)) "
    + "\(two(rest / 3600)):\(two(rest / 60 % 60)) UTC"
}
