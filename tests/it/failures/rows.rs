//! What can go wrong and what a person sees then, in plain words. Numbers are
//! stable.

/// Number, fault, what happens.
pub const ROWS: &[(u16, &str, &str)] = &[
    (1, "A token has expired", "one new token for all, each request once more; no status changes"),
    (
        2,
        "A fresh token is refused too",
        "`AuthFailed`; nothing more is sent with these credentials for five minutes, however often their Secret is written; other wrong secrets of one client id are each tried once, at a fifth of the rate limit",
    ),
    (
        3,
        "The token endpoint refuses the credentials",
        "`CredentialsRejected`, naming Secret and keys but no value; the Secret is read again each time, the same credentials are not tried again for five minutes",
    ),
    (
        4,
        "The token endpoint's answer has no token, or a lifetime that can't be",
        "`BadAuthResponse` and growing pauses of at least 30 seconds; a token that is still good is used on; a lifetime is taken as 30 seconds to 24 hours and a token renewed after four fifths of it",
    ),
    (5, "Scalekit answers 403", "`Forbidden`, tried again every five minutes with the same token; nothing is written"),
    (
        6,
        "There is no such organization",
        "`OrganizationNotFound`, read again every ten minutes; nothing else is asked or written",
    ),
    (
        7,
        "The organization of a resource that is being deleted is gone",
        "a second reconcile confirms it and the resource goes, with an event `OrganizationGone`; not if the credentials lead to another environment by now: `EnvironmentChanged`",
    ),
    (8, "The organization is deleted between a read and a write", "as row 6, after the one write"),
    (
        9,
        "A write is answered 409",
        "read and decided again, at most three times in a reconcile, then `WriteConflict` and growing pauses",
    ),
    (
        10,
        "429 with Retry-After, in seconds or as a date",
        "`RateLimited`; nothing more is sent to the whole environment until then, one second to 15 minutes, or only of that client where another one is answered meanwhile; a 429 of the token endpoint pauses its client alone",
    ),
    (
        11,
        "429 with the delay in its body or as X-RateLimit-Reset",
        "as row 10; a delay in the past or of more than a day counts as none",
    ),
    (
        12,
        "429 without a delay",
        "pauses that double up to five minutes, at half the rate; no more than one event for each resource",
    ),
    (
        13,
        "429 while a resource is being deleted",
        "`CleanupPending`; the finalizer stays, nothing is sent until the pause is over",
    ),
    (
        14,
        "A server error (500, 502, 503, 504)",
        "a write is read back before it is repeated; `ApiUnavailable` at once where something is pending, else `Synced` becomes Unknown after an interval and `Ready` Unknown with `Stale` after three",
    ),
    (
        15,
        "An outage with many resources",
        "after five failures in a row of one client it sends one probe at a time with growing pauses up to ten seconds; the first answer ends that. One that fails alone, an organization or a client, holds nobody else back; where two clients are down, each other one asks once, and the first that is answered ends it for all",
    ),
    (
        16,
        "Connection refused, unknown host, certificate not trusted",
        "`ApiUnreachable` or `TlsError`, the latter only of hosts that are not concealed (row 121); never plain http, never without verification",
    ),
    (17, "A write gets no answer in time", "its outcome is unknown, so the policy is read before anything else"),
    (
        18,
        "An answer that comes in drops",
        "`TimedOut` at the deadline of the whole request; other resources are not held up",
    ),
    (
        19,
        "An answer is cut off, empty or without its policy",
        "`BadResponse` where something is pending, else nothing changes; nothing is written after a bad read, and after a bad answer to a write the policy is read",
    ),
    (
        20,
        "A web page instead of an answer, with 200 or 404",
        "`BadResponse`; a 404 that is not Scalekit's own proves nothing, the finalizer stays",
    ),
    (
        21,
        "An answer that is huge, packed, nested deeply or has a key twice",
        "`BadResponse`; no more than 256 KiB are read, none of it unpacked, at most 32 levels",
    ),
    (
        22,
        "Policy sources and units in other spellings, as numbers, or unknown",
        "other spellings are understood; an unknown source is written over once and then `UnrecognizedLivePolicy`, with TightenOnly at once",
    ),
    (
        23,
        "A timeout without a unit, or in another one than minutes",
        "no unit means minutes; others are converted before anything is compared",
    ),
    (
        24,
        "A timeout that is negative, too large, a fraction or a word",
        "`BadResponse`, never another number; a number in a string is understood, and zero means not set",
    ),
    (
        25,
        "A write is applied and its answer is lost",
        "a read shows it: in order, no second write; a write that got lost itself is sent once more",
    ),
    (
        26,
        "A write that timed out lands later, after an edit or a revert",
        "the policy is read again once it must have landed, and corrected; the finalizer stays until then",
    ),
    (
        27,
        "Reads are behind writes",
        "a write's own answer counts; a later read that still shows the old value writes the same once more",
    ),
    (
        28,
        "Scalekit accepts a policy and keeps another one",
        "`NotApplied` after two tries, with the fields in `status.drift`; tried again every hour",
    ),
    (
        29,
        "Scalekit declines a policy",
        "`RejectedByApi` with its error code and fields; tried again after an edit or an hour",
    ),
    (30, "The feature session_policy is off", "it is switched on first, with one write and an event `FeatureEnabled`"),
    (31, "The feature can't be switched on", "`FeatureUnavailable`; no policy is written, tried again every hour"),
    (
        32,
        "The feature is still off after it was switched on",
        "`FeatureNotEnabled` after two tries; no policy is written",
    ),
    (
        33,
        "The server replaces the list of features instead of merging it",
        "the complete list is sent, so all others stay as they are; an event `FeaturesChanged` if they did not",
    ),
    (
        34,
        "Somebody switches the feature off",
        "it is switched on again at the next reconcile; Observe only reports it in `FeatureEnabled`",
    ),
    (
        35,
        "Somebody changes the policy in Scalekit",
        "one write in the next reconcile, with an event `DriftCorrected`; a stricter policy that is set a fifth time within an hour stays, with `Contended`, and is tried again once an hour",
    ),
    (
        36,
        "The application's policy is stricter",
        "`Effective` is False with `LooserThanApplication`; Ready says only what is stored",
    ),
    (37, "The application's policy is looser", "`Effective` is True with `AppliesFully`"),
    (38, "The Secret is missing", "`CredentialsMissing`, without a request to Scalekit; read again within a minute"),
    (
        39,
        "A key of the Secret is missing, empty or unusable",
        "`CredentialsIncomplete`, naming the key; one newline at the end is allowed",
    ),
    (
        40,
        "The Secret is rotated",
        "the new credentials are used within a minute, or at once when the old ones are refused",
    ),
    (41, "The Secret is rotated to a wrong value", "`CredentialsRejected`; the old value is not used any more"),
    (
        42,
        "The Secret is deleted before the resource",
        "the resource waits an hour (ten minutes in a namespace that goes) and says until when; then it goes with a Warning `PolicyOrphaned`",
    ),
    (43, "A Secret of another namespace is wanted", "the field does not exist"),
    (
        44,
        "A Secret is deleted and created again under its name",
        "its values count: with the same ones it is the same client, with others nothing of the old one is used, its token neither",
    ),
    (
        45,
        "Two resources for one organization",
        "the older one owns it; the other one is `Conflict` and writes nothing, and its status names the owner only in its own namespace",
    ),
    (46, "Two resources, one by id and one by external id", "as row 45, as soon as the external id is resolved"),
    (
        47,
        "The owner is deleted while another one waits",
        "the other one takes over without a revert in between; an event `HandedOver`",
    ),
    (
        48,
        "Two clusters or namespaces declare one organization",
        "by one operator as row 45; by two, of two clusters or with namespaces of their own, the stricter policy prevails, and the other says `Contended`",
    ),
    (
        49,
        "The external id leads to another organization than before",
        "`OrganizationChanged`; nothing is written, and a deletion reverts the first one",
    ),
    (
        50,
        "A lookup by external id is declined",
        "the list is searched instead; the organization's id is never sent beside it",
    ),
    (51, "`spec.organization` is changed", "refused by the API server"),
    (52, "A resource is deleted while Scalekit is down", "`CleanupPending` until it is back; the finalizer stays"),
    (53, "A resource is deleted before it was ever reconciled", "it goes at once; nothing is written"),
    (
        54,
        "A resource is deleted and created again under its name",
        "the old one's end never touches the new one's policy",
    ),
    (55, "The finalizer is removed by hand", "the resource goes and the policy stays"),
    (
        56,
        "The process is killed in any request",
        "a new one ends where an undisturbed run ends, with the same writes; one that was cut off is repeated once at most",
    ),
    (
        57,
        "Operators are killed every few seconds",
        "nothing is left behind, and all is as declared soon after it stops",
    ),
    (
        58,
        "The leader is asked to end (SIGTERM), as in a rolling update",
        "it begins nothing more, ends what is under way within twice `--request-timeout`, and gives the lease back last of all, with a note whether anything may still be applied; another one leads within three seconds, and each edit is written once",
    ),
    (
        59,
        "The leader is stopped in the middle of a write (SIGSTOP, a frozen machine), and goes on after others have taken over",
        "its lease is over by its own clock, so it sends nothing, no status either, and follows from then on",
    ),
    (
        60,
        "The leader is killed, or clocks and networks between two operators fail",
        "another one leads within 20 seconds, when the other's right to write is over; a resource whose status says that a write was under way, or nothing yet of its last edit, is not written before that must have been applied; all others are written at once",
    ),
    (
        61,
        "The API server can't be reached, or does not answer in time, so that the lease is not renewed",
        "after five seconds no write begins, after ten the work stops; the operator does not exit, and goes on when it has the lease again",
    ),
    (
        62,
        "A list, a watch or an event is answered 410: what was asked for is too old",
        "it is listed anew; no resource is lost, and nothing is written twice",
    ),
    (
        63,
        "Watches end each second, or show nothing any more though their connection is open",
        "resources are seen all the same, without a storm of connections; drift is found at the interval, and everything else when the resources are listed again (`--relist-interval`)",
    ),
    (
        64,
        "The API server is gone for a minute",
        "nothing is written, and the operator does not exit; afterwards the organization is read before it is written, within a minute",
    ),
    (
        65,
        "etcd is restored to an earlier state: a resource is older than its status",
        "it is handled as a new one, by what is read from Scalekit now; row 119 is the same while the operator runs",
    ),
    (
        66,
        "What the operator knows of a resource is older than the resource",
        "nothing is written before the resource is read afresh, so that nobody gets a policy that nobody wants any more",
    ),
    (
        67,
        "A deletion is in no watch",
        "the finalizer keeps the resource until it is listed the next time, and then it is reverted",
    ),
    (68, "A hundred edits in a second", "a few reconciles; the last one wins"),
    (
        69,
        "The spec is edited between a read and a write",
        "the old value is written at most once and never reported as the new one",
    ),
    (
        70,
        "The definition is not there, or is deleted while the operator runs",
        "the operator waits and says what to install; what is missing from no list is reverted",
    ),
    (71, "A resource with fields of a newer version", "unknown fields stay as they are"),
    (72, "A stored resource that can't be read", "it alone stands still; all others go on"),
    (73, "A status can't be written", "it is decided again; a deletion is not held up"),
    (74, "Nothing has changed", "nothing is written to either side"),
    (
        75,
        "Long messages and many changes",
        "a message has at most 512 bytes, a status at most six conditions and no history",
    ),
    (76, "Others write into the status", "only our own fields are taken back, the spec is never touched"),
    (77, "`lastTransitionTime`", "it moves only when a status flips"),
    (
        78,
        "The namespace is deleted, its Secret first",
        "a client that is still known is used; else the resource waits ten minutes and goes with `PolicyOrphaned`",
    ),
    (
        79,
        "The operator is uninstalled before its resources",
        "they wait; `session-policy-operator uninstall` lets them go, before or after",
    ),
    (
        80,
        "The operator loses permissions",
        "the status says so; others go on, with growing pauses; `/readyz` fails while every request, every write of a status, or every request about the lease is refused",
    ),
    (
        81,
        "The clock is set forward or back",
        "waits and deadlines end by the clock of the process, which nobody sets; of a clock far off, rows 60 and 127",
    ),
    (
        82,
        "A start with thousands of resources",
        "one token for all; no more requests than the rate limit allows, deletions and edits first",
    ),
    (
        83,
        "The regular reads of thousands of resources",
        "spread by a tenth of the interval, the same for a resource each time; nothing is written",
    ),
    (84, "One resource always fails", "its own retries are delayed; the others wait for nothing"),
    (85, "A reconcile panics", "`InternalError`, a metric, and growing pauses; the process lives and the others go on"),
    (86, "A request hangs", "each request has a deadline, so a reconcile ends; nobody else waits longer than that"),
    (
        87,
        "An organization id that is none: `../../x`, `%2e%2e`, `org_1?x`, a NUL, 10 kB",
        "refused by the CRD and by the code; nothing is sent",
    ),
    (
        88,
        "An external id with `/ ? # % : ..`, spaces, line breaks, right-to-left text",
        "a printable one is one encoded part of the path; `.`, `..` and control characters are refused",
    ),
    (
        89,
        "A URL with http, a user, a path or a query; an IP address in any form; a host that nobody allowed",
        "refused; nothing is sent",
    ),
    (
        90,
        "An allowed host resolves to a private address, or to a metadata service",
        "it is not contacted; a private address is where an administrator names the host, a metadata service never",
    ),
    (91, "A redirect to another host", "not followed, `BadResponse`; the token is sent nowhere else"),
    (92, "`HTTPS_PROXY` in the environment", "ignored unless `--proxy=env` asks for it"),
    (
        93,
        "The server repeats a secret or token in an error",
        "it is in no log, event, status, metric or output; only the HTTP status and known error codes are",
    ),
    (94, "Credentials are printed for debugging", "they show no secret"),
    (95, "Metrics whose labels come from outside", "labels are bounded: no organization, no message"),
    (
        96,
        "Input of `osp` that is huge, nested deeply, or copies itself by aliases",
        "an error with its place and the limit, within a second and 100 MB",
    ),
    (
        97,
        "A byte order mark and line breaks of Windows; tabs, keys twice, NaN, `yes`, `010`, bytes that are no UTF-8, nothing at all",
        "the first two are fine; the others are findings with place, rule and fix, and exit code 1",
    ),
    (
        98,
        "Output of `osp` through a link or out of its folder, without a terminal, or to a pipe that closes",
        "nothing is written elsewhere, nobody is asked, and a closed pipe is quiet",
    ),
    (
        99,
        "Timeouts at and beyond what fits into 32 bits of minutes",
        "the largest are accepted, one more is refused, by the API server and by the code alike",
    ),
    (
        100,
        "Idle not below absolute, an idle value while idle is off, a unit without a value",
        "refused, by the API server and by the code alike",
    ),
    (101, "A field is removed from the spec later", "the same as a new resource without it"),
    (102, "Idle is off", "no idle value is sent, and one that Scalekit still shows is no drift"),
    (
        103,
        "The reconcile-now annotation is abused",
        "reconciles are a second apart; the annotation can ask for nothing else",
    ),
    (104, "Suspended, then deleted", "the deletion reverts all the same"),
    (105, "Somebody drops our finalizer", "it is added again before the next write"),
    (106, "Other finalizers", "they stay as they are, in any order"),
    (107, "Deleted while our finalizer is about to be added", "nothing is written and the resource goes"),
    (108, "Mode Observe", "not one write"),
    (
        109,
        "A flood of slow clients at the port of probes and metrics",
        "probes and `/metrics` answer, policies are kept, and each of the clients is gone after five seconds",
    ),
    (
        110,
        "Fifty thousand resources",
        "managed fields are dropped as they are read, and nothing is kept of resources that went; memory as in [performance.md](../performance.md)",
    ),
    (
        111,
        "A resource of another namespace names the organization with credentials that don't reach it: older, younger, or asleep until it gets a Secret",
        "it claims nothing (`status.claim` is absent): the owner stays, repairs drift, and reverts when it is deleted; credentials that are refused later lose their claim, to a resource whose own have read the organization",
    ),
    (
        112,
        "The Secret of another claimant is missing or can't be read",
        "it costs nobody else a request: no Secret is read for somebody else's reconcile",
    ),
    (
        113,
        "Somebody sets a looser policy again and again",
        "it is corrected in each reconcile, at most twice an interval once it has happened five times within an hour, and the condition `Contended` says so; it never stays",
    ),
    (
        114,
        "One namespace with thousands of resources, edits without end, or invented credentials",
        "edits and deletions of the others hardly wait",
    ),
    (
        115,
        "The operator may not read a Secret or set its finalizer any more, or the API server fails",
        "`CredentialsUnreadable`: at once if it may not read it; any other error of the API server is `ApiServerError`, at once where something is pending; else `Synced` becomes Unknown after an interval and `Ready` Unknown with `Stale` after three",
    ),
    (
        116,
        "The leader stops in a write, another one leads, and the resource is deleted",
        "the finalizer stays until that write must have landed, and what it wrote is taken back",
    ),
    (
        117,
        "A resource is renamed or moved to another namespace, in either order, and its Secret comes later",
        "the deletion waits `--revert-delay` (10 s) and says until when; a resource that takes over cancels the revert, so the application's policy is never live in between",
    ),
    (
        118,
        "Another feature is switched off between our read and our write",
        "it stays off: the organization is read again right before its features are written",
    ),
    (
        119,
        "etcd is restored to an earlier state while the operator runs",
        "all resources are listed again when the API server ends a watch before its time or a read shows an older version, and every 15 minutes; one that is older than it was is reconciled; `/livez` fails when the watch had no response for five minutes and other requests had",
    ),
    (
        120,
        "One client is refused the application's policy",
        "its own resources say `Effective` Unknown; those of another client of the same environment notice nothing",
    ),
    (
        121,
        "A Secret names a host outside Scalekit's own domains: a closed port, or one that speaks something else",
        "`ApiUnreachable` for all, with the same words; of a Scalekit there the reason, but no word of its answers",
    ),
    (
        122,
        "Thousands of half-open requests at the health port",
        "at most 64 are open, each for five seconds; one more closes the oldest, so a probe is answered at once",
    ),
    (
        123,
        "One environment is reached under two host names, its subdomain and a custom domain; or a tenant's own server hands out tokens that name another environment's issuer",
        "they count as one where the tokens name one issuer (`status.issuer`): the oldest resource owns the organization, whichever name it uses. A host outside Scalekit's own domains is believed only where its token is good at that issuer; else, and where tokens name none, the host counts",
    ),
    (
        124,
        "A finalizer of somebody else holds a resource that is reverted",
        "it claims nothing and its status is true: not Ready, with the policy that is live; another resource becomes Ready",
    ),
    (
        125,
        "The limit allows fewer requests than a reconcile takes",
        "what was read before a 429 is not asked again, so all get through",
    ),
    (
        126,
        "Thousands of credentials and environments that come and go",
        "what is out of use is forgotten, except what must be waited out after a refusal",
    ),
    (
        127,
        "A clock is set forward while a deletion waits",
        "it waits by the operator's own clock too, so nothing is reverted or left behind early",
    ),
    (
        128,
        "`deletionPolicy: Restore`, and the process is killed between feature and policy, the spec is edited there, another resource takes over, or the mode is TightenOnly",
        "what the organization had before is recorded before the first write of a policy, inherited by whoever takes over, and put back; what can't be declared is named in the event",
    ),
    (
        129,
        "A living owner loses its claim with a write still under way, and another resource takes over",
        "the new owner reads again when that write can't land any more",
    ),
    (
        130,
        "A resource that has written is deleted while one that is suspended or observes owns the organization",
        "its own policy is reverted; any other stays",
    ),
    (
        131,
        "The operator restarts while a deletion waits for a successor",
        "the new process waits ten seconds of its own, or the delay if that is shorter, so that a successor can be verified",
    ),
    (
        132,
        "A resource is deleted whose credentials are gone or refused, and the policy of another one is live",
        "it goes at once: the claims of the pinned organization need no credentials",
    ),
    (
        133,
        "The right to see one of several watched namespaces is taken away",
        "`/readyz` fails and the log names the namespace once; the others go on",
    ),
    (
        134,
        "An owner takes care that its credentials, which are not good any more, are not tried: it is suspended, its \
         spec or its Secret is broken, its interval is a day",
        "a resource whose own credentials have read the organization asks for its claim to be confirmed: the owner is \
         reconciled then, and loses its claim at the next reconcile of the other one after five minutes in which it could \
         not read the organization, outages and limits of the pinned environment not counted",
    ),
];
