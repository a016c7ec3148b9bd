import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a model's name means, without any network.
@Suite struct ModelNameTests {
  // MARK: Names of the hub

  @Test(arguments: [
    ("org/name", HubReference(repository: "org/name")),
    ("gpt2", HubReference(repository: "gpt2")),
    ("org/name@v1.0", HubReference(repository: "org/name", revision: "v1.0")),
    (
      "o/n@refs/pr/1:a/b.gguf",
      HubReference(repository: "o/n", revision: "refs/pr/1", file: "a/b.gguf")
    ),
    ("o/n:b@2.gguf", HubReference(repository: "o/n", file: "b@2.gguf")),
  ])
  func namesOfTheHub(text: String, reference: HubReference) {
    #expect(HubReference(parsing: text) == reference)
    #expect(reference.text == text)
  }

  @Test(arguments: [
    "", "/", "org/", "/name", "a/b/c", "../name", "org/..", "org/na me", "org/na--me", "-a/b",
    "a/b.",
    "a/b@", "a/b@../x", "a/b@/x", "a/b:", "a/b:../x.gguf", "a/b:/etc/x.gguf", "a/b@x/../../y",
    "a/b:x\n.gguf", "ä/b", "a/b?c", "a/b#c", "a/b%2e",
  ])
  func whatIsNoNameOfTheHub(text: String) {
    #expect(HubReference(parsing: text) == nil)
  }

