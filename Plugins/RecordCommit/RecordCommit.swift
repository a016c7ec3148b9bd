import Foundation
import PackagePlugin

/// Writes `Commit.swift` before each build: the commit that the program is built from.
///
/// A plugin and not the manifest, because SwiftPM keeps what a manifest said before a commit was made.
@main
struct RecordCommit: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
    let package = context.package.directoryURL
    let output = context.pluginWorkDirectoryURL
    return [
      .prebuildCommand(
        displayName: "Record the commit",
        executable: URL(fileURLWithPath: "/bin/sh"),
        arguments: [
          package.appending(path: "Plugins/RecordCommit/record.sh").path,
          package.path, output.appending(path: "Commit.swift").path,
        ],
        outputFilesDirectory: output)
    ]
  }
}
