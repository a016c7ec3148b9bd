import Foundation

/// The server on loopback that `Tests/RuntimeTests/Fixtures/Hub/server.py` is, of what lies in a folder
/// of its own. It ends when the folder is gone.
package final class LoopbackServer: Sendable {
  package let folder: String
  /// `http://127.0.0.1:PORT`
  package let url: String
  nonisolated(unsafe) private let output: UnsafeMutablePointer<FILE>

  package struct Silent: Error {}

  /// - Parameter fill: puts what is served into the folder.
  package init(_ fill: (_ folder: String) throws -> Void) throws {
    folder =
      FileManager.default.temporaryDirectory.appending(path: "served-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try fill(folder)
    let script = packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/Hub/server.py").path
    guard let output = popen("exec python3 '\(script)' '\(folder)'", "r") else { throw Silent() }
    self.output = output
    var line = [CChar](repeating: 0, count: 100)
    _ = fgets(&line, Int32(line.count), output)
    let ports = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
    guard let port = ports.split(separator: " ").first else { throw Silent() }
    url = "http://127.0.0.1:\(port)"
  }

  deinit {
    try? FileManager.default.removeItem(atPath: folder)
    pclose(output)
  }
}
