/// How drawings and pages look. Both have one palette, once for light and once for dark: nothing
/// else names a colour.
enum SVGStyle {
  struct Palette {
    let paper, ink, soft, faint, axis, tint: String
    /// Above and below zero.
    let high, low: String
    /// Of a text on a cell without colour, and on one in full colour.
    let weak, strong: String
    let link, warning, glow: String
    /// In the order of the terminal's colours.
    let series: [String]

    /// As CSS variables, for pages.
    var variables: String {
      "--paper:\(paper);--ink:\(ink);--soft:\(soft);--faint:\(faint);--axis:\(axis);--tint:\(tint);"
        + "--high:\(high);--low:\(low);--weak:\(weak);--strong:\(strong);--link:\(link);--warning:\(warning);--glow:\(glow)"
    }

    /// The colours of a drawing. They are literal: librsvg and resvg, and so most programs that are
    /// no browser, have no variables and would draw everything black.
    fileprivate var rules: String {
      """
      .plot{background:\(paper);fill:\(ink)}
      .plot .paper{fill:\(paper)}
      .plot .soft{fill:\(soft)}
      .plot .inside{fill:\(weak)}
      .plot .mid{fill:#000}
      .plot .strong{fill:\(strong)}
      .plot line{stroke:\(axis)}
      .plot .grid{stroke:\(faint)}
      .plot .high{fill:\(high)}
      .plot .low{fill:\(low)}
      .plot .missing{fill:\(tint)}
      .plot .frame{fill:none;stroke:\(faint)}
      .plot .point{stroke:\(paper)}
      .plot .error{stroke:\(ink)}

      """
        + series.prefix(PlotSeries.limit).enumerated().map { index, colour in
          ".plot .s\(index){fill:\(colour)}.plot .curve.s\(index){fill:none;stroke:\(colour)}"
            + ".plot .error.s\(index){stroke:\(colour)}\n"
        }.joined()
    }
  }

  static let light = Palette(
    paper: "#fff", ink: "#1c2230", soft: "#586173", faint: "#e2e5ea", axis: "#8b93a3",
    tint: "#f4f5f7", high: "#15539b", low: "#ad2138", weak: "#000", strong: "#fff",
    link: "#15539b", warning: "#8a5a00", glow: "#fff6e0",
    series: [
      "#2f6fb7", "#c2453a", "#2b8a57", "#b36f00", "#7d52b5", "#1b8694", "#bd4a78", "#77741f",
    ])
  static let dark = Palette(
    paper: "#13161c", ink: "#e7eaf0", soft: "#a3acbc", faint: "#2c323d", axis: "#788294",
    tint: "#1b2029", high: "#74b4ff", low: "#ff8f89", weak: "#fff", strong: "#000",
    link: "#8cc0ff", warning: "#f0c36a", glow: "#2a2415",
    series: [
      "#6fabf0", "#f28b80", "#6cc796", "#e5ab4c", "#bb98ec", "#5fc3d0", "#ec8fb5", "#bdb95c",
    ])

  /// What a drawing needs, in a file of its own or in a page. What does not follow the reader's
  /// preference for dark shows the light colours.
  static let rules = """
    .plot{color-scheme:light dark;display:block;height:auto}
    .plot text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;\
    font-variant-numeric:tabular-nums;white-space:pre}
    .plot .title{font-size:15px;font-weight:600}
    .plot .name{font-weight:600}
    .plot .inside{font-size:11px}
    .plot line{stroke-width:1}
    .plot .error{stroke-width:1.5}
    .plot .zero{stroke-dasharray:3 3}
    .plot .point{fill-opacity:.75;stroke-width:.75}
    .plot .curve{stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
    \(light.rules)@media (prefers-color-scheme:dark){
    \(dark.rules)}

    """
}
