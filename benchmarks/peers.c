/* The three workloads in C: what a careful programmer gets from -O3.

   peers WORKLOAD SAMPLES SEED prints the 5, 50 and 95% points of every output, then the CPU seconds of everything. Random
   words are xoshiro256+ (Blackman and Vigna 2021); normals come in pairs from the polar method; quantiles are order
   statistics by quickselect, so nothing is sorted. Logarithms are added up and each output is one exponential. */
#include <string.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t state[4];

static uint64_t mix(uint64_t *seed) {
    uint64_t word = (*seed += 0x9e3779b97f4a7c15ULL);
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
    return word ^ (word >> 31);
}

static inline uint64_t rotated(uint64_t word, int by) { return (word << by) | (word >> (64 - by)); }

static inline double uniform(void) {
    const uint64_t sum = state[0] + state[3], moved = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= moved;
    state[3] = rotated(state[3], 45);
    return ((double)(sum >> 11) + 0.5) * 0x1p-53;
}

static double spare;
static int has_spare;

static inline double normal(void) {
    if (has_spare) {
        has_spare = 0;
        return spare;
    }
    double u, v, s;
    do {
        u = 2 * uniform() - 1;
        v = 2 * uniform() - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    const double scale = sqrt(-2 * log(s) / s);
    spare = v * scale;
    has_spare = 1;
    return u * scale;
}

static double selected(double *x, long low, long high, long rank) {
    while (low < high) {
        const double pivot = x[low + (high - low) / 2];
        long i = low, j = high;
        while (i <= j) {
            while (x[i] < pivot) i++;
            while (x[j] > pivot) j--;
            if (i <= j) {
                const double kept = x[i];
                x[i++] = x[j];
                x[j--] = kept;
            }
        }
        if (rank <= j)
            high = j;
        else if (rank >= i)
            low = i;
        else
            break;
    }
    return x[rank];
}

#define Z 1.6448536269514722 /* 95% point of the normal distribution */
#define MOST 22 /* outputs */

typedef struct { double mean, sd; } Normal;

static Normal interval(double low, double high) { return (Normal){(low + high) / 2, (high - low) / (2 * Z)}; }
static Normal logs(double low, double high) { return interval(log(low), log(high)); }
static inline double drawn(Normal n) { return n.mean + n.sd * normal(); }

static double *out[MOST];

static int botec(long samples) {
    const Normal few = logs(1, 3), many = logs(2, 10);
    for (long i = 0; i < samples; i++) {
        const double p = uniform();
        out[0][i] = p < 0.6 ? 0 : p < 0.8 ? 1 : exp(drawn(p < 0.9 ? few : many));
    }
    return 1;
}

static int training_chain(long samples) {
    const Normal compute = logs(1e26, 6e26), growth = interval(0.4, 0.6), peak = logs(8e14, 1.4e15), use = logs(0.3, 0.5);
    const Normal price = logs(1.5, 4), cheaper = interval(0.1, 0.145), over = logs(1.2, 4), goal = logs(1e11, 1e12);
    const double hour = log(3600), ten = log(10);
    for (long i = 0; i < samples; i++) {
        const double cost = drawn(compute) - drawn(peak) - drawn(use) + drawn(price) - hour, first = cost + drawn(over);
        const double rate = ten * (drawn(growth) - drawn(cheaper)), gap = drawn(goal) - first;
        out[0][i] = exp(cost);
        const double factor = exp(rate);
        double now = exp(first);
        for (int year = 0; year < 20; year++, now *= factor) out[1 + year][i] = now;
        out[21][i] = gap <= 0 ? -INFINITY : rate > 0 && gap <= 19 * rate ? 2025 + gap / rate : INFINITY;
    }
    return 22;
}

static inline double gamma_of(int shape) {
    double product = 1;
    for (int k = 0; k < shape; k++) product *= uniform();
    return -log(product);
}

static int deployment_ratio(long samples) {
    const Normal compute = logs(1e25, 6e25), peak = logs(8e14, 1.4e15), use = logs(0.3, 0.5), price = logs(1.5, 4);
    const Normal trials = logs(0.5, 4), staff = logs(2e7, 2e8), users = logs(2e7, 3e8), each = logs(2e5, 2e6);
    const Normal size = logs(5e10, 3e11), serving = logs(1.1, 2), quick = logs(0.3, 0.8), slow = logs(1, 3);
    const double hour = log(3600), part = 2 * sin(M_PI * 0.5 / 6), rest = sqrt(1 - part * part), two = log(2);
    for (long i = 0; i < samples; i++) {
        const double chip = drawn(price) - drawn(peak) - hour, one = normal(), other = part * one + rest * normal();
        const double develop = exp(drawn(compute) - drawn(use) + chip) * (1 + exp(drawn(trials))) + exp(drawn(staff));
        const double tokens = users.mean + users.sd * one + each.mean + each.sd * other + drawn(uniform() < 0.4 ? quick : slow);
        const double x = gamma_of(4), share = x / (x + gamma_of(12));
        const double deploy = exp(tokens + drawn(size) + two + chip + drawn(serving)) / share;
        out[0][i] = develop;
        out[1][i] = deploy;
        out[2][i] = deploy / develop;
    }
    return 3;
}

int main(int count, char **words) {
    if (count != 4) {
        fprintf(stderr, "usage: peers WORKLOAD SAMPLES SEED\n");
        return 2;
    }
    const long samples = atol(words[2]);
    uint64_t seed = strtoull(words[3], NULL, 10);
    for (int i = 0; i < 4; i++) state[i] = mix(&seed);
    for (int i = 0; i < MOST; i++)
        if (!(out[i] = malloc(samples * sizeof(double)))) return 1;
    const clock_t start = clock();
    const int outputs = !strcmp(words[1], "botec") ? botec(samples)
                        : !strcmp(words[1], "training_chain") ? training_chain(samples)
                        : !strcmp(words[1], "deployment_ratio") ? deployment_ratio(samples) : 0;
    if (!outputs) return 2;
    const double probs[3] = {0.05, 0.5, 0.95};
    for (int k = 0; k < outputs; k++)
        for (int i = 0; i < 3; i++) printf("%.17g ", selected(out[k], 0, samples - 1, (long)(probs[i] * samples)));
    printf("%.9f\n", (double)(clock() - start) / CLOCKS_PER_SEC);
    return 0;
}
