/* test_sessions.c - which sender may write which file, who waits, who is told that the receiver is
 * busy, and when the receiver is done: the table of sockfile-recv, without a peer or a file. */
#include "sockfile-recv/sessions.h"

#include "unit.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What is offered. */
enum { X, X_LONGER, X_LATER, X_NEWER, X_UNKNOWN, Y, Z };

static const struct wire_offer offers[] = {
	[X] = { .size = 3, .mtime_s = 1, .name_len = 1, .name = "x" },
	[X_LONGER] = { .size = 4, .mtime_s = 1, .name_len = 1, .name = "x" },
	[X_LATER] = { .size = 3, .mtime_s = 2, .name_len = 1, .name = "x" },
	[X_NEWER] = { .size = 3, .mtime_s = 1, .mtime_ns = 1, .name_len = 1, .name = "x" },
	[X_UNKNOWN] = { .size = WIRE_SIZE_UNKNOWN, .mtime_s = 1, .name_len = 1, .name = "x" },
	[Y] = { .size = 3, .mtime_s = 1, .name_len = 1, .name = "y" },
	[Z] = { .size = WIRE_SIZE_UNKNOWN, .name_len = 1, .name = "z" },
};

/* How a session ends. */
enum { STRANGER, TOLD, UNHEARD, REFUSED, BROKEN, WAS_BUSY, LOST, LOST_ANEW, LOST_EMPTY };

static const struct session_outcome outcomes[] = {
	[STRANGER] = { .failed = true, .status = 5 },
	[TOLD] = { .heard = true },
	[UNHEARD] = { .status = 0 },
	[REFUSED] = { .failed = true, .status = 1 },
	[BROKEN] = { .failed = true, .status = 5 },
	[WAS_BUSY] = { .failed = true, .status = 6 },
	[LOST] = { .failed = true, .lost = true, .holds = true, .status = 6 },
	[LOST_ANEW] = { .failed = true,
	    .lost = true,
	    .holds = true,
	    .progressed = true,
	    .status = 6 },
	[LOST_EMPTY] = { .failed = true, .lost = true, .status = 6 },
};

/* What happens, at what second. */
enum action {
	END_OF_STORY,
	ASKS,	   /* who offers what: an enum claim_result */
	SAYS,	   /* bytes come from who */
	GOES,	   /* the peer of who closes its connection */
	IS_ENDING, /* the thread of who knows, and flushes */
	HAS_FILE,  /* the file of who has its verdict */
	ENDS,	   /* who ends so: an enum session_result */
	IS_SHUT,   /* was the connection of who shut? */
	IS_DONE,   /* is the receiver done, and with which status?  -1: no */
	GETS_RAW,  /* may a raw stream have all? */
};

struct step {
	double at;
	enum action action;
	int who; /* 'a' to 'h'; it comes when it does something first; 'A' has the id of 'a' */
	int what, expected;
};

struct story {
	const char *name;
	struct session_rules rules;
	struct step steps[24];
};

#define FILE_RULES .one_file = true, .listening = true, .connections = 1, .keep_ns = 60 * SKU_SECOND
#define DIR_RULES .listening = true, .keep_ns = 60 * SKU_SECOND

