import Lang

/// What bars are drawn, in which order: for the terminal and for pages. With `by`, the bars of rows
/// with the same labels stand together, one for each value of that column.
struct PlottedBars {
  var measured: Column
  var labels: [Column]
  /// What tells the bars of a group apart, and its values.
  var split: Column?
  var names: [String] = []
  var bars: [Bar]

  struct Bar {
    var value: Double?
    var interval: ClosedRange<Double>?
    /// Which series it is of; nil where the bars are not grouped.
    var owner: Int?
    /// Whether it is the first of its group, which has the labels.
    var isFirst = true
  }

  init(
    _ table: Table, label: [String] = [], value: String? = nil, by: String? = nil,
    scale: SharedScale? = nil
  ) throws {
    measured = try table.numericColumn(value, for: "plot bar")
    guard let by else {
      labels = try table.labelColumns(label, besides: measured.name)
      bars = Self.bars(of: table, measured)
      return
    }
    guard by != measured.name, !label.contains(by) else {
      throw Failure(
        "`by \(by)` names a column that the bars show already",
        help: "name a column that tells the bars of a group apart")
    }
    let names = try table.dropping([by]).labelColumns(label, besides: measured.name).map(\.name)
    let series = try Series(table, by: by, names: scale?.series)
    let groups = try table.groups(by: names.map(table.column))
    // A label's bars together, each group in the order of the series.
    let order = groups.map { rows in
      rows.sorted { (series.index[$0], $0) < (series.index[$1], $1) }
    }
    let ordered = try table.gathered(order.flatMap { $0 })
    measured = try ordered.column(measured.name)
    labels = try names.map(ordered.column)
    split = try ordered.column(by)
    self.names = series.names
    bars = Self.bars(of: ordered, measured)
    var place = 0
    for rows in order {
      for (offset, row) in rows.enumerated() {
        bars[place].owner = series.index[row]
        bars[place].isFirst = offset == 0
        place += 1
      }
    }
  }

  private static func bars(of table: Table, _ measured: Column) -> [Bar] {
    let intervals = IntervalColumns(table, of: measured.name)
    return (0..<table.rowCount).map {
      Bar(value: measured.values.number($0), interval: intervals?[$0])
    }
  }

  /// What the bars and their intervals reach.
  var extent: SharedScale {
    SharedScale(
      y: bars.compactMap(\.value) + bars.compactMap(\.interval).flatMap(\.ends), series: names)
  }
}
