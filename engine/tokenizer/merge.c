/* merge.c - merging neighbours, best pair first, of equal ones the leftmost; and the two vocabularies that do
 * so. */
#include "vocab.h"

bool ac__symbols_reserve(ac__encode *e, size_t n) {
    e->symbols = 0;
    if (n > e->symbol_room) {
        size_t room = n < 64 ? 64 : n + n / 2;
        ac__symbol *more = ac__array_grow(e->symbol, room, sizeof *more);
        if (!more) return false;
        e->symbol = more;
        e->symbol_room = room;
    }
    return ac__heap_reserve(&e->heap, 2 * n); /* a merge takes one pair off and adds at most two */
}

static void add_symbol(ac__encode *e, size_t at, size_t n, uint32_t id) {
    uint32_t i = (uint32_t)e->symbols++;
    e->symbol[i] = (ac__symbol){(uint32_t)at, (uint32_t)n, i ? i - 1 : AC__NONE, i + 1, id};
}

/* Puts a symbol and its right neighbour on the work list when they merge. */
static void try_pair(ac__encode *e, const char *text, uint32_t left) {
    const ac_tokenizer *t = e->t;
    const ac__symbol *a = &e->symbol[left], *b = &e->symbol[a->next];
    uint32_t size = a->n + b->n;
    if (t->spm) {
        if (size > t->longest) return;
        uint32_t id = ac__strings_find(&t->strings, text + a->at, size);
        if (id != AC__NONE) ac__heap_push(&e->heap, (ac__job){(uint64_t)t->order[id] << 32 | left, size, id});
    } else if (a->id != AC__NONE && b->id != AC__NONE) {
        const ac__pair *pair = ac__pairs_find(&t->pairs, a->id, b->id);
        if (pair) ac__heap_push(&e->heap, (ac__job){(uint64_t)pair->rank << 32 | left, size, pair->result});
    }
}

void ac__merge(ac__encode *e, const char *text) {
    if (!e->symbols) return;
    ac__symbol *s = e->symbol;
    s[e->symbols - 1].next = AC__NONE;
    e->heap.count = 0;
    for (uint32_t i = 0; s[i].next != AC__NONE; i++) try_pair(e, text, i);
    while (e->heap.count) {
        ac__job job = ac__heap_pop(&e->heap);
        ac__symbol *a = &s[(uint32_t)job.key];
        /* Symbols only grow: the pair is as it was listed when it is as long. */
        if (!a->n || a->next == AC__NONE || a->n + s[a->next].n != job.size) continue;
        uint32_t left = (uint32_t)job.key, right = a->next;
        a->n = job.size;
        a->id = job.result;
        a->next = s[right].next;
        s[right].n = 0;
        if (a->next != AC__NONE) s[a->next].prev = left;
        if (a->prev != AC__NONE) try_pair(e, text, a->prev);
        if (a->next != AC__NONE) try_pair(e, text, left);
    }
}

/* ---- SentencePiece-style ---- */

static ac_status emit_byte(ac__encode *e, unsigned char byte) {
    uint32_t id = e->t->byte_id[byte];
    if (id == AC__NONE && e->t->unk < 0)
        return ac_fail(e->err, AC_ERR_TEXT, "text: the vocabulary has no token for the byte 0x%02X", byte);
    ac__emit(e, id == AC__NONE ? (uint32_t)e->t->unk : id);
    return AC_OK;
}

static ac_status spm_segment(ac__encode *e, const char *text, size_t begin, size_t end) {
    const ac_tokenizer *t = e->t;
    if (!ac__symbols_reserve(e, end - begin))
        return ac_fail(e->err, AC_ERR_MEMORY, "tokenizer: %zu symbols", end - begin);
    for (size_t i = begin; i < end;) {
        size_t n = ac__char_len((unsigned char)text[i]);
        if (n > end - i) n = end - i;
        add_symbol(e, i, n, AC__NONE);
        i += n;
    }
    ac__merge(e, text);
    for (uint32_t i = 0; i != AC__NONE; i = e->symbol[i].next) {
        const ac__symbol *s = &e->symbol[i];
        uint32_t id = s->id == AC__NONE ? ac__strings_find(&t->strings, text + s->at, s->n) : s->id;
        if (id != AC__NONE)
            ac__emit(e, id);
        else
            for (uint32_t k = 0; k < s->n; k++) AC_TRY(emit_byte(e, (unsigned char)text[s->at + k]));
    }
    return AC_OK;
}

/* The text with U+2581 for spaces, after one more when `prefix`. */
static char *escape_spaces(const char *p, size_t n, bool prefix, size_t *out_n) {
    size_t spaces = prefix, to = 0;
    for (size_t i = 0; i < n; i++) spaces += p[i] == ' ';
    char *out = ac__malloc(n + 3 * spaces);
    if (!out) return NULL;
    if (prefix) memcpy(out, AC__SPACE, 3), to = 3;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == ' ')
            memcpy(out + to, AC__SPACE, 3), to += 3;
        else
            out[to++] = p[i];
    }
    *out_n = to;
    return out;
}