static const struct story stories[] = {
	{ "another sender is told busy; who is done is not disturbed", { FILE_RULES },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, ASKS, 'b', Y, CLAIM_BUSY },
		{ 2, ASKS, 'c', X_LONGER, CLAIM_BUSY }, { 2, ASKS, 'd', X_NEWER, CLAIM_BUSY },
		{ 2, ASKS, 'e', X_LATER, CLAIM_BUSY }, { 3, IS_SHUT, 'a', 0, false },
		{ 4, ENDS, 'a', TOLD, SESSION_COUNTED }, { 4, ENDS, 'b', STRANGER, SESSION_LATE },
		{ 4, IS_DONE, 0, 0, 0 } } },
	{ "a lost transfer: busy until 60 s are over, but not for the same file",
	    { FILE_RULES, .retries = 3 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, ENDS, 'a', LOST, SESSION_AWAITED },
		{ 2, IS_DONE, 0, 0, -1 }, { 61.9, ASKS, 'b', Y, CLAIM_BUSY },
		{ 61.9, ASKS, 'c', X, CLAIM_GRANTED }, { 61.9, ENDS, 'c', LOST, SESSION_AWAITED },
		{ 121.8, ASKS, 'd', Y, CLAIM_BUSY }, { 121.9, ASKS, 'e', Y, CLAIM_GRANTED } } },
	{ "a lost transfer: -t in the place of 60 s",
	    { .one_file = true,
		.listening = true,
		.connections = 1,
		.keep_ns = SKU_SECOND,
		.retries = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, ENDS, 'a', LOST, SESSION_AWAITED },
		{ 2.9, ASKS, 'b', Y, CLAIM_BUSY }, { 3, ASKS, 'c', Y, CLAIM_GRANTED } } },
	{ "a stranger that breaks off with nothing here reserves nothing",
	    { FILE_RULES, .retries = 3 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, ENDS, 'a', LOST_EMPTY, SESSION_AWAITED },
		{ 1, ASKS, 'b', Y, CLAIM_GRANTED } } },
	{ "a claim is on one name: several senders at once, none disturbs the other",
	    { DIR_RULES, .connections = SESSIONS_UNLIMITED, .retries = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, ASKS, 'b', Y, CLAIM_GRANTED },
		{ 1, ASKS, 'c', Z, CLAIM_GRANTED }, { 1, ASKS, 'd', X_LONGER, CLAIM_BUSY },
		{ 2, ENDS, 'a', LOST, SESSION_AWAITED }, { 3, ASKS, 'e', X_NEWER, CLAIM_BUSY },
		{ 3, ENDS, 'b', TOLD, SESSION_COUNTED }, { 3, ASKS, 'f', Y, CLAIM_GRANTED },
		{ 4, ASKS, 'g', X, CLAIM_GRANTED }, { 5, IS_DONE, 0, 0, -1 } } },
	{ "a file that has its verdict is free, and so is what was offered before",
	    { DIR_RULES, .connections = SESSIONS_UNLIMITED },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, HAS_FILE, 'a', 0, 0 },
		{ 2, ASKS, 'b', X_LONGER, CLAIM_GRANTED }, { 2, ASKS, 'a', Y, CLAIM_GRANTED },
		{ 3, ASKS, 'a', Z, CLAIM_GRANTED }, { 3, ASKS, 'c', Y, CLAIM_GRANTED } } },
	{ "a connection has its place for all its files", { DIR_RULES, .connections = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, HAS_FILE, 'a', 0, 0 },
		{ 2, ASKS, 'b', Y, CLAIM_BUSY }, { 2, ASKS, 'a', Y, CLAIM_GRANTED } } },
	{ "a place whose connection was lost between two files is free once that is known",
	    { DIR_RULES, .connections = 1, .retries = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, HAS_FILE, 'a', 0, 0 },
		{ 2, GOES, 'a', 0, 0 }, { 2, ASKS, 'b', Y, CLAIM_WAIT },
		{ 3, ENDS, 'a', LOST_EMPTY, SESSION_AWAITED },
		{ 3, ASKS, 'b', Y, CLAIM_GRANTED } } },
	{ "and that of one that was done is not", { DIR_RULES, .connections = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, IS_ENDING, 'a', 0, 0 },
		{ 2, ASKS, 'b', Y, CLAIM_WAIT }, { 3, ENDS, 'a', TOLD, SESSION_COUNTED },
		{ 3, ASKS, 'b', Y, CLAIM_BUSY } } },
	{ "nor is it waited for for ever", { DIR_RULES, .connections = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, IS_ENDING, 'a', 0, 0 },
		{ 2, ASKS, 'b', Y, CLAIM_WAIT }, { 6.9, ASKS, 'b', Y, CLAIM_WAIT },
		{ 7, ASKS, 'b', Y, CLAIM_BUSY } } },
	{ "the one FILE is free when its connection has ended, not before", { FILE_RULES },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, HAS_FILE, 'a', 0, 0 },
		{ 2, ASKS, 'b', X, CLAIM_WAIT } } },
	{ "the same file takes over a connection that was lost, once that has flushed",
	    { FILE_RULES },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, GOES, 'a', 0, 0 },
		{ 2, ASKS, 'b', X, CLAIM_WAIT }, { 3, ENDS, 'a', LOST, SESSION_AWAITED },
		{ 3, ASKS, 'b', X, CLAIM_GRANTED }, { 4, ENDS, 'b', TOLD, SESSION_COUNTED },
		{ 4, IS_DONE, 0, 0, 0 } } },
	{ "another file waits, too, and is told when it is known", { FILE_RULES, .retries = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, GOES, 'a', 0, 0 },
		{ 2, ASKS, 'b', Y, CLAIM_WAIT }, { 3, ENDS, 'a', LOST, SESSION_AWAITED },
		{ 3, ASKS, 'b', Y, CLAIM_BUSY } } },
	{ "another file that waits is no successor", { FILE_RULES },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, IS_ENDING, 'a', 0, 0 },
		{ 2, ASKS, 'b', Y, CLAIM_WAIT }, { 3, ENDS, 'a', LOST, SESSION_COUNTED },
		{ 3, IS_DONE, 0, 0, 6 }, { 3, ASKS, 'b', Y, CLAIM_BUSY } } },
	{ "one that flushes for ever is not waited for for ever", { FILE_RULES },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, IS_ENDING, 'a', 0, 0 },
		{ 2, ASKS, 'b', X, CLAIM_WAIT }, { 6.9, ASKS, 'b', X, CLAIM_WAIT },
		{ 7, ASKS, 'b', X, CLAIM_BUSY } } },
	{ "the same file takes over one that has been silent for 2 s", { FILE_RULES },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 5, SAYS, 'a', 0, 0 },
		{ 6.9, ASKS, 'b', X, CLAIM_WAIT }, { 6.9, IS_SHUT, 'a', 0, false },
		{ 7, ASKS, 'b', X, CLAIM_WAIT }, { 7, IS_SHUT, 'a', 0, true },
		{ 8, ENDS, 'a', LOST, SESSION_AWAITED }, { 8, ASKS, 'b', X, CLAIM_GRANTED } } },
	{ "one that goes on keeps it, and the same file is told busy", { FILE_RULES },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 5, SAYS, 'a', 0, 0 },
		{ 5.5, ASKS, 'b', X, CLAIM_WAIT }, { 5.6, SAYS, 'a', 0, 0 },
		{ 5.7, ASKS, 'b', X, CLAIM_BUSY }, { 9, IS_SHUT, 'a', 0, false } } },
	{ "silence is nothing to another file", { FILE_RULES },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 9, ASKS, 'b', X_LONGER, CLAIM_BUSY },
		{ 9, IS_SHUT, 'a', 0, false } } },
	{ "of unknown size only the same id is the same file", { FILE_RULES, .retries = 9 },
	    { { 1, ASKS, 'a', X_UNKNOWN, CLAIM_GRANTED }, { 9, ASKS, 'b', X_UNKNOWN, CLAIM_BUSY },
		{ 9, ENDS, 'a', LOST, SESSION_AWAITED }, { 9, ASKS, 'b', X_UNKNOWN, CLAIM_BUSY },
		{ 9, ASKS, 'A', X_UNKNOWN, CLAIM_GRANTED } } },
	{ "the same id ends its old connection at once, however busy that is", { FILE_RULES },
	    { { 1, ASKS, 'a', X_UNKNOWN, CLAIM_GRANTED }, { 2, SAYS, 'a', 0, 0 },
		{ 2, ASKS, 'A', X_UNKNOWN, CLAIM_WAIT }, { 2, IS_SHUT, 'a', 0, true },
		{ 3, ENDS, 'a', LOST, SESSION_AWAITED },
		{ 3, ASKS, 'A', X_UNKNOWN, CLAIM_GRANTED } } },
	{ "an offer that was refused counts: with -c 1 it is the end",
	    { DIR_RULES, .connections = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, ENDS, 'a', REFUSED, SESSION_COUNTED },
		{ 1, IS_DONE, 0, 0, 1 }, { 1, ASKS, 'b', Y, CLAIM_BUSY } } },
	{ "with -c N the highest status is the end's", { DIR_RULES, .connections = 3 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, ENDS, 'a', BROKEN, SESSION_COUNTED },
		{ 1, ASKS, 'b', X, CLAIM_GRANTED }, { 1, ENDS, 'b', REFUSED, SESSION_COUNTED },
		{ 1, IS_DONE, 0, 0, -1 }, { 1, ASKS, 'c', X, CLAIM_GRANTED },
		{ 1, ENDS, 'c', TOLD, SESSION_COUNTED }, { 1, IS_DONE, 0, 0, 5 } } },
	{ "with -c none it is never the end", { DIR_RULES, .connections = SESSIONS_UNLIMITED },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, ENDS, 'a', REFUSED, SESSION_COUNTED },
		{ 1, ASKS, 'b', X, CLAIM_GRANTED }, { 1, ENDS, 'b', LOST, SESSION_COUNTED },
		{ 99, IS_DONE, 0, 0, -1 } } },
	{ "strangers are not counted, nor who is told busy", { DIR_RULES, .connections = 1 },
	    { { 1, ENDS, 'a', STRANGER, SESSION_UNCOUNTED }, { 1, ASKS, 'b', X, CLAIM_GRANTED },
		{ 1, ASKS, 'c', X_LONGER, CLAIM_BUSY },
		{ 1, ENDS, 'c', STRANGER, SESSION_UNCOUNTED }, { 1, IS_DONE, 0, 0, -1 },
		{ 2, ENDS, 'b', TOLD, SESSION_COUNTED }, { 2, IS_DONE, 0, 0, 0 } } },
	{ "a connection that we made counts, whatever it is",
	    { .one_file = true, .connections = 1 },
	    { { 1, ENDS, 'a', STRANGER, SESSION_COUNTED }, { 1, IS_DONE, 0, 0, 5 } } },
	{ "-c N takes no more than N at once; who leaves nothing here gives its place back",
	    { DIR_RULES, .connections = 2, .retries = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, HAS_FILE, 'a', 0, 0 },
		{ 1, ASKS, 'b', Y, CLAIM_GRANTED }, { 1, ASKS, 'c', Z, CLAIM_BUSY },
		{ 2, ENDS, 'b', LOST_EMPTY, SESSION_AWAITED }, { 2, ASKS, 'd', Z, CLAIM_GRANTED },
		{ 3, ENDS, 'd', TOLD, SESSION_COUNTED }, { 3, IS_DONE, 0, 0, -1 },
		{ 4, ENDS, 'a', TOLD, SESSION_COUNTED }, { 4, IS_DONE, 0, 0, 0 } } },
	{ "the place of one that was lost is its own, until its claim runs out",
	    { DIR_RULES, .connections = 1, .retries = 3 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, ENDS, 'a', LOST, SESSION_AWAITED },
		{ 3, ASKS, 'b', Y, CLAIM_BUSY }, { 3, ENDS, 'b', STRANGER, SESSION_UNCOUNTED },
		{ 4, ASKS, 'c', X, CLAIM_GRANTED }, { 5, ASKS, 'd', Y, CLAIM_BUSY },
		{ 5, ENDS, 'c', LOST, SESSION_AWAITED }, { 64.9, ASKS, 'e', Y, CLAIM_BUSY },
		{ 65, ASKS, 'e', Y, CLAIM_GRANTED }, { 66, ENDS, 'e', TOLD, SESSION_COUNTED },
		{ 66, IS_DONE, 0, 0, 0 } } },
	{ "who was lost may come back with the next file, to its own place",
	    { DIR_RULES, .connections = 1, .retries = 3 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 2, ENDS, 'a', LOST, SESSION_AWAITED },
		{ 3, ASKS, 'A', Y, CLAIM_GRANTED }, { 4, ENDS, 'A', TOLD, SESSION_COUNTED },
		{ 4, IS_DONE, 0, 0, 0 } } },
	{ "so may one that was started anew, with the first file; and it is lost again",
	    { DIR_RULES, .connections = 1, .retries = 3 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, HAS_FILE, 'a', 0, 0 },
		{ 1, ASKS, 'a', Y, CLAIM_GRANTED }, { 2, ENDS, 'a', LOST, SESSION_AWAITED },
		{ 3, ASKS, 'b', X_LATER, CLAIM_BUSY },
		{ 3, ENDS, 'b', STRANGER, SESSION_UNCOUNTED }, { 3, ASKS, 'c', X, CLAIM_GRANTED },
		{ 3, ASKS, 'd', Z, CLAIM_BUSY }, { 3, HAS_FILE, 'c', 0, 0 },
		{ 4, ASKS, 'c', Y, CLAIM_GRANTED }, { 4, ENDS, 'c', LOST, SESSION_AWAITED },
		{ 5, ASKS, 'C', Y, CLAIM_GRANTED }, { 5, ENDS, 'C', LOST, SESSION_AWAITED },
		{ 5, ASKS, 'e', X, CLAIM_GRANTED }, { 6, ENDS, 'e', TOLD, SESSION_COUNTED },
		{ 6, IS_DONE, 0, 0, 0 } } },
	{ "it has the one place, and no other", { DIR_RULES, .connections = 2, .retries = 3 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, HAS_FILE, 'a', 0, 0 },
		{ 1, ASKS, 'a', Y, CLAIM_GRANTED }, { 2, ENDS, 'a', LOST, SESSION_AWAITED },
		{ 3, ASKS, 'b', X, CLAIM_GRANTED }, { 3, ASKS, 'c', Z, CLAIM_GRANTED },
		{ 3, HAS_FILE, 'b', 0, 0 }, { 3, ASKS, 'd', X, CLAIM_BUSY } } },
	{ "a place that one has taken over is not given again with the file that was lost",
	    { DIR_RULES, .connections = 1, .retries = 3 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, HAS_FILE, 'a', 0, 0 },
		{ 1, ASKS, 'a', Y, CLAIM_GRANTED }, { 2, ENDS, 'a', LOST, SESSION_AWAITED },
		{ 3, ASKS, 'b', X, CLAIM_GRANTED }, { 3, ASKS, 'c', Y, CLAIM_BUSY },
		{ 3, ASKS, 'A', Y, CLAIM_BUSY }, { 3, HAS_FILE, 'b', 0, 0 },
		{ 4, ASKS, 'b', Y, CLAIM_GRANTED }, { 5, ENDS, 'b', TOLD, SESSION_COUNTED },
		{ 5, IS_DONE, 0, 0, 0 } } },
	{ "who goes on with a lost file takes its place, and not one more that would be its own, "
	  "too",
	    { DIR_RULES, .connections = 2, .retries = 3 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, HAS_FILE, 'a', 0, 0 },
		{ 1, ASKS, 'b', X, CLAIM_GRANTED }, { 1, ASKS, 'a', Y, CLAIM_GRANTED },
		{ 2, ENDS, 'a', LOST, SESSION_AWAITED }, { 2, ENDS, 'b', LOST, SESSION_AWAITED },
		{ 3, ASKS, 'c', X, CLAIM_GRANTED }, { 3, ASKS, 'd', Z, CLAIM_BUSY },
		{ 3, ASKS, 'A', Y, CLAIM_GRANTED }, { 4, ENDS, 'c', TOLD, SESSION_COUNTED },
		{ 4, ENDS, 'A', TOLD, SESSION_COUNTED }, { 4, IS_DONE, 0, 0, 0 } } },
	{ "one that has its place, and is told busy about a later file, counts with its status",
	    { DIR_RULES, .connections = 2, .retries = 9 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, ASKS, 'b', Y, CLAIM_GRANTED },
		{ 2, HAS_FILE, 'b', 0, 0 }, { 2, ASKS, 'b', X_LONGER, CLAIM_BUSY },
		{ 2, ENDS, 'b', WAS_BUSY, SESSION_COUNTED },
		{ 3, ENDS, 'a', TOLD, SESSION_COUNTED }, { 3, IS_DONE, 0, 0, 6 } } },
	{ "who came in time to ask goes on when the time is over, and counts",
	    { DIR_RULES, .connections = 1, .retries = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, ENDS, 'a', UNHEARD, SESSION_COUNTED },
		{ 10, ASKS, 'b', X, CLAIM_GRANTED }, { 11, HAS_FILE, 'b', 0, 0 },
		{ 12, ASKS, 'b', Y, CLAIM_GRANTED }, { 12, ASKS, 'c', Z, CLAIM_BUSY },
		{ 12, ENDS, 'c', STRANGER, SESSION_LATE }, { 12, IS_DONE, 0, 0, -1 },
		{ 13, ENDS, 'b', REFUSED, SESSION_COUNTED }, { 13, IS_DONE, 0, 0, 1 } } },
	{ "and is awaited, if it is lost amid something that was not here",
	    { DIR_RULES, .connections = 1, .retries = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, ENDS, 'a', UNHEARD, SESSION_COUNTED },
		{ 10, ASKS, 'b', Y, CLAIM_GRANTED }, { 12, ENDS, 'b', LOST_ANEW, SESSION_AWAITED },
		{ 12, IS_DONE, 0, 0, -1 }, { 13, ASKS, 'c', Y, CLAIM_GRANTED },
		{ 14, ENDS, 'c', TOLD, SESSION_COUNTED }, { 14, IS_DONE, 0, 0, 0 } } },
	{ "who only asks, and is lost, keeps nobody waiting",
	    { DIR_RULES, .connections = 1, .retries = 9 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, ENDS, 'a', UNHEARD, SESSION_COUNTED },
		{ 10, ASKS, 'b', X, CLAIM_GRANTED }, { 12, ENDS, 'b', LOST, SESSION_UNCOUNTED },
		{ 12, IS_DONE, 0, 0, 0 } } },
	{ "--retry N: N lost connections without progress in between", { FILE_RULES, .retries = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, ENDS, 'a', LOST_ANEW, SESSION_AWAITED },
		{ 2, ASKS, 'b', X, CLAIM_GRANTED }, { 2, ENDS, 'b', LOST_ANEW, SESSION_AWAITED },
		{ 3, ASKS, 'c', X, CLAIM_GRANTED }, { 3, ENDS, 'c', LOST, SESSION_COUNTED },
		{ 3, IS_DONE, 0, 0, 6 } } },
	{ "a verdict that was not heard may be asked for, for ten seconds",
	    { FILE_RULES, .retries = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, ENDS, 'a', UNHEARD, SESSION_COUNTED },
		{ 1, IS_DONE, 0, 0, -1 }, { 10.9, IS_DONE, 0, 0, -1 },
		{ 10.9, ASKS, 'b', X, CLAIM_GRANTED }, { 11, IS_DONE, 0, 0, -1 },
		{ 12, ENDS, 'b', TOLD, SESSION_COUNTED }, { 12, IS_DONE, 0, 0, 0 } } },
	{ "nobody asks: ten seconds are enough, and who fails meanwhile changes nothing",
	    { FILE_RULES, .retries = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, ENDS, 'a', UNHEARD, SESSION_COUNTED },
		{ 2, ASKS, 'b', Y, CLAIM_GRANTED }, { 2, ENDS, 'b', REFUSED, SESSION_UNCOUNTED },
		{ 11, IS_DONE, 0, 0, 0 }, { 11, ASKS, 'c', X, CLAIM_BUSY } } },
	{ "a raw stream gets FILE if nobody has it or is waited for, and then nobody else does",
	    { FILE_RULES, .retries = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, GETS_RAW, 0, 0, false },
		{ 1, ENDS, 'a', LOST, SESSION_AWAITED }, { 60.9, GETS_RAW, 0, 0, false },
		{ 61, GETS_RAW, 0, 0, true }, { 61, ASKS, 'b', X, CLAIM_BUSY },
		{ 61, IS_DONE, 0, 0, -1 } } },
	{ "a raw stream does not take the place of one who may ask for the verdict",
	    { FILE_RULES, .retries = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, ENDS, 'a', UNHEARD, SESSION_COUNTED },
		{ 2, GETS_RAW, 0, 0, false } } },
	{ "where we connected, the verdict may be asked for by another connection, too",
	    { .one_file = true, .connections = 1, .retries = 1 },
	    { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, ENDS, 'a', UNHEARD, SESSION_COUNTED },
		{ 10.9, IS_DONE, 0, 0, -1 }, { 11, IS_DONE, 0, 0, 0 } } },
};

