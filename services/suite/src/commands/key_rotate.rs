//! `tally key rotate`.

use wire::ingest::v1::RotateApiKeyRequest;
use wire::ingest::v1::access_service_client::AccessServiceClient;

use crate::cli::RotateKey;
use crate::client::Channel;
use crate::failure::Failure;
use crate::print;

pub(super) async fn run(
    access: &mut AccessServiceClient<Channel>,
    args: RotateKey,
) -> Result<(), Failure> {
    let overlap = wire::Duration {
        seconds: i64::try_from(args.overlap.as_secs()).unwrap_or(i64::MAX),
        nanos: args.overlap.subsec_nanos().cast_signed(),
    };
    let request =
        RotateApiKeyRequest { key_id: args.key_id, overlap: Some(overlap), ..Default::default() };
    let made = access.rotate_api_key(request).await;
    let made = made.map_err(Failure::call("the key was not rotated"))?.into_inner();
    if args.json {
        println!("{}", serde_json::to_string(&made)?);
        return Ok(());
    }
    let old = made.old_api_key.unwrap_or_default();
    let end = old.expire_time.as_ref().map(print::moment).unwrap_or_default();
    println!("{}\nShown this once. {} works until {end}.", made.secret, old.key_id);
    Ok(())
}
