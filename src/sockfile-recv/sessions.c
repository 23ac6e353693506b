/* sessions.c - verified transfers: which sender may write which file, which waits or is told that
 * the receiver is busy, and when the receiver is done.
 * Row tool. */
#include "sockfile-recv/sessions.h"

#include "run/wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct claim {
	LIST_ENTRY(claim) entry;
	struct wire_offer offer;
	struct wire_offer first; /* what its transfer offered first */
	uint8_t id[WIRE_ID_SIZE];
	struct session *holder; /* NULL: its connection was lost */
	int64_t until_ns;	/* then: when it runs out */
	bool keeps_place;	/* then: nobody has the connection's place */
};

void
sessions_init(struct session_table *table, const struct session_rules *rules)
{
	*table = (struct session_table){
		.rules = *rules, .retries_left = rules->retries, .ends_ns = INT64_MAX
	};
	(void)pthread_mutex_init(&table->lock, NULL);
}

/* ---- claims; with the lock held, here and up to the public functions --------------------------
 */

static void
wake_all(const struct session_table *table)
{
	const uint64_t one = 1;
	const struct session *s;

	LIST_FOREACH (s, &table->sessions, entry) {
		if (s->wake_fd != -1)
			(void)!write(s->wake_fd, &one, sizeof(one));
	}
}

static void
remove_claim(struct session_table *table, struct claim *claim)
{
	struct session *s;

	LIST_REMOVE(claim, entry);
	if (claim->holder != NULL)
		claim->holder->claim = NULL;
	LIST_FOREACH (s, &table->sessions, entry) {
		if (s->succeeds == claim)
			s->succeeds = NULL;
	}
	free(claim);
	wake_all(table);
}

void
sessions_free(struct session_table *table)
{
	struct claim *claim;

	while ((claim = LIST_FIRST(&table->claims)) != NULL)
		remove_claim(table, claim);
	(void)pthread_mutex_destroy(&table->lock);
}

/* Remove claims of lost connections that have run out.  If too many are left, remove the next to
 * run out. */
static void
expire(struct session_table *table, int64_t now)
{
	struct claim *claim, *next, *first = NULL;
	size_t lost = 0;

	LIST_FOREACH_SAFE (claim, &table->claims, entry, next) {
		if (claim->holder != NULL)
			continue;
		if (claim->until_ns <= now) {
			remove_claim(table, claim);
			continue;
		}
		lost++;
		if (first == NULL || claim->until_ns < first->until_ns)
			first = claim;
	}
	if (lost > SESSIONS_LOST_CLAIMS)
		remove_claim(table, first);
}

static struct claim *
find_claim(const struct session_table *table, const struct wire_offer *offer)
{
	struct claim *claim;

	LIST_FOREACH (claim, &table->claims, entry) {
		if (table->rules.one_file || strcmp(claim->offer.name, offer->name) == 0)
			break;
	}
	return claim;
}

static bool
is_same_transfer(const struct claim *claim, const struct session *session)
{
	return memcmp(claim->id, session->id, WIRE_ID_SIZE) == 0;
}

static bool
is_same_offer(const struct wire_offer *has, const struct wire_offer *offer)
{
	return offer->size != WIRE_SIZE_UNKNOWN && offer->size == has->size &&
	       offer->mtime_s == has->mtime_s && offer->mtime_ns == has->mtime_ns &&
	       strcmp(offer->name, has->name) == 0;
}

/* Is the offer about the file of the claim?  If its size is unknown, only the same transfer is. */
static bool
is_same_file(
    const struct claim *claim, const struct session *session, const struct wire_offer *offer)
{
	return is_same_transfer(claim, session) || is_same_offer(&claim->offer, offer);
}

/* Is this the sender that was lost?  One that was started anew begins with its first file. */
static bool
is_back(const struct claim *claim, const struct session *session, const struct wire_offer *offer)
{
	return is_same_transfer(claim, session) || is_same_offer(&claim->first, offer);
}

static void
shut(struct session *session)
{
	if (!session->is_shut)
		(void)sku_shutdown(session->sock, SHUT_RDWR);
	session->is_shut = true;
}

/* Is the session about to end (its peer is gone, or it flushes its file)? */
static bool
is_ending(const struct session *session)
{
	return session->is_ending || session->is_shut ||
	       run_is_ready(sku_fileno(session->sock), POLLRDHUP);
}

/* ---- who gets it ----------------------------------------------------------------------------- */

