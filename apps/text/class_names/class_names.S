// The names of ImageNet's classes, in read-only data: a line for each class, its WordNet identifier and its name.
        .section .rodata
        .global narrow_imagenet_names_begin
        .global narrow_imagenet_names_end
narrow_imagenet_names_begin:
        .incbin NARROW_IMAGENET_NAMES
narrow_imagenet_names_end:
        .byte 0
        .section .note.GNU-stack,"",@progbits
