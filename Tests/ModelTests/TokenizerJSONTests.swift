import Testing

@testable import Model

@Suite struct TokenizerJSONTests {
  /// A `tokenizer.json` with some of its parts replaced.
  private func tokenizer(
    model: String = "", parts: String = "", config: String? = nil,
    merges: String = #"[["a","b"],["Ġ","a"]]"#,
    vocabulary: String = #"{"a":0,"b":2,"ab":1,"Ġ":3,"Ġa":4}"#,
    added: String = #"[{"id":6,"content":"<s>","special":true}]"#,
    preTokenizer: String = #"{"type":"ByteLevel","add_prefix_space":false}"#
  ) throws -> Tokenizer {
    let text = """
      {"version":"1.0","added_tokens":\(added),"pre_tokenizer":\(preTokenizer),\(parts)
       "model":{\(model)"merges":\(merges),"vocab":\(vocabulary)}}
      """
    let file = try TemporaryFile(text.utf8, name: "tokenizer.json")
    let configFile = try config.map { try TemporaryFile($0.utf8, name: "tokenizer_config.json") }
    return try Tokenizer(tokenizerJSON: file.path, config: configFile?.path)
  }

  @Test func readsAFile() throws {
    let tokenizer = try tokenizer()
    #expect(tokenizer.vocabularySize == 7)
    #expect(tokenizer.encode("ab ab<s>").map(\.id) == [1, 3, 1, 6])
    #expect(tokenizer.bos == nil && !tokenizer.addsBOS)
    // Id 5 is given to nothing.
    #expect(tokenizer.bytes(of: 5) == nil)
    #expect(tokenizer.isSpecial(6))
  }

  @Test func merges() throws {
    #expect(try tokenizer(merges: #"["a b","Ġ a"]"#).encode(" ab").map(\.id) == [3, 1])
    #expect(try tokenizer(merges: #"["Ġ a","a b"]"#).encode(" ab").map(\.id) == [4, 2])
    let ignoring = try tokenizer(model: #""ignore_merges":true,"#, merges: "[]")
    #expect(ignoring.encode(" a ab").map(\.id) == [4, 3, 0, 2])
    #expect(ignoring.encode("ab").map(\.id) == [1])
  }

  @Test func opening() throws {
    let template = """
      "post_processor":{"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"TemplateProcessing",
      "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}]}]},
      """
    let opened = try tokenizer(parts: template)
    #expect(opened.bos == 6 && opened.addsBOS)
    let overruled = try tokenizer(parts: template, config: #"{"add_bos_token":false}"#)
    #expect(overruled.bos == 6 && !overruled.addsBOS)
    let asked = try tokenizer(
      config: #"{"add_bos_token":true,"bos_token":{"content":"<s>"},"eos_token":null}"#)
    #expect(asked.bos == 6 && asked.eos == nil && asked.addsBOS)
    #expect(opened.encode("a").map(\.id) == [0])
  }

  @Test func refusesWhatItCannotDo() {
    func expect(_ message: String, _ make: () throws -> Tokenizer) {
      expectFileError(message) { _ = try make() }
    }
    expect("its model is 'Unigram'") { try tokenizer(model: #""type":"Unigram","#) }
    expect("dropout of 0.1") { try tokenizer(model: #""dropout":0.1,"#) }
    expect("byte_fallback") { try tokenizer(model: #""byte_fallback":true,"#) }
    expect("end_of_word_suffix '</w>'") { try tokenizer(model: #""end_of_word_suffix":"</w>","#) }
    expect("its normalizer is 'NFC'") { try tokenizer(parts: #""normalizer":{"type":"NFC"},"#) }
    expect("its post_processor has 'BertProcessing'") {
      try tokenizer(parts: #""post_processor":{"type":"BertProcessing"},"#)
    }
    expect("ends with 'Whitespace'") { try tokenizer(preTokenizer: #"{"type":"Whitespace"}"#) }
    expect("it has no pre_tokenizer") { try tokenizer(preTokenizer: "null") }
    expect("the step 'Split'") {
      try tokenizer(
        preTokenizer:
          #"{"type":"Sequence","pretokenizers":[{"type":"Split"},{"type":"ByteLevel"}]}"#)
    }
    expect("ends with 'of no type'") {
      try tokenizer(preTokenizer: #"{"type":"Sequence","pretokenizers":[]}"#)
    }
    expect("add_prefix_space") {
      try tokenizer(preTokenizer: #"{"type":"ByteLevel","add_prefix_space":true}"#)
    }
    expect("'<s>' is for single words only") {
      try tokenizer(added: #"[{"id":6,"content":"<s>","single_word":true}]"#)
    }
  }

  @Test func refusesWhatDoesNotFit() {
    func expect(_ message: String, _ make: () throws -> Tokenizer) {
      expectFileError(message) { _ = try make() }
    }
    expect("merge 0, 'a' and 'x'") { try tokenizer(merges: #"[["a","x"]]"#) }
    expect("a merge has two tokens") { try tokenizer(merges: #"[["a","b","c"]]"#) }
    expect("a merge has two tokens with a space") { try tokenizer(merges: #"["ab"]"#) }
    expect("the token 'b' has the id 0, which is taken") {
      try tokenizer(vocabulary: #"{"a":0,"b":0}"#)
    }
    expect("the token 'a' has the id -1") { try tokenizer(vocabulary: #"{"a":-1}"#) }
    expect("the token 'a' occurs twice") {
      try tokenizer(merges: "[]", vocabulary: #"{"a":0,"a":1}"#)
    }
    expect("token id 4611686018427387904 is too large") {
      try tokenizer(vocabulary: #"{"a":4611686018427387904}"#)
    }
    expect("'<s>' has the id 0, which is taken") {
      try tokenizer(added: #"[{"id":0,"content":"<s>"}]"#)
    }
    expect("needs an id and a content") { try tokenizer(added: #"[{"id":0}]"#) }
    expect("the id 6 is given to two") {
      try tokenizer(added: #"[{"id":6,"content":"<s>"},{"id":6,"content":"<t>"}]"#)
    }
    expect("bos_token is '<x>', which is no token") {
      try tokenizer(config: #"{"bos_token":"<x>"}"#)
    }
    expect("bos_token is no token") { try tokenizer(config: #"{"bos_token":7}"#) }
    expect("is no object") { try tokenizer(vocabulary: "[]") }
    expectFileError("there is no model in it") {
      let file = try TemporaryFile("{}".utf8)
      _ = try Tokenizer(tokenizerJSON: file.path, config: nil)
    }
    expectFileError("it has no tokens") {
      _ = try tokenizer(merges: "[]", vocabulary: "{}", added: "[]")
    }
  }
}
