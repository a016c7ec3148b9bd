import Model
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

  @Test("cells by cells, by many and again, on one thread and on several")
  func many() {
    var table = TableBuilder(capacity: 2)
    let (id, name) = (table.integers("id"), table.texts("name"))
    let logit = table.singles("logit")
    table.addRow()
    table[id] = 1
    table.addRows(2)
    table.fill(id, [2, nil])
    table.fill(name, "b", count: 2)
    table.addRow()
    (table[id], table[logit]) = (4, 0.5)
    table.addRows(2)
    table.fill(logit, [1, .nan])
    table.fill(name, ["e", nil])
    // A cell of many may be set again.
    table[name] = "f"
    table.addRow()
    #expect(table[name] == nil && table[logit] == nil)
    table.addRows(1)
    table.fill(id, 8, count: 1)
    #expect(table[id] == 8)
    let wanted = [
      "id|name|logit", "1||", "2|b|", "|b|", "4||0.5", "|e|1.0", "|f|", "||", "8||",
    ]
    #expect(lines(table.table()) == wanted)
    #expect(lines(table.table(on: WorkerPool(width: 3))) == wanted)
  }

  @Test func aTableWithoutRowsHasItsColumns() {
    var table = TableBuilder()
    _ = (table.integers("a"), table.texts("b"))
    #expect(lines(table.table()) == ["a|b"])
  }
}
