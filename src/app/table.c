#include "app/command.h"

#define PROJECT                                                                                    \
    {                                                                                              \
        "--project", "NAME", "which project (default main)"                                        \
    }
#define JSON                                                                                       \
    {                                                                                              \
        "--json", NULL, "prints JSON instead of text"                                              \
    }
#define LISTEN                                                                                     \
    {                                                                                              \
        "--listen", "ADDR:PORT", "where to listen (or TENURE_LISTEN; default 127.0.0.1:8080)"      \
    }
#define PUBLIC                                                                                     \
    {                                                                                              \
        "--public-url", "URL",                                                                     \
            "the address people use, when a proxy stands before the server (or TENURE_PUBLIC_URL)" \
    }

static const struct option serve_options[] = {
    LISTEN,
    PUBLIC,
    {"--read-only", NULL, "answers questions, and changes nothing on the disk: for copies"},
    {0}};

static const struct option demo_options[] = {
    LISTEN,
    PUBLIC,
    {"--events", "N", "about how many events to make (default 5000000)"},
    {"--seed", "N", "makes another company of the same kind"},
    {"--exit-after-ready", NULL, "prints everything, then stops instead of serving"},
    {0}};

static const struct option import_options[] = {
    PROJECT,
    {"--format", "FORMAT", "events, segment or csv (default: by name and content)"},
    {"--map", "FIELD=COLUMN,…", "CSV: person, event, time, account, id, session"},
    {"--types", "COLUMN=TYPE,…", "CSV: text, number or bool; refuses rows that are not"},
    {"--time-format", "FORMAT", "CSV: iso, s, ms or us"},
    {"--rejects", "FILE", "writes lines that were refused there, with the reason"},
    {"--strict", NULL, "stores nothing if any line is bad"},
    {"--dry-run", NULL, "reads and checks, stores nothing"},
    JSON,
    {0}};

static const struct option query_options[] = {
    PROJECT,
    JSON,
    {"--csv", NULL, "prints CSV instead of text"},
    {"--why-not", "ID", "says which rule kept this person out of the funnel, retention or list"},
    {"--explain", NULL,
     "prints the question as JSON, the plan and what was read to standard error"},
    {0}};

static const struct option project_options[] = {
    {"--timezone", "ZONE", "IANA name, such as Asia/Bangkok (default UTC)"},
    {"--week-start", "DAY", "monday or sunday (default monday)"},
    JSON,
    {0}};

static const struct option set_options[] = {
    {"--timezone", "ZONE", "IANA name, such as Asia/Bangkok"},
    {"--week-start", "DAY", "monday or sunday"},
    {0}};

static const struct option restore_options[] = {
    {"--replace", NULL, "puts what is there aside, and takes its place"},
    {"--erasures", "DIR",
     "erases whom this data directory or newer backup knows as erased (default: what is replaced)"},
    JSON,
    {0}};

static const struct option identity_options[] = {
    PROJECT,
    {"--at", "DATE", "as it was then: a date's end, or 2026-02-03T09:15:00+07:00"},
    JSON,
    {0}};
static const struct option list_options[] = {
    PROJECT,
    {"--filter", "JSON", "conditions, as in a question: [{\"did\":\"Signed Up\"}]"},
    {"--limit", "N", "how many to show (default 50, at most 10000)"},
    JSON,
    {0}};
static const struct option show_options[] = {
    PROJECT, {"--limit", "N", "how many of the newest events (default 50)"}, JSON, {0}};
static const struct option merge_options[] = {
    PROJECT, {"--reason", "TEXT", "why; it is kept in the person's history"}, JSON, {0}};
static const struct option bench_options[] = {
    {"--events", "N", "about how many events to make (default 1000000)"}, JSON, {0}};
static const struct option json_options[] = {JSON, {0}};
static const struct option key_create_options[] = {
    PROJECT, {"--scope", "SCOPE", "write (sends events), read (asks) or admin"}, JSON, {0}};
static const struct option key_list_options[] = {
    {"--project", "NAME", "only the keys of this project"}, JSON, {0}};
static const struct option keep_options[] = {
    PROJECT, {"--dry-run", NULL, "counts what would be removed, and changes nothing"}, JSON, {0}};
static const struct option project_json_options[] = {PROJECT, JSON, {0}};
static const struct option project_only[] = {PROJECT, {0}};

