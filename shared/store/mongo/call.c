/*
 * Calls: their start and end, the breaker, and faults from the driver's errors
 * (call.h). The commands themselves are in command.c.
 *
 * The breaker has three states. Closed: calls pass. Open, for BREAK_MS after
 * BREAK_AFTER calls in a row did not reach the server: calls are TEMP at once.
 * Then one call may probe while the others still are: if it reaches the server
 * the breaker is closed, else it is open again.
 */
#include "store/mongo/call.h"

#include "base/clock.h"

#define BREAK_AFTER 2
#define BREAK_MS    1000

static void silence(mongoc_log_level_t level, const char *domain, const char *text, void *data)
{
	(void)level, (void)domain, (void)text, (void)data;
}

/* Never ended by mongoc_cleanup(): that must be the last call of the process, and other threads may still run. */
static void library_start(void)
{
	mongoc_log_set_handler(silence, NULL);
	mongoc_init();
}

void call_library_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, library_start);
}

/* ---- the breaker --------------------------------------------------------------------------------------------- */

void call_breaker_init(struct breaker *breaker)
{
	pthread_mutex_init(&breaker->lock, NULL);
	pthread_cond_init(&breaker->idle, NULL);
}

void call_breaker_done(struct breaker *breaker)
{
	pthread_mutex_lock(&breaker->lock);
	while (breaker->calls)
		pthread_cond_wait(&breaker->idle, &breaker->lock);
	pthread_mutex_unlock(&breaker->lock);
	pthread_cond_destroy(&breaker->idle);
	pthread_mutex_destroy(&breaker->lock);
}

/* Counts the call in, unless the server is known to be away. */
static bool breaker_enter(struct breaker *breaker)
{
	bool pass = true;

	pthread_mutex_lock(&breaker->lock);
	if (breaker->open_until) {
		pass = !breaker->probing && clock_mono_ms() >= breaker->open_until;
		if (pass)
			breaker->probing = true;
	}
	if (pass)
		breaker->calls++;
	pthread_mutex_unlock(&breaker->lock);
	return pass;
}

enum outcome { REACHED, LOST, UNTRIED };

static void breaker_leave(struct breaker *breaker, enum outcome outcome)
{
	pthread_mutex_lock(&breaker->lock);
	breaker->probing = false;
	if (outcome == REACHED) {
		breaker->failures = 0;
		breaker->open_until = 0;
	} else if (outcome == LOST && ++breaker->failures >= BREAK_AFTER) {
		breaker->open_until = clock_mono_ms() + BREAK_MS;
	}
	if (--breaker->calls == 0)
		pthread_cond_broadcast(&breaker->idle);
	pthread_mutex_unlock(&breaker->lock);
}

/* ---- start and end ------------------------------------------------------------------------------------------- */

enum fault call_start(struct call *call, struct store *store, struct why *why)
{
	struct mongo *mongo = container_of(store, struct mongo, base);

	if (!breaker_enter(&mongo->breaker))
		return fault_set(why, FAULT_TEMP,
		                 "mongo: the server did not answer lately, waiting to try again");
	*call = (struct call){ .mongo = mongo, .why = why };
	call->client = mongoc_client_pool_pop(mongo->pool);
	if (call->client)
		return FAULT_NONE;
	breaker_leave(&mongo->breaker, UNTRIED);
	return fault_set(why, FAULT_TEMP, "mongo: all connections are busy");
}

enum fault call_done(struct call *call, enum fault fault)
{
	mongoc_client_pool_push(call->mongo->pool, call->client);
	breaker_leave(&call->mongo->breaker, call->lost ? LOST : REACHED);
	return fault;
}

/* ---- faults -------------------------------------------------------------------------------------------------- */

static const struct code_row { /* of MongoDB's error_codes.yml, those that are not just "later" */
	uint32_t code;
	enum fault fault;
} codes[] = {
	{ 11000, FAULT_EXISTS },                             /* DuplicateKey */
	{ 10334, FAULT_TOO_BIG },                            /* BSONObjectTooLarge */
	{ 17419, FAULT_TOO_BIG },                            /* the same, found while updating */
	{ 17420, FAULT_TOO_BIG },     { 14031, FAULT_FULL }, /* OutOfDiskSpace */
	{ 13, FAULT_CONFIG },                                /* Unauthorized */
	{ 18, FAULT_CONFIG },                                /* AuthenticationFailed */
	{ 8000, FAULT_CONFIG },                              /* the same, hosted */
	{ 20, FAULT_CONFIG },                                /* IllegalOperation: no replica set */
	{ 85, FAULT_CONFIG },                                /* IndexOptionsConflict */
	{ 86, FAULT_CONFIG },                                /* IndexKeySpecsConflict */
	{ 100, FAULT_CONFIG },                               /* UnsatisfiableWriteConcern */
	{ 121, FAULT_CONFIG },        /* DocumentValidationFailure: a validator that is not ours */
	{ 59, FAULT_UNSUPPORTED },    /* CommandNotFound */
	{ 9, FAULT_UNSUPPORTED },     /* FailedToParse */
	{ 40324, FAULT_UNSUPPORTED }, /* unknown pipeline stage */
	{ 168, FAULT_UNSUPPORTED },   /* InvalidPipelineOperator */
};

static enum fault server_fault(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].code == code)
			return codes[i].fault;
	return FAULT_TEMP; /* not primary, stepping down, shutting down, interrupted, out of time, not replicated yet */
}

enum fault call_fault(struct call *call, const bson_error_t *error, const char *collection)
{
	enum fault fault = FAULT_TEMP;

	switch (error->domain) {
	case MONGOC_ERROR_SERVER_SELECTION:
	case MONGOC_ERROR_STREAM:
		call->lost = true;
		break;
	case MONGOC_ERROR_CLIENT:
		if (error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE)
			fault = FAULT_CONFIG;
		break;
	case MONGOC_ERROR_PROTOCOL:
		if (error->code == MONGOC_ERROR_PROTOCOL_BAD_WIRE_VERSION) /* far too old, or far too new */
			fault = FAULT_CONFIG;
		break;
	case MONGOC_ERROR_BSON: /* also: larger than a message may be */
		fault = FAULT_TOO_BIG;
		break;
	case MONGOC_ERROR_SERVER:
	case MONGOC_ERROR_WRITE_CONCERN:
		fault = server_fault(error->code);
		break;
	default:
		break;
	}
	return fault_set(call->why, fault, "mongo: %s: %s (%u.%u)", collection, error->message, error->domain,
	                 error->code);
}
