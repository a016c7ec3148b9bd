/// How a page looks: one column that is comfortable to read, tables and plots that scroll in their
/// own boxes where a screen is narrow.
enum PageStyle {
  static let rules = """
    :root{color-scheme:light dark;\(SVGStyle.light.variables)}
    @media (prefers-color-scheme:dark){:root{\(SVGStyle.dark.variables)}}
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
    body{margin:0;background:var(--paper);color:var(--ink);\
    font:1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
    main{max-width:54rem;margin:0 auto;padding:2.5rem 1.25rem 4rem;overflow-wrap:break-word}
    h1{font-size:1.9rem;line-height:1.2;letter-spacing:-.01em;margin:0 0 1.25rem}
    h2{font-size:1.35rem;line-height:1.3;margin:3rem 0 .75rem;padding-top:.9rem;\
    border-top:1px solid var(--faint)}
    h3{font-size:1.1rem;margin:2rem 0 .5rem}
    h4{font-size:1rem;margin:1.5rem 0 .5rem}
    p{margin:.75rem 0}
    p,ul,ol,blockquote,.particulars,.warning{max-width:44rem}
    a{color:var(--link)}
    code,pre{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
    code{font-size:.875em;background:var(--tint);border-radius:.25rem;padding:.1em .3em}
    pre{font-size:.8rem;line-height:1.5;background:var(--tint);border-radius:.5rem;\
    padding:.9rem 1rem;overflow-x:auto}
    pre code{font-size:inherit;background:none;padding:0}
    blockquote{margin:1rem 0;padding-left:1rem;border-left:3px solid var(--faint);color:var(--soft)}
    .particulars{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.2rem 1.25rem;\
    margin:0 0 2rem;padding:.9rem 1.1rem;border-radius:.5rem;background:var(--tint);\
    font-size:.85rem;line-height:1.5}
    .particulars dt{color:var(--soft)}
    .particulars dd{margin:0;overflow-wrap:anywhere}
    .particulars code{background:none;padding:0}
    nav{font-size:.9rem}
    nav ol{margin:0;padding-left:1.4rem}
    figure{margin:1.5rem 0}
    figcaption{margin:0 0 .5rem;line-height:1.4}
    figcaption code,.value code{font-size:.75rem;color:var(--soft);background:none;padding:0;\
    overflow-wrap:anywhere}
    .value output{font-weight:600;font-variant-numeric:tabular-nums;margin-left:.5rem}
    .scroll{overflow-x:auto}
    .scroll:focus-visible,pre:focus-visible{outline:2px solid var(--link);outline-offset:2px}
    table{border-collapse:collapse;font-size:.85rem;line-height:1.45;\
    font-variant-numeric:tabular-nums}
    th,td{padding:.28rem 1.25rem .28rem 0;text-align:left;vertical-align:top;white-space:pre;\
    border-bottom:1px solid var(--faint)}
    th:last-child,td:last-child{padding-right:.25rem}
    th{font-weight:600;border-bottom-color:var(--axis)}
    th.number,td.number{text-align:right}
    td.long{white-space:pre-wrap;min-width:18rem}
    td.negative{color:var(--low)}
    td.missing,.note{color:var(--soft)}
    .note{font-size:.8rem;line-height:1.45}
    summary{cursor:pointer;color:var(--link);font-size:.85rem;padding:.35rem 0}
    .warning{margin:1.25rem 0;padding:.7rem 1rem;border-left:3px solid var(--warning);\
    background:var(--glow);border-radius:0 .4rem .4rem 0;font-size:.9rem;line-height:1.5}
    .warning strong{color:var(--warning);margin-right:.35rem}
    footer{margin-top:3rem;padding-top:.75rem;border-top:1px solid var(--faint)}
    @media (max-width:34rem){main{padding:1.5rem 1rem 3rem}h1{font-size:1.55rem}\
    h2{margin-top:2.25rem}.particulars{gap:.2rem .9rem;padding:.8rem .9rem}}
    @media print{.scroll{overflow:visible}main{max-width:none}}

    """
}
