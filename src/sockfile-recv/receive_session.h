/* receive_session.h - one verified connection, from its greeting to its goodbye. */
#ifndef RECV_RECEIVE_SESSION_H
#define RECV_RECEIVE_SESSION_H

#include "run/failure.h"
#include "run/pool.h"
#include "sockfile-recv/config.h"
#include "sockfile-recv/incoming.h"
#include "sockfile-recv/sessions.h"
#include "transfer/channel.h"
#include "transfer/strangers.h"
#include "transfer/transcript.h"

struct receive_session {
	struct session session;
	struct loop_worker worker; /* for its owner */
	struct session_table *table;
	struct stranger_notes *failures; /* of all sessions */
	const struct recv_config *config;
	struct incoming *incoming;

	/* receive_session.c's. */
	struct channel channel;
	uint8_t *buf;
	struct transcript transcript;
	struct digest *digest;
	struct sha256 *sha256; /* what --sha256 or --key compares; else NULL */
	uint32_t files;
	uint32_t index;	   /* of the file under way */
	uint32_t left_out; /* files that were announced, and did not come */
	struct target *target;
	struct target own_target; /* with --dir */
	struct wire_offer offer;
	char *offered_file; /* with --dir: for messages */
	enum wire_have have;
	int final_fd; /* FILE, if it is there already; else -1 */
	int64_t held, resumed, total;
	int64_t started_ns;
	int verdict; /* an enum wire_code still to be sent; -1: none */
	bool file_accepted, begun, progressed, holds, bye_received;
	bool all_files_done; /* every file has its verdict */
	bool has_noted;	     /* a failure of a file */
	int highest_refusal; /* the highest status of refused files */
	struct failure failure;
};

/* Take over the connection.  file is FILE, or NULL with --dir.  NULL with errno: the connection is
 * still the caller's. */
struct receive_session *receive_session_new(struct session_table *table,
    struct stranger_notes *failures, const struct recv_config *config, struct target *file,
    struct incoming *incoming);
/* Run the session in a thread that may wait.  Its failure then says how it ended. */
void receive_session_run(struct receive_session *session);
struct session_outcome receive_session_outcome(const struct receive_session *session);
void receive_session_free(struct receive_session *session);

#endif
