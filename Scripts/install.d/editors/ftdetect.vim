autocmd BufRead,BufNewFile *.summand setfiletype summand
