import Lang
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `set`, `vars`, `drop`, `cd`, `pwd`, `env` and `show`.
@Suite struct SettingTests {
  private let session = Session(host: TestHost(environment: ["WHO": "me", "EMPTY": ""]))

  /// A table of some rows, one of its columns with many digits.
  private static let table = """
    let rows = for n in 1..30 { n }
    let numbers = read "\(countryFactsPath)" | take 3 | derive x = 1 / 3

    """

  @Test func listsAndChanges() {
    let all = session.running("set | show as csv").output
    for setting in Setting.allCases {
      #expect(all.contains("\n\(setting.rawValue),"), "\(setting)")
      #expect(!setting.summary.isEmpty && !setting.values.isEmpty)
    }
    #expect(session.running("set digits 3; (set digits).value[0]").output == "3\n")
    #expect(session.running("set digits; set rows").output.contains("screen"))
    // The rest of the session has it, and nothing else has.
    #expect(session.settings.digits == 3)
    #expect(session.settings.format == nil)
  }

  @Test(arguments: [
    ("digits", "0", "`digits` takes 1 to 17, got '0'"), ("digits", "x", "1 to 17"),
    ("rows", "0", "`rows` takes a number, screen, all"), ("rows", "-1", ""),
    ("colour", "red", "`colour` takes on, off, auto, got 'red'"), ("hints", "yes", "on, off"),
    ("pager", "3", "on, off"), ("timer", "maybe", "on, off"), ("threads", "0", "1 to 1024"),
    ("format", "xml", "`format` takes table, plain"), ("memory", "much", "2GB"),
    ("memory", "0", ""),
  ])
  func refuses(setting: String, value: String, message: String) {
    let before = session.running("set | show as csv").output
    let failed = session.running("set \(setting) \(value)")
    #expect(failed.status == .failed)
    if !message.isEmpty { #expect(failed.messages.contains(message), "\(failed.messages)") }
    #expect(session.running("set | show as csv").output == before)
  }

  /// How tables look to people: what is missing, long texts, the number of rows.
  @Test func missingWrapAndCounts() {
    _ = session.running("let t = [\"one two three four\", missing]")
    let csv = session.running("t | show as csv").output
    _ = session.running("set missing \"n/a\"")
    #expect(session.running("t | show as table").output.hasSuffix("\nn/a\n"))
    #expect(session.running("t | show as csv").output == csv)
    _ = session.running("set missing default; set counts on")
    #expect(session.running("t | show as table").output.hasSuffix("\n–\n2 rows\n"))
    #expect(session.running("t | show as record").output.hasSuffix("\n2 rows\n"))
    #expect(session.running("t | show as csv").output == csv)
    _ = session.running("set counts off; set wrap on")
    (session.host as? TestHost)?.settings.width = 12
    let rule = String(repeating: "─", count: 12)
    #expect(
      session.running("t | show as table").output
        == "value\n\(rule)\none two\nthree four\n–\n")
    _ = session.running("set wrap off")
    #expect(session.running("t | show as table").output.contains("\none two thr…\n"))
  }

  @Test func unknownSettings() {
    let failed = session.running("set digit 3")
    #expect(failed.status == .failed)
    #expect(session.running("set 3").status == .failed)
  }

