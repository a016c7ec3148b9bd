import Testing

@testable import Model

@Suite struct TokenizerJSONTests {
  /// A `tokenizer.json` with some of its parts replaced.
  private func tokenizer(
    model: String = "", parts: String = "", config: String? = nil,
    merges: String = #"[["a","b"],["Ġ","a"]]"#,
    vocabulary: String = #"{"a":0,"b":2,"ab":1,"Ġ":3,"Ġa":4}"#,
    added: String = #"[{"id":5,"content":"<s>","special":true}]"#,
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
    #expect(tokenizer.vocabularySize == 6)
    #expect(tokenizer.encode("ab ab<s>").map(\.id) == [1, 3, 1, 5])
    #expect(tokenizer.bos == nil && !tokenizer.addsBOS)
    #expect(tokenizer.isSpecial(5))
    // Id 4 is given to nothing.
    let gap = try self.tokenizer(
      merges: "[]", vocabulary: #"{"a":0,"b":2,"ab":1,"Ġ":3,"c":5}"#, added: "[]")
    #expect(gap.bytes(of: 4) == nil && gap.vocabularySize == 6)
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
    #expect(opened.bos == 5 && opened.addsBOS && opened.notes == [])
    // transformers 5.24 follows the post-processor whatever add_bos_token says.
    let overruled = try tokenizer(parts: template, config: #"{"add_bos_token":false}"#)
    #expect(overruled.bos == 5 && overruled.addsBOS)
    #expect(
      overruled.notes == [
        "tokenizer_config.json says add_bos_token false, but the post_processor of tokenizer.json "
          + "puts '<s>' before a text: the post_processor of tokenizer.json is used, as in "
          + "transformers 5.24; `bos off` does the other"
      ])
    let asked = try tokenizer(
      config: #"{"add_bos_token":true,"bos_token":{"content":"<s>"},"eos_token":null}"#)
    #expect(asked.bos == 5 && asked.eos == nil && !asked.addsBOS && asked.notes.count == 1)
    let other = try tokenizer(parts: template, config: #"{"bos_token":"a"}"#)
    #expect(other.bos == 5 && other.addsBOS && other.notes.count == 1)
    #expect(opened.encode("a").map(\.id) == [0])
  }

  @Test func refusesWhatItCannotDo() {
    func expect(_ message: String, _ make: () throws -> Tokenizer) {
      expectFileError(message) { _ = try make() }
    }
    expect("its model is 'Unigram'") { try tokenizer(model: #""type":"Unigram","#) }
    expect("dropout of 0.1") { try tokenizer(model: #""dropout":0.1,"#) }
    expect("its model has byte_fallback, and its pre_tokenizer is ByteLevel") {
      try tokenizer(model: #""byte_fallback":true,"#)
    }
    expect("end_of_word_suffix '</w>'") { try tokenizer(model: #""end_of_word_suffix":"</w>","#) }
    expect("its normalizer is 'Lowercase'") {
      try tokenizer(parts: #""normalizer":{"type":"Lowercase"},"#)
    }
    expect("its normalizer is 'Sequence'") {
      try tokenizer(
        parts: #""normalizer":{"type":"Sequence","normalizers":[{"type":"Sequence"}]},"#)
    }
    expect("has the pattern ' {2,}', which is not known") {
      try tokenizer(
        parts: #""normalizer":{"type":"Replace","pattern":{"Regex":" {2,}"},"content":"▁"},"#)
    }
    expect("the step Replace of its normalizer has no content") {
      try tokenizer(parts: #""normalizer":{"type":"Replace","pattern":{"String":" "}},"#)
    }
    expect("replaces nothing") {
      try tokenizer(
        parts: #""normalizer":{"type":"Replace","pattern":{"String":""},"content":"▁"},"#)
    }
    let replaces = #"{"type":"Replace","pattern":{"String":"a"},"content":"aaaaaaaaaa"}"#
    let many = Array(repeating: replaces, count: 40).joined(separator: ",")
    expect("its normalizer has 40 steps, more than 6") {
      try tokenizer(parts: #""normalizer":{"type":"Sequence","normalizers":[\#(many)]},"#)
    }
    for (count, times) in [(2, 100), (6, 1_000_000)] {
      let few = Array(repeating: replaces, count: count).joined(separator: ",")
      expect("its normalizer can make a text \(times) times as long") {
        try tokenizer(parts: #""normalizer":{"type":"Sequence","normalizers":[\#(few)]},"#)
      }
    }
    expect("puts 17 bytes in") {
      try tokenizer(
        parts: #"""
          "normalizer":{"type":"Replace","pattern":{"String":"a"},"content":"12345678901234567"},
          """#)
    }
    let digits = Array(repeating: #"{"type":"Digits"}"#, count: 90_000).joined(separator: ",")
    expect("its pre_tokenizer has 90000 steps") {
      try tokenizer(preTokenizer: #"{"type":"Sequence","pretokenizers":[\#(digits)]}"#)
    }
    expect("its step Prepend has no prepend") {
      try tokenizer(parts: #""normalizer":{"type":"Prepend","prepend":7},"#)
    }
    expect("its decoder is 'WordPiece'") {
      try tokenizer(parts: #""decoder":{"type":"WordPiece"},"#)
    }
    expect("its decoder replaces something else") {
      try tokenizer(
        parts: #""decoder":{"type":"Replace","pattern":{"String":"_"},"content":" "},"#)
    }
    expect("its post_processor has 'BertProcessing'") {
      try tokenizer(parts: #""post_processor":{"type":"BertProcessing"},"#)
    }
    expect("the step 'Whitespace'") { try tokenizer(preTokenizer: #"{"type":"Whitespace"}"#) }
    expect("it has no pre_tokenizer") { try tokenizer(preTokenizer: "null") }
    expect("the step 'Split' without a pattern") {
      try tokenizer(
        preTokenizer:
          #"{"type":"Sequence","pretokenizers":[{"type":"Split"},{"type":"ByteLevel"}]}"#)
    }
    expect(#"cuts by '\w+', which is not known"#) {
      try tokenizer(
        preTokenizer: #"{"type":"Split","pattern":{"Regex":"\\w+"},"behavior":"Isolated"}"#)
    }
    expect("cuts with 'Contiguous'") {
      try tokenizer(
        preTokenizer: #"{"type":"Split","pattern":{"String":" "},"behavior":"Contiguous"}"#)
    }
    expect("cuts at nothing") {
      try tokenizer(
        preTokenizer: #"{"type":"Split","pattern":{"String":""},"behavior":"MergedWithNext"}"#)
    }
    expect("neither ByteLevel nor Metaspace") {
      try tokenizer(preTokenizer: #"{"type":"Sequence","pretokenizers":[]}"#)
    }
    expect("its spaces are '_'") {
      try tokenizer(preTokenizer: #"{"type":"Metaspace","replacement":"_"}"#)
    }
    expect("its prepend_scheme is 'often'") {
      try tokenizer(
        preTokenizer: #"{"type":"Metaspace","replacement":"▁","prepend_scheme":"often"}"#)
    }
    expect("add_prefix_space") {
      try tokenizer(preTokenizer: #"{"type":"ByteLevel","add_prefix_space":true}"#)
    }
  }

  @Test func refusesWhatDoesNotFit() {
    func expect(_ message: String, _ make: () throws -> Tokenizer) {
      expectFileError(message) { _ = try make() }
    }
    expect("it begins a text with '<x>', which is not one of its tokens") {
      try tokenizer(
        parts: #"""
          "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<x>"}}]},
          """#)
    }
    expect("merge 0, 'a' and 'x'") { try tokenizer(merges: #"[["a","x"]]"#) }
    for merge in [#"["a","b","c"]"#, #"["a","b","a","b"]"#, #"["a"]"#, "[]"] {
      expect("a merge has two tokens") { try tokenizer(merges: "[\(merge)]") }
    }
    expect("a merge has two tokens with a space") { try tokenizer(merges: #"["ab"]"#) }
    expect("the token 'b' has the id 0, which is taken") {
      try tokenizer(vocabulary: #"{"a":0,"b":0}"#)
    }
    expect("the token 'a' has the id -1") { try tokenizer(vocabulary: #"{"a":-1}"#) }
    for id in [-1, -5, Int.min] {
      expect("the token 'a' has the id \(id)") {
        try tokenizer(merges: "[]", vocabulary: #"{"a":\#(id)}"#, added: "[]")
      }
      expect("the added token '<s>' has the id \(id)") {
        try tokenizer(
          merges: "[]", vocabulary: "{}", added: #"[{"id":\#(id),"content":"<s>"}]"#)
      }
    }
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
    expect("bos_token is not a token") { try tokenizer(config: #"{"bos_token":7}"#) }
    expect("is not an object") { try tokenizer(vocabulary: "[]") }
    expectFileError("there is no model in it") {
      let file = try TemporaryFile("{}".utf8)
      _ = try Tokenizer(tokenizerJSON: file.path, config: nil)
    }
    expectFileError("it has no tokens") {
      _ = try tokenizer(merges: "[]", vocabulary: "{}", added: "[]")
    }
  }
}
