#ifndef SHARED_STORE_FOLD_TEST_H
#define SHARED_STORE_FOLD_TEST_H
/* For tests only: stopping a fold of this thread after any of its steps, as a kill would. */
#include <stddef.h>

enum fold_step { FOLD_READ, FOLD_WROTE, FOLD_WROTE_ALL, FOLD_TRIMMED };

struct fold_test {
	bool (*stop)(struct fold_test *, enum fold_step); /* true: the fold ends here with CANCELLED */
	size_t batch;                                     /* bytes of pages in one write; 0: as always */
};

/* NULL: none. Holds for folds on the calling thread. */
void fold_set_test(struct fold_test *);

#endif
