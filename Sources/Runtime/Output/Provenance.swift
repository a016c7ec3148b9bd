/// What is saved next to the rows of a table, in this order: the version, the model with its file's
/// hash, the prompts, the edits.
struct Provenance: Sendable, Equatable {
  var members: [JSONValue.Member]

  init(_ members: [(key: String, value: JSONValue)] = []) {
    self.members = members.map { JSONValue.Member($0.key, $0.value) }
  }
}