#define EVERYBODY 8

struct cast {
	struct session_table table;
	struct sku_sock socks[EVERYBODY * 2];
	int peers[EVERYBODY * 2];
	struct session sessions[EVERYBODY * 2];
	bool there[EVERYBODY * 2];
};

static size_t
index_of(int who)
{
	return who >= 'a' ? (size_t)(who - 'a') : EVERYBODY + (size_t)(who - 'A');
}

static void
come(struct cast *cast, size_t i, int64_t now)
{
	struct session *session = &cast->sessions[i];
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(sku_socket_from_fd(&cast->socks[i], fds[0]), 0);
	cast->peers[i] = fds[1];
	*session = (struct session){ .sock = &cast->socks[i], .active_ns = now };
	(void)memset(session->id, (int)(i % EVERYBODY), sizeof(session->id));
	sessions_add(&cast->table, session, now);
	cast->there[i] = true;
}

static void
leave(struct cast *cast, size_t i)
{
	(void)sku_close(&cast->socks[i]);
	(void)close(cast->peers[i]);
	cast->there[i] = false;
}

static int
is_shut(const struct sku_sock *sock)
{
	struct pollfd pfd = { .fd = sku_fileno(sock), .events = POLLRDHUP };

	return poll(&pfd, 1, 0) == 1;
}

