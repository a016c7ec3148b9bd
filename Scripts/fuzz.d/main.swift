// fuzz TARGET [OPTION OF libFuzzer | FOLDER]...
//
// libFuzzer around one of the targets. `ulimit -S -t` says how many seconds of the processor it may
// take: libFuzzer itself counts those of the clock.

import Foundation

typealias Callback = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ callback: Callback
) -> CInt

struct Work {
  let target: FuzzTarget
  let folder: ScratchFolder

  func run(_ bytes: UnsafeBufferPointer<UInt8>) {
    do {
      try target.run(Array(bytes), in: folder)
    } catch {
      fatalError("\(error)")
    }
  }
}

guard CommandLine.arguments.count > 1, let target = FuzzTarget(rawValue: CommandLine.arguments[1])
else {
  let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
  FileHandle.standardError.write(Data("fuzz: the first argument is a target: \(names)\n".utf8))
  exit(2)
}

nonisolated(unsafe) var work: Work? = try Work(target: target, folder: ScratchFolder())

// As Ctrl-C ends it: with its statistics.
signal(SIGXCPU) { _ in raise(SIGINT) }

let words = [CommandLine.arguments[0]] + CommandLine.arguments.dropFirst(2)
var arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
  capacity: words.count + 1)
for (index, word) in words.enumerated() { arguments[index] = strdup(word) }
arguments[words.count] = nil
var count = CInt(words.count)
var list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = arguments
let status = runDriver(&count, &list) { start, count in
  work?.run(UnsafeBufferPointer(start: start, count: count))
  return 0
}
work = nil
exit(status)
