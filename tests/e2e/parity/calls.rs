//! What is asked of both suites, and what they answer, in a form that can be compared.

use chassis::Channel;
use fault::{ErrorReason, reason_of};
use tests::Stage;
use tonic::{Code, Status};
use wire::catalog::v1::SetHourlyRateRequest;
use wire::catalog::v1::catalog_service_client::CatalogServiceClient;
use wire::ingest::v1::ingest_service_client::IngestServiceClient;
use wire::ingest::v1::{
    GetEventRequest, GetEventResponse, ListEventsRequest, ListEventsResponse, Receipt,
    RetractRequest, ReviseOutcomeRequest, TrackBatchRequest, TrackRequest, TrackResult,
};
use wire::rollup::v1::report_service_client::ReportServiceClient;
use wire::rollup::v1::{
    CheckConservationRequest, CheckConservationResponse, GetOverviewRequest, GetOverviewResponse,
    GetSavingsRequest, GetSavingsResponse, GetTimeSeriesRequest, GetTimeSeriesResponse,
};

#[derive(Debug, Clone)]
pub(crate) enum Call {
    Track(Box<TrackRequest>),
    Batch(TrackBatchRequest),
    Revise(ReviseOutcomeRequest),
    Retract(RetractRequest),
    Event(GetEventRequest),
    Events(ListEventsRequest),
    Overview(GetOverviewRequest),
    Savings(GetSavingsRequest),
    Series(GetTimeSeriesRequest),
    Check(CheckConservationRequest),
    Rate(SetHourlyRateRequest),
}

#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Receipt(Option<Receipt>),
    Batch(Vec<TrackResult>),
    Event(Box<GetEventResponse>),
    Events(ListEventsResponse),
    Overview(GetOverviewResponse),
    Savings(GetSavingsResponse),
    Series(GetTimeSeriesResponse),
    Check(CheckConservationResponse),
    /// The version alone: beside it stands whose key it was, and keys are drawn.
    Rate(String),
    Refused(Code, String, Option<ErrorReason>),
}

impl Call {
    /// How many operations it is.
    pub(crate) fn size(&self) -> usize {
        if let Self::Batch(request) = self { request.events.len() } else { 1 }
    }
}

/// One workspace of one suite.
pub(crate) struct Clients {
    ingest: IngestServiceClient<Channel>,
    reports: ReportServiceClient<Channel>,
    catalog: CatalogServiceClient<Channel>,
}

impl Clients {
    pub(crate) fn of(stage: &Stage) -> Self {
        Self {
            ingest: IngestServiceClient::new(stage.channel(&stage.addresses.ingest())),
            reports: ReportServiceClient::new(stage.channel(&stage.addresses.rollup())),
            catalog: CatalogServiceClient::new(stage.channel(&stage.addresses.catalog())),
        }
    }

    pub(crate) async fn ask(&self, call: &Call) -> Answer {
        self.answer(call.clone()).await.unwrap_or_else(|status| {
            let trouble = [Code::Unavailable, Code::Internal, Code::DeadlineExceeded];
            assert!(!trouble.contains(&status.code()), "{status:?} to {call:?}");
            Answer::Refused(status.code(), status.message().to_owned(), reason_of(&status))
        })
    }

    async fn answer(&self, call: Call) -> Result<Answer, Status> {
        let (mut ingest, mut reports) = (self.ingest.clone(), self.reports.clone());
        Ok(match call {
            Call::Track(request) => {
                Answer::Receipt(ingest.track(*request).await?.into_inner().receipt)
            }
            Call::Batch(request) => {
                Answer::Batch(ingest.track_batch(request).await?.into_inner().results)
            }
            Call::Revise(request) => {
                Answer::Receipt(ingest.revise_outcome(request).await?.into_inner().receipt)
            }
            Call::Retract(request) => {
                Answer::Receipt(ingest.retract(request).await?.into_inner().receipt)
            }
            Call::Event(request) => {
                Answer::Event(Box::new(ingest.get_event(request).await?.into_inner()))
            }
            Call::Events(request) => {
                Answer::Events(ingest.list_events(request).await?.into_inner())
            }
            Call::Overview(request) => {
                Answer::Overview(reports.get_overview(request).await?.into_inner())
            }
            Call::Savings(request) => {
                Answer::Savings(reports.get_savings(request).await?.into_inner())
            }
            Call::Series(request) => {
                Answer::Series(reports.get_time_series(request).await?.into_inner())
            }
            Call::Check(request) => {
                Answer::Check(reports.check_conservation(request).await?.into_inner())
            }
            Call::Rate(request) => {
                let answer = self.catalog.clone().set_hourly_rate(request).await?.into_inner();
                Answer::Rate(answer.catalog_version)
            }
        })
    }
}
