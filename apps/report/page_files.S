// The parts of the pages of `narrow report` and `narrow sweep`, in read-only data. The macros are the paths of the files.
// Charts and licence are empty where the library was not there when the command was built.
        .section .rodata
        .macro begin name
        .global narrow_page_\name\()_begin
narrow_page_\name\()_begin:
        .endm
        .macro end name
        .global narrow_page_\name\()_end
narrow_page_\name\()_end:
        .byte 0
        .endm
        .macro part name, path
        begin \name
        .incbin "\path"
        end \name
        .endm
        part parts_css, NARROW_PAGE_PARTS_CSS
        part parts_js, NARROW_PAGE_PARTS_JS
        part charts, NARROW_PAGE_CHARTS
        part licence, NARROW_PAGE_LICENCE
        part report_html, NARROW_PAGE_REPORT_HTML
        part report_css, NARROW_PAGE_REPORT_CSS
        // Each file uses those before it.
        begin report_js
        .incbin NARROW_PAGE_REPORT_DATA_JS
        .incbin NARROW_PAGE_REPORT_TIMES_JS
        .incbin NARROW_PAGE_REPORT_QUESTIONS_JS
        .incbin NARROW_PAGE_REPORT_CHARTS_JS
        .incbin NARROW_PAGE_REPORT_ADVICE_JS
        .incbin NARROW_PAGE_REPORT_NETWORK_JS
        .incbin NARROW_PAGE_REPORT_LAYER_JS
        .incbin NARROW_PAGE_REPORT_LISTS_JS
        .incbin NARROW_PAGE_REPORT_JS
        end report_js
        part sweep_html, NARROW_PAGE_SWEEP_HTML
        part sweep_css, NARROW_PAGE_SWEEP_CSS
        part sweep_js, NARROW_PAGE_SWEEP_JS
        .section .note.GNU-stack,"",@progbits
