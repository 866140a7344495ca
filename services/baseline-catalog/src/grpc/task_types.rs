//! Task types: looked up, created, changed, archived.

use fault::{Fault, Violations};
use tonic::Request;
use wire::catalog::v1 as pb;

use super::parse::{self, Caller, Head, Parsed, head};
use super::render::fault;
use super::{Server, drafts, render, render_values, setting, workspace};
use crate::app::{Editor, Write, Written};
use crate::domain::{
    BaselineKey, BaselineValue, Effort, Entries, Life, Node, Recorded, TaskType, TypeEdit, Value,
    Version,
};

impl Server {
    pub(super) async fn task_type(
        &self,
        request: Request<pb::GetTaskTypeRequest>,
    ) -> Result<pb::GetTaskTypeResponse, Fault> {
        let workspace = workspace(&request)?;
        let request = request.into_inner();
        let mut v = Violations::new();
        let key = parse::task_key(&mut v, "task_type", &request.task_type);
        let Some(key) = key else { return Err(v.into_fault()) };
        let at = request.at_time.as_ref().map_or_else(|| self.app.now(), parse::timestamp);
        let (found, baselines) = self.app.task_type(workspace, &key, at).await.map_err(fault)?;
        Ok(pb::GetTaskTypeResponse {
            task_type: Some(render_values::task_type(&found)),
            baselines: baselines.iter().map(render::baseline).collect(),
        })
    }

    pub(super) async fn create_type(
        &self,
        request: Request<pb::CreateTaskTypeRequest>,
    ) -> Result<pb::CreateTaskTypeResponse, Fault> {
        let caller = self.caller(&request)?;
        let (task_type, baseline, editor, write) = create(request.into_inner(), caller)?;
        let created = self.app.create_task_type(task_type, baseline, editor, write).await;
        let mut written = created.map_err(fault)?;
        let catalog_version = render::catalog_version(&written);
        let mut answer = pb::CreateTaskTypeResponse { catalog_version, ..Default::default() };
        for (value, version) in std::mem::take(&mut written.values) {
            match value {
                Value::TaskType(value) => {
                    answer.task_type = Some(render_values::task_type(&Recorded { value, version }));
                }
                Value::Baseline(value) => {
                    answer.baseline = Some(render::baseline(&Recorded { value, version }));
                }
                _ => return Err(super::other_kind()),
            }
        }
        Ok(answer)
    }

    pub(super) async fn update_type(
        &self,
        request: Request<pb::UpdateTaskTypeRequest>,
    ) -> Result<pb::UpdateTaskTypeResponse, Fault> {
        let caller = self.caller(&request)?;
        let request = request.into_inner();
        let mut v = Violations::new();
        let aliases = request.aliases.as_ref().map(|sent| drafts::aliases(&sent.aliases));
        let sent = draft(&request.task_type, request.category)
            .text("display_name", request.display_name.as_deref().unwrap_or_default())
            .text("description", request.description.as_deref().unwrap_or_default())
            .list("aliases", aliases.unwrap_or_default())
            .node();
        let edit = parse::read(&mut v, "", &sent, TypeEdit::read).map(|edit| TypeEdit {
            // Sent and empty: no description any more.
            description: request.description.as_ref().map(|_| edit.description.unwrap_or_default()),
            aliases: edit.aliases.filter(|_| request.aliases.is_some()),
            ..edit
        });
        let (edit, editor, write) =
            editing(v, edit, head!(UpdateTaskTypeRequest, request), caller)?;
        let written = self.app.edit_task_type(edit, editor, write).await.map_err(fault)?;
        let (task_type, written) = edited(written)?;
        Ok(pb::UpdateTaskTypeResponse {
            task_type: Some(task_type),
            catalog_version: render::catalog_version(&written),
            displaced_versions: render::displaced(&written),
        })
    }

    pub(super) async fn archive_type(
        &self,
        request: Request<pb::ArchiveTaskTypeRequest>,
    ) -> Result<pb::ArchiveTaskTypeResponse, Fault> {
        let caller = self.caller(&request)?;
        let request = request.into_inner();
        let mut v = Violations::new();
        let key = parse::task_key(&mut v, "task_type", &request.task_type);
        let edit = key.map(|key| TypeEdit {
            key,
            name: None,
            description: None,
            category: None,
            aliases: None,
            life: Some(Life::Archived),
        });
        let (edit, editor, write) =
            editing(v, edit, head!(ArchiveTaskTypeRequest, request), caller)?;
        let written = self.app.edit_task_type(edit, editor, write).await.map_err(fault)?;
        let (task_type, written) = edited(written)?;
        Ok(pb::ArchiveTaskTypeResponse {
            task_type: Some(task_type),
            catalog_version: render::catalog_version(&written),
            displaced_versions: render::displaced(&written),
        })
    }
}

fn draft(key: &str, category: i32) -> Entries {
    Entries::default().text("task_type", key).text("category", drafts::category(category))
}

type Creation = (TaskType, Option<BaselineValue>, Editor, Write);

fn create(request: pb::CreateTaskTypeRequest, caller: Caller) -> Result<Creation, Fault> {
    let mut v = Violations::new();
    let sent: Node = draft(&request.task_type, request.category)
        .text("display_name", &request.display_name)
        .text("description", &request.description)
        .list("aliases", drafts::aliases(&request.aliases))
        .node();
    let task_type = parse::read(&mut v, "", &sent, TaskType::read);
    let effort = request.baseline_ms.map(Effort::from_ms);
    let effort = effort.and_then(|effort| v.take("baseline_ms", effort));
    let citation = setting::citation(&mut v, &request.citation);
    let head = Head {
        effective: None,
        reason: &request.reason,
        request_id: &request.request_id,
        expected_version_id: "",
        mode: parse::mode(request.validate_only),
        hash: parse::hash(&pb::CreateTaskTypeRequest {
            request_id: String::new(),
            ..request.clone()
        }),
    };
    let (task_type, editor, write) = editing(v, task_type, head, caller)?;
    let baseline = effort.zip(citation).map(|(effort, citation)| BaselineValue {
        key: BaselineKey::general(task_type.key.clone()),
        effort: Some(effort),
        citation,
    });
    Ok((task_type, baseline, editor, write))
}

fn editing<T>(
    mut v: Violations,
    what: Option<T>,
    head: Head<'_>,
    caller: Caller,
) -> Result<(T, Editor, Write), Fault> {
    let Caller { workspace, actor, now } = caller;
    let shared = parse::shared(&mut v, head, now);
    let (Some(what), Some(Parsed { effective, reason, write }), true) =
        (what, shared, v.is_empty())
    else {
        return Err(v.into_fault());
    };
    Ok((what, Editor { workspace, effective, actor, reason }, write))
}

fn edited(mut written: Written) -> Result<(pb::TaskType, Written), Fault> {
    match written.values.pop() {
        Some((Value::TaskType(value), version)) => {
            let version: Version = version;
            Ok((render_values::task_type(&Recorded { value, version }), written))
        }
        _ => Err(super::other_kind()),
    }
}
