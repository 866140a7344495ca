//! Creating, changing and archiving task types.

use kernel::{Timestamp, WorkspaceId};

use super::write::RestsOn;
use super::{App, Error, Write, Written, unknown};
use crate::domain::{
    BaselineKey, BaselineValue, NewChange, Reason, TaskType, TypeEdit, Value, When,
    refuse_redefinition,
};

/// Who makes a change of a task type, since when, and why.
#[derive(Debug, Clone)]
pub(crate) struct Editor {
    pub(crate) workspace: WorkspaceId,
    pub(crate) effective: Option<Timestamp>,
    pub(crate) actor: String,
    pub(crate) reason: Reason,
}

impl App {
    /// A new type, and its first baseline, hold since ever: nothing was tracked by them that could
    /// move, and what is tracked late can be valued.
    pub(crate) async fn create_task_type(
        &self,
        task_type: TaskType,
        baseline: Option<BaselineValue>,
        editor: Editor,
        write: Write,
    ) -> Result<Written, Error> {
        self.decide(editor.workspace, write, RestsOn::TheCatalog, |seen| {
            let since_ever = Timestamp::EPOCH;
            if seen.catalog.task_type(&task_type.key, When::at(Timestamp::MAX)).is_some() {
                return Err(Error::TaskTypeExists(task_type.key.clone()));
            }
            if let Some(problem) = seen.catalog.refuse_names(&task_type, since_ever) {
                return Err(Error::Refused { field: "aliases", problem });
            }
            let change = |value| NewChange {
                workspace: editor.workspace,
                effective: Some(since_ever),
                actor: editor.actor.clone(),
                reason: editor.reason.clone(),
                value,
            };
            let mut changes = vec![change(Value::TaskType(task_type.clone()))];
            let baseline = baseline.clone().map(|mut baseline| {
                baseline.key = BaselineKey::general(task_type.key.clone());
                change(Value::Baseline(baseline))
            });
            changes.extend(baseline);
            Ok(changes)
        })
        .await
    }

    /// A new version of a definition, made from the one that holds when it takes effect.
    pub(crate) async fn edit_task_type(
        &self,
        edit: TypeEdit,
        editor: Editor,
        write: Write,
    ) -> Result<Written, Error> {
        self.decide(editor.workspace, write, RestsOn::TheCatalog, |seen| {
            let at = editor.effective.unwrap_or_else(|| self.now());
            let found = seen.catalog.task_type(&edit.key, When::at(at));
            let standing = &found.ok_or_else(|| unknown(&seen.catalog, &edit.key, at))?.value;
            let edit = edit.clone();
            let task_type = TaskType {
                key: standing.key.clone(),
                name: edit.name.unwrap_or_else(|| standing.name.clone()),
                description: edit.description.unwrap_or_else(|| standing.description.clone()),
                category: edit.category.unwrap_or(standing.category),
                aliases: edit.aliases.unwrap_or_else(|| standing.aliases.clone()),
                life: edit.life.unwrap_or(standing.life),
            };
            if refuse_redefinition(&task_type).is_some() {
                return Err(Error::BuiltIn(task_type.key));
            }
            if let Some(problem) = seen.catalog.refuse_names(&task_type, at) {
                return Err(Error::Refused { field: "aliases.aliases", problem });
            }
            Ok(vec![NewChange {
                workspace: editor.workspace,
                effective: editor.effective,
                actor: editor.actor.clone(),
                reason: editor.reason.clone(),
                value: Value::TaskType(task_type),
            }])
        })
        .await
    }
}
