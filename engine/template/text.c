/* text.c - what the text filters and the methods of str share. */
#include <string.h>

#include "jinja.h"

jval ac__j_case(jinja *j, jstr s, jcase how) {
    jbuf b = {0};
    unsigned len;
    for (uint32_t at = 0; at < s.n && !j->status; at += len) {
        ac__j_decode(s.s + at, s.n - at, &len);
        ac__j_put_case(j, &b, how, s, at);
        ac__j_step(j, 1);
    }
    return ac__j_done(&b);
}

jval ac__j_capitalize(jinja *j, jstr s) {
    jbuf b = {0};
    unsigned len;
    for (uint32_t at = 0; at < s.n && !j->status; at += len) {
        ac__j_decode(s.s + at, s.n - at, &len);
        ac__j_put_case(j, &b, at ? CASE_LOWER : CASE_TITLE, s, at);
        ac__j_step(j, 1);
    }
    return ac__j_done(&b);
}

size_t ac__j_find(jinja *j, jstr s, jstr part, size_t from) {
    if (from > s.n || !ac__j_step(j, 1)) return SIZE_MAX;
    if (!part.n) return from;
    const char *p = memmem(s.s + from, s.n - from, part.s, part.n);
    ac__j_step(j, (p ? (size_t)(p - s.s) - from : s.n - from) / 32);
    return p ? (size_t)(p - s.s) : SIZE_MAX;
}

/* An empty `old` stands before every character and at the end. */
static jval put_between(jinja *j, jstr s, jstr with, int64_t count) {
    jbuf b = {0};
    unsigned len = 0;
    for (uint32_t at = 0; !j->status; at += len) {
        if (count) ac__j_put(j, &b, with.s, with.n);
        count -= count > 0;
        if (at >= s.n) break;
        ac__j_decode(s.s + at, s.n - at, &len);
        ac__j_put(j, &b, s.s + at, len);
        ac__j_step(j, 1);
    }
    return ac__j_done(&b);
}

jval ac__j_replace(jinja *j, jstr s, jstr old, jstr with, int64_t count) {
    if (!old.n) return put_between(j, s, with, count);
    jbuf b = {0};
    size_t at = 0;
    for (; count; count -= count > 0) {
        size_t found = ac__j_find(j, s, old, at);
        if (found == SIZE_MAX) break;
        ac__j_put(j, &b, s.s + at, found - at);
        ac__j_put(j, &b, with.s, with.n);
        at = found + old.n;
    }
    if (!at) return ac__j_str(s.s, s.n);
    ac__j_put(j, &b, s.s + at, s.n - at);
    return ac__j_done(&b);
}

static bool ends_line(uint32_t c) {
    return (c >= 10 && c <= 13) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

jval ac__j_split_lines(jinja *j, jstr s, bool keep_ends) {
    jval out = ac__j_list(j, J_LIST, 0);
    unsigned len;
    for (uint32_t at = 0; at < s.n && !j->status;) {
        uint32_t end = at, next;
        while (end < s.n && !ends_line(ac__j_decode(s.s + end, s.n - end, &len))) end += len;
        next = end < s.n ? end + len : end;
        if (end < s.n && s.s[end] == '\r' && next < s.n && s.s[next] == '\n') next++;
        ac__j_append(j, &out, ac__j_str(s.s + at, (keep_ends ? next : end) - at));
        ac__j_step(j, (next - at) / 8);
        at = next;
    }
    return out;
}

jval ac__j_pad(jinja *j, jstr s, int64_t width, char align, jstr fill) {
    int64_t n = (int64_t)ac__j_count(s.s, s.n), more = width > n ? width - n : 0;
    if (!more) return ac__j_str(s.s, s.n);
    int64_t left = align == '<' ? 0 : align == '>' ? more : more / 2 + (more & width & 1);
    jbuf b = {0};
    for (int64_t i = 0; i < left && !j->status; i++) ac__j_put(j, &b, fill.s, fill.n);
    ac__j_put(j, &b, s.s, s.n);
    for (int64_t i = left; i < more && !j->status; i++) ac__j_put(j, &b, fill.s, fill.n);
    return ac__j_done(&b);
}
