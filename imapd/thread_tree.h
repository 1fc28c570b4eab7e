#ifndef IMAPD_THREAD_TREE_H
#define IMAPD_THREAD_TREE_H
/*
 * Threads out of what thread_list.h keeps: ORDEREDSUBJECT and REFERENCES as RFC
 * 5256 3 has them; REFS, which is REFERENCES without the look at subjects, the thread with the newest message last
 * (draft-ietf-morg-inthread).
 *
 * Nothing recurses, so depth costs nothing; time is about n log n, and bounded for mail that is made to be slow.
 */
#include "thread_list.h"

struct thread_node {
	uint32_t parent;      /* 0: it stands at the root */
	uint32_t child, next; /* in order, once it is a tree; 0: none */
	uint32_t kids;
	uint32_t row; /* index + 1; 0: a dummy, for a message that is not there */
	/* What siblings are sorted by; a dummy has them from its first child. */
	uint32_t seq;
	int64_t date;
};

struct thread_tree {               /* zeroed at first */
	struct thread_node *nodes; /* [0] is the root of all */
	uint32_t n;
};

/* Puts the rows in order of their UIDs and makes the tree. */
void thread_build(struct thread_list *, struct thread_tree *);
/* "(1 2 (3)(4))(5)"; numbers[i] is what row i is called. */
void thread_print(const struct thread_tree *, const uint32_t *numbers, struct buf *out);
void thread_tree_done(struct thread_tree *);

/* thread_link.c: parents by message ids, dummies pruned (REFERENCES, steps 1 to 3). `nodes` has room for all ids and
 * rows; gives how many it has filled. */
uint32_t thread_link(const struct thread_list *, struct thread_node *nodes);

#endif
