/* Nudges of the suite (nudge.h): nothing is said where there is no bus. */
#include "suite/nudge.h"

#include "suite/outbox.h"

static void publish(struct stack *stack, const struct nudge *nudge)
{
	if (stack->bus)
		bus_publish(stack->bus, nudge);
}

void nudge_mailbox(struct stack *stack, const struct actor *actor, const struct id *mailbox, uint64_t modseq)
{
	publish(stack, &(struct nudge){ TOPIC_MAILBOX, actor->account, *mailbox, modseq });
}

void nudge_metadata(struct stack *stack, const struct id *account, const struct id *mailbox)
{
	publish(stack, &(struct nudge){ TOPIC_METADATA, *account, *mailbox, 0 });
}

void nudge_folders(struct stack *stack, const struct id *account)
{
	publish(stack, &(struct nudge){ .topic = TOPIC_FOLDERS, .account = *account });
}

void nudge_account(struct stack *stack, const struct id *account)
{
	publish(stack, &(struct nudge){ .topic = TOPIC_ACCOUNT, .account = *account });
}

/* Whatever modseq a view of it is at, the queue is ahead. */
void nudge_outbox(struct stack *stack, const struct id *account)
{
	if (stack->conf->outbox && !id_is_zero(account))
		publish(stack,
		        &(struct nudge){ TOPIC_MAILBOX, *account, outbox_mailbox(account), INT64_MAX });
}

void nudge_queue(struct stack *stack, const struct id *entry)
{
	publish(stack, &(struct nudge){ .topic = TOPIC_QUEUE, .subject = *entry });
}

void nudge_settings(struct stack *stack)
{
	publish(stack, &(struct nudge){ .topic = TOPIC_SETTINGS });
}

void nudge_url_key(struct stack *stack, const struct id *account, const struct id *mailbox, uint64_t by)
{
	publish(stack, &(struct nudge){ TOPIC_URL_KEY, *account, *mailbox, by });
}
