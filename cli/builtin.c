/* builtin.c - the model that is part of the command, put there by the assembler. */
#include "cli.h"

#ifdef CLI_BUILTIN_FILE
__asm__(".section .rodata\n"
        ".balign 4096\n"
        ".globl cli_builtin_begin\n"
        "cli_builtin_begin:\n"
        ".incbin \"" CLI_BUILTIN_FILE "\"\n"
        ".globl cli_builtin_end\n"
        "cli_builtin_end:\n"
        ".byte 0\n"
        ".text\n");
extern const unsigned char cli_builtin_begin[], cli_builtin_end[];

bool cli_builtin(const void **data, size_t *bytes) {
    *data = cli_builtin_begin;
    *bytes = (size_t)(cli_builtin_end - cli_builtin_begin);
    return true;
}
#else
bool cli_builtin(const void **data, size_t *bytes) {
    *data = NULL;
    *bytes = 0;
    return false;
}
#endif
