/// The day that a chat template is told. Its time of day is midnight, so that one day gives one prompt.
public struct ChatDate: Sendable, Equatable {
  public let year, month, day: Int

  /// nil if there is no such day, or if its year has not four digits.
  public init?(year: Int, month: Int, day: Int) {
    guard (1000...9999).contains(year), (1...12).contains(month),
      day >= 1, day <= Self.days(in: month, of: year)
    else { return nil }
    (self.year, self.month, self.day) = (year, month, day)
  }

  /// `2026-11-28`
  public init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    let lengths = parts.map(\.utf8.count)
    guard lengths == [4, 2, 2], text.unicodeScalars.allSatisfy({ $0.isASCIIDigit || $0 == "-" }),
      let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2])
    else { return nil }
    self.init(year: year, month: month, day: day)
  }

  /// `2026-11-28`
  public var text: String { "\(year)-\(Self.padded(month))-\(Self.padded(day))" }

  /// As Llama's templates write it: `28 Nov 2026`.
  var words: String { "\(Self.padded(day)) \(Self.months[month - 1].prefix(3)) \(year)" }

  private static func isLeap(_ year: Int) -> Bool {
    year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
  }

  private static func days(in month: Int, of year: Int) -> Int {
    month == 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  private static func padded(_ number: Int, _ width: Int = 2, with fill: Character = "0") -> String
  {
    let digits = "\(number)"
    return String(repeating: fill, count: max(0, width - digits.count)) + digits
  }

  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  private static let weekdays = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]

  /// From 1.
  private var dayOfYear: Int {
    (1..<month).reduce(day) { $0 + Self.days(in: $1, of: year) }
  }

  /// From Sunday, 0.
  private var weekday: Int {
    let before = year - 1
    return (before * 365 + before / 4 - before / 100 + before / 400 + dayOfYear) % 7
  }

  /// `strftime` of Python, in English.
  ///
  /// - Throws: `JinjaError` for a directive that is not known here.
  func formatted(_ format: String) throws -> String {
    var (text, rest) = ("", Substring(format))
    while let mark = rest.firstIndex(of: "%") {
      text += rest[..<mark]
      rest = rest[rest.index(after: mark)...]
      var isBare = false
      if rest.first == "-" {
        isBare = true
        rest.removeFirst()
      }
      guard let directive = rest.popFirst() else { return text + (isBare ? "%-" : "%") }
      guard let part = part(directive) else {
        throw JinjaError(
          "the date format \(quoted("%\(isBare ? "-" : "")\(directive)")) is not supported")
      }
      let digits = part.drop { $0 == "0" || $0 == " " }
      text += isBare ? (digits.isEmpty ? "0" : String(digits)) : part
    }
    return text + rest
  }

  private func part(_ directive: Character) -> String? {
    switch directive {
    case "Y": "\(year)"
    case "y": Self.padded(year % 100)
    case "m": Self.padded(month)
    case "d": Self.padded(day)
    case "e": Self.padded(day, with: " ")
    case "b", "h": String(Self.months[month - 1].prefix(3))
    case "B": Self.months[month - 1]
    case "a": String(Self.weekdays[weekday].prefix(3))
    case "A": Self.weekdays[weekday]
    case "j": Self.padded(dayOfYear, 3)
    case "u": "\(weekday == 0 ? 7 : weekday)"
    case "w": "\(weekday)"
    case "F": text
    case "D": "\(Self.padded(month))/\(Self.padded(day))/\(Self.padded(year % 100))"
    case "H", "M", "S": "00"
    case "I": "12"
    case "p": "AM"
    case "T": "00:00:00"
    case "R": "00:00"
    case "f": "000000"
    case "n": "\n"
    case "t": "\t"
    case "Z", "z": ""
    case "%": "%"
    default: nil
    }
  }
}
