#ifndef SHARED_BASE_BANNED_H
#define SHARED_BASE_BANNED_H
/* Functions that have no safe use here. tests/lint refuses them by name; this list is what it reads. */
#define BANNED_FUNCTIONS                                                                                     \
	"strcpy strcat strncpy strncat sprintf vsprintf gets strtok strtok_r atoi atol atoll "               \
	"alloca rand srand random tmpnam tempnam mktemp asctime ctime gmtime localtime "                     \
	"setjmp longjmp system popen sleep usleep signal"
#endif
