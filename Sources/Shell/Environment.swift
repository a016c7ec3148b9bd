#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The environment variables, or a stand-in for them. An empty variable counts as one that is not
/// set, except where its emptiness says something (`SUMMAND_HISTORY=`).
struct Environment: Sendable {
  private let lookUp: @Sendable (String) -> String?

  /// The process's own.
  init() {
    lookUp = { name in getenv(name).map { String(cString: $0) } }
  }

  init(_ variables: [String: String]) {
    lookUp = { variables[$0] }
  }

  /// The value as it is, empty or not.
  func raw(_ name: String) -> String? { lookUp(name) }

  subscript(name: String) -> String? {
    lookUp(name).flatMap { $0.isEmpty ? nil : $0 }
  }

  /// `HOME`, or what the system's list of people says.
  var home: String? {
    self["HOME"] ?? getpwuid(getuid()).flatMap { $0.pointee.pw_dir }.map { String(cString: $0) }
  }
}