static int
play(struct cast *cast, const struct step *step)
{
	int64_t now = (int64_t)(step->at * 1000 + 0.5) * SKU_MS;
	size_t i = step->who != 0 ? index_of(step->who) : 0;
	struct session *session = &cast->sessions[i];
	int result = step->expected, status;

	if (step->who != 0 && !cast->there[i])
		come(cast, i, now);
	switch (step->action) {
	case ASKS:
		return (int)sessions_claim(&cast->table, session, &offers[step->what], now);
	case SAYS:
		atomic_store(&session->active_ns, now);
		break;
	case GOES:
		assert_int_equal(shutdown(cast->peers[i], SHUT_RDWR), 0);
		break;
	case IS_ENDING:
		sessions_begin_end(&cast->table, session);
		break;
	case HAS_FILE:
		sessions_unclaim(&cast->table, session);
		break;
	case ENDS:
		result = (int)sessions_release(&cast->table, session, &outcomes[step->what], now);
		leave(cast, i);
		break;
	case IS_SHUT:
		return is_shut(session->sock);
	case IS_DONE:
		return sessions_finished(&cast->table, now, &status) ? status : -1;
	case GETS_RAW:
		return sessions_shut_out(&cast->table, now);
	case END_OF_STORY:
		break;
	}
	return result;
}

