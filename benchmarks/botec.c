/* The time-to-BOTEC mixture in C: what a careful programmer gets from -O3.

   botec SAMPLES SEED prints the 5, 50 and 95% points and the mean, then the CPU seconds of drawing alone and of
   everything. Random words are xoshiro256+ (Blackman and Vigna 2021); normals come in pairs from the polar method;
   quantiles are order statistics by quickselect, so nothing is sorted. */
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

int main(int count, char **words) {
    if (count != 3) {
        fprintf(stderr, "usage: botec SAMPLES SEED\n");
        return 2;
    }
    const long samples = atol(words[1]);
    uint64_t seed = strtoull(words[2], NULL, 10);
    for (int i = 0; i < 4; i++) state[i] = mix(&seed);
    const double z = 1.6448536269514722;
    const double few_mean = log(3) / 2, few_sd = log(3) / (2 * z);
    const double many_mean = (log(2) + log(10)) / 2, many_sd = (log(10) - log(2)) / (2 * z);
    double *x = malloc(samples * sizeof *x);
    if (!x) return 1;
    const clock_t start = clock();
    double sum = 0;
    for (long i = 0; i < samples; i++) {
        const double p = uniform();
        x[i] = p < 0.6   ? 0
               : p < 0.8 ? 1
               : p < 0.9 ? exp(few_mean + few_sd * normal())
                         : exp(many_mean + many_sd * normal());
        sum += x[i];
    }
    const clock_t drawn = clock();
    const double probs[3] = {0.05, 0.5, 0.95};
    for (int i = 0; i < 3; i++) printf("%.17g ", selected(x, 0, samples - 1, (long)(probs[i] * samples)));
    printf("%.17g %.9f %.9f\n", sum / samples, (double)(drawn - start) / CLOCKS_PER_SEC, (double)(clock() - start) / CLOCKS_PER_SEC);
    free(x);
    return 0;
}