static bool
is_closed(const struct session_table *table, int64_t now)
{
	return table->is_shut_out || table->ends_ns <= now;
}

static enum claim_result
be_busy(struct session *session, const char *why)
{
	session->why_busy = why;
	return CLAIM_BUSY;
}

/* The lost claim whose place the session would take over: that of the file that it goes on with, or
 * else of the sender that it is.  NULL: none. */
static struct claim *
find_kept_place(const struct session_table *table, struct claim *claim,
    const struct session *session, const struct wire_offer *offer)
{
	if (claim != NULL && claim->keeps_place)
		return claim;
	LIST_FOREACH (claim, &table->claims, entry) {
		if (claim->keeps_place && is_back(claim, session, offer))
			break;
	}
	return claim;
}

/* May one more connection count?  A lost one counts until its claim runs out. */
static bool
is_there_place(const struct session_table *table)
{
	const struct session *s;
	const struct claim *claim;
	int64_t taken = table->counted;

	if (table->rules.connections == SESSIONS_UNLIMITED)
		return true;
	LIST_FOREACH (s, &table->sessions, entry)
		taken += s->has_place;
	LIST_FOREACH (claim, &table->claims, entry)
		taken += claim->keeps_place;
	return taken < table->rules.connections;
}

/* Is a session that counts about to end, so that its place may become free? */
static bool
is_place_ending(const struct session_table *table)
{
	const struct session *s;

	LIST_FOREACH (s, &table->sessions, entry) {
		if (s->has_place && is_ending(s))
			return true;
	}
	return false;
}

/* The file is free: nobody has it (claim NULL), or it is the one that was lost. */
static enum claim_result
judge_free(const struct session_table *table, struct claim *claim, struct session *session,
    const struct wire_offer *offer, int64_t now)
{
	const struct session *s;
	int64_t held = 0;

	LIST_FOREACH (s, &table->sessions, entry)
		held += s->claim != NULL;
	if (held >= SESSIONS_CLAIMS)
		return be_busy(session, "too many files are being written");
	if (session->has_place || find_kept_place(table, claim, session, offer) != NULL ||
	    is_there_place(table))
		return CLAIM_GRANTED;
	if (now - session->asked_ns < SESSIONS_WAIT && is_place_ending(table))
		return CLAIM_WAIT;
	return be_busy(session, "as many transfers as -c says are under way");
}

#define UNFINISHED "another transfer is unfinished"

/* Another session has the file. */
static enum claim_result
judge_held(
    const struct claim *claim, struct session *session, const struct wire_offer *offer, int64_t now)
{
	struct session *holder = claim->holder;
	int64_t active_ns = atomic_load(&holder->active_ns);

	if (now - session->asked_ns >= SESSIONS_WAIT)
		return be_busy(session, UNFINISHED);
	/* The same transfer has connected again, so its old connection is dead. */
	if (is_same_transfer(claim, session))
		shut(holder);
	if (is_ending(holder))
		return CLAIM_WAIT;
	if (!is_same_file(claim, session, offer))
		return be_busy(session, UNFINISHED);
	if (active_ns > session->asked_ns)
		return be_busy(session, UNFINISHED); /* the holder goes on */
	if (active_ns + SESSIONS_SILENCE <= now)
		shut(holder);
	else
		session->ask_again_ns = now + SESSIONS_LOOK;
	return CLAIM_WAIT;
}

static enum claim_result
judge(const struct session_table *table, struct claim *claim, struct session *session,
    const struct wire_offer *offer, int64_t now)
{
	if (is_closed(table, now) && !session->has_place)
		return be_busy(session, "all has come already");
	if (claim != NULL && claim->holder != NULL)
		return judge_held(claim, session, offer, now);
	if (claim != NULL && !is_same_file(claim, session, offer))
		return be_busy(session, UNFINISHED);
	return judge_free(table, claim, session, offer, now);
}

/* Give the session a place: that of a lost connection, if there is one for it. */
static void
give_place(struct session_table *table, struct claim *claim, struct session *session,
    const struct wire_offer *offer)
{
	struct claim *kept = find_kept_place(table, claim, session, offer);

	session->has_place = true;
	session->first = kept != NULL && is_back(kept, session, offer) ? kept->first : *offer;
	if (kept != NULL)
		kept->keeps_place = false;
}

