import Model

/// What `set` changes, for the rest of a session. Nil: as the process was started.
public struct Settings: Sendable {
  public var format: OutputFormat?
  public var rows = RowLimit.screen
  /// Significant digits of numbers in tables for people.
  public var digits = RenderSettings.usualDigits
  /// What stands for a missing value in tables for people.
  public var missing: String?
  public var wraps = false
  public var countsRows = false
  public var groupsThousands = false
  public var colour: Bool?
  public var hints = true
  public var pager = true
  public var timer = false
  public var threads: Int?

  /// How many rows of a table are printed for people.
  public enum RowLimit: Sendable, Equatable {
    /// As the terminal has room for; all where there is none.
    case screen
    case all
    case some(Int)
  }
}

extension Session {
  var format: OutputFormat { settings.format ?? host.format }

  /// How values look: as the host has it, but for what `set` has changed.
  var renderSettings: RenderSettings {
    var render = host.settings
    switch settings.rows {
    case .screen: break
    case .all: render.maximumRows = nil
    case .some(let count): render.maximumRows = count
    }
    render.digits = settings.digits
    render.missing = settings.missing
    render.wraps = settings.wraps
    render.countsRows = settings.countsRows
    render.groupsThousands = settings.groupsThousands
    if let colour = settings.colour { render.colour = colour }
    return render
  }
}