static void
everybody_leaves(struct cast *cast)
{
	for (size_t i = 0; i < EVERYBODY * 2; i++) {
		if (!cast->there[i])
			continue;
		(void)sessions_release(
		    &cast->table, &cast->sessions[i], &outcomes[STRANGER], INT64_MAX - 1);
		leave(cast, i);
	}
	sessions_free(&cast->table);
}

static void
claims_busy_refusals_and_counting(void **state)
{
	bool wrong = false;

	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		const struct story *story = &stories[i];
		struct cast cast = { .there = { false } };

		sessions_init(&cast.table, &story->rules);
		for (const struct step *s = story->steps; s->action != END_OF_STORY; s++) {
			int result = play(&cast, s);

			if (result == s->expected)
				continue;
			print_error("%s: step %d is %d, not %d\n", story->name,
			    (int)(s - story->steps) + 1, result, s->expected);
			wrong = true;
			break;
		}
		everybody_leaves(&cast);
	}
	assert_false(wrong);
}

/* ---- any order ------------------------------------------------------------------------------- */

#define SENDERS 3
#define ORDERS 4000
#define ORDER_STEPS 40

/* Senders of the same two files, which are lost, come back and begin anew at any time. */
struct order {
	struct session_table table;
	struct sku_sock sock; /* closed: nobody looks at it */
	struct session sessions[SENDERS];
	bool there[SENDERS];
	const struct wire_offer *writes[SENDERS]; /* NULL: no file */
	uint8_t ids[SENDERS];
	int64_t now, counted;
	bool unheard; /* the last that counted */
};