static enum claim_result
grant(struct session_table *table, struct claim *claim, struct session *session,
    const struct wire_offer *offer)
{
	if (claim == NULL) {
		claim = calloc(1, sizeof(*claim));
		if (claim == NULL)
			return be_busy(session, strerror(ENOMEM));
		LIST_INSERT_HEAD(&table->claims, claim, entry);
	}
	if (!session->has_place)
		give_place(table, claim, session, offer);
	claim->offer = *offer;
	claim->first = session->first;
	claim->keeps_place = false;
	(void)memcpy(claim->id, session->id, WIRE_ID_SIZE);
	claim->holder = session;
	session->claim = claim;
	return CLAIM_GRANTED;
}

static void
begin_waiting(struct session *session, const struct claim *claim, const struct wire_offer *offer)
{
	uint64_t count;

	session->is_waiting = true;
	session->succeeds = claim != NULL && is_same_file(claim, session, offer) ? claim : NULL;
	if (session->wake_fd == -1)
		session->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)!read(session->wake_fd, &count, sizeof(count));
}

static void
end_waiting(struct session *session)
{
	session->is_waiting = false;
	session->succeeds = NULL;
	if (session->wake_fd != -1)
		(void)close(session->wake_fd);
	session->wake_fd = -1;
}

enum claim_result
sessions_claim(struct session_table *table, struct session *session, const struct wire_offer *offer,
    int64_t now)
{
	enum claim_result result;
	struct claim *claim;

	(void)pthread_mutex_lock(&table->lock);
	expire(table, now);
	if (session->claim != NULL)
		remove_claim(table, session->claim);
	claim = find_claim(table, offer);
	if (!session->is_waiting)
		session->asked_ns = now;
	session->ask_again_ns = session->asked_ns + SESSIONS_WAIT;
	result = judge(table, claim, session, offer, now);
	if (result == CLAIM_GRANTED)
		result = grant(table, claim, session, offer);
	if (result == CLAIM_WAIT)
		begin_waiting(session, claim, offer);
	else
		end_waiting(session);
	(void)pthread_mutex_unlock(&table->lock);
	return result;
}

void
sessions_unclaim(struct session_table *table, struct session *session)
{
	(void)pthread_mutex_lock(&table->lock);
	if (session->claim != NULL && !table->rules.one_file)
		remove_claim(table, session->claim);
	(void)pthread_mutex_unlock(&table->lock);
}

void
sessions_begin_end(struct session_table *table, struct session *session)
{
	(void)pthread_mutex_lock(&table->lock);
	session->is_ending = true;
	(void)pthread_mutex_unlock(&table->lock);
}

/* ---- sessions come and go -------------------------------------------------------------------- */

void
sessions_add(struct session_table *table, struct session *session, int64_t now)
{
	(void)pthread_mutex_lock(&table->lock);
	session->wake_fd = -1;
	session->came_ns = now;
	LIST_INSERT_HEAD(&table->sessions, session, entry);
	table->count++;
	(void)pthread_mutex_unlock(&table->lock);
}

bool
sessions_are_crowded(struct session_table *table, int64_t now)
{
	struct session *s;
	size_t newcomers = 0;

	(void)pthread_mutex_lock(&table->lock);
	LIST_FOREACH (s, &table->sessions, entry) {
		if (s->has_place || s->is_shut)
			continue;
		/* The rest of the list is older. */
		if (newcomers >= SESSIONS_NEWCOMERS && now - s->came_ns >= SESSIONS_NEW)
			shut(s);
		else
			newcomers++;
	}
	(void)pthread_mutex_unlock(&table->lock);
	return newcomers > SESSIONS_NEWCOMERS;
}

static void
remove_session(struct session_table *table, struct session *session)
{
	LIST_REMOVE(session, entry);
	table->count--;
	end_waiting(session);
	if (session->has_place)
		wake_all(table);
}

void
sessions_remove(struct session_table *table, struct session *session)
{
	(void)pthread_mutex_lock(&table->lock);
	remove_session(table, session);
	(void)pthread_mutex_unlock(&table->lock);
}

/* Count a session. */
static void
count(struct session_table *table, const struct session_outcome *outcome, int64_t now)
{
	bool unheard = !outcome->failed && !outcome->heard && table->rules.retries > 0;

	table->counted++;
	if (outcome->status > table->status)
		table->status = outcome->status;
	if (!table->rules.one_file && (table->rules.connections == SESSIONS_UNLIMITED ||
					  table->counted < table->rules.connections))
		return;
	table->ends_ns = now;
	if (unheard) {
		table->counted--; /* the session that comes back counts */
		table->ends_ns = now + SESSIONS_LINGER;
	}
}

