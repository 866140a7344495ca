//! Batches of different partitions, written in one piece of work where there is one writer.
//!
//! A batch takes a dozen statements, whatever it holds. With fifty busy partitions and ten events of each at
//! a time an event waited for 600 of them, and for five commits.

use std::sync::Arc;

use db::Db;
use sea_orm::{DatabaseTransaction, DbErr};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinError;

use super::{Part, facts, generations};

/// Facts of one work: it holds the writer for some 0.2 s.
const FACTS: usize = 8_192;

/// Writes batches. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Together {
    db: Db,
    /// Where there is one writer. Elsewhere batches are written side by side.
    line: Option<mpsc::UnboundedSender<Waiting>>,
}

/// What became of a batch; a panic is its caller's, as if it had written itself.
type Outcome = Result<Result<(), tail::Error>, JoinError>;

struct Waiting {
    part: Part,
    answer: oneshot::Sender<Outcome>,
}

impl Together {
    pub(super) fn new(db: Db) -> Self {
        let line = db.shares_commits().then(|| {
            let (line, waiting) = mpsc::unbounded_channel();
            tokio::spawn(serve(db.clone(), waiting));
            line
        });
        Self { db, line }
    }

    /// Writes a batch, alone or with those that wait meanwhile. If that fails, it fails alone.
    pub(super) async fn apply(&self, part: Part) -> Result<(), tail::Error> {
        let Some(line) = &self.line else { return write(&self.db, vec![Arc::new(part)]).await };
        let (answer, answered) = oneshot::channel();
        // Where nobody serves, `answer` is dropped, and that is the answer.
        let _ = line.send(Waiting { part, answer });
        match answered.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(ended)) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            Ok(Err(_)) | Err(_) => {
                let why = "the runtime stopped while batches were written";
                Err(db::Error::Unknown(DbErr::Custom(why.to_owned())).into())
            }
        }
    }
}

/// Writes what waits until nobody is left who could ask for it.
async fn serve(db: Db, mut line: mpsc::UnboundedReceiver<Waiting>) {
    let mut left_over = None;
    loop {
        let first = match left_over.take() {
            Some(first) => first,
            None => match line.recv().await {
                Some(first) => first,
                None => return,
            },
        };
        let mut facts = first.part.facts.len();
        let mut group = vec![first];
        while let Ok(next) = line.try_recv() {
            facts += next.part.facts.len();
            if facts > FACTS {
                left_over = Some(next);
                break;
            }
            group.push(next);
        }
        write_group(&db, group).await;
    }
}

async fn write_group(db: &Db, group: Vec<Waiting>) {
    let (parts, answers): (Vec<_>, Vec<_>) =
        group.into_iter().map(|waiting| (Arc::new(waiting.part), waiting.answer)).unzip();
    // Who does not wait for its answer any more finds its cursor where it is.
    match attempt(db, parts.clone()).await {
        Ok(Ok(())) => {
            for answer in answers {
                let _ = answer.send(Ok(Ok(())));
            }
        }
        Ok(Err(tail::Error::Store(error))) if error.is_retryable() => {
            for answer in answers {
                let _ = answer.send(Ok(Err(error.clone().into())));
            }
        }
        // One of them is fenced, or holds or meets what makes it fail: the others are not to fail with it.
        Ok(Err(_)) | Err(_) => {
            for (part, answer) in parts.into_iter().zip(answers) {
                let _ = answer.send(attempt(db, vec![part]).await);
            }
        }
    }
}

/// In a task of its own: whoever panics does not end the line.
async fn attempt(db: &Db, parts: Vec<Arc<Part>>) -> Outcome {
    let db = db.clone();
    tokio::spawn(async move { write(&db, parts).await }).await
}

/// Moves the cursors and writes what the batches say: all or nothing.
async fn write(db: &Db, parts: Vec<Arc<Part>>) -> Result<(), tail::Error> {
    db.write(move |txn| Box::pin(async move { write_all(txn, &parts).await })).await
}

async fn write_all(txn: &DatabaseTransaction, parts: &[Arc<Part>]) -> Result<(), tail::Error> {
    // First of all: whoever moved a cursor holds its row until the commit, so that what is read below
    // cannot be changed by a replica that lost its lease.
    for part in parts {
        part.cursor.advance(txn).await?;
    }
    let facts = || parts.iter().flat_map(|part| &part.facts);
    if facts().next().is_none() {
        return Ok(());
    }
    let (live, building) = generations::lanes(txn, parts.iter().map(|part| part.partition)).await?;
    facts::write(txn, &live, facts()).await?;
    if let Some(building) = building {
        facts::write(txn, &building, facts()).await?;
    }
    Ok(())
}
