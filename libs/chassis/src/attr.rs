//! Every span name, attribute key and metric name of the suite.
//!
//! OpenTelemetry semantic conventions, schema 1.42.0. The rename of `rpc.response.status_code` to
//! `rpc.status_code`, pending upstream, is one line here. `app.*` are our own.

#![expect(missing_docs, reason = "the names are the conventions' own")]

/// The schema these names follow.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.42.0";

// --- rpc ---------------------------------------------------------------------------------------
pub const RPC_SYSTEM_NAME: &str = "rpc.system.name";
pub const RPC_METHOD: &str = "rpc.method";
pub const RPC_METHOD_ORIGINAL: &str = "rpc.method_original";
pub const RPC_STATUS_CODE: &str = "rpc.response.status_code";
pub const RPC_SERVER_CALL_DURATION: &str = "rpc.server.call.duration";
pub const RPC_CLIENT_CALL_DURATION: &str = "rpc.client.call.duration";
/// The value of `rpc.method` for a path outside the contract, so that strangers cannot make names.
pub const RPC_METHOD_OTHER: &str = "_OTHER";
pub const GRPC: &str = "grpc";

// --- where -------------------------------------------------------------------------------------
pub const SERVER_ADDRESS: &str = "server.address";
pub const SERVER_PORT: &str = "server.port";
pub const SERVICE_PEER_NAME: &str = "service.peer.name";
pub const ERROR_TYPE: &str = "error.type";

// --- databases ---------------------------------------------------------------------------------
pub const DB_SYSTEM_NAME: &str = "db.system.name";
pub const DB_NAMESPACE: &str = "db.namespace";
pub const DB_COLLECTION_NAME: &str = "db.collection.name";
pub const DB_OPERATION_NAME: &str = "db.operation.name";
pub const DB_OPERATION_BATCH_SIZE: &str = "db.operation.batch.size";
pub const DB_QUERY_SUMMARY: &str = "db.query.summary";
pub const DB_QUERY_TEXT: &str = "db.query.text";
pub const DB_STATUS_CODE: &str = "db.response.status_code";
pub const DB_OPERATION_DURATION: &str = "db.client.operation.duration";

// --- messaging: the ledger is the topic --------------------------------------------------------
pub const MESSAGING_SYSTEM: &str = "messaging.system";
pub const MESSAGING_OPERATION_NAME: &str = "messaging.operation.name";
pub const MESSAGING_OPERATION_TYPE: &str = "messaging.operation.type";
pub const MESSAGING_DESTINATION_NAME: &str = "messaging.destination.name";
pub const MESSAGING_DESTINATION_PARTITION_ID: &str = "messaging.destination.partition.id";
pub const MESSAGING_CONSUMER_GROUP_NAME: &str = "messaging.consumer.group.name";
pub const MESSAGING_BATCH_MESSAGE_COUNT: &str = "messaging.batch.message_count";
pub const MESSAGING_MESSAGE_ID: &str = "messaging.message.id";
pub const MESSAGING_SENT_MESSAGES: &str = "messaging.client.sent.messages";
pub const MESSAGING_CONSUMED_MESSAGES: &str = "messaging.client.consumed.messages";
pub const MESSAGING_PROCESS_DURATION: &str = "messaging.process.duration";
/// The value of `messaging.system`.
pub const TALLYSTICK: &str = "tallystick";
/// The value of `messaging.destination.name`.
pub const LEDGER: &str = "ledger";
/// A group commit: CLIENT, a root, linked to the calls it carries.
pub const SPAN_SEND: &str = "send ledger";
/// A consumer's batch: CLIENT, a root, linked to the creation contexts in it.
pub const SPAN_RECEIVE: &str = "receive ledger";
/// Folding a batch: CONSUMER, child of the receive.
pub const SPAN_PROCESS: &str = "process ledger";

// --- http: deliveries to subscribers -----------------------------------------------------------
pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub const HTTP_REQUEST_RESEND_COUNT: &str = "http.request.resend_count";
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
pub const HTTP_CLIENT_REQUEST_DURATION: &str = "http.client.request.duration";
pub const URL_FULL: &str = "url.full";

// --- resource ----------------------------------------------------------------------------------
pub const SERVICE_NAME: &str = "service.name";
pub const SERVICE_NAMESPACE: &str = "service.namespace";
pub const SERVICE_VERSION: &str = "service.version";
pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";
pub const DEPLOYMENT_ENVIRONMENT_NAME: &str = "deployment.environment.name";

// --- ours --------------------------------------------------------------------------------------
/// Links left out because a span keeps 64.
pub const LINKS_DROPPED: &str = "app.links.dropped";
pub const WORKSPACE: &str = "app.workspace";
pub const ENTRIES: &str = "app.entries";
pub const BYTES: &str = "app.bytes";
/// Milliseconds the oldest entry waited for its commit.
pub const QUEUE_WAIT_MS: &str = "app.queue.wait_ms";
/// Entries queued when a call joined.
pub const QUEUE_DEPTH: &str = "app.queue.depth";
pub const COMMIT_ENTRIES: &str = "app.commit.entries";
pub const COMMIT_DURATION: &str = "app.commit.duration";
/// Entries a consumer is behind its partition's head.
pub const CONSUMER_LAG: &str = "app.consumer.lag";
/// Seconds between recording an entry and its effect.
pub const CONSUMER_LAG_TIME: &str = "app.consumer.lag_time";
pub const CONSUMER_FENCED: &str = "app.consumer.fenced";
pub const CACHE_LOOKUPS: &str = "app.cache.lookups";
pub const CACHE_RESULT: &str = "app.cache.result";
/// Calls the guard was asked about.
pub const GUARD_VERDICTS: &str = "app.guard.verdicts";
pub const GUARD_VERDICT: &str = "app.guard.verdict";
pub const GUARD_RULE: &str = "app.guard.rule";
/// Calls let through because the counters could not be read.
pub const GUARD_FAILED_OPEN: &str = "app.guard.failed_open";
/// Denials that may be missing in the ledger.
pub const GUARD_UNRECORDED: &str = "app.guard.unrecorded";
pub const DELIVERY_ATTEMPTS: &str = "app.delivery.attempts";
pub const DELIVERY_OUTCOME: &str = "app.delivery.outcome";

/// Bucket bounds in seconds the conventions give for the duration of a call.
pub const DURATION_BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
