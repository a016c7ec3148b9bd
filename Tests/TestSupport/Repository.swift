import Foundation

/// The repository's root, whichever directory the tests run in.
package let packageRoot = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// What tests compare with and run on: `Fixtures/README.md` says what each file holds and how it was
/// made.
package enum Fixtures {
  package static let folder = packageRoot.appending(path: "Tests/ModelTests/Fixtures")

  package static func path(_ name: String) -> String { folder.appending(path: name).path }

  /// Decodes a JSON fixture; its snake_case keys are the type's camelCase.
  package static func json<Value: Decodable>(_ name: String, as type: Value.Type = Value.self)
    throws -> Value
  {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(contentsOf: folder.appending(path: name)))
  }
}

/// The default model, which the tests on real weights need.
package enum TestModel {
  package static let fileName = "SmolLM2-135M-Instruct.Q4_1.gguf"

  package struct Missing: Error, CustomStringConvertible {
    package let path: String

    package var description: String {
      "this test needs the default model, which is not at \(path): fetch it with Scripts/fetch-model "
        + "smollm2, or name it in SUMMAND_TEST_MODEL"
    }
  }

  /// `$SUMMAND_TEST_MODEL`, else where `Scripts/fetch-model` puts it. A test that needs it and does
  /// not find it fails, and says how to fetch it.
  package static func path() throws -> String {
    let environment = ProcessInfo.processInfo.environment
    func value(_ name: String) -> String? {
      environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
    let home = value("HOME") ?? FileManager.default.homeDirectoryForCurrentUser.path
    let cache = value("XDG_CACHE_HOME") ?? home + "/.cache"
    let path = value("SUMMAND_TEST_MODEL") ?? "\(cache)/summand/models/\(fileName)"
    guard FileManager.default.fileExists(atPath: path) else { throw Missing(path: path) }
    return path
  }
}