static unsigned
draw(unsigned n)
{
	static uint32_t seed = 1;

	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void
check_order(struct order *order)
{
	int64_t places = order->counted;

	for (size_t i = 0; i < SENDERS; i++) {
		places += order->there[i] && order->sessions[i].has_place;
		for (size_t j = 0; j < i; j++)
			assert_true(
			    order->writes[i] == NULL || order->writes[i] != order->writes[j]);
	}
	/* One that comes back for its verdict has been counted. */
	assert_true(places - order->unheard <= order->table.rules.connections);
}

static void
ask(struct order *order, size_t i)
{
	const struct wire_offer *offer = &offers[draw(2) ? X : Y];
	struct session *session = &order->sessions[i];

	if (!order->there[i]) {
		*session = (struct session){ .sock = &order->sock, .active_ns = order->now };
		if (draw(3) == 0)
			order->ids[i] = (uint8_t)(order->ids[i] + SENDERS); /* begun anew */
		(void)memset(session->id, order->ids[i], sizeof(session->id));
		sessions_add(&order->table, session, order->now);
		order->there[i] = true;
	}
	order->writes[i] =
	    sessions_claim(&order->table, session, offer, order->now) == CLAIM_GRANTED ? offer :
											 NULL;
}

static void
end(struct order *order, size_t i, const struct session_outcome *outcome)
{
	enum session_result result =
	    sessions_release(&order->table, &order->sessions[i], outcome, order->now);

	if (result == SESSION_COUNTED) {
		order->counted += !order->unheard;
		order->unheard = !outcome->failed && !outcome->heard &&
				 order->counted == order->table.rules.connections &&
				 order->table.rules.retries > 0;
	} else if (result == SESSION_AWAITED && order->unheard) {
		order->counted--; /* it counts when it comes again */
		order->unheard = false;
	}
	order->there[i] = false;
	order->writes[i] = NULL;
}

/* How a session may end: one that is not in a place knows nothing of files. */
static const struct session_outcome *
draw_outcome(const struct order *order, size_t i)
{
	static const int with_place[] = { TOLD, UNHEARD, REFUSED, WAS_BUSY, LOST_EMPTY };

	if (!order->sessions[i].has_place)
		return &outcomes[STRANGER];
	if (order->writes[i] != NULL)
		return &outcomes[draw(4) == 0 ? LOST_EMPTY : draw(2) == 0 ? LOST : LOST_ANEW];
	return &outcomes[with_place[draw(5)]];
}

static void
do_anything(struct order *order)
{
	static const int64_t times[] = { SKU_MS, SKU_SECOND, 11 * SKU_SECOND, 61 * SKU_SECOND };
	size_t i = draw(SENDERS);
	unsigned what = draw(10);

	order->now += SKU_MS;
	if (!order->there[i] || what < 4) {
		ask(order, i);
	} else if (what == 4) {
		order->now += times[draw(4)];
	} else if (what == 5) {
		sessions_begin_end(&order->table, &order->sessions[i]);
	} else if (what < 8) {
		sessions_unclaim(&order->table, &order->sessions[i]);
		order->writes[i] = NULL;
	} else {
		end(order, i, draw_outcome(order, i));
	}
}

static bool
is_done(struct order *order)
{
	int status;

	return sessions_finished(&order->table, order->now, &status);
}

/* Who comes later, when all the others are gone for good, is served until N are counted. */
static void
serve_the_rest(struct order *order)
{
	for (size_t i = 0; i < SENDERS; i++) {
		if (order->there[i])
			end(order, i, &outcomes[order->sessions[i].has_place ? REFUSED : STRANGER]);
	}
	while (!is_done(order)) {
		assert_true(order->counted - order->unheard < order->table.rules.connections);
		order->now += 61 * SKU_SECOND;
		if (is_done(order))
			break;
		ask(order, 0);
		assert_non_null(order->writes[0]);
		end(order, 0, &outcomes[TOLD]);
	}
	assert_int_equal(order->counted, order->table.rules.connections);
}

static void
in_any_order_n_are_counted_and_one_writes_a_name(void **state)
{
	static const int64_t retries[] = { 0, 1, 100 };

	(void)state;
	for (size_t n = 0; n < ORDERS; n++) {
		const struct session_rules rules = { DIR_RULES, .connections = 1 + draw(SENDERS),
			.retries = retries[draw(3)] };
		struct order order = {
			.sock = SKU_SOCK_CLOSED, .ids = { 0, 1, 2 }, .now = SKU_SECOND
		};

		sessions_init(&order.table, &rules);
		for (size_t step = 0; step < ORDER_STEPS && !is_done(&order); step++) {
			do_anything(&order);
			check_order(&order);
		}
		serve_the_rest(&order);
		sessions_free(&order.table);
	}
}

/* ---- numbers --------------------------------------------------------------------------------- */

#define CROWD 600

struct crowd {
	struct session_table table;
	struct sku_sock sock; /* of all: whom a test needs is shut, or has a name */
	int peer;
	struct session sessions[CROWD];
};

static void
open_crowd(struct crowd *crowd, const struct session_rules *rules)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(sku_socket_from_fd(&crowd->sock, fds[0]), 0);
	crowd->peer = fds[1];
	sessions_init(&crowd->table, rules);
	for (size_t i = 0; i < CROWD; i++) {
		crowd->sessions[i] = (struct session){ .sock = &crowd->sock };
		(void)snprintf((char *)crowd->sessions[i].id, WIRE_ID_SIZE, "%zu", i);
	}
}

