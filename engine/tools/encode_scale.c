/* encode_scale.c - Q3_K, Q6_K, IQ4_XS, IQ4_NL: weight = (d * sc) * level, the levels lying evenly or not,
 * more of them on one side of 0 than on the other. A weighted least-squares search: each group on its own,
 * the integers sc for all groups together, the factor d again. */
#include "encode.h"
#include "encode_fit.h"

typedef struct shape {
    unsigned group;              /* elements per group */
    float low, high;             /* the levels' ends */
    float scale_low, scale_high; /* least and largest sc */
    int uneven;                  /* levels are ac_table_iq4 */
} shape;

enum { MAX_GROUPS = 16, TRIES = 10, ROUNDS = 3 };

typedef struct result {
    float scale[MAX_GROUPS];
    uint16_t d;
    float df;
} result;

/* ---- Levels ---- */

/* The code of the level nearest to t. */
static inline unsigned iq4_code(float t) {
    static const float middle[15] = {-115.5f, -93.5f, -74,   -57,   -42, -28.5f, -16, -4.5f,
                                     7,       19,     31.5f, 45.5f, 61,  79,     101};
    unsigned c = t > middle[7] ? 8 : 0;
    c += t > middle[c + 3] ? 4 : 0;
    c += t > middle[c + 1] ? 2 : 0;
    return c + (t > middle[c] ? 1 : 0);
}

/* The levels nearest to t. */
static inline f4 levels(f4 t, const shape *sh) {
    if (!sh->uneven) return nearest(between(t, splat(sh->low), splat(sh->high)));
    return (f4){ac_table_iq4[iq4_code(t[0])], ac_table_iq4[iq4_code(t[1])], ac_table_iq4[iq4_code(t[2])],
                ac_table_iq4[iq4_code(t[3])]};
}

/* ---- One group ---- */

/* sum w x v and sum w v v for the levels v of inv * x. */
static inline void project(const f4 *x, const f4 *w, unsigned n4, float inv, const shape *sh, float *wxv,
                           float *wvv) {
    f4 a = splat(0), b = splat(0);
    for (unsigned i = 0; i < n4; i++) {
        f4 v = levels(x[i] * splat(inv), sh), t = w[i] * v;
        a += t * x[i];
        b += t * v;
    }
    *wxv = total(a);
    *wvv = total(b);
}

/* The scale with the least error; of either sign, as the longer side may lie on either. */
static float search(const f4 *x, const f4 *w, const shape *sh) {
    unsigned n4 = sh->group / 4;
    const float *e = (const float *)x;
    float most = 0, best = 0, scale = 0, wxv, wvv;
    for (unsigned i = 0; i < sh->group; i++)
        if (fabsf(e[i]) > fabsf(most)) most = e[i];
    if (!(fabsf(most) > 1e-20f)) return 0;
    for (int side = 0; side < 2; side++) {
        float end = side ? sh->high : sh->low;
        for (int t = 0; t < TRIES; t++) {
            float inv = end * (0.80f + 0.03f * (float)t) / most;
            for (int again = 0; again < 2; again++) {
                project(x, w, n4, inv, sh, &wxv, &wvv);
                if (!(wvv > 0)) break;
                if (wxv * wxv > best * wvv) {
                    best = wxv * wxv / wvv;
                    scale = wxv / wvv;
                }
                if (wxv == 0) break;
                inv = wvv / wxv;
            }
        }
    }
    return scale;
}

static inline float measure(const f4 *x, const f4 *w, unsigned n4, float scale, const shape *sh, f4 *out) {
    f4 error = splat(0);
    float inv = scale != 0 ? 1 / scale : 0;
    for (unsigned i = 0; i < n4; i++) {
        f4 v = levels(x[i] * splat(inv), sh), e = x[i] - v * splat(scale);
        error += w[i] * e * e;
        if (out) out[i] = v;
    }
    return total(error);
}

/* ---- All groups ---- */

static float settle(const fit *f, const shape *sh, unsigned g, result *r) {
    unsigned n4 = sh->group / 4;
    const f4 *x = f->x + g * n4, *w = f->w + g * n4;
    float sc = r->scale[g], best = measure(x, w, n4, r->df * sc, sh, NULL);
    for (int a = -1; a <= 1; a += 2) {
        float s = sc + (float)a;
        if (s < sh->scale_low || s > sh->scale_high) continue;
        float e = measure(x, w, n4, r->df * s, sh, NULL);
        if (e < best) {
            best = e;
            r->scale[g] = s;
        }
    }
    return best;
}

static float settle_all(const fit *f, const shape *sh, result *r) {
    float error = 0;
    for (unsigned g = 0; g < BLOCK / sh->group; g++) error += settle(f, sh, g, r);
    return error;
}

