import Testing

@testable import Runtime

@Suite("Tables that are made row by row")
struct TableBuilderTests {
  @Test("a cell that a row does not set is missing, in every type")
  func unset() {
    var table = TableBuilder(capacity: 3)
    let (id, name) = (table.integers("id"), table.texts("name"))
    let (logit, prob) = (table.singles("logit"), table.doubles("prob"))
    let isAnswer = table.booleans("is_answer")
    let lacking: TableBuilder.Key<Int>? = nil
    table.addRow()
    table[id] = 7
    table[logit] = .nan
    table[lacking] = 1
    table.addRow()
    (table[name], table[prob], table[isAnswer]) = ("b", 0.5, true)
    table[logit] = 2
    table.addRow()
    table[id] = 9
    // A column may come late, and a cell may be set again.
    let late = table.texts("late")
    (table[late], table[id]) = ("z", 10)
    let made = table.table(measure: "logit")
    #expect(
      lines(made) == [
        "id|name|logit|prob|is_answer|late", "7|||||", "|b|2.0|0.5|true|", "10|||||z",
      ])
    #expect(made.measure == "logit")
    #expect(made.columns.map(\.kind) == [.integers, .texts, .singles, .doubles, .booleans, .texts])
    #expect(made.columns.allSatisfy { $0.count == 3 })
    #expect(table[id] == 10 && table[name] == nil && table[logit] == nil)
  }

  @Test func aTableWithoutRowsHasItsColumns() {
    var table = TableBuilder()
    _ = (table.integers("a"), table.texts("b"))
    #expect(lines(table.table()) == ["a|b"])
  }
}