  @Test func shortNamesAreOfOneTable() {
    let names = ShortNames.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.contains("smollm2") && names.contains("gemma3-270m"))
    for (name, repository) in ShortNames.ofHub {
      #expect(name == name.lowercased())
      #expect(HubReference(parsing: repository)?.text == repository)
      #expect(HubReference(parsing: name) != nil)
    }
  }

  /// The list that the scripts read as well.
  @Test func packagedModelsAreWhole() {
    #expect(PackagedModel.all.map(\.name) == ["smollm2", "gemma3-270m"])
    for model in PackagedModel.all {
      #expect(HubClient.isDigest(model.sha256, 64))
      #expect(model.bytes > 0)
      #expect(!model.parts.isEmpty)
      for part in model.parts { #expect(part.requirement.contains("==")) }
    }
    #expect(PackagedModel.named("gemma3-270m")?.parts.count == 4)
    #expect(PackagedModel.named("gemma3-270m")?.terms == "ai.google.dev/gemma/terms")
    #expect(PackagedModel.named("smollm2")?.terms == nil)
  }

  // MARK: Which files

  @Test func whichFilesMakeAModel() {
    func choice(_ names: String..., file: String? = nil) -> ModelFiles.Choice {
      ModelFiles(names).choice(file: file)
    }
    #expect(choice("model.safetensors", "a.gguf") == .safetensors("model.safetensors"))
    #expect(
      choice("model-00001-of-00002.safetensors", "model.safetensors.index.json")
        == .safetensors("model.safetensors.index.json"))
    #expect(choice("x/a.gguf", "mmproj-a.gguf", "README.md") == .gguf(["x/a.gguf"]))
    #expect(choice("a.gguf", "b.gguf") == .several(["a.gguf", "b.gguf"]))
    #expect(choice("a.gguf", "b.gguf", file: "b.gguf") == .gguf(["b.gguf"]))
    #expect(choice("a.gguf", file: "b.gguf") == .missing("b.gguf"))
    let parts = ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"]
    #expect(choice(parts[1], parts[0]) == .gguf(parts))
    #expect(choice("pytorch_model.bin", "config.json") == .foreign("pytorch_model.bin"))
    #expect(choice("config.json", "training_args.bin") == .none)
  }

  @Test func partsOfSplitFiles() {
    #expect(ModelFiles.parts(of: "a-00001-of-00003.gguf").last == "a-00003-of-00003.gguf")
    for whole in ["a.gguf", "a-1-of-3.gguf", "a-00000-of-00003.gguf", "a-00001-of-99999x.gguf"] {
      #expect(ModelFiles.parts(of: whole) == [whole])
    }
    #expect(ModelFiles.withoutEnding("x/a-00001-of-00003.gguf") == "a")
    #expect(ModelFiles.withoutEnding("x/a.b.gguf") == "a.b")
  }

  @Test func anIndexStaysInItsFolder() throws {
    try withFolder { folder in
      let path = folder + "/index.json"
      try Data(
        #"{"weight_map":{"a":"b.safetensors","c":"a.safetensors","d":"b.safetensors"}}"#.utf8
      )
      .write(to: URL(filePath: path))
      #expect(try ModelFiles.shards(ofIndex: path) == ["a.safetensors", "b.safetensors"])
      for text in [#"{"weight_map":{"a":"../b"}}"#, #"{"weight_map":{}}"#, "[]", "{"] {
        try Data(text.utf8).write(to: URL(filePath: path))
        #expect(throws: Failure.self) { try ModelFiles.shards(ofIndex: path) }
      }
    }
  }

  // MARK: Settings

  @Test(arguments: [
    (["HOME": "/h"], "/h/.cache/huggingface/hub"),
    (["HOME": "/h", "XDG_CACHE_HOME": "/x"], "/x/huggingface/hub"),
    (["HOME": "/h", "XDG_CACHE_HOME": "/x", "HF_HOME": "~/hf"], "/h/hf/hub"),
    (["HF_HOME": "/hf", "HF_HUB_CACHE": "/c"], "/c"),
    (["HF_HOME": "/hf", "HF_HUB_CACHE": ""], "/hf/hub"),
  ])
  func whereTheCacheIs(environment: [String: String], path: String) {
    #expect(HubSettings(environment: environment).cache == path)
  }

  @Test(arguments: ["1", "ON", "yes", "True"])
  func offline(word: String) {
    #expect(HubSettings(environment: ["HF_HUB_OFFLINE": word]).isOffline)
    #expect(HubSettings(environment: ["TRANSFORMERS_OFFLINE": word]).isOffline)
  }

  @Test(arguments: ["", "0", "no", "false", "2"])
  func online(word: String) {
    #expect(!HubSettings(environment: ["HF_HUB_OFFLINE": word]).isOffline)
  }

  @Test func endpointAndToken() throws {
    #expect(try HubSettings(environment: [:]).endpoint() == "https://huggingface.co")
    #expect(try HubSettings(environment: ["HF_ENDPOINT": "http://a:1/"]).endpoint() == "http://a:1")
    #expect(throws: Failure.self) {
      try HubSettings(environment: ["HF_ENDPOINT": "file:///etc"]).endpoint()
    }
    try withFolder { folder in
      let environment = ["HF_HOME": folder]
      #expect(try HubSettings(environment: environment).token() == nil)
      try Data(" hf_a\n".utf8).write(to: URL(filePath: folder + "/token"))
      #expect(try HubSettings(environment: environment).token() == "hf_a")
      let both = environment.merging(["HF_TOKEN": "hf_b"]) { $1 }
      #expect(try HubSettings(environment: both).token() == "hf_b")
      // What would add a header of its own.
      let two = environment.merging(["HF_TOKEN": "hf_b\r\nX: y"]) { $1 }
      #expect(throws: Failure.self) { try HubSettings(environment: two).token() }
    }
  }

  // MARK: curl

  @Test func aSecretIsNoArgumentAndGoesToOneAddress() {
    var request = Curl.Request(url: "https://a/b\"c\\d", token: "hf_secret")
    request.followsRedirects = true
    let lines = Curl.configuration(request).split(separator: "\n")
    #expect(lines.contains(#"url = "https://a/b\"c\\d""#))
    #expect(lines.contains("header = \"Authorization: Bearer hf_secret\""))
    #expect(!lines.contains("location"), "a redirect would take the token along")
    #expect(lines.contains("proto = \"=https\""))
  }

  @Test func answersOfCurl() {
    let text =
      "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\nHTTP/2 200\r\nETag: \"a\"\r\nX-Y:b: c\r\n\r\nbody"
    let response = Curl.response(Array(text.utf8))
    #expect(response?.status == 200)
    #expect(response?.headers == ["etag": "\"a\"", "x-y": "b: c"])
    #expect(response?.body == Array("body".utf8))
    for text in ["", "body", "HTTP/1.1\r\n\r\n", "HTTP/1.1 x\r\n\r\n"] {
      #expect(Curl.response(Array(text.utf8)) == nil)
    }
  }

  @Test func origins() {
    #expect(HubClient.origin("https://Hub.co/a/b?c=http://d") == "https://hub.co")
    #expect(HubClient.origin("http://127.0.0.1:80") == "http://127.0.0.1:80")
    #expect(HubClient.origin("https://a@b/") != HubClient.origin("https://a/"))
  }

  // MARK: Paths

  @Test func pathsComeBeforeNames() throws {
    try withFolder { folder in
      let store = ModelStore(environment: ["HOME": folder])
      let models = folder + "/.cache/summand/models"
      try FileManager.default.createDirectory(
        atPath: models + "/x", withIntermediateDirectories: true)
      for file in ["own.gguf", "x/a.gguf", "SmolLM2-135M-Instruct.Q4_1.gguf"] {
        try Data().write(to: URL(filePath: models + "/" + file))
      }
      #expect(try store.path(of: "own") == models + "/own.gguf")
      #expect(try store.path(of: "smollm2") == models + "/SmolLM2-135M-Instruct.Q4_1.gguf")
      #expect(try store.path(of: models + "/x") == models + "/x/a.gguf")
      #expect(try store.path(of: "~/.cache/summand/models/x") == models + "/x/a.gguf")
      try Data().write(to: URL(filePath: models + "/x/b.gguf"))
      #expect(throws: Failure.self) { try store.path(of: models + "/x") }
      guard case .hub(let reference, let name) = try store.meaning(of: "pythia-160m") else {
        Issue.record("pythia-160m is no model of the hub")
        return
      }
      #expect(reference == HubReference(repository: "EleutherAI/pythia-160m"))
      #expect(name == "pythia-160m")
    }
  }

  /// After a `load` that failed, the session has the model that it had.
  @Test func aFailedLoadChangesNothing() throws {
    let session = Session(host: TestHost(format: .tsv))
    let tiny = Fixtures.path("tiny-gqa.F32.gguf")
    #expect(session.running("load \"\(tiny)\"").status == .done)
    for name in ["nothing-there", "./nothing", "\"\(packageRoot.path)\""] {
      #expect(session.running("load \(name)").status == .unreadable)
      #expect(session.promptName == "tiny-gqa.F32")
      let rows = session.running("model | where property == \"path\" | select value")
      #expect(rows.output.hasSuffix("\"value\"\n\"\(tiny)\"\n"), "\(rows.messages)")
    }
  }

  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "models-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }
}