static int refit(const fit *f, const shape *sh, const result *r, float *d) {
    unsigned n4 = sh->group / 4;
    float top = 0, bottom = 0, wxv, wvv;
    for (unsigned g = 0; g < BLOCK / sh->group; g++) {
        float sc = r->scale[g], scale = r->df * sc;
        if (scale == 0) continue;
        project(f->x + g * n4, f->w + g * n4, n4, 1 / scale, sh, &wxv, &wvv);
        top += sc * wxv;
        bottom += sc * sc * wvv;
    }
    *d = bottom > 0 ? top / bottom : 0;
    return *d != 0;
}

static void encode(const fit *f, const shape *sh, result *r) {
    unsigned groups = BLOCK / sh->group;
    float scale[MAX_GROUPS], most = 0, d;
    for (unsigned g = 0; g < groups; g++) {
        scale[g] = search(f->x + g * sh->group / 4, f->w + g * sh->group / 4, sh);
        if (fabsf(scale[g]) > fabsf(most)) most = scale[g];
    }
    r->df = stored(f, most / sh->scale_low, &r->d);
    for (unsigned g = 0; g < groups; g++)
        r->scale[g] = r->df != 0 ? nearest1(limit(scale[g] / r->df, sh->scale_low, sh->scale_high)) : 0;
    float error = settle_all(f, sh, r);
    for (int i = 1; i < ROUNDS && refit(f, sh, r, &d); i++) {
        result next = *r;
        next.df = stored(f, d, &next.d);
        float e = settle_all(f, sh, &next);
        if (!(e < error)) return;
        error = e;
        *r = next;
    }
}

/* All of a block: levels, sc and d. */
static void whole(const float *x, const shape *sh, float v[BLOCK], float sc[MAX_GROUPS], uint16_t *d) {
    fit f;
    result r = {0};
    unsigned n4 = sh->group / 4;
    memset(v, 0, BLOCK * sizeof *v);
    memset(sc, 0, MAX_GROUPS * sizeof *sc);
    *d = 0;
    if (!load(&f, x, BLOCK, sh->group)) return;
    encode(&f, sh, &r);
    *d = r.d;
    memcpy(sc, r.scale, sizeof r.scale);
    f4 levels[BLOCK4];
    for (unsigned g = 0; g < BLOCK / sh->group; g++)
        measure(f.x + g * n4, f.w + g * n4, n4, r.df * r.scale[g], sh, levels + g * n4);
    memcpy(v, levels, sizeof levels);
}

void ac__encode_q3_k(const float *x, void *out) {
    static const shape sh = {16, -4, 3, -32, 31, 0};
    ac_block_q3_k *b = out;
    float v[BLOCK], sc[MAX_GROUPS];
    uint8_t c[BLOCK], stored_sc[16];
    uint16_t d;
    whole(x, &sh, v, sc, &d);
    for (unsigned i = 0; i < BLOCK; i++) c[i] = (uint8_t)(v[i] + 4);
    for (unsigned g = 0; g < 16; g++) stored_sc[g] = (uint8_t)(sc[g] + 32);
    ac__pack_q3_scales(b->scales, stored_sc);
    ac__pack_2bit(b->qs, c);
    ac__pack_bit(b->hmask, c, 2);
    b->d = d;
}

void ac__encode_q6_k(const float *x, void *out) {
    static const shape sh = {16, -32, 31, -128, 127, 0};
    ac_block_q6_k *b = out;
    float v[BLOCK], sc[MAX_GROUPS];
    uint8_t c[BLOCK];
    uint16_t d;
    whole(x, &sh, v, sc, &d);
    for (unsigned i = 0; i < BLOCK; i++) c[i] = (uint8_t)(v[i] + 32);
    for (unsigned g = 0; g < 16; g++) b->scales[g] = (int8_t)sc[g];
    ac__pack_q6(b, c);
    b->d = d;
}

void ac__encode_iq4_xs(const float *x, void *out) {
    static const shape sh = {32, -127, 113, -32, 31, 1};
    ac_block_iq4_xs *b = out;
    float v[BLOCK], sc[MAX_GROUPS];
    uint8_t c[BLOCK], stored_sc[8];
    uint16_t d;
    whole(x, &sh, v, sc, &d);
    for (unsigned i = 0; i < BLOCK; i++) c[i] = (uint8_t)iq4_code(v[i]);
    for (unsigned g = 0; g < 8; g++) stored_sc[g] = (uint8_t)(sc[g] + 32);
    ac__pack_iq4_scales(b, stored_sc);
    ac__pack_iq4_xs(b->qs, c);
    b->d = d;
}

void ac__encode_iq4_nl(const float *x, void *out) {
    static const shape sh = {32, -127, 113, 0, 0, 1};
    ac_block_iq4_nl *b = out;
    fit f;
    f4 v[8];
    uint8_t c[32];
    memset(b, 0, sizeof *b);
    if (!load(&f, x, 32, 32)) return;
    uint16_t d;
    float scale = stored(&f, search(f.x, f.w, &sh), &d);
    measure(f.x, f.w, 8, scale, &sh, v);
    for (unsigned i = 0; i < 32; i++) c[i] = (uint8_t)iq4_code(((const float *)v)[i]);
    ac__pack_nibbles(b->qs, c);
    b->d = d;
}
