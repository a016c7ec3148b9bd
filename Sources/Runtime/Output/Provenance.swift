/// What is saved next to the rows of a table, in this order: the version, the model with its file's
/// hash, the prompts, the edits.
public struct Provenance: Sendable, Equatable {
  public var members: [JSONValue.Member]

  public init(_ members: [(key: String, value: JSONValue)] = []) {
    self.members = members.map { JSONValue.Member($0.key, $0.value) }
  }
}