/* Is a session waiting to go on with this file? */
static bool
has_successor(const struct session_table *table, const struct claim *claim)
{
	const struct session *s;

	LIST_FOREACH (s, &table->sessions, entry) {
		if (claim != NULL && s->succeeds == claim)
			return true;
	}
	return false;
}

/* The connection was lost: wait for another one? */
static bool
is_awaited(struct session_table *table, const struct session *session,
    const struct session_outcome *outcome)
{
	if (!outcome->failed || !outcome->lost)
		return false;
	if (has_successor(table, session->claim))
		return true;
	if (outcome->progressed)
		table->retries_left = table->rules.retries;
	if (table->retries_left == 0)
		return false;
	table->retries_left--;
	return true;
}

/* Once all files are here, a session that only asks for the verdict may fail.  A session that took
 * its place and brings another file into DIR may not. */
static bool
matters(const struct session_table *table, const struct session *session,
    const struct session_outcome *outcome)
{
	if (!outcome->failed || table->ends_ns == INT64_MAX)
		return true;
	return !table->rules.one_file && session->has_place &&
	       (outcome->progressed || !outcome->lost);
}

static enum session_result
settle(struct session_table *table, const struct session *session,
    const struct session_outcome *outcome, int64_t now)
{
	if (outcome->failed && is_closed(table, now) && !session->has_place)
		return SESSION_LATE;
	if (!matters(table, session, outcome) || (table->rules.listening && !session->has_place))
		return SESSION_UNCOUNTED;
	if (is_awaited(table, session, outcome)) {
		table->ends_ns = INT64_MAX;
		return SESSION_AWAITED;
	}
	count(table, outcome, now);
	return SESSION_COUNTED;
}

void
sessions_set_retries(struct session_table *table, int64_t retries)
{
	(void)pthread_mutex_lock(&table->lock);
	table->retries_left = retries;
	(void)pthread_mutex_unlock(&table->lock);
}

enum session_result
sessions_release(struct session_table *table, struct session *session,
    const struct session_outcome *outcome, int64_t now)
{
	enum session_result result;

	(void)pthread_mutex_lock(&table->lock);
	result = settle(table, session, outcome, now);
	if (session->claim != NULL && result == SESSION_AWAITED && outcome->holds) {
		session->claim->until_ns = now + table->rules.keep_ns;
		session->claim->holder = NULL;
		session->claim->keeps_place = true;
		wake_all(table);
	} else if (session->claim != NULL) {
		remove_claim(table, session->claim);
	}
	remove_session(table, session);
	expire(table, now);
	(void)pthread_mutex_unlock(&table->lock);
	return result;
}

/* ---- what they are together -------------------------------------------------------------------
 */

/* Is a connection that counts still here? */
static bool
is_one_served(const struct session_table *table)
{
	const struct session *s;

	LIST_FOREACH (s, &table->sessions, entry) {
		if (s->has_place)
			return true;
	}
	return false;
}

bool
sessions_finished(struct session_table *table, int64_t now, int *status)
{
	bool finished;

	(void)pthread_mutex_lock(&table->lock);
	finished = table->ends_ns <= now && !is_one_served(table);
	*status = table->status;
	(void)pthread_mutex_unlock(&table->lock);
	return finished;
}

int64_t
sessions_wake(struct session_table *table)
{
	int64_t at_ns;

	(void)pthread_mutex_lock(&table->lock);
	at_ns = is_one_served(table) ? INT64_MAX : table->ends_ns;
	(void)pthread_mutex_unlock(&table->lock);
	return at_ns;
}

bool
sessions_are_busy(struct session_table *table)
{
	bool busy;

	(void)pthread_mutex_lock(&table->lock);
	busy = is_one_served(table) || table->ends_ns != INT64_MAX;
	(void)pthread_mutex_unlock(&table->lock);
	return busy;
}

bool
sessions_shut_out(struct session_table *table, int64_t now)
{
	bool possible;

	(void)pthread_mutex_lock(&table->lock);
	expire(table, now);
	possible = LIST_EMPTY(&table->claims) && table->ends_ns == INT64_MAX;
	table->is_shut_out = possible;
	(void)pthread_mutex_unlock(&table->lock);
	return possible;
}

void
sessions_shut_strangers(struct session_table *table)
{
	struct session *s;

	(void)pthread_mutex_lock(&table->lock);
	LIST_FOREACH (s, &table->sessions, entry) {
		if (!s->has_place)
			shut(s);
	}
	(void)pthread_mutex_unlock(&table->lock);
}
