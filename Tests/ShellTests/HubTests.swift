import Foundation
import TestSupport
import Testing

/// Models of the hub, fetched by the program from a hub on loopback that behaves well or badly.
@Suite(.serialized, .timeLimit(.minutes(4)))
struct HubTests {
  private static let look = "; model | where property == \"d_model\" | select value"
  private static let seen = "\"value\"\n\"32\"\n"

  // MARK: What comes

  @Test func modelIsFetchedOnce() async throws {
    let hub = try HubServer(["test/tiny"])
    let first = try await hub.run("load test/tiny" + Self.look)
    #expect(first.output == Self.seen, "\(first.messages)")
    #expect(
      first.messages.contains("fetching test/tiny from \(hub.endpoint): 3 files, 234 kB"),
      "\(first.messages)")
    let asked = try hub.requests()
    #expect(asked.contains { $0.port == "store" && $0.path == "/test/tiny/model.safetensors" })
    #expect(asked.allSatisfy { $0.authorization == nil })

    let second = try await hub.run("load test/tiny" + Self.look)
    #expect(second.output == Self.seen)
    #expect(second.messages == "")
    #expect(try hub.requests() == asked, "the second time, the hub was asked again")
    let offline = try await hub.run("load test/tiny", environment: ["HF_HUB_OFFLINE": "1"])
    #expect(offline.status == 0)
  }

  @Test func cacheIsLaidOutAsOthersHaveIt() async throws {
    let hub = try HubServer(["test/tiny"])
    #expect(try await hub.run("load test/tiny").status == 0)
    let folder = hub.cache + "/models--test--tiny"
    let commit = try String(contentsOfFile: folder + "/refs/main", encoding: .utf8)
    #expect(commit.count == 40)
    let snapshot = folder + "/snapshots/" + commit
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
      let link = try FileManager.default.destinationOfSymbolicLink(atPath: snapshot + "/" + file)
      #expect(link.hasPrefix("../../blobs/"))
      #expect(
        FileManager.default.contents(atPath: snapshot + "/" + file)
          == FileManager.default.contents(atPath: Fixtures.path("tiny-gqa/" + file)))
    }
    #expect(try hub.cached().filter { $0.hasSuffix(".incomplete") || $0.hasSuffix(".tmp") } == [])
    #expect(try hub.cached().filter { $0.contains("/blobs/") }.count == 3)
  }

  @Test(arguments: ["test/cut", "test/norange", "test/norange-cut", "test/movedtiny"])
  func serverIsBornWith(repository: String) async throws {
    let hub = try HubServer([repository.replacing("moved", with: "")])
    let ended = try await hub.run("load \(repository)" + Self.look)
    #expect(ended.output == Self.seen, "\(ended.messages)")
    let parts = try hub.requests().filter { $0.port == "store" && $0.range != nil }
    #expect(parts.isEmpty == !repository.contains("cut"))
  }

  @Test func aPartThatIsWrongIsFetchedAnew() async throws {
    let hub = try HubServer(["test/tiny"])
    #expect(try await hub.run("load test/tiny").status == 0)
    let blobs = hub.cache + "/models--test--tiny/blobs"
    let name = try #require(
      try FileManager.default.contentsOfDirectory(atPath: blobs).first {
        FileManager.default.contentsEqual(
          atPath: blobs + "/" + $0, andPath: Fixtures.path("tiny-gqa/model.safetensors"))
      })
    try FileManager.default.removeItem(atPath: blobs + "/" + name)
    try Data("not this".utf8).write(to: URL(fileURLWithPath: "\(blobs)/\(name).incomplete"))
    let ended = try await hub.run("load test/tiny" + Self.look)
    #expect(ended.output == Self.seen, "\(ended.messages)")
    #expect(try hub.requests().contains { $0.range == "bytes=8-" })
  }

  @Test func ggufOfARepository() async throws {
    let hub = try HubServer()
    try hub.add("tiny-gqa.F32.gguf", as: "test/one/a.gguf")
    try hub.add("tiny-gqa.F32.gguf", as: "test/two/deep/b.gguf")
    try hub.add("tiny-gqa.Q8_0.gguf", as: "test/two/c.gguf")
    let only = try await hub.run("load test/one" + Self.look)
    #expect(only.output == Self.seen, "\(only.messages)")
    let either = try await hub.run("load test/two")
    #expect(either.status == 4)
    #expect(either.messages.contains("help: name one: load \"test/two:c.gguf\""))
    let wrong = try await hub.run("load \"test/two:d.gguf\"")
    #expect(wrong.messages.contains("'test/two' has no GGUF file 'd.gguf'"))
    for file in ["c.gguf", "deep/b.gguf"] {
      let named = try await hub.run("load \"test/two:\(file)\"" + Self.look)
      #expect(named.output == Self.seen, "\(named.messages)")
    }
    let both = try await hub.run("load test/two")
    #expect(both.messages.contains("help: name one: load \"test/two:c.gguf\""))
  }

  @Test func severalProcessesAtOnce() async throws {
    let hub = try HubServer(["test/tiny"])
    try await withThrowingTaskGroup { group in
      for _ in 0..<4 {
        group.addTask { try await hub.run("load test/tiny" + Self.look) }
      }
      for try await ended in group { #expect(ended.output == Self.seen, "\(ended.messages)") }
    }
    let bytes = try hub.requests().filter { $0.path == "/test/tiny/model.safetensors" }
    #expect(bytes.count == 1, "the weights were fetched \(bytes.count) times")
    #expect(try hub.cached().filter { $0.contains("/blobs/") }.count == 3)
  }

  /// A server that sends half of each file, and the rest only to those who ask for it.
  @Test func interruptedDownloadGoesOn() async throws {
    let hub = try HubServer(["test/slow"])
    let halves = try ["tokenizer.json", "model.safetensors"].map {
      try #require(
        FileManager.default.contents(atPath: Fixtures.path("tiny-gqa/" + $0))?.count) / 2
    }
    for half in halves {
      let stopped = try await hub.interrupt("load test/slow", having: half)
      #expect(stopped.status == 130)
      #expect(
        stopped.messages.hasSuffix(
          "what was fetched of test/slow is kept: load it again to continue\ninterrupted\n"))
      #expect(try hub.cached().count { $0.hasSuffix(".incomplete") } == 1)
      #expect(try hub.cached().filter { $0.contains("/refs/") } == [])
    }
    let ended = try await hub.run("load test/slow" + Self.look)
    #expect(ended.output == Self.seen, "\(ended.messages)")
    #expect(ended.messages.contains("1 file, 229 kB, 114 kB of it came before"))
    #expect(try hub.requests().compactMap(\.range) == halves.map { "bytes=\($0)-" })
  }

  /// The small files are not in git's large file storage; git's own digest is all there is of them.
  @Test(arguments: ["config.json", "tokenizer.json"])
  func smallFileThatWasDamagedIsFetchedAgain(file: String) async throws {
    let hub = try HubServer(["test/plain"])
    #expect(try await hub.run("load test/plain").status == 0)
    let blob = try hub.blob("test/plain", file)
    let whole = try #require(FileManager.default.contents(atPath: blob))
    for damaged in [whole.dropLast(), Data(), whole.dropLast() + Data("]".utf8)] {
      try damaged.write(to: URL(fileURLWithPath: blob))
      let offline = try await hub.run("load test/plain", environment: ["HF_HUB_OFFLINE": "1"])
      #expect(offline.status == 4)
      #expect(offline.messages.contains("is not, or not whole, in"), "\(offline.messages)")
      let ended = try await hub.run("load test/plain" + Self.look)
      #expect(ended.output == Self.seen, "\(ended.messages)")
      #expect(
        ended.messages.contains("\(file)` is damaged: fetching it again"), "\(ended.messages)")
      #expect(FileManager.default.contents(atPath: blob) == whole)
      let again = try await hub.run("load test/plain" + Self.look)
      #expect(again.output == Self.seen)
      #expect(again.messages == "")
    }
  }

  /// What an earlier attempt left may be of the right size.
  @Test func aSmallPartThatIsWrongIsFetchedAnew() async throws {
    let hub = try HubServer(["test/tiny"])
    #expect(try await hub.run("load test/tiny").status == 0)
    let blob = try hub.blob("test/tiny", "config.json")
    let whole = try #require(FileManager.default.contents(atPath: blob))
    try FileManager.default.removeItem(atPath: blob)
    try Data(repeating: 0x20, count: whole.count)
      .write(to: URL(fileURLWithPath: blob + ".incomplete"))
    let ended = try await hub.run("load test/tiny" + Self.look)
    #expect(ended.output == Self.seen, "\(ended.messages)")
    #expect(FileManager.default.contents(atPath: blob) == whole)
  }

  // MARK: Tokens

  @Test func tokenIsForTheHubAlone() async throws {
    let hub = try HubServer(["test/gated"])
    let token = ["HF_TOKEN": "hf_secret"]
    let ended = try await hub.run("load test/gated" + Self.look, environment: token)
    #expect(ended.output == Self.seen, "\(ended.messages)")
    for request in try hub.requests() {
      #expect(request.authorization == (request.port == "hub" ? "Bearer hf_secret" : nil))
    }
    #expect(try hub.requests().contains { $0.port == "store" })
  }

  @Test(arguments: [
    ([:], "only to users who accept", "set HF_TOKEN to your token"),
    (["HF_TOKEN": "hf_other"], "only to users who accept", "the account of the token in use"),
    (["HF_TOKEN": "two words"], "what `HF_TOKEN` holds is not a token", "it is one word"),
  ])
  func gatedModelWithoutItsToken(token: [String: String], message: String, help: String)
    async throws
  {
    let hub = try HubServer(["test/gated"])
    let ended = try await hub.run("load test/gated", environment: token)
    #expect(ended.status == 4)
    #expect(ended.messages.contains(message), "\(ended.messages)")
    #expect(ended.messages.contains(help), "\(ended.messages)")
    for text in token.values { #expect(!ended.messages.contains(text)) }
  }

  @Test func tokenComesFromItsFile() async throws {
    let hub = try HubServer(["test/gated"])
    let path = URL(fileURLWithPath: hub.cache).deletingLastPathComponent().path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try Data("hf_secret\n".utf8).write(to: URL(fileURLWithPath: path + "/token"))
    let off = ["HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"]
    #expect(try await hub.run("load test/gated", environment: off).status == 4)
    #expect(try await hub.run("load test/gated").status == 0)
  }

  @Test func aHubThatSendsOnIsNotFollowed() async throws {
    let hub = try HubServer(["test/away"])
    let ended = try await hub.run("load test/away", environment: ["HF_TOKEN": "hf_secret"])
    #expect(ended.status == 4)
    #expect(ended.messages.contains("set HF_ENDPOINT to the address that answers directly"))
    #expect(try hub.requests().allSatisfy { $0.port == "hub" })
  }

  // MARK: What does not come

  @Test(arguments: [
    ("test/nothing", "no model of that name at"), ("test/tiny@other", "no revision 'other'"),
    ("test/wrong", "its SHA-256 or its size is wrong"), ("test/longer", "than "),
    ("test/garbled", "its SHA-1 or its size is wrong"),
    ("test/pickled", "a pickled file can run code"),
    ("test/bare", "has no tokenizer.json, which a model needs"),
    ("test/empty", "has no weights of a language model"),
  ])
  func refusals(name: String, message: String) async throws {
    let hub = try HubServer(["test/tiny", "test/wrong", "test/longer", "test/garbled"])
    try hub.write("x", as: "test/pickled/pytorch_model.bin")
    try hub.write("{}", as: "test/bare/config.json")
    try hub.write("x", as: "test/bare/model.safetensors")
    try hub.write("x", as: "test/empty/README.md")
    let ended = try await hub.run("load \(name)")
    #expect(ended.status == 4)
    #expect(ended.output == "")
    #expect(ended.messages.contains(message), "\(ended.messages)")
    #expect(ended.messages.contains("\nhelp: "), "\(ended.messages)")
    #expect(try hub.cached().filter { $0.contains("/refs/") } == [])
    #expect(try hub.cached().filter { $0.hasSuffix(".incomplete") } == [])
  }

  @Test func offlineAsksNobody() async throws {
    let hub = try HubServer(["test/tiny"])
    for name in ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"] {
      let ended = try await hub.run("load test/tiny", environment: [name: "true"])
      #expect(ended.status == 4)
      #expect(ended.messages.contains("HF_HUB_OFFLINE forbids fetching it"), "\(ended.messages)")
    }
    #expect(try hub.requests() == [])
  }

  @Test func noNetwork() async throws {
    let hub = try HubServer()
    let ended = try await hub.run(
      "load test/tiny", environment: ["HF_ENDPOINT": "http://127.0.0.1:1"])
    #expect(ended.status == 4)
    #expect(ended.messages.contains("http://127.0.0.1:1 cannot be reached"), "\(ended.messages)")
    #expect(ended.messages.contains("help: is there a network?"))
  }

  @Test func noCurl() async throws {
    let hub = try HubServer(["test/tiny"])
    let ended = try await hub.run("load test/tiny", environment: ["PATH": "/nonexistent"])
    #expect(ended.status == 4)
    #expect(ended.messages.contains("help: install it: apt-get install curl"), "\(ended.messages)")
  }

  @Test func typingMistakesAskNobody() async throws {
    let hub = try HubServer()
    for (name, help) in [
      ("smolm2", "did you mean `load smollm2`?"), ("./test/tiny", "known names: "),
      ("test/tiny.gguf", "known names: "), ("\"../x/y\"", "known names: "),
    ] {
      let ended = try await hub.run("load \(name)")
      #expect(ended.status == 4)
      #expect(ended.messages.contains(help), "\(ended.messages)")
    }
    #expect(try hub.requests() == [])
  }

  // MARK: What is there

  @Test func modelsListsBothCaches() async throws {
    let hub = try HubServer(["test/tiny", "test/wrong"])
    try hub.add("tiny-gqa.Q8_0.gguf", as: "test/two/a.gguf")
    try hub.add("tiny-gqa.F32.gguf", as: "test/two/b.gguf")
    for name in ["test/tiny", "test/wrong", "\"test/two:a.gguf\"", "\"test/two:b.gguf\""] {
      _ = try await hub.run("load \(name)")
    }
    let home = try #require(hub.environment["HOME"])
    let own = home + "/.cache/summand/models"
    try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: Fixtures.path("tiny-gqa.F32.gguf"), toPath: own + "/mine.gguf")
    try Data("GGUF".utf8).write(to: URL(fileURLWithPath: own + "/torn.gguf"))
    let listed = try await hub.run(
      "models | select name, architecture, types, bytes", environment: ["HF_HUB_OFFLINE": "1"])
    #expect(
      listed.output == """
        "name"\t"architecture"\t"types"\t"bytes"
        "mine"\t"llama"\t"F32 × 29"\t234080
        "torn"\t\t\t
        "test/tiny"\t"llama"\t"F32 × 29"\t229112
        "test/two:a.gguf"\t"llama"\t"F32 × 7, Q8_0 × 22"\t68640
        "test/two:b.gguf"\t"llama"\t"F32 × 29"\t234080
        "test/wrong"\t\t\t

        """)
    let problems = try await hub.run("models | select name, problem")
    let lines = problems.output.split(separator: "\n")
    #expect(lines.count { $0.hasSuffix("\t") } == 4, "\(problems.output)")
    #expect(lines.contains("\"test/wrong\"\t\"its weights are not here: load it to fetch them\""))
    // The names are those that `load` takes.
    let loaded = try await hub.run("load mine; load test/tiny; load \"test/two:a.gguf\"")
    #expect(loaded.status == 0, "\(loaded.messages)")
  }

  @Test func oldNamesOfRepositories() async throws {
    let hub = try HubServer(["openai-community/gpt2"])
    #expect(try await hub.run("load gpt2" + Self.look).output == Self.seen)
    #expect(try hub.cached().contains("models--openai-community--gpt2/refs/main"))
    try FileManager.default.moveItem(
      atPath: hub.cache + "/models--openai-community--gpt2", toPath: hub.cache + "/models--gpt2")
    for name in ["gpt2", "openai-community/gpt2"] {
      let ended = try await hub.run(
        "load \(name)" + Self.look, environment: ["HF_HUB_OFFLINE": "1"])
      #expect(ended.output == Self.seen, "\(ended.messages)")
    }
  }
}