  @Test func digitsRowsAndFormats() {
    #expect(session.running(Self.table).status == .done)
    #expect(session.running("numbers | select x").output.contains("0.333333"))
    #expect(session.running("set digits 3; numbers | select x").output.contains("0.333\n"))
    #expect(
      session.running("set digits 6; set format table; set rows 4; rows").output
        .contains("… 26 more rows"))
    #expect(!session.running("set rows all; rows").output.contains("more rows"))
    #expect(
      session.running("set format csv; 3; numbers | take 1 | select x").output
        == "\n3\n\nx\n0.3333333333333333\n")
    #expect(session.running("set format default; 3").output == "3\n")
  }

  @Test func thousandsAreGrouped() throws {
    let table = Table(columns: [
      Column("n", .integers([1_234_567, 999])), Column("x", .doubles([-1_234_567.5, 1000])),
      Column("tiny", .doubles([1e-9, 0])), Column("name", .texts(["1234", "12345"])),
    ])
    var settings = RenderSettings()
    settings.groupsThousands = true
    let shown = render(table, as: .table, settings: settings)
    for text in ["1,234,567  -1,234,567.5", "      999       1,000.0", "  1234\n", "12345"] {
      #expect(shown.contains(text), "\(shown)")
    }
    #expect(session.running("set format table; set thousands on").status == .done)
    #expect(session.renderSettings.groupsThousands)
    #expect(session.running("set thousands maybe").status == .failed)
  }

  /// What the process was started with stays for whatever has its own settings.
  @Test func threadsAreFixedWithAModel() throws {
    #expect(session.running("set threads 1").status == .done)
    #expect(session.pool.width == 1)
    let loaded = try documentedSession()
    let failed = loaded.running("set threads 1")
    #expect(failed.messages.contains("`threads` is fixed once a model is loaded"))
    #expect(loaded.settings.threads == nil)
  }

  @Test func timerAfterEachLineOfThePrompt() {
    #expect(session.running("set timer on", interactive: true).status == .done)
    let timed = session.running("1; 2", interactive: true)
    #expect(timed.messages.components(separatedBy: "took ").count == 3, "\(timed.messages)")
    #expect(session.running("1").messages == "")
  }

  @Test func showsAllAndRecords() throws {
    let host = TestHost(format: .table)
    host.settings.maximumRows = 5
    host.settings.rowsHelp = "`_ | show all` prints them"
    let session = Session(host: host)
    #expect(session.running("for n in 1..30 { n }").output.split(separator: "\n").count == 30)
    let cut = session.running("let l = for n in 1..30 { n }\nl").output
    #expect(cut.hasSuffix("… 25 more rows: `_ | show all` prints them\n"), "\(cut)")
    let whole = session.running("_ | show all").output
    #expect(whole.hasSuffix("30\n") && !whole.contains("more"), "\(whole)")
    #expect(session.running(Self.table).status == .done)
    let record = session.running("numbers | take 2 | select subject, x | show as record").output
    #expect(
      record.contains("── 1\nsubject  ") && record.contains("\nx        0.333333\n── 2\n"),
      "\(record)")
    #expect(session.running("numbers | where x > 1 | show as record").output == "no rows\n")
    // Down a pipe nothing is cut.
    host.settings = RenderSettings()
    let long = session.running(
      "numbers | derive long = \"\(String(repeating: "x", count: 300))\" | show as record")
    #expect(long.output.contains(String(repeating: "x", count: 300)))
  }

  @Test func variables() {
    #expect(
      session.running("let b = [1, 2]; let a = \"text\"; vars | show as csv").output
        == "name,kind,size,value\na,text,,text\nb,a list,2,\"1, 2\"\n")
    #expect(session.running("drop a; a").messages.contains("there is no variable or command 'a'"))
    let failed = session.running("drop b, c")
    #expect(failed.messages.contains("there is no variable `$c`"))
    #expect(session.running("length(b)").output == "2\n")
    #expect(session.running("drop").status == .failed)
    #expect(session.running("def f(x) { drop b; x }\nf(1)").messages.contains("`drop` it outside"))
    #expect(session.running("def g(x) { drop x; 3 }\ng(1)").output == "3\n")
  }

  /// These words were free before they were commands, and scripts have them as names.
  @Test func namesThatAreCommandsToo() {
    let text = """
      let set = [3]
      let drop = 4
      def vars(cd) { cd }
      set[0] + drop
      for pwd in set { pwd }
      [5] | vars
      """
    #expect(session.running(text).output == "7\n3\nvalue\n-----\n    5\n")
    #expect(session.running("let rank = 3").messages.contains("'rank' is a command"))
  }

  @Test func environment() {
    #expect(session.running("env.WHO").output == "me\n")
    #expect(session.running("env.EMPTY").output == "\n")
    #expect(session.running("\"is \\(env.WHO)\"").output == "is me\n")
    #expect(session.running("env.NOBODY").messages.contains("'NOBODY' is not set"))
    let path = session.running(
      "read \"\(countryFactsPath)\" | take 2 | derive who = env.WHO | select who | show as csv")
    #expect(path.output == "who\nme\nme\n", "\(path.messages)")
    #expect(session.running("let env = 3\nenv").output == "3\n")
  }

  @Test func folders() {
    #expect(session.running("pwd").output == FileManager.default.currentDirectoryPath + "\n")
    for line in ["cd .", "cd ..", "cd ../x", "cd \"a b\"", "cd /tmp", "cd a/b"] {
      let parsed = parse(SourceText(name: "", text: line))
      #expect(!parsed.hasErrors, "\(line)")
      #expect(session.running(line).status == .done)
    }
    // Elsewhere two dots are a range's.
    #expect(session.running("length(for n in 1 .. 3 { n })").output == "3\n")
  }
}
