/* encode_min.c - Q2_K, Q4_K, Q5_K: weight = (d * sc) * c - (dmin * m) * 1 with small integers sc and m per
 * group. A weighted least-squares search: first each group on its own, then the integers for all groups
 * together, then the two factors again. */
#include "encode.h"
#include "encode_fit.h"

typedef struct shape {
    unsigned group;  /* elements per group */
    float top;       /* largest code */
    float scale_top; /* largest sc and m */
} shape;

enum { MAX_GROUPS = 16, TRIES = 14, ROUNDS = 3 };

/* Sums over a group, with codes c. */
typedef struct sums {
    float w, wx, wc, wcc, wxc;
} sums;

typedef struct result {
    float scale[MAX_GROUPS], min[MAX_GROUPS]; /* sc and m */
    uint16_t d, dmin;
    float df, dminf; /* the same as numbers */
} result;

/* Codes for inv * (x - low), and their sums. */
static inline void code(const f4 *x, const f4 *w, unsigned n4, float inv, float low, float top, sums *s) {
    f4 wc = splat(0), wcc = splat(0), wxc = splat(0);
    for (unsigned i = 0; i < n4; i++) {
        f4 c = nearest(between((x[i] - splat(low)) * splat(inv), splat(0), splat(top)));
        f4 t = w[i] * c;
        wc += t;
        wcc += t * c;
        wxc += t * x[i];
    }
    s->wc = total(wc);
    s->wcc = total(wcc);
    s->wxc = total(wxc);
}

/* The best scale and low (<= 0) for given codes; returns how much of the error they take away. */
static inline float solve(const sums *s, float *scale, float *low) {
    float det = s->w * s->wcc - s->wc * s->wc;
    if (!(det > 0)) return -1;
    *scale = (s->w * s->wxc - s->wx * s->wc) / det;
    *low = (s->wcc * s->wx - s->wc * s->wxc) / det;
    if (*low > 0) {
        *low = 0;
        *scale = s->wxc / s->wcc;
    }
    if (!(*scale > 0)) return -1;
    return 2 * (*scale * s->wxc + *low * s->wx) -
           (*scale * *scale * s->wcc + 2 * *scale * *low * s->wc + *low * *low * s->w);
}

/* One group alone: the scale and the minimum (what is taken off, >= 0) with the least error. */
static void search(const f4 *x, const f4 *w, const shape *sh, float *scale, float *min) {
    unsigned n4 = sh->group / 4;
    const float *e = (const float *)x;
    float least = 0, most = e[0], best = -1;
    f4 sw = splat(0), swx = splat(0);
    for (unsigned i = 0; i < sh->group; i++) {
        if (e[i] < least) least = e[i];
        if (e[i] > most) most = e[i];
    }
    *scale = 0;
    *min = -least;
    if (!(most - least > 1e-20f)) return;
    for (unsigned i = 0; i < n4; i++) {
        sw += w[i];
        swx += w[i] * x[i];
    }
    sums s = {.w = total(sw), .wx = total(swx)};
    for (int t = 0; t < TRIES; t++) {
        float inv = (sh->top - 1.0f + 0.15f * (float)t) / (most - least), low = least;
        for (int again = 0; again < 2; again++) {
            float a, b;
            code(x, w, n4, inv, low, sh->top, &s);
            float gain = solve(&s, &a, &b);
            if (gain < 0) break;
            if (gain > best) {
                best = gain;
                *scale = a;
                *min = -b;
            }
            inv = 1 / a;
            low = b;
        }
    }
}

/* The error of a group with these final factors; codes go to *codes when that is not NULL. */
static inline float measure(const f4 *x, const f4 *w, unsigned n4, float scale, float min, float top,
                            f4 *codes) {
    f4 error = splat(0);
    float inv = scale > 0 ? 1 / scale : 0;
    for (unsigned i = 0; i < n4; i++) {
        f4 c = nearest(between((x[i] + splat(min)) * splat(inv), splat(0), splat(top)));
        f4 e = x[i] - (c * splat(scale) - splat(min));
        error += w[i] * e * e;
        if (codes) codes[i] = c;
    }
    return total(error);
}

/* The integers of a group among the neighbours of what they are. */
static float settle(const fit *f, const shape *sh, unsigned g, result *r) {
    unsigned n4 = sh->group / 4;
    const f4 *x = f->x + g * n4, *w = f->w + g * n4;
    float sc = r->scale[g], m = r->min[g], best = measure(x, w, n4, r->df * sc, r->dminf * m, sh->top, NULL);
    for (int a = -1; a <= 1; a++)
        for (int b = -1; b <= 1; b++) {
            float s = sc + (float)a, t = m + (float)b;
            if ((!a && !b) || s < 0 || t < 0 || s > sh->scale_top || t > sh->scale_top) continue;
            float e = measure(x, w, n4, r->df * s, r->dminf * t, sh->top, NULL);
            if (e < best) {
                best = e;
                r->scale[g] = s;
                r->min[g] = t;
            }
        }
    return best;
}

