/*
 * bench/bandwidth: what the machine's memory gives, for comparison: the best of some rounds of
 * copying and of only reading a block, by THREADS threads at once. Prints one JSON object; bytes of
 * the block per second, so a copy moves twice what it says.
 *
 * usage: bandwidth MIB THREADS
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 15, THREADS_MAX = 64, LANES = 16 };

struct share {
    const uint64_t *from;
    uint64_t *to;
    size_t words;
    uint64_t sum; /* so that reading is not left out */
};

static void *copy(void *context)
{
    struct share *s = context;

    memcpy(s->to, s->from, s->words * sizeof *s->to);
    return NULL;
}

static void *look(void *context)
{
    struct share *s = context;
    uint64_t sums[LANES] = {0};

    for (size_t i = 0; i + LANES <= s->words; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            sums[k] += s->from[i + k];
    for (size_t k = 0; k < LANES; k++)
        s->sum += sums[k];
    return NULL;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Seconds of the quickest round. */
static double best_of(void *(*work)(void *), struct share *shares, size_t threads)
{
    double best = 1e9;

    for (int round = 0; round < ROUNDS; round++) {
        pthread_t ids[THREADS_MAX];
        double start = seconds();
        for (size_t i = 0; i < threads; i++)
            if (pthread_create(&ids[i], NULL, work, &shares[i])) {
                fprintf(stderr, "bandwidth: no more threads\n");
                exit(1);
            }
        for (size_t i = 0; i < threads; i++)
            pthread_join(ids[i], NULL);
        double took = seconds() - start;
        best = took < best ? took : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    size_t mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    size_t threads = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    size_t words = (mib << 20) / sizeof(uint64_t);

    if (!mib || mib > 65536 || !threads || threads > THREADS_MAX) {
        fprintf(stderr, "usage: bandwidth MIB THREADS (at most %d)\n", THREADS_MAX);
        return 2;
    }
    uint64_t *from = malloc(words * sizeof *from), *to = malloc(words * sizeof *to);
    if (!from || !to) {
        fprintf(stderr, "bandwidth: out of memory\n");
        return 1;
    }
    memset(from, 1, words * sizeof *from);
    memset(to, 2, words * sizeof *to);
    struct share shares[THREADS_MAX];
    size_t part = words / threads;
    for (size_t i = 0; i < threads; i++)
        shares[i] = (struct share){from + i * part, to + i * part, part, 0};
    double bytes = (double)(part * threads * sizeof *from);
    double copied = best_of(copy, shares, threads), seen = best_of(look, shares, threads);
    uint64_t sum = 0;
    for (size_t i = 0; i < threads; i++)
        sum += shares[i].sum;
    printf("{\"copy\":%.0f,\"read\":%.0f,\"sum\":%llu}\n", bytes / copied, bytes / seen,
           (unsigned long long)sum);
    return 0;
}
