// The default model's file as it is, in read-only data. NARROW_DEFAULT_MODEL is its path.
        .section .rodata
        .balign 64
        .global narrow_default_model_begin
        .global narrow_default_model_end
narrow_default_model_begin:
        .incbin NARROW_DEFAULT_MODEL
narrow_default_model_end:
        .byte 0
        .section .note.GNU-stack,"",@progbits
