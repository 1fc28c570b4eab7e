#ifndef SHARED_BASE_LIST_H
#define SHARED_BASE_LIST_H
/* A doubly linked ring with a head node, for members that embed a struct list. */
#include "base/macros.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline int list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_add_tail(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void list_add_head(struct list *head, struct list *node)
{
	list_add_tail(head->next, node);
}

/* Leaves `node` a ring of its own, so that removing twice is harmless. */
static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define list_item(node, type, member) container_of(node, type, member)
/* Safe against removal of `node` itself inside the body. */
#define list_each(head, node)                                                                                \
	for (struct list *node = (head)->next, *node##_next = node->next; node != (head);                    \
	     node = node##_next, node##_next = node->next)

#endif
