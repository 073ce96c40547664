// The parts of the page of `narrow report`, in read-only data. The macros are the paths of the files. Charts and licence
// are empty where the library was not there when the command was built.
        .section .rodata
        .macro part name, path
        .global narrow_page_\name\()_begin
        .global narrow_page_\name\()_end
narrow_page_\name\()_begin:
        .incbin "\path"
narrow_page_\name\()_end:
        .byte 0
        .endm
        part html, NARROW_PAGE_HTML
        part css, NARROW_PAGE_CSS
        part js, NARROW_PAGE_JS
        part charts, NARROW_PAGE_CHARTS
        part licence, NARROW_PAGE_LICENCE
        .section .note.GNU-stack,"",@progbits