static void
close_crowd(struct crowd *crowd)
{
	sessions_free(&crowd->table);
	(void)sku_close(&crowd->sock);
	(void)close(crowd->peer);
}

static enum claim_result
claim_number(struct crowd *crowd, size_t i, size_t number, int64_t now)
{
	struct wire_offer offer = { .size = 1 };

	offer.name_len = (size_t)snprintf(offer.name, sizeof(offer.name), "%zu", number);
	return sessions_claim(&crowd->table, &crowd->sessions[i], &offer, now);
}

/* However many come, who has just come has his time. */
static void
of_too_many_newcomers_the_oldest_are_shut(void **state)
{
	static const struct session_rules rules = { DIR_RULES, .connections = SESSIONS_UNLIMITED };
	static struct crowd crowd;
	size_t last = SESSIONS_NEWCOMERS + 2;

	(void)state;
	open_crowd(&crowd, &rules);
	sessions_add(&crowd.table, &crowd.sessions[0], 0);
	assert_int_equal(claim_number(&crowd, 0, 0, 0), CLAIM_GRANTED);
	for (size_t i = 1; i < last; i++)
		sessions_add(&crowd.table, &crowd.sessions[i], (int64_t)i);
	assert_true(sessions_are_crowded(&crowd.table, SKU_SECOND)); /* one too many, but new */
	assert_false(is_shut(&crowd.sock));
	assert_false(crowd.sessions[1].is_shut);
	assert_false(sessions_are_crowded(&crowd.table, SKU_SECOND + 1));
	assert_true(crowd.sessions[1].is_shut);
	assert_false(sessions_are_crowded(&crowd.table, SKU_SECOND + 9)); /* that is enough */
	assert_false(crowd.sessions[2].is_shut);
	sessions_add(&crowd.table, &crowd.sessions[last], SKU_SECOND + 9);
	assert_false(sessions_are_crowded(&crowd.table, SKU_SECOND + 9));
	assert_true(crowd.sessions[2].is_shut);
	assert_false(crowd.sessions[3].is_shut);
	sessions_shut_strangers(&crowd.table);
	assert_false(crowd.sessions[0].is_shut);
	assert_true(crowd.sessions[last].is_shut);
	close_crowd(&crowd);
}

