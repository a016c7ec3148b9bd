import Runtime

extension Version {
  /// As semantic versioning writes it: "0.2.0+1a2b3c4d5e6f", with ".modified" where the sources
  /// differed from that commit; the bare version outside a clone.
  static let withCommit = current + (commit.map { "+\($0)" } ?? "")
}
