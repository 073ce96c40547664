// The parts of the pages of `narrow report` and `narrow sweep`, in read-only data. The macros are the paths of the files.
// Charts and licence are empty where the library was not there when the command was built.
        .section .rodata
        .macro part name, path
        .global narrow_page_\name\()_begin
        .global narrow_page_\name\()_end
narrow_page_\name\()_begin:
        .incbin "\path"
narrow_page_\name\()_end:
        .byte 0
        .endm
        part parts_css, NARROW_PAGE_PARTS_CSS
        part parts_js, NARROW_PAGE_PARTS_JS
        part charts, NARROW_PAGE_CHARTS
        part licence, NARROW_PAGE_LICENCE
        part report_html, NARROW_PAGE_REPORT_HTML
        part report_css, NARROW_PAGE_REPORT_CSS
        part report_js, NARROW_PAGE_REPORT_JS
        part sweep_html, NARROW_PAGE_SWEEP_HTML
        part sweep_css, NARROW_PAGE_SWEEP_CSS
        part sweep_js, NARROW_PAGE_SWEEP_JS
        .section .note.GNU-stack,"",@progbits
