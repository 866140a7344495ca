//! AlertService: in the contract, the work of a later release.

use tonic::{Request, Response, Status};
use wire::webhook::v1 as pb;
use wire::webhook::v1::alert_service_server::AlertService;

use super::later;

pub(super) struct Api;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AlertService for Api {
    async fn create_alert_rule(
        &self,
        _: Request<pb::CreateAlertRuleRequest>,
    ) -> Answer<pb::CreateAlertRuleResponse> {
        later("CreateAlertRule")
    }

    async fn get_alert_rule(
        &self,
        _: Request<pb::GetAlertRuleRequest>,
    ) -> Answer<pb::GetAlertRuleResponse> {
        later("GetAlertRule")
    }

    async fn list_alert_rules(
        &self,
        _: Request<pb::ListAlertRulesRequest>,
    ) -> Answer<pb::ListAlertRulesResponse> {
        later("ListAlertRules")
    }

    async fn update_alert_rule(
        &self,
        _: Request<pb::UpdateAlertRuleRequest>,
    ) -> Answer<pb::UpdateAlertRuleResponse> {
        later("UpdateAlertRule")
    }

    async fn delete_alert_rule(
        &self,
        _: Request<pb::DeleteAlertRuleRequest>,
    ) -> Answer<pb::DeleteAlertRuleResponse> {
        later("DeleteAlertRule")
    }

    async fn list_incidents(
        &self,
        _: Request<pb::ListIncidentsRequest>,
    ) -> Answer<pb::ListIncidentsResponse> {
        later("ListIncidents")
    }

    async fn backtest(&self, _: Request<pb::BacktestRequest>) -> Answer<pb::BacktestResponse> {
        later("Backtest")
    }
}