static void
so_many_files_are_written_at_once(void **state)
{
	static const struct session_rules rules = { DIR_RULES, .connections = SESSIONS_UNLIMITED };
	static struct crowd crowd;

	(void)state;
	open_crowd(&crowd, &rules);
	for (size_t i = 0; i <= SESSIONS_CLAIMS; i++) {
		sessions_add(&crowd.table, &crowd.sessions[i], 0);
		assert_int_equal(claim_number(&crowd, i, i, 0),
		    i < SESSIONS_CLAIMS ? CLAIM_GRANTED : CLAIM_BUSY);
	}
	sessions_unclaim(&crowd.table, &crowd.sessions[3]);
	assert_int_equal(claim_number(&crowd, SESSIONS_CLAIMS, 99, 0), CLAIM_GRANTED);
	close_crowd(&crowd);
}

/* Who breaks off again and again under new names costs so much memory, and the oldest claims. */
static void
so_many_lost_claims_are_kept(void **state)
{
	static const struct session_rules rules = { DIR_RULES, .connections = SESSIONS_UNLIMITED,
		.retries = CROWD };
	static struct crowd crowd;
	size_t kept = 0;

	(void)state;
	open_crowd(&crowd, &rules);
	for (size_t i = 0; i < 2 * SESSIONS_LOST_CLAIMS; i++) {
		sessions_add(&crowd.table, &crowd.sessions[i], 0);
		assert_int_equal(claim_number(&crowd, i, i, (int64_t)i), CLAIM_GRANTED);
		assert_int_equal(
		    sessions_release(&crowd.table, &crowd.sessions[i], &outcomes[LOST], (int64_t)i),
		    SESSION_AWAITED);
	}
	sessions_add(&crowd.table, &crowd.sessions[CROWD - 1], 0);
	for (size_t i = 0; i < 2 * SESSIONS_LOST_CLAIMS; i++) {
		/* another id, but the same file is no other: another size is */
		struct wire_offer offer = { .size = 2 };

		offer.name_len = (size_t)snprintf(offer.name, sizeof(offer.name), "%zu", i);
		kept += sessions_claim(&crowd.table, &crowd.sessions[CROWD - 1], &offer, 1000) ==
			CLAIM_BUSY;
	}
	assert_int_equal(kept, SESSIONS_LOST_CLAIMS);
	close_crowd(&crowd);
}

/* One that waits is woken when what it waits for is free. */
/* After so many steps 'b' waits; with the next one it is woken, and gets what it wants. */
static void
check_woken(const struct session_rules *rules, const struct step *steps, size_t waits)
{
	struct cast cast = { .there = { false } };
	struct pollfd pfd = { .events = POLLIN };

	sessions_init(&cast.table, rules);
	for (size_t i = 0; i < waits; i++)
		assert_int_equal(play(&cast, &steps[i]), steps[i].expected);
	pfd.fd = cast.sessions[1].wake_fd;
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_int_equal(play(&cast, &steps[waits]), steps[waits].expected);
	assert_int_equal(poll(&pfd, 1, 0), 1);
	assert_int_equal(play(&cast, &steps[waits + 1]), steps[waits + 1].expected);
	assert_int_equal(cast.sessions[1].wake_fd, -1);
	everybody_leaves(&cast);
}

static void
who_waits_is_woken(void **state)
{
	static const struct session_rules file = { FILE_RULES };
	static const struct session_rules place = { DIR_RULES, .connections = 1, .retries = 1 };
	const struct step for_file[] = { { 1, ASKS, 'a', X, CLAIM_GRANTED }, { 1, GOES, 'a', 0, 0 },
		{ 1, ASKS, 'b', X, CLAIM_WAIT }, { 1, ENDS, 'a', LOST, SESSION_AWAITED },
		{ 1, ASKS, 'b', X, CLAIM_GRANTED } };
	const struct step for_place[] = { { 1, ASKS, 'a', X, CLAIM_GRANTED },
		{ 1, HAS_FILE, 'a', 0, 0 }, { 1, GOES, 'a', 0, 0 }, { 1, ASKS, 'b', Y, CLAIM_WAIT },
		{ 1, ENDS, 'a', LOST_EMPTY, SESSION_AWAITED }, { 1, ASKS, 'b', Y, CLAIM_GRANTED } };

	(void)state;
	check_woken(&file, for_file, 3);
	check_woken(&place, for_place, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_busy_refusals_and_counting),
		cmocka_unit_test(in_any_order_n_are_counted_and_one_writes_a_name),
		cmocka_unit_test(of_too_many_newcomers_the_oldest_are_shut),
		cmocka_unit_test(so_many_files_are_written_at_once),
		cmocka_unit_test(so_many_lost_claims_are_kept),
		cmocka_unit_test(who_waits_is_woken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