static bool space_at(const char *p, size_t n, size_t i) {
    return n - i >= 3 && memcmp(p + i, AC__SPACE, 3) == 0;
}

ac_status ac__encode_spm(ac__encode *e, const char *text, size_t n, bool prefix) {
    size_t all;
    char *escaped = escape_spaces(text, n, prefix, &all);
    if (!escaped) return ac_fail(e->err, AC_ERR_MEMORY, "tokenizer: a text of %zu bytes", n);
    ac_status status = AC_OK;
    for (size_t begin = 0, i, step; begin < all && status == AC_OK; begin = i) {
        bool was_space = true;
        for (i = begin; i < all; i += step) {
            bool space = space_at(escaped, all, i);
            if (e->t->space_starts && space && !was_space) break;
            step = ac__char_len((unsigned char)escaped[i]);
            if (step > all - i) step = all - i;
            was_space = space;
        }
        status = spm_segment(e, escaped, begin, i);
    }
    ac__free(escaped);
    return status;
}

/* ---- byte-level BPE ---- */

/* The token a whole word is, AC__NONE when it is none. */
static uint32_t word_token(ac__encode *e, const char *p, size_t n) {
    const ac_tokenizer *t = e->t;
    uint32_t id;
    if (n > t->longest) return AC__NONE;
    if (t->pre.flags & AC__PRE_RAW) {
        id = ac__strings_find(&t->strings, p, n);
    } else {
        size_t to = 0;
        for (size_t i = 0; i < n; i++)
            to += ac__put_char(e->letters + to, ac__byte_letter((unsigned char)p[i]));
        id = ac__strings_find(&t->strings, e->letters, to);
    }
    return id < t->n ? id : AC__NONE;
}

static bool all_newlines(const char *p, size_t n) {
    while (n && p[n - 1] == '\n') n--;
    return n == 0;
}

/* A string that no token is: byte by byte, as far as there are tokens. */
static void emit_bytes(ac__encode *e, const char *p, size_t n) {
    const ac_tokenizer *t = e->t;
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)p[i];
        char letter[4];
        size_t len = ac__put_char(letter, ac__byte_letter(byte));
        if (t->pre.flags & AC__PRE_RAW) {
            if (t->byte_id[byte] != AC__NONE) ac__emit(e, t->byte_id[byte]);
            continue;
        }
        for (size_t k = 0; k < len; k++) {
            uint32_t id = t->single_id[(unsigned char)letter[k]];
            if (id != AC__NONE) ac__emit(e, id);
        }
    }
}

static ac_status bpe_word(ac__encode *e, const char *text, size_t begin, size_t end) {
    const ac_tokenizer *t = e->t;
    const char *p = text + begin;
    size_t n = end - begin;
    bool whole =
        t->pre.flags & AC__PRE_IGNORE_MERGES || (t->pre.flags & AC__PRE_NEWLINES && all_newlines(p, n));
    uint32_t id = whole ? word_token(e, p, n) : AC__NONE;
    if (id != AC__NONE) return ac__emit(e, id), AC_OK;
    if (!ac__symbols_reserve(e, n)) return ac_fail(e->err, AC_ERR_MEMORY, "tokenizer: %zu symbols", n);
    for (size_t i = begin, step; i < end; i += step) {
        step = 1;
        if (t->pre.flags & AC__PRE_RAW) {
            step = ac__char_len((unsigned char)text[i]);
            add_symbol(e, i, step, ac__strings_find(&t->strings, text + i, step));
        } else {
            add_symbol(e, i, step, t->letter[(unsigned char)text[i]]);
        }
    }
    ac__merge(e, text);
    for (uint32_t i = 0; i != AC__NONE; i = e->symbol[i].next) {
        const ac__symbol *s = &e->symbol[i];
        if (s->id < t->n)
            ac__emit(e, s->id);
        else
            emit_bytes(e, text + s->at, s->n);
    }
    return AC_OK;
}

static ac_status bpe_text(ac__encode *e, const char *p, size_t n) {
    ac__text text;
    if (!ac__text_open(&text, p, n))
        return ac_fail(e->err, AC_ERR_MEMORY, "tokenizer: a text of %zu bytes", n);
    ac_status status = ac__pre_split(&e->t->pre, &e->words, text.subject, text.n, e->err);
    for (size_t i = 0, begin = 0; i < e->words.count && status == AC_OK; begin = e->words.end[i++])
        status = bpe_word(e, text.text, begin, e->words.end[i]);
    ac__text_close(&text);
    return status;
}

ac_status ac__encode_bpe(ac__encode *e, const char *text, size_t n) {
    if (!(e->t->pre.flags & AC__PRE_RAW)) return bpe_text(e, text, n);
    char *escaped = escape_spaces(text, n, false, &n);
    if (!escaped) return ac_fail(e->err, AC_ERR_MEMORY, "tokenizer: a text of %zu bytes", n);
    ac_status status = bpe_text(e, escaped, n);
    ac__free(escaped);
    return status;
}
