//! GetEvent and ListEvents.

use chassis::page::{self, Page, Sizes};
use fault::{ErrorReason, Fault, Violations};
use kernel::{EventId, Timestamp, Window, WorkspaceId};
use prost::Message as _;
use wire::common::v1 as common;
use wire::ingest::v1::{Event, ListEventsRequest, ListEventsResponse, RecordedEvent, Ticket};

use super::bodies::Check;
use super::record::recorded;
use super::{IngestApi, kinds, storage};
use crate::domain::Search;
use crate::domain::limits::LIST_ITEMS_MAX;

/// As the contract says.
const SIZES: Sizes = Sizes { default: 100, max: 1_000 };
/// Entries of the partition one call looks at. Where matches are rare, the next page goes on from there.
const EXAMINED_MAX: i64 = 10_000;
/// Entries read at once.
const ROWS_MAX: u64 = 500;
/// Bytes of a page: most clients take no message over 4 MiB. An entry has 64 KiB at most.
const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A request, understood.
struct Wanted {
    search: Search,
    agent_id: String,
    ticket_id: String,
    page: Page,
    /// The last entry looked at; `None` on the first page.
    after: Option<i64>,
}

impl IngestApi {
    pub(super) async fn event(
        &self,
        workspace: WorkspaceId,
        event_id: &str,
    ) -> Result<RecordedEvent, Fault> {
        let mut v = Violations::new();
        let id = v.take("event_id", event_id.parse::<EventId>());
        let Some(EventId(position)) = id else { return Err(v.into_fault()) };
        let row = self.0.find(workspace, position).await.map_err(storage)?.ok_or_else(|| {
            Fault::not_found(ErrorReason::ResourceNotFound, "no such event")
                .with("resource", "event")
        })?;
        recorded(&row)
    }

    pub(super) async fn events(
        &self,
        workspace: WorkspaceId,
        request: ListEventsRequest,
    ) -> Result<ListEventsResponse, Fault> {
        let wanted = wanted(request, workspace)?;
        let (mut after, head) = match wanted.after {
            None => self.0.stretch(workspace, &wanted.search).await.map_err(storage)?,
            Some(after) => (after, self.0.head(workspace).await.map_err(storage)?),
        };
        let until = head.min(after.saturating_add(EXAMINED_MAX));
        let (mut events, mut bytes) = (Vec::new(), 0);
        'page: while after < until {
            let stretch = (after, until);
            let rows = self.0.search(workspace, stretch, &wanted.search, ROWS_MAX).await;
            let rows = rows.map_err(storage)?;
            let all = (rows.len() as u64) < ROWS_MAX;
            for row in rows {
                after = row.position.seq;
                let event = recorded(&row)?;
                if !wanted.matches(&event) {
                    continue;
                }
                bytes += row.record.len();
                events.push(event);
                if events.len() == wanted.page.size() || bytes >= PAGE_BYTES_MAX {
                    break 'page;
                }
            }
            if all {
                after = until;
            }
        }
        let more = after < head;
        let next_page_token =
            if more { wanted.page.token(&page::place([after])) } else { String::new() };
        Ok(ListEventsResponse { events, next_page_token })
    }
}

impl Wanted {
    /// Whether the event, or what it corrects, is of the agent and of the ticket.
    fn matches(&self, event: &RecordedEvent) -> bool {
        let Some(record) = &event.record else { return false };
        let corrected = record.corrects.as_ref().and_then(|corrects| corrects.event.as_ref());
        let either = |of: &dyn Fn(&Event) -> bool| {
            [record.event.as_ref(), corrected].into_iter().flatten().any(of)
        };
        let ticket_id =
            |event: &Event| event.ticket.as_deref().map(ticket_id) == Some(&*self.ticket_id);
        (self.agent_id.is_empty() || either(&|event| event.agent_id == self.agent_id))
            && (self.ticket_id.is_empty() || either(&ticket_id))
    }
}

fn ticket_id(ticket: &Ticket) -> &str {
    &ticket.ticket_id
}

fn wanted(mut request: ListEventsRequest, workspace: WorkspaceId) -> Result<Wanted, Fault> {
    let (size, token) = (request.page_size, std::mem::take(&mut request.page_token));
    request.page_size = 0;
    let filter = [workspace.to_string().as_bytes(), &request.encode_to_vec()].concat();
    let mut v = Violations::new();
    let page = Page::parse(&mut v, SIZES, size, &token, &filter);
    let after = page.as_ref().and_then(Page::after_place::<1>);
    if page.is_some() && after.is_none() {
        page::refuse(&mut v);
    }
    let window = request.window.as_ref().and_then(|sent| window(sent, &mut v));
    let mut c = Check { violations: &mut v, path: "" };
    c.identifier("agent_id", &request.agent_id);
    c.identifier("ticket_id", &request.ticket_id);
    let kinds = sought(&request.kinds, &mut v);
    match (page, after) {
        (Some(page), Some(after)) if v.is_empty() => Ok(Wanted {
            search: Search { window, kinds },
            agent_id: request.agent_id,
            ticket_id: request.ticket_id,
            page,
            after: after.map(|[after]| after.max(0)),
        }),
        _ => Err(v.into_fault()),
    }
}

fn sought(names: &[String], v: &mut Violations) -> Vec<i16> {
    if names.len() > LIST_ITEMS_MAX {
        let what = format!("takes at most {LIST_ITEMS_MAX} names; {} were sent", names.len());
        v.add("kinds", ErrorReason::TooLarge, what);
        return Vec::new();
    }
    let mut sought = Vec::new();
    for (n, name) in names.iter().enumerate() {
        match kinds::number(name) {
            Some(number) => sought.push(number),
            None => {
                let sent: String = name.chars().take(64).collect();
                let what = format!(
                    "is the name of a body field, such as task_completed; {sent:?} was sent"
                );
                v.add(format!("kinds[{n}]"), ErrorReason::OutOfRange, what);
            }
        }
    }
    sought
}

fn window(sent: &common::Window, v: &mut Violations) -> Option<Window> {
    let start = moment("window.start_time", sent.start_time.as_ref(), v);
    let end = moment("window.end_time", sent.end_time.as_ref(), v);
    let (start, end) = (start?, end?);
    let window = Window::new(start, end);
    if window.is_none() {
        let what = format!("is later than start_time; {end} is not later than {start}");
        v.add("window.end_time", ErrorReason::OutOfRange, what);
    }
    window
}

fn moment(
    field: &'static str,
    sent: Option<&wire::Timestamp>,
    v: &mut Violations,
) -> Option<Timestamp> {
    let Some(sent) = sent else {
        v.add(field, ErrorReason::Required, "is required where a window is given");
        return None;
    };
    if !(0..1_000_000_000).contains(&sent.nanos) {
        let what = format!("nanos is 0 to 999,999,999; {} was sent", sent.nanos);
        v.add(field, ErrorReason::OutOfRange, what);
        return None;
    }
    Some(Timestamp::from_parts(sent.seconds, sent.nanos))
}
