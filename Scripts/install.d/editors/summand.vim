" Vim syntax file
" Language: Summand
" Tests/LangTests/GrammarTests.swift holds it against the lexer.

if exists("b:current_syntax")
  finish
endif

syntax case match

" Of two that match at one place, Vim takes the later.
syntax match summandWord "\<\h\w*\>"
syntax match summandCommand "\%(|\s*\)\@<=\h\w*\>"
syntax match summandOperator "[-+*/%<>=|@.]\|->\|\.\.\|[=!<>]=\|\*\*"
syntax match summandDelimiter "[][(){},;]"

syntax match summandKeyword "\.\@1<!\<\%(else\|in\|and\|or\|not\|true\|false\)\>"
syntax match summandKeyword "\%(^\s*\|[;{}]\s*\)\@<=\<\%(let\|def\|for\|if\|assert\|source\|time\|plan\|report\)\>"
syntax match summandKeyword "\%(\<else\s\+\)\@<=if\>"

syntax match summandNumber "\<\d\+\%(\.\d\+\)\?\%([eE][-+]\?\d\+\)\?\%(\%([KMGT]i\?B\|B\|ms\|min\|s\|h\)\>\)\?"
syntax match summandNumber "\<\d\+\%(\.\d\+\)\?\%([eE][-+]\?\d\+\)\?%[[:alnum:]_(\"']\@!"

syntax match summandPath "\%(^\|[[:space:]([,=|;{]\)\@1<=\%(\.\{1,2}/\|\~/\|/[[:digit:]/|;)\]},\"'[:space:]]\@!.\@=\)[^[:space:]|;)\]},\"']*"
syntax match summandPath "\%(\<cd\s\+\)\@<=\%(\.\.\|\.\|\~\)\%($\|[[:space:]|;)\]},\"']\)\@="
syntax match summandPath "\%([^[:space:]|;{(=]\s\)\@<=\h\w*\%([./-]\w\+\)\{-}\%([/-]\d\+\%(\%([KMGT]i\?B\|B\|ms\|min\|s\|h\)\>\|[eE]\d\)\@!\a\|\.\d\)\w*\%([./-]\w\+\)*"
syntax match summandPath "\%([^[:space:]|;{(=]\s\)\@<=\h[[:alnum:]_-]*/\%(\s\|$\)\@="

syntax match summandComponent "\%(\.\|\w\)\@1<!L\%(\*[[:alnum:]_(\"]\@!\|\*\ze[HKN]\%([[:digit:]*{]\|V\)\|\d\+\%(\.\.L\?\d\+\)\?\|{[0-9,. ]*}\)\%(\%(H\|KV\|N\)\%(\*\|\d\+\%(\.\.\d\+\)\?\|{[0-9,. ]*}\)\)\?\%(\w\)\@!\%(\.\h\w*\)*"
syntax match summandComponent "\%(\.\|\w\)\@1<!L\*\%(H\|KV\|N\)\%(\*\|\d\+\%(\.\.\d\+\)\?\|{[0-9,. ]*}\)\%(\w\)\@!\%(\.\h\w*\)*"
syntax match summandComponent "\%(\.\|\w\)\@1<!blocks\.\d\+\%(\.\w\+\)*"
syntax match summandComponent "\%(\.\|\w\)\@1<!\%(\w\+\.\)\?hook_\w\+\%(\.\w\+\)*"

syntax match summandOption "\%(^\|[[:space:]([,=|;{]\)\@1<=--\h\w*\%(-\h\w*\)*"

syntax match summandVariable "\$\h\w*"
syntax match summandColumn "`\%([^`]\|``\)*`"
syntax match summandRaw "'[^']*'"
syntax region summandString matchgroup=summandString start=+"+ end=+"\|$+ oneline contains=summandEscape,summandInterpolation
syntax match summandEscape "\\\%(u{\w*}\|.\)" contained
syntax region summandInterpolation matchgroup=summandEscape start="\\(" end=")" contained oneline contains=TOP
" So that the first ) in an interpolation does not end it.
syntax region summandGroup matchgroup=summandDelimiter start="(" end=")" contains=TOP

syntax match summandShell "\%(^\s*\|[|;({=]\s*\)\@<=!=\@!.*$"
syntax match summandComment "#.*$"

highlight default link summandCommand Function
highlight default link summandKeyword Statement
highlight default link summandOperator Operator
highlight default link summandNumber Number
highlight default link summandComponent Constant
highlight default link summandPath String
highlight default link summandOption Special
highlight default link summandVariable Identifier
highlight default link summandColumn Identifier
highlight default link summandRaw String
highlight default link summandString String
highlight default link summandEscape SpecialChar
highlight default link summandShell PreProc
highlight default link summandComment Comment

let b:current_syntax = "summand"
