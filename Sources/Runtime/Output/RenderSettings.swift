/// What the place that is written to can show. Nothing under Output looks at the environment:
/// whoever owns the terminal fills this in.
public struct RenderSettings: Sendable, Equatable {
  /// Columns of the terminal; nil where there is no limit.
  public var width: Int?
  public var colour: Bool
  /// More rows than these are counted, not shown; nil shows all. Only for people's formats.
  public var maximumRows: Int?
  /// Whether characters beyond ASCII can be shown.
  public var unicode: Bool
  /// 24-bit colours, where `colour`; else the 256 of xterm.
  public var trueColour: Bool
  /// Significant digits of numbers.
  public var digits = RenderSettings.usualDigits
  /// What stands for a missing value; nil: the usual sign.
  public var missing: String?
  /// Whether long texts go on on the next line, where they would be cut.
  public var wraps = false
  /// Whether the number of rows stands below a table.
  public var countsRows = false
  /// Whether commas stand between the thousands of numbers in tables.
  public var groupsThousands = false
  /// How to see the rows that are only counted, if somebody may ask.
  public var rowsHelp: String?

  public static let usualDigits = 6

  public init(
    width: Int? = nil, colour: Bool = false, maximumRows: Int? = nil, unicode: Bool = true,
    trueColour: Bool = false, rowsHelp: String? = nil
  ) {
    self.rowsHelp = rowsHelp
    self.width = width
    self.colour = colour
    self.maximumRows = maximumRows
    self.unicode = unicode
    self.trueColour = trueColour
  }
}