static const struct option export_options[] = {
    PROJECT,
    {"--from", "TIME", "events from then on: 2026-01-31, or with time and offset"},
    {"--to", "TIME", "events before that"},
    {"--event", "NAME", "only events of this name"},
    {"--person", "ID", "only this person, with all ids merged with it"},
    {"--output", "FILE", "writes there instead of standard output"},
    {0}};
static const struct option erase_options[] = {
    PROJECT,
    {"--person", "ID", "whom to erase; any of the person's ids"},
    {"--now", NULL, "waits until all files are rewritten"},
    JSON,
    {0}};

static const struct option segment_options[] = {
    PROJECT,
    {"--column", "NAME", "the column of the ids, by the name in the first line"},
    JSON,
    {0}};
static const struct option definition_options[] = {
    PROJECT, {"--hidden", NULL, "also what is hidden or merged under another name"}, JSON, {0}};

const struct command commands[] = {
    {"demo", "", "Makes a simulated company and shows who stays, in the terminal and the browser.",
     "The company is made once, in the project \"demo\"; the causes built into it are described "
     "in\n"
     "docs/demo.md. Then the dashboard is served until Ctrl-C.",
     "tenure demo", NEED_SERVER, 0, 0, demo_options, command_demo},
    {"serve", "", "Takes in events over HTTP and serves the dashboard.",
     "Prints a sign-in link that works once, for 15 minutes. Ctrl-C or SIGTERM stops it cleanly.\n"
     "All other commands work while it runs. With --read-only, all that change nothing; sign-in "
     "is\n"
     "forgotten when it stops, and events that are sent get 503.",
     "tenure serve --listen 127.0.0.1:8080", NEED_SERVER, 0, 0, serve_options, command_serve},
    {"import", "FILE… | -", "Takes in events from files.",
     "Plain, gzip and zstd are told apart by content. Lines that cannot be taken in are counted "
     "and\n"
     "shown; the rest is stored. Importing the same file again adds nothing.",
     "tenure import orders.csv.gz --map person=customer,event=action,time=at --time-format iso",
     NEED_SITE, 1, ARGS_MAX, import_options, command_import},
    {"query", "QUESTION | @FILE | -", "Asks one question.",
     "The question is a line of words (docs/query-text.md) or a JSON document: as the argument, in "
     "a\n"
     "file, or on standard input. Quote names of several words:\n"
     "  tenure query 'retention of \"Signed Up\" weekly 12'\n"
     "  tenure query 'trend people of Login daily last 30d by country'\n"
     "  tenure query 'lifecycle of any event monthly where plan = pro and country in (TH, SG)'\n"
     "  tenure query '{\"insight\":\"stickiness\",\"event\":\"Login\",\"interval\":\"week\"}'",
     "tenure query 'funnel \"Signed Up\" > \"Project Created\" > Invited within 14d by plan last "
     "90d'",
     NEED_READ, 1, 1, query_options, command_query},
    {"export", "", "Writes events as JSON lines, which import reads again.",
     "Without a filter, lines about people and accounts come first: traits and merges. --person\n"
     "writes all there is about one person. --to is not included; a date is where that day begins.",
     "tenure export --from 2026-01-01 --event \"Signed Up\" --output signups.jsonl", NEED_READ, 0,
     0, export_options, command_export},
    {"erase", "--person ID", "Erases a person for good, with all ids merged with it.",
     "No answer shows the person from now on. All files are rewritten within 24 hours, and older\n"
     "backups are cleared when they are restored. The same id later is somebody new.",
     "tenure erase --person u_17 --now", NEED_SITE, 0, 0, erase_options, command_erase},
    {"people list", "", "Lists people, all or those for whom conditions hold.", NULL,
     "tenure people list --filter '[{\"did\":\"Signed Up\"}]'", NEED_READ, 0, 0, list_options,
     command_people_list},
    {"people show", "ID", "Shows the timeline of one person, with all ids merged with it.", NULL,
     "tenure people show u_17 --limit 20", NEED_READ, 1, 1, show_options, command_people_show},
    {"accounts list", "", "Lists accounts, all or those for which conditions hold.", NULL,
     "tenure accounts list --filter '[{\"did_not\":\"Login\",\"within\":\"30d\"}]'", NEED_READ, 0,
     0, list_options, command_accounts_list},
    {"accounts show", "ID", "Shows the timeline of one account: the events of all its people.",
     NULL, "tenure accounts show acme --limit 20", NEED_READ, 1, 1, show_options,
     command_accounts_show},
    {"people identity", "ID", "Shows which ids are one person, and how that came about.",
     "Every merge and unmerge is kept: who said it, when, why, and whether it still stands.",
     "tenure people identity u_17 --at 2026-02-03", NEED_READ, 1, 1, identity_options,
     command_people_identity},
    {"people merge", "ID OTHER…", "Says that OTHER is the same person as ID.",
     "All questions answer accordingly from now on, for old events, too. If OTHER belonged to\n"
     "somebody else it moves: the newest word counts.",
     "tenure people merge u_17 anon_88 --reason \"ticket 4711\"", NEED_SITE, 2, ARGS_MAX,
     merge_options, command_people_merge},
    {"people unmerge", "ID OTHER…", "Takes back that OTHER is the same person as ID.",
     "Exactly that merge is undone: one that stood before it counts again.",
     "tenure people unmerge u_17 anon_88 --reason \"a shared tablet\"", NEED_SITE, 2, ARGS_MAX,
     merge_options, command_people_unmerge},
    {"keep list", "", "Lists how long events are kept, and how many are older.", NULL,
     "tenure keep list", NEED_READ, 0, 0, project_json_options, command_keep_list},
    {"keep remove", "EVENT", "Keeps events of this name for ever again.", NULL,
     "tenure keep remove \"Page Viewed\"", NEED_SITE, 1, 1, project_json_options,
     command_keep_remove},
    {"keep apply", "", "Removes the events that are older than their period, now.",
     "A server does this by itself every day (UTC).", "tenure keep apply", NEED_SITE, 0, 0,
     project_json_options, command_keep_apply},
    {"keep", "EVENT PERIOD", "Says how long events of a name are kept: 90d, 12w, 6mo or 2y.",
     "What is older leaves answers and disk in the run of the next day, for good. Other events\n"
     "are kept for ever.",
     "tenure keep \"Page Viewed\" 90d --dry-run", NEED_SITE, 2, 2, keep_options, command_keep_set},
    {"alerts check", "", "Evaluates the alerts of all projects whose intervals are over, now.",
     "A server does this by itself, every ten seconds. No interval is evaluated twice.",
     "tenure alerts check", NEED_SITE, 0, 0, json_options, command_alerts_check},
    {"alerts history", "NAME", "Shows what an alert found, the newest first.",
     "One line for each interval: the state, the number, the interval or cohort it is of.",
     "tenure alerts history \"Retention fell\"", NEED_READ, 1, 1, project_json_options,
     command_alerts_history},
    {"alerts", "", "Lists the alerts with their newest state: ok, firing, no_data or error.", NULL,
     "tenure alerts --project shop", NEED_READ, 0, 0, project_json_options, command_alerts},
    {"segment list", "", "Lists the saved segments.", NULL, "tenure segment list", NEED_READ, 0, 0,
     project_json_options, command_segment_list},
    {"segment set", "NAME CONDITIONS", "Saves conditions on people under a name.",
     "CONDITIONS is a JSON list as in a question, @FILE, or - for standard input. People are\n"
     "found anew whenever the segment is asked for. A segment of this name is replaced.",
     "tenure segment set \"Power users\" '[{\"did\":\"Exported\",\"times\":{\"gte\":3},"
     "\"within\":\"30d\"}]'",
     NEED_SITE, 2, 2, project_json_options, command_segment_set},
    {"segment import", "NAME FILE", "Saves a list of people from a file under a name.",
     "FILE is CSV. Without --column the ids are what stands first in each line. A segment of\n"
     "this name is replaced.",
     "tenure segment import VIP vip.csv --column user_id", NEED_SITE, 2, 2, segment_options,
     command_segment_import},
    {"segment save", "NAME QUESTION", "Saves who is behind a number of an answer now.",
     "QUESTION is a JSON question with people_of, @FILE, or - for standard input. The list stays\n"
     "as it is, whatever happens later.",
     "tenure segment save Dropped @dropped.json", NEED_SITE, 2, 2, project_json_options,
     command_segment_save},
    {"segment remove", "NAME", "Removes a saved segment that no other one is made of.", NULL,
     "tenure segment remove \"Power users\"", NEED_SITE, 1, 1, project_json_options,
     command_segment_remove},
    {"definition list", "", "Lists events and properties: seen, how often, what is said of them.",
     "Hidden names, and those merged under another, are left out unless --hidden is given.",
     "tenure definition list", NEED_READ, 0, 0, definition_options, command_definition_list},
    {"definition set", "KIND NAME JSON", "Says what an event or a property means.",
     "KIND is event or property. JSON is an object, @FILE, or - for standard input, with any of\n"
     "description, owner, hidden, verified, merges (names that count as this one), any_of (of an\n"
     "event: the events and filters it stands for) and expression (of a property: how it is\n"
     "computed of others). It takes the place of what was said before.",
     "tenure definition set event \"Saw prices\" '{\"any_of\":[{\"event\":\"Page Viewed\","
     "\"filter\":[{\"property\":\"path\",\"is\":\"/pricing\"}]}]}'",
     NEED_SITE, 3, 3, project_json_options, command_definition_set},
    {"definition remove", "KIND NAME", "Forgets what was said of an event or a property.", NULL,
     "tenure definition remove event \"Saw prices\"", NEED_SITE, 2, 2, project_json_options,
     command_definition_remove},
    {"project create", "NAME", "Makes a project and shows its keys, once.",
     "The write key sends events; the secret key asks questions and changes settings.",
     "tenure project create shop --timezone Asia/Bangkok", NEED_SITE, 1, 1, project_options,
     command_project_create},
    {"project set", "NAME", "Changes a project's time zone or first day of the week.", NULL,
     "tenure project set shop --week-start sunday", NEED_SITE, 1, 1, set_options,
     command_project_set},
    {"project list", "", "Lists the projects.", NULL, "tenure project list", NEED_READ, 0, 0,
     json_options, command_project_list},
    {"key create", "", "Makes a key for a project and shows it, once.", NULL,
     "tenure key create --scope write --project shop", NEED_SITE, 0, 0, key_create_options,
     command_key_create},
    {"key list", "", "Lists the keys in force, by their public beginnings.", NULL,
     "tenure key list --project shop", NEED_READ, 0, 0, key_list_options, command_key_list},
    {"key revoke", "PREFIX", "Ends a key at once.", NULL,
     "tenure key revoke tw_9c0f12ab --project shop", NEED_SITE, 1, 1, project_only,
     command_key_revoke},
    {"signin", "", "Prints a new sign-in link for the dashboard.", "It works once, for 15 minutes.",
     "tenure signin", NEED_SITE, 0, 0, NULL, command_signin},
    {"status", "", "Shows what the data directory holds.", NULL, "tenure status", NEED_READ, 0, 0,
     json_options, command_status},
    {"backup", "DIR", "Copies the data directory, while everything goes on.",
     "What was acknowledged before it began is in it. DIR is made, complete or not at all, and "
     "may\n"
     "be on another disk. `tenure restore` makes a data directory of it, `tenure check DIR` reads\n"
     "it again.",
     "tenure backup /mnt/backup/2026-02-03", NEED_READ, 1, 1, json_options, command_backup},
    {"restore", "DIR", "Makes a data directory of a backup.",
     "Every byte is compared with the backup's inventory; a damaged backup is refused, and "
     "nothing\n"
     "is left behind. The data directory (--data) must be empty or not there yet.",
     "tenure restore /mnt/backup/2026-02-03 --data /var/lib/tenure", NEED_NOTHING, 1, 1,
     restore_options, command_restore},
    {"check", "[DIR]", "Reads every byte of the data directory, or of the backup in DIR.",
     "Every checksum and all that the files promise of each other; what is damaged is named, and\n"
     "then the exit code is 1. Works while a server runs.",
     "tenure check /mnt/backup/2026-02-03", NEED_READ_OR_ARG, 0, 1, json_options, command_check},
    {"bench", "", "Makes data, asks a few questions of it, and says how long that took.",
     "The simulated company of `tenure demo`, in a directory of its own that is removed again\n"
     "(in $TMPDIR or /tmp). `make bench` compares with DuckDB and ClickHouse.",
     "tenure bench --events 5000000", NEED_NOTHING, 0, 0, bench_options, command_bench},
    {"version", "", "Prints the version.", NULL, "tenure version", NEED_NOTHING, 0, 0, NULL,
     command_version},
    {"help", "[COMMAND]", "Shows the commands, or one of them.", NULL, "tenure help import",
     NEED_NOTHING, 0, 2, NULL, command_help_for},
    /* Without a doc: not listed. What `demo` asks of a server that runs already. */
    {"demo-report", "", NULL, NULL, NULL, NEED_SITE, 0, 0, demo_options, command_demo_report},
    {0},
};
