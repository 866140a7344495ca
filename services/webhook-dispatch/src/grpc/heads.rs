//! Asking ingest where the ledger stands.

use async_trait::async_trait;
use chassis::client::fault_of;
use fault::Fault;
use kernel::Partition;
use wire::ingest::v1::GetHeadsRequest;
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;

use crate::app::Heads;

/// Ingest's own word.
pub(crate) struct LedgerHeads(LedgerServiceClient<chassis::Channel>);

impl LedgerHeads {
    pub(crate) fn new(ledger: LedgerServiceClient<chassis::Channel>) -> Self {
        Self(ledger)
    }
}

#[async_trait]
impl Heads for LedgerHeads {
    async fn head(&self, partition: Partition) -> Result<i64, Fault> {
        let answer = self.0.clone().get_heads(GetHeadsRequest {}).await;
        let heads = answer.map_err(|status| fault_of("ingest", status))?.into_inner().heads;
        let number = i32::from(partition.get());
        let head = heads.iter().find(|head| head.partition == number);
        head.map(|head| head.seq).ok_or_else(|| {
            Fault::internal("the ledger did not say where it stands").with("partition", number)
        })
    }
}
