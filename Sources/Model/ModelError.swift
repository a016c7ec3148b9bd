/// The one error of the model: what is wrong and how to mend it, in words for a stranger.
public struct ModelError: Error, Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    /// A file that is missing, damaged or not understood.
    case file
    /// A site, a position or a token that this model or this prompt does not have.
    case request
  }

  public var kind: Kind
  public var message: String
  public var help: String?

  public init(_ kind: Kind, _ message: String, help: String? = nil) {
    self.kind = kind
    self.message = message
    self.help = help
  }
}