/* The two factors that fit best the codes as they are now. */
static int refit(const fit *f, const shape *sh, const result *r, float *d, float *dmin) {
    unsigned n4 = sh->group / 4;
    float aa = 0, ab = 0, bb = 0, xa = 0, xb = 0;
    for (unsigned g = 0; g < BLOCK / sh->group; g++) {
        const f4 *x = f->x + g * n4, *w = f->w + g * n4;
        f4 sw = splat(0), swx = splat(0);
        sums s;
        float sc = r->scale[g], m = r->min[g], scale = r->df * sc;
        for (unsigned i = 0; i < n4; i++) {
            sw += w[i];
            swx += w[i] * x[i];
        }
        code(x, w, n4, scale > 0 ? 1 / scale : 0, -r->dminf * m, sh->top, &s);
        aa += sc * sc * s.wcc;
        ab += sc * m * s.wc;
        bb += m * m * total(sw);
        xa += sc * s.wxc;
        xb -= m * total(swx);
    }
    float det = aa * bb - ab * ab;
    *dmin = 0;
    if (!(aa > 0)) return 0;
    if (!(det > 1e-6f * aa * bb)) {
        *d = xa / aa;
        return bb == 0 && *d > 0;
    }
    *d = (xa * bb + ab * xb) / det;
    *dmin = (xb * aa + ab * xa) / det;
    return *d > 0 && *dmin >= 0;
}

static float settle_all(const fit *f, const shape *sh, result *r) {
    float error = 0;
    for (unsigned g = 0; g < BLOCK / sh->group; g++) error += settle(f, sh, g, r);
    return error;
}

static void largest(const float *v, unsigned n, float *out) {
    *out = 0;
    for (unsigned i = 0; i < n; i++)
        if (v[i] > *out) *out = v[i];
}

static void integers(float *out, const float *v, unsigned n, float unit, float top) {
    for (unsigned i = 0; i < n; i++)
        out[i] = unit > 0 ? limit(nearest1(limit(v[i] / unit, 0, top)), 0, top) : 0;
}

static void encode(const fit *f, const shape *sh, result *r) {
    unsigned groups = BLOCK / sh->group;
    float scale[MAX_GROUPS], min[MAX_GROUPS], most_scale, most_min, d, dmin;
    for (unsigned g = 0; g < groups; g++)
        search(f->x + g * sh->group / 4, f->w + g * sh->group / 4, sh, &scale[g], &min[g]);
    largest(scale, groups, &most_scale);
    largest(min, groups, &most_min);
    r->df = stored(f, most_scale / sh->scale_top, &r->d);
    r->dminf = stored(f, most_min / sh->scale_top, &r->dmin);
    integers(r->scale, scale, groups, r->df, sh->scale_top);
    integers(r->min, min, groups, r->dminf, sh->scale_top);
    float error = settle_all(f, sh, r);
    for (int i = 1; i < ROUNDS && refit(f, sh, r, &d, &dmin); i++) {
        result next = *r;
        next.df = stored(f, d, &next.d);
        next.dminf = stored(f, dmin, &next.dmin);
        float e = settle_all(f, sh, &next);
        if (!(e < error)) return;
        error = e;
        *r = next;
    }
}

/* All of a block: codes as bytes, and sc and m. */
static void whole(const float *x, const shape *sh, uint8_t codes[BLOCK], uint8_t sc[MAX_GROUPS],
                  uint8_t m[MAX_GROUPS], uint16_t *d, uint16_t *dmin) {
    fit f;
    result r = {0};
    f4 c[BLOCK4];
    unsigned n4 = sh->group / 4;
    memset(codes, 0, BLOCK);
    memset(sc, 0, MAX_GROUPS);
    memset(m, 0, MAX_GROUPS);
    *d = *dmin = 0;
    if (!load(&f, x, BLOCK, sh->group)) return;
    encode(&f, sh, &r);
    *d = r.d;
    *dmin = r.dmin;
    for (unsigned g = 0; g < BLOCK / sh->group; g++) {
        sc[g] = (uint8_t)r.scale[g];
        m[g] = (uint8_t)r.min[g];
        measure(f.x + g * n4, f.w + g * n4, n4, r.df * r.scale[g], r.dminf * r.min[g], sh->top, c + g * n4);
    }
    for (unsigned i = 0; i < BLOCK; i++) codes[i] = (uint8_t)((const float *)c)[i];
}

void ac__encode_q2_k(const float *x, void *out) {
    static const shape sh = {16, 3, 15};
    ac_block_q2_k *b = out;
    uint8_t c[BLOCK], sc[MAX_GROUPS], m[MAX_GROUPS];
    uint16_t d, dmin;
    whole(x, &sh, c, sc, m, &d, &dmin);
    for (unsigned g = 0; g < 16; g++) b->scales[g] = (uint8_t)(sc[g] | m[g] << 4);
    ac__pack_2bit(b->qs, c);
    b->d = d;
    b->dmin = dmin;
}

void ac__encode_q4_k(const float *x, void *out) {
    static const shape sh = {32, 15, 63};
    ac_block_q4_k *b = out;
    uint8_t c[BLOCK], sc[MAX_GROUPS], m[MAX_GROUPS];
    uint16_t d, dmin;
    whole(x, &sh, c, sc, m, &d, &dmin);
    ac__pack_6bit(b->scales, sc, m);
    ac__pack_4bit(b->qs, c);
    b->d = d;
    b->dmin = dmin;
}

void ac__encode_q5_k(const float *x, void *out) {
    static const shape sh = {32, 31, 63};
    ac_block_q5_k *b = out;
    uint8_t c[BLOCK], sc[MAX_GROUPS], m[MAX_GROUPS];
    uint16_t d, dmin;
    whole(x, &sh, c, sc, m, &d, &dmin);
    ac__pack_6bit(b->scales, sc, m);
    ac__pack_4bit(b->qs, c);
    ac__pack_bit(b->qh, c, 4);
    b->d = d;
    b->dmin = dmin;
}
