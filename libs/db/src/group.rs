//! Group commit on SQLite: works that wait for the one writer share the next transaction.
//!
//! They share its wait for the disk, which is what a small one costs.
//! Each but the first of them writes behind a savepoint of its own, so that it fails alone. The first has
//! nobody before it whom its ROLLBACK could hurt, and a work alone pays for nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{mpsc, oneshot};

use crate::sqlite::ACQUIRE;
use crate::write::told;
use crate::{Error, Work};

/// Works of one commit, at most.
const WORKS: usize = 64;
/// How long works join a transaction: the first of them waits for the last.
const JOINING: Duration = Duration::from_millis(20);

/// Who waits for the one writer, in the order in which they came.
pub(crate) struct Line(mpsc::UnboundedSender<Call>);

/// Calls one out of the line, or tells why it is not its turn. Who gave up waiting does not hear it.
type Call = oneshot::Sender<Result<Turn, Error>>;
/// What became of the transaction of a group, for each of its works.
type Answer = oneshot::Sender<Result<(), Error>>;

impl Line {
    /// Serves the line until it is dropped.
    pub(crate) fn new(writer: DatabaseConnection) -> Self {
        let (line, waiting) = mpsc::unbounded_channel();
        tokio::spawn(serve(writer, waiting));
        Self(line)
    }

    /// Stands in line at once, and waits for its turn when awaited.
    pub(crate) fn turn(&self) -> Work<'static, Turn, Error> {
        let (call, called) = oneshot::channel();
        // Where nobody serves, `call` is dropped, and that is the answer.
        let _ = self.0.send(call);
        Box::pin(async move {
            let nobody = |why| Error::from(DbErr::ConnectionAcquire(why));
            match tokio::time::timeout(ACQUIRE, called).await {
                Ok(Ok(turn)) => turn,
                Ok(Err(_)) => Err(nobody(ConnAcquireErr::ConnectionClosed)),
                Err(_) => Err(nobody(ConnAcquireErr::Timeout)),
            }
        })
    }
}

/// The right to write in the group's transaction until it ends. Dropped, as in a panic, it writes nothing.
pub(crate) struct Turn {
    // Dropped in this order: a savepoint before its transaction, and both before that is said.
    savepoint: Option<DatabaseTransaction>,
    txn: Arc<DatabaseTransaction>,
    ended: oneshot::Sender<bool>,
    answer: oneshot::Receiver<Result<(), Error>>,
}

impl Turn {
    pub(crate) fn txn(&self) -> &DatabaseTransaction {
        self.savepoint.as_ref().unwrap_or(&self.txn)
    }

    /// Keeps what was written, and waits until it is on disk.
    pub(crate) fn commit(self) -> Work<'static, (), Error> {
        Box::pin(async move {
            let Self { savepoint, txn, ended, answer } = self;
            let kept = match savepoint {
                Some(savepoint) => savepoint.commit().await,
                None => Ok(()),
            };
            drop(txn);
            // Nobody hears or answers when the runtime stops.
            let _ = ended.send(kept.is_ok());
            answer.await.unwrap_or_else(|_| Err(unanswered()))?;
            kept.map_err(Error::at_commit)
        })
    }

    /// Takes back what was written. It too ends with the group: why the work failed may be a row of another
    /// one, which nobody can read before the COMMIT, and which is not there when that fails.
    pub(crate) fn rollback(self) -> Work<'static, (), Error> {
        Box::pin(async move {
            let Self { savepoint, txn, ended, answer } = self;
            if let Some(savepoint) = savepoint {
                // It fails where the whole transaction is gone.
                told(savepoint.rollback().await);
            }
            drop(txn);
            let _ = ended.send(false);
            answer.await.unwrap_or_else(|_| Err(unanswered()))
        })
    }
}

async fn serve(writer: DatabaseConnection, mut line: mpsc::UnboundedReceiver<Call>) {
    while let Some(first) = line.recv().await {
        match begin(&writer).await {
            Ok(txn) => share(txn, first, &mut line).await,
            Err(error) => {
                // All of them have waited for this.
                let others = std::iter::from_fn(|| line.try_recv().ok());
                for call in std::iter::once(first).chain(others) {
                    let _ = call.send(Err(error.clone().into()));
                }
            }
        }
    }
}

async fn begin(writer: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    // IMMEDIATE takes the write lock at once. A transaction that reads first and wants the lock later can be
    // refused in a way no timeout cures.
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    writer.begin_with_options(options).await
}

/// Lends the transaction to one after the other, for as long as some are waiting, and commits.
async fn share(txn: DatabaseTransaction, first: Call, line: &mut mpsc::UnboundedReceiver<Call>) {
    let full = Instant::now() + JOINING;
    let txn = Arc::new(txn);
    let mut answers: Vec<Answer> = Vec::new();
    let mut next = Some(first);
    while let Some(call) = next {
        let savepoint = if answers.is_empty() { Ok(None) } else { txn.begin().await.map(Some) };
        let savepoint = match savepoint {
            Ok(savepoint) => savepoint,
            Err(error) => {
                let _ = call.send(Err(error.into()));
                break;
            }
        };
        let (answer, kept) = lend(&txn, savepoint, call).await;
        if answers.is_empty() && !kept {
            // Whether it is undone or thrown away with its connection: nothing was written.
            told(unshared(txn).rollback().await);
            let _ = answer.send(Ok(()));
            return;
        }
        answers.push(answer);
        let others = !line.is_empty() && answers.len() < WORKS && Instant::now() < full;
        // Of a work alone the COMMIT says it.
        if (others || answers.len() > 1) && is_lost(&txn).await {
            told(unshared(txn).rollback().await);
            // The last one lost it, and its own error says most. If it hid that and went on, what it wrote
            // afterwards was in no transaction.
            let hidden = Err(Error::Unknown(because("the work went on without a transaction")));
            tell(answers.split_off(answers.len() - 1), &if kept { hidden } else { Ok(()) });
            let lost = because("another work lost the transaction: the disk is full or broken");
            return tell(answers, &Err(Error::Unavailable(lost)));
        }
        next = if others { line.try_recv().ok() } else { None };
    }
    tell(answers, &unshared(txn).commit().await.map_err(Error::at_commit));
}

/// One turn; answers whether what it wrote is to be kept.
async fn lend(
    txn: &Arc<DatabaseTransaction>,
    savepoint: Option<DatabaseTransaction>,
    call: Call,
) -> (Answer, bool) {
    let (ended, has_ended) = oneshot::channel();
    let (sender, answer) = oneshot::channel();
    let turn = Turn { savepoint, txn: Arc::clone(txn), ended, answer };
    let _ = call.send(Ok(turn));
    (sender, has_ended.await.unwrap_or(false))
}

/// Whether the transaction is over already: SQLite takes a whole one back by itself when the disk is full or
/// broken. A savepoint made then would be a transaction of its own, committed at its end. The question is a
/// BEGIN, which is refused as long as one is open.
async fn is_lost(txn: &DatabaseTransaction) -> bool {
    txn.execute_unprepared("BEGIN").await.is_ok()
}

fn unshared(txn: Arc<DatabaseTransaction>) -> DatabaseTransaction {
    Arc::into_inner(txn).expect("a turn that has ended holds no transaction")
}

fn tell(answers: Vec<Answer>, outcome: &Result<(), Error>) {
    for answer in answers {
        let _ = answer.send(outcome.clone());
    }
}

fn unanswered() -> Error {
    Error::Unknown(because("the runtime stopped while the transaction ran"))
}

fn because(why: &str) -> DbErr {
    DbErr::Custom(why.into())
}
