/*
 * The memory of password hashes.
 *
 * A line of the user file says how much memory its hash takes, and who guesses
 * says how many are computed at once.  So all hashes of the process share one
 * budget: a hash waits (on its worker, while others that fit go on) until its
 * share is free, and one that asks for more than AUTH_BUDGET_ONE is none that
 * we compute.
 */
#include "auth/scheme.h"

#include <pthread.h>

#define BUDGET ((uint64_t)512 << 20)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t given = PTHREAD_COND_INITIALIZER;
static uint64_t taken;

bool auth_budget_take(uint64_t bytes)
{
	if (bytes > AUTH_BUDGET_ONE)
		return false;
	pthread_mutex_lock(&mutex);
	while (taken + bytes > BUDGET)
		pthread_cond_wait(&given, &mutex);
	taken += bytes;
	pthread_mutex_unlock(&mutex);
	return true;
}

void auth_budget_give(uint64_t bytes)
{
	pthread_mutex_lock(&mutex);
	taken -= bytes;
	pthread_cond_broadcast(&given);
	pthread_mutex_unlock(&mutex);
}
