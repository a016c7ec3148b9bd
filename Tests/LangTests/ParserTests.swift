import Testing

@testable import Lang

/// Source and the tree that it must give.
struct ParserTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var text: String
    var tree: String

    init(_ text: String, _ tree: String) {
      self.text = text
      self.tree = tree
    }

    var testDescription: String { text.debugDescription }
  }

  @Test(arguments: pipelines + commands + expressions + blockValues)
  func expression(_ row: Row) {
    #expect(tree(row.text) == row.tree)
  }

  @Test(arguments: literals + components + positions)
  func literal(_ row: Row) {
    #expect(tree(row.text) == row.tree)
  }

  @Test(arguments: statements + continuations)
  func statement(_ row: Row) {
    #expect(tree(row.text) == row.tree)
  }

  static let pipelines = [
    Row("", ""),
    Row("# nothing", ""),
    Row("#!/usr/bin/env summand\ncountry", "country"),
    Row("country", "country"),
    Row("_", "_"),
    Row("a | b | c", "(| a b c)"),
    Row("a|b", "(| a b)"),
    Row("a; b ;; c", "a\nb\nc"),
    Row("(a | top 3).component", "(. (() (| a (do top 3))) component)"),
    Row("a | !sort -k2 | head; # all of it", "(| a (sh \"sort -k2 | head; # all of it\"))"),
    Row("!ls", "(sh \"ls\")"),
    Row("! ls  \nb", "(sh \"ls\")\nb"),
    Row("let x = !ls", "(let x (sh \"ls\"))"),
    Row("time !ls", "(time (sh \"ls\"))"),
    Row("if a { !ls\n}", "(if a {(sh \"ls\")})"),
    Row("(a | !sort\n) | b", "(| (() (| a (sh \"sort\"))) b)"),
  ]

  static let commands = [
    Row("top 5", "(do top 5)"),
    Row("ablate L17H2", "(do ablate <L17H2>)"),
    Row("sort -dla", "(do sort (- dla))"),
    Row("sort -dla, -layer", "(do sort (, (- dla) (- layer)))"),
    Row("x - 1", "(- x 1)"),
    Row("x-1", "(- x 1)"),
    Row("x -1", "(do x (- 1))"),
    Row("top x -1", "(do top x (- 1))"),
    Row("top x - 1", "(do top (- x 1))"),
    Row("top x-1", "(do top (- x 1))"),
    Row("top x - -1", "(do top (- x (- 1)))"),
    Row("where not known", "(do where (not known))"),
    Row("where dla > 0.5 and layer < 10", "(do where (and (> dla 0.5) (< layer 10)))"),
    Row("where dla >0.5", "(do where (> dla 0.5))"),
    Row("where span in [\"a\", \"b\"]", "(do where (in span [\"a\" \"b\"]))"),
    Row("where span not in [\"a\"]", "(do where (not (in span [\"a\"])))"),
    Row("span not in [\"a\"]", "(not (in span [\"a\"]))"),
    Row("derive share = dla / sum(dla)", "(do derive (= share (/ dla (call sum dla))))"),
    Row("derive share=dla/total", "(do derive (= share (/ dla total)))"),
    Row("derive a = 1, b = 2", "(do derive (= a 1) (= b 2))"),
    Row("derive a=1,b=2", "(do derive (= a 1) (= b 2))"),
    Row("f a = 1, 2 b", "(do f (= a (, 1 2)) b)"),
    Row("dla --top 10", "(do dla (--top) 10)"),
    Row("dla --top=10 --raw", "(do dla (--top 10) (--raw))"),
    Row("dla --größe", "(do dla (--größe))"),
    Row("dla --dry-run", "(do dla (--dry-run))"),
    Row("dla --on=a, b c", "(do dla (--on (, a b)) c)"),
    Row("knockout subject -> last at L10..20", "(do knockout subject -> last at <L10-20>)"),
    Row("knockout subject->last", "(do knockout subject -> last)"),
    Row("f [1] (2) @3", "(do f [1] (() 2) (@ 3))"),
    Row("f [1]", "(do f [1])"),
    Row("f[1]", "([] f 1)"),
    Row("f (x)", "(do f (() x))"),
    Row("f(x)", "(call f x)"),
    Row("f()", "(call f)"),
    Row("f(1, b = 2, --c, --d=3,)", "(call f 1 (= b 2) (--c) (--d 3))"),
    Row("f @last", "(do f (@ last))"),
    Row("f@last", "(@ f last)"),
    Row("each heads", "(do each heads)"),
    Row("ablate each (best.component) mean", "(do ablate each (() (. best component)) mean)"),
    Row("dla by source", "(do dla by source)"),
    Row("help for", "(do help for)"),
    Row("where source == 3", "(do where (== source 3))"),
    Row("a | source", "(| a source)"),
    Row("load org/name", "(do load (/ org name))"),
    Row("load lib.gguf", "(do load (. lib gguf))"),
    Row("load ./x.gguf", "(do load (raw \"./x.gguf\"))"),
    Row("load ../x-1.gguf | y", "(| (do load (raw \"../x-1.gguf\")) y)"),
    Row("load ~/x|y", "(| (do load (raw \"~/x\")) y)"),
    Row("load /a/b.gguf; c", "(do load (raw \"/a/b.gguf\"))\nc"),
    Row("f (load ./x)", "(do f (() (do load (raw \"./x\"))))"),
    Row("run model=./x", "(do run (= model (raw \"./x\")))"),
    Row("run --model=/x/y", "(do run (--model (raw \"/x/y\")))"),
    Row("read [./a.tsv, ./b.tsv]", "(do read [(raw \"./a.tsv\") (raw \"./b.tsv\")])"),
    Row("load smollm2-135m.gguf", "(do load (raw \"smollm2-135m.gguf\"))"),
    Row("load Qwen2.5-0.5B.gguf", "(do load (raw \"Qwen2.5-0.5B.gguf\"))"),
    Row("load Qwen/Qwen2.5-0.5B", "(do load (raw \"Qwen/Qwen2.5-0.5B\"))"),
    Row("let f = ./x.tsv", "(let f (raw \"./x.tsv\"))"),
    Row("load models/", "(do load (raw \"models/\"))"),
    Row("where a-0.5 < 1e-3", "(do where (< (- a 0.5) 0.001))"),
    Row("where a-1e-3 < b/2s", "(do where (< (- a 0.001) (/ b (s 2.0))))"),
  ]

  /// `if` and `for` where a value stands.
  static let blockValues = [
    Row("let x = if a { b } else { c }", "(let x (if a {b} {c}))"),
    Row("let x = if a { b } else { c } | d", "(let x (| (if a {b} {c}) d))"),
    Row(
      "let x = if a { b } else if c { d } else { e }",
      "(let x (if a {b} {(if c {d} {e})}))"),
    Row("let x = if a { 1 } else { 2 } != 3", "(let x (!= (if a {1} {2}) 3))"),
    Row("let x = for i in 1..3 { i * 2 }", "(let x (for i (.. 1 3) {(* i 2)}))"),
    Row("let x = for i in a, b { let y = i; y }", "(let x (for i (, a b) {(let y i); y}))"),
    Row("(for i in a {\n  b\n  c\n})", "(() (for i a {b; c}))"),
    Row("[if a { 1 } else { 2 }, 3]", "[(if a {1} {2}) 3]"),
    Row("[\n  for i in a { i },\n  2]", "[(for i a {i}) 2]"),
    Row("derive c = if x > -1 { 1 } else { 2 }", "(do derive (= c (if (> x (- 1)) {1} {2})))"),
    Row("f(if a { 1 } else { 2 })", "(call f (if a {1} {2}))"),
    Row("\"\\(if a { 1 } else { 2 })\"", "(\\ (if a {1} {2}))"),
    Row("time for i in a { i }", "(time (for i a {i}))"),
    Row("where if == 3 and for < 2", "(do where (and (== if 3) (< for 2)))"),
    Row("(if a { b } else { c }).d", "(. (() (if a {b} {c})) d)"),
  ]

  static let expressions = [
    Row("1 + 2 * 3", "(+ 1 (* 2 3))"),
    Row("1 - 2 - 3", "(- (- 1 2) 3)"),
    Row("a / b % c", "(% (/ a b) c)"),
    Row("-a.b + c", "(+ (- (. a b)) c)"),
    Row("-2..3", "(.. (- 2) 3)"),
    Row("`the-value` == 1", "(== `the-value` 1)"),
    Row("a.`b c`.d", "(. (. a `b c`) d)"),
    Row("`a``b` + $a[0]", "(+ `a`b` ([] $a 0))"),
    Row("$x@last", "(@ $x last)"),
    Row("1..n - 1", "(.. 1 (- n 1))"),
    Row("1 + 2..3 * 4", "(.. (+ 1 2) (* 3 4))"),
    Row("x in 1..5", "(in x (.. 1 5))"),
    // As Python has it.
    Row("a ** b ** c", "(** a (** b c))"),
    Row("-a ** b", "(- (** a b))"),
    Row("a ** -b ** c", "(** a (- (** b c)))"),
    Row("-9223372036854775807 ** 2", "(- (** 9223372036854775807 2))"),
    Row("a * b ** c / d", "(/ (* a (** b c)) d)"),
    Row("a.b[0]**x@last", "(** ([] (. a b) 0) (@ x last))"),
    Row("(-2)**2", "(** (() (- 2)) 2)"),
    Row("sort -x ** 2", "(do sort (- (** x 2)))"),
    Row("not a ** 2 == b", "(not (== (** a 2) b))"),
    Row("not a and b or c", "(or (and (not a) b) c)"),
    Row("not a == b", "(not (== a b))"),
    Row("not not a", "(not (not a))"),
    Row("a or b and c", "(or a (and b c))"),
    Row("(a or b) and c", "(and (() (or a b)) c)"),
    Row("a==b", "(== a b)"),
    Row("3 != 4", "(!= 3 4)"),
    Row("a.b.c[1].d@last", "(@ (. ([] (. (. a b) c) 1) d) last)"),
    Row("a.for.in", "(. (. a for) in)"),
    Row("a[1][-1]", "([] ([] a 1) (- 1))"),
    Row("a*b", "(* a b)"),
    Row("a%b", "(% a b)"),
    Row("L*x", "(* L x)"),
    Row("L * 2", "(* L 2)"),
    Row("[]", "[]"),
    Row("[1, [2], (a | b),]", "[1 [2] (() (| a b))]"),
    Row("true", "(true)"),
    Row("größe > 3", "(> größe 3)"),
    Row("層 == 1", "(== 層 1)"),
    Row("L9_norm + Lx + L9foo + L", "(+ (+ (+ L9_norm Lx) L9foo) L)"),
  ]

  static let literals = [
    Row("3", "3"),
    Row("007", "7"),
    Row("9223372036854775807", "9223372036854775807"),
    Row("-9223372036854775808", "-9223372036854775808"),
    Row("a - -9223372036854775808", "(- a -9223372036854775808)"),
    Row("0.5", "0.5"),
    Row("1e-3", "0.001"),
    Row("1E3", "1000.0"),
    Row("1e+16", "1e+16"),
    Row("10%", "(% 0.1)"),
    Row("0.07%", "(% 0.0007)"),
    Row("10%3", "(% 10 3)"),
    Row("10 % 3", "(% 10 3)"),
    Row("10% - 3", "(- (% 0.1) 3)"),
    Row("[10%, 20%]", "[(% 0.1) (% 0.2)]"),
    Row("2GB", "(GB 2000000000.0)"),
    Row("1.1MB", "(MB 1100000.0)"),
    Row("4KiB", "(KiB 4096.0)"),
    Row("30s", "(s 30.0)"),
    Row("1.5ms", "(ms 0.0015)"),
    Row("2min", "(min 120.0)"),
    Row("1h", "(h 3600.0)"),
    Row("\"\"", "(str)"),
    Row("''", "(raw)"),
    Row("\" Italy\"", "\" Italy\""),
    Row("'a\\n\"b'", "(raw \"a\\\\n\\\"b\")"),
    Row(#""a\n\r\t\"\\\u{e9}\u{1F600}""#, "\"a\\n\\r\\t\\\"\\\\é😀\""),
    Row("\"# no comment\" # but this", "\"# no comment\""),
    Row(#""a\(b)c""#, #"(str "a" (\ b) "c")"#),
    Row(#""\(b)""#, #"(\ b)"#),
    Row(#""\(t | top 1 | f("x\(y)"))""#, #"(\ (| t (do top 1) (call f (str "x" (\ y)))))"#),
    Row(#""\((a))""#, #"(\ (() a))"#),
    Row("\"日本 😀\"", "\"日本 😀\""),
  ]

  static let components = [
    Row("L9", "<L9>"),
    Row("L9H8", "<L9H8>"),
    Row("L9.mlp", "<L9.mlp>"),
    Row("L9.ln1.scale", "<L9.ln1.scale>"),
    Row("L9H8.z", "<L9H8.z>"),
    Row("L9N123", "<L9N123>"),
    Row("L9KV2.v", "<L9KV2.v>"),
    Row("L5..12", "<L5-12>"),
    Row("L5..L12", "<L5-12>"),
    Row("L5..12H3", "<L5-12H3>"),
    Row("L5 .. L12", "(.. <L5> <L12>)"),
    Row("L5..x", "(.. <L5> x)"),
    Row("L*", "<L*>"),
    Row("L*H3", "<L*H3>"),
    Row("L*.resid_pre@*", "(@ <L*.resid_pre> *)"),
    Row("L9H*", "<L9H*>"),
    Row("L9H{1,3}", "<L9H1,3>"),
    Row("L9H{ 1 , 3..5 }.z", "<L9H1,3-5.z>"),
    Row("L{3,5..7}H2", "<L3,5-7H2>"),
    Row("L9H1..3", "<L9H1-3>"),
    Row("[L9H1, L{1,2}]", "[<L9H1> <L1,2>]"),
    Row("blocks.9.attn.hook_z", "<hook.blocks.9.attn.hook_z>"),
    Row("blocks.0.hook_resid_pre@last", "(@ <hook.blocks.0.hook_resid_pre> last)"),
    Row("hook_embed", "<hook.hook_embed>"),
    Row("ln_final.hook_scale", "<hook.ln_final.hook_scale>"),
    Row("ln_final.scale", "(. ln_final scale)"),
    Row("unembed.bias", "(. unembed bias)"),
    Row("best.L9", "(. best L9)"),
    Row("embed", "embed"),
  ]

  static let positions = [
    Row("heads@last", "(@ heads last)"),
    Row("@last", "(@ last)"),
    Row("x@3", "(@ x 3)"),
    Row("x@-1", "(@ x -1)"),
    Row("x@3..5", "(@ x (.. 3 5))"),
    Row("x@-3..-1", "(@ x (.. -3 -1))"),
    Row("x@3..-1", "(@ x (.. 3 -1))"),
    Row("x@3 .. 5", "(.. (@ x 3) 5)"),
    Row("x@*", "(@ x *)"),
    Row("x@\"Colosseum\"", "(@ x \"Colosseum\")"),
    Row("x@' of'", "(@ x \" of\")"),
    Row("x@{0, last, -1, \"a\", 2..3, *}", "(@ x {0 last -1 \"a\" (.. 2 3) *})"),
    Row("x@a@b.c", "(. (@ (@ x a) b) c)"),
    Row("(a.b)@subject", "(@ (() (. a b)) subject)"),
  ]

  static let statements = [
    Row("let x = a | b", "(let x (| a b))"),
    Row("let x = 3;let y = x", "(let x 3)\n(let y x)"),
    Row("def f() { }", "(def f () {})"),
    Row("def f(a, b = 1 + 2) { a | top b }", "(def f (a (= b (+ 1 2))) {(| a (do top b))})"),
    Row("def f(\n  a,\n  b,\n) {\n  a\n\n  b; c\n}", "(def f (a b) {a; b; c})"),
    Row("for l in 0..29 { l }", "(for l (.. 0 29) {l})"),
    Row("for l in heads, mlps { l }", "(for l (, heads mlps) {l})"),
    Row("for l in (country | top 3) { l }", "(for l (() (| country (do top 3))) {l})"),
    Row("if a { b }", "(if a {b})"),
    Row("if a { b } else { c }", "(if a {b} {c})"),
    Row("if a { b } else if c { d } else { e }", "(if a {b} {(if c {d} {e})})"),
    Row("if a@{0,1} { b }", "(if (@ a {0 1}) {b})"),
    Row("if not a and L{1,2} in b { c }", "(if (and (not a) (in <L1,2> b)) {c})"),
    Row("if a { if b { c } }; d", "(if a {(if b {c})})\nd"),
    Row("assert a == b", "(assert (== a b))"),
    Row("assert a == b, \"no\"", "(assert (== a b) \"no\")"),
    Row("source \"lib.summand\"", "(source \"lib.summand\")"),
    Row("source lib.summand", "(source (. lib summand))"),
    Row("source ./lib.summand", "(source (raw \"./lib.summand\"))"),
    Row("source once \"lib.summand\"", "(source-once \"lib.summand\")"),
    Row("source once ./lib.summand", "(source-once (raw \"./lib.summand\"))"),
    // A file may be called so.
    Row("source once", "(source once)"),
    Row("source once; a", "(source once)\na"),
    Row("source once once", "(source-once once)"),
    Row("if a { source once }", "(if a {(source once)})"),
    Row("time a | b", "(time (| a b))"),
    Row("report args.out { a | plot bar }", "(report (. args out) {(| a (do plot bar))})"),
    Row("report \"x.html\" {\n  \"# A\"\n  b; c\n}", "(report \"x.html\" {\"# A\"; b; c})"),
  ]

  static let continuations = [
    Row("a |\n  b", "(| a b)"),
    Row("a\n  | b\n  | c", "(| a b c)"),
    Row("a\n  | b\n#  | x\n\n  # why\n  | c", "(| a b c)"),
    Row("a |\n  # b |\n  c", "(| a c)"),
    Row("a\n  # | b\nc", "a\nc"),
    Row("a\r\n  | b\r\nc\r\n", "(| a b)\nc"),
    Row("1 +\n  2", "(+ 1 2)"),
    Row("where a and\n  not\n  b", "(do where (and a (not b)))"),
    Row("f a,\n  b", "(do f (, a b))"),
    Row("f a ->\n  b", "(do f a -> b)"),
    Row("let x =\n  3", "(let x 3)"),
    Row("f (a\n  b\n)", "(do f (() (do a b)))"),
    Row("[1,\n 2\n]", "[1 2]"),
    Row("f(\n  1,\n  2\n)", "(call f 1 2)"),
    Row("(a\n | b)", "(() (| a b))"),
    Row("(a # why\n | b)", "(() (| a b))"),
    Row("def f() {\n  a\n    | b\n}\nc", "(def f () {(| a b)})\nc"),
    Row("\u{FEFF}a", "a"),
  ]
}
