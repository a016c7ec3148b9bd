// fuzz TARGET [OPTION OF libFuzzer | FOLDER]...
//
// libFuzzer around one of the targets. `ulimit -S -t` says how many seconds of the processor it may
// take: libFuzzer itself counts those of the clock.

import Foundation
import Synchronization

@testable import Model

typealias Callback = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ callback: Callback
) -> CInt

@_silgen_name("LLVMFuzzerMutate")
func mutateBytes(_ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ limit: Int) -> Int

/// libFuzzer's hook for changes of our own: of a script, words; of all else, and now and then of a
/// script too, bytes.
@_cdecl("LLVMFuzzerCustomMutator")
func mutate(_ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ limit: Int, _ seed: UInt32) -> Int {
  guard work?.target == .script, seed % 8 != 0 else { return mutateBytes(data, size, limit) }
  var mutator = ScriptMutator(seed: seed)
  let bytes = mutator.mutated(Array(UnsafeBufferPointer(start: data, count: size))).prefix(limit)
  for (index, byte) in bytes.enumerated() { data[index] = byte }
  return bytes.count
}

enum Watch {
  /// The processor's seconds when the input that runs was begun.
  static let begun = Atomic<Int>(0)
}

/// Of the processor: on a busy machine an input waits for long and has done nothing.
func processorSeconds() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return time.tv_sec + 1
}

func watch(seconds: Int) {
  Thread.detachNewThread {
    while true {
      sleep(1)
      let started = Watch.begun.load(ordering: .relaxed)
      if started > 0, processorSeconds() - started >= seconds {
        Interruption.requested.store(true, ordering: .relaxed)
      }
    }
  }
}

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

/// Ctrl-C for a script that runs long: what does not heed it within libFuzzer's time is a find.
if target == .script { watch(seconds: 2) }

let words = [CommandLine.arguments[0]] + CommandLine.arguments.dropFirst(2)
var arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
  capacity: words.count + 1)
for (index, word) in words.enumerated() { arguments[index] = strdup(word) }
arguments[words.count] = nil
var count = CInt(words.count)
var list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = arguments
let status = runDriver(&count, &list) { start, count in
  Watch.begun.store(processorSeconds(), ordering: .relaxed)
  Interruption.requested.store(false, ordering: .relaxed)
  work?.run(UnsafeBufferPointer(start: start, count: count))
  return 0
}
work = nil
exit(status)
