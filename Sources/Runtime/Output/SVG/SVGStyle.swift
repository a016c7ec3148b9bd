/// How drawings and pages look. Both have one palette, once for light and once for dark, as variables:
/// nothing else names a colour.
enum SVGStyle {
  /// Series in the order of the terminal's colours.
  static let light = """
    --paper:#fff;--ink:#1c2230;--soft:#586173;--faint:#e2e5ea;--axis:#8b93a3;--tint:#f4f5f7;\
    --high:#15539b;--low:#ad2138;--weak:#000;--strong:#fff;--link:#15539b;--warning:#8a5a00;--glow:#fff6e0;\
    --s0:#2f6fb7;--s1:#c2453a;--s2:#2b8a57;--s3:#b36f00;--s4:#7d52b5;--s5:#1b8694;--s6:#bd4a78;\
    --s7:#77741f
    """
  static let dark = """
    --paper:#13161c;--ink:#e7eaf0;--soft:#a3acbc;--faint:#2c323d;--axis:#788294;--tint:#1b2029;\
    --high:#74b4ff;--low:#ff8f89;--weak:#fff;--strong:#000;--link:#8cc0ff;--warning:#f0c36a;--glow:#2a2415;\
    --s0:#6fabf0;--s1:#f28b80;--s2:#6cc796;--s3:#e5ab4c;--s4:#bb98ec;--s5:#5fc3d0;--s6:#ec8fb5;\
    --s7:#bdb95c
    """

  /// What a drawing needs, in a file of its own or in a page.
  static let rules = """
    .plot{color-scheme:light dark;\(light)}
    @media (prefers-color-scheme:dark){.plot{\(dark)}}
    .plot{display:block;height:auto;background:var(--paper);fill:var(--ink)}
    .plot text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;\
    font-variant-numeric:tabular-nums;white-space:pre}
    .plot .title{font-size:15px;font-weight:600}
    .plot .name{font-weight:600}
    .plot .soft{fill:var(--soft)}
    .plot .inside{font-size:11px;fill:var(--weak)}
    .plot .mid{fill:#000}
    .plot .strong{fill:var(--strong)}
    .plot line{stroke:var(--axis);stroke-width:1}
    .plot .grid{stroke:var(--faint)}
    .plot .zero{stroke-dasharray:3 3}
    .plot .high{fill:var(--high)}
    .plot .low{fill:var(--low)}
    .plot .missing{fill:var(--tint)}
    .plot .frame{fill:none;stroke:var(--faint)}
    .plot .point{fill-opacity:.75;stroke:var(--paper);stroke-width:.75}
    .plot .curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
    \(series)
    """

  private static let series = (0..<PlotSeries.limit).map { index in
    ".plot .s\(index){fill:var(--s\(index))}.plot .curve.s\(index){stroke:var(--s\(index));fill:none}\n"
  }.joined()
}
