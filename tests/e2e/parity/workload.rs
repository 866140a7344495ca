//! What happens to the suites, drawn from a seed: steps early, late, repeated, contradicted, judged anew and
//! taken back, and questions about all of it.

use std::collections::{BTreeMap, VecDeque};

use kernel::{Partition, Position, Timestamp, WorkspaceId};
use wire::catalog::v1::SetHourlyRateRequest;
use wire::common::v1::{Money, Outcome, Window};
use wire::ingest::v1::event::Body;
use wire::ingest::v1::track_result::Result as Tracked;
use wire::ingest::v1::{
    Event, GetEventRequest, ListEventsRequest, LlmCall, OutcomeRevised, Receipt, RetractRequest,
    Retracted, ReviseOutcomeRequest, SavingsPolicy, TaskCompleted, Ticket, TicketOpened,
    TokenUsage, TrackBatchRequest, TrackRequest,
};
use wire::rollup::v1::{
    CheckConservationRequest, Dimension, Filter, GetOverviewRequest, GetSavingsRequest,
    GetTimeSeriesRequest, Granularity, ReportQuery, RollingWindow, SavingsOrder,
};

use super::calls::{Answer, Call};
use super::draw::{AGENTS, CHANNELS, Draw, LANGUAGES, MODELS, PROJECTS, TASKS, ZONES};

const QUARTER: i64 = 900;
const DAY: i64 = 86_400;
/// Of what was sent and recorded, what is remembered to be sent, judged and read again.
const REMEMBERED: usize = 2_000;
const OUTCOMES: [Outcome; 4] =
    [Outcome::Success, Outcome::NeedsReview, Outcome::Failure, Outcome::Pending];
const DIMENSIONS: [Dimension; 12] = [
    Dimension::TaskType,
    Dimension::Agent,
    Dimension::Outcome,
    Dimension::Project,
    Dimension::Intent,
    Dimension::Queue,
    Dimension::Channel,
    Dimension::Language,
    Dimension::Technical,
    Dimension::Model,
    Dimension::BaselineVersion,
    Dimension::RateVersion,
];

pub(crate) struct Workload {
    draw: Draw,
    workspaces: Vec<Known>,
    /// The last position of each partition, which workspaces may share.
    heads: BTreeMap<Partition, Position>,
    now: i64,
    made: u64,
    receipts: usize,
    duplicates: usize,
    refusals: BTreeMap<String, usize>,
}

/// What is known of a workspace.
struct Known {
    partition: Partition,
    catalog_version: String,
    sent: VecDeque<Event>,
    ids: VecDeque<String>,
    page: Option<ListEventsRequest>,
}

impl Workload {
    pub(crate) fn new(seed: u64, workspaces: &[(String, String)]) -> Self {
        let workspaces = workspaces.iter().map(|(id, catalog_version)| {
            let id: WorkspaceId = id.parse().unwrap();
            Known {
                partition: id.partition(),
                catalog_version: catalog_version.clone(),
                sent: VecDeque::new(),
                ids: VecDeque::new(),
                page: None,
            }
        });
        Self {
            draw: Draw::from(seed),
            workspaces: workspaces.collect(),
            heads: BTreeMap::new(),
            now: 0,
            made: 0,
            receipts: 0,
            duplicates: 0,
            refusals: BTreeMap::new(),
        }
    }

    /// The next call, and the workspace it is for.
    pub(crate) fn next(&mut self, now: Timestamp) -> (usize, Call) {
        self.now = now.parts().0;
        let workspace = self.draw.index(self.workspaces.len());
        let call = match self.draw.below(100) {
            0..40 => self.batch(workspace),
            40..52 => {
                let event = self.event(workspace);
                let catalog_at_least = self.workspaces[workspace].catalog_version.clone();
                let validate_only = self.draw.often(5);
                let event = Some(event);
                let request = TrackRequest { event, catalog_at_least, validate_only };
                Call::Track(Box::new(request))
            }
            52..59 => Call::Revise(ReviseOutcomeRequest {
                event_id: self.event_id(workspace),
                outcome: (*self.draw.of(&OUTCOMES)).into(),
                human_edit_ms: self.draw.maybe(40, |draw| draw.below(400_000)),
                reason: "a look".to_owned(),
                request_id: self.request_id("revise"),
            }),
            59..65 => Call::Retract(RetractRequest {
                event_id: self.event_id(workspace),
                reason: "a mistake".to_owned(),
                request_id: self.request_id("retract"),
            }),
            65..70 => Call::Event(GetEventRequest { event_id: self.event_id(workspace) }),
            70..76 => self.list(workspace),
            76..84 => {
                let query = Some(self.query(workspace));
                let compare_previous = self.draw.often(50);
                Call::Overview(GetOverviewRequest { query, compare_previous })
            }
            84..91 => Call::Savings(GetSavingsRequest {
                query: Some(self.query(workspace)),
                dimensions: self.dimensions(3),
                order: self.draw.of(&ORDERS).to_owned().into(),
                limit: self.draw.below(40) as i32,
            }),
            91..98 => Call::Series(GetTimeSeriesRequest {
                query: Some(self.query(workspace)),
                granularity: self.draw.of(&GRANULARITIES).to_owned().into(),
                dimensions: self.dimensions(1),
                fiscal_start_month: self.draw.below(13) as i32,
            }),
            98 => Call::Check(CheckConservationRequest {
                query: Some(self.query(workspace)),
                recount_ledger: self.draw.often(50),
            }),
            _ => self.rate(),
        };
        (workspace, call)
    }

    /// What there is to remember of an answer.
    pub(crate) fn learn(&mut self, workspace: usize, call: &Call, answer: &Answer) {
        match answer {
            Answer::Receipt(receipt) => receipt.iter().for_each(|r| self.recorded(workspace, r)),
            Answer::Batch(results) => {
                for result in results {
                    match &result.result {
                        Some(Tracked::Receipt(receipt)) => self.recorded(workspace, receipt),
                        Some(Tracked::Refusal(refusal)) => {
                            self.refused(refusal.reason.clone());
                        }
                        None => panic!("neither a receipt nor a refusal"),
                    }
                }
            }
            Answer::Events(page) => {
                let Call::Events(request) = call else { return };
                let page_token = page.next_page_token.clone();
                let next = ListEventsRequest { page_token, ..request.clone() };
                self.workspaces[workspace].page = (!next.page_token.is_empty()).then_some(next);
            }
            Answer::Check(checked) => assert!(checked.holds, "{call:?}: {:?}", checked.checks),
            Answer::Rate(version) => {
                self.workspaces[workspace].catalog_version.clone_from(version);
            }
            Answer::Refused(_, _, reason) => self.refused(format!("{reason:?}")),
            Answer::Event(_) | Answer::Overview(_) | Answer::Savings(_) | Answer::Series(_) => {}
        }
    }

    /// What came of it so far.
    pub(crate) fn summary(&self) -> String {
        let (receipts, duplicates) = (self.receipts, self.duplicates);
        format!("{receipts} receipts, {duplicates} of them again, refusals {:?}", self.refusals)
    }

    /// A check of everything that was ever recorded.
    pub(crate) fn check_of_everything(&self) -> CheckConservationRequest {
        let today = self.now / DAY * DAY;
        let (start, end) = (today - 200 * DAY, today + 3 * DAY);
        let window = Some(window(start, end));
        let query = ReportQuery { window, ..ReportQuery::default() };
        CheckConservationRequest { query: Some(query), recount_ledger: true }
    }

    fn recorded(&mut self, workspace: usize, receipt: &Receipt) {
        self.receipts += 1;
        self.duplicates += usize::from(receipt.duplicate);
        let Ok(position) = receipt.position.parse::<Position>() else { return };
        let head = self.heads.entry(position.partition).or_insert(position);
        *head = position.max(*head);
        remember(&mut self.workspaces[workspace].ids, receipt.event_id.clone());
    }

    fn refused(&mut self, reason: String) {
        *self.refusals.entry(reason).or_default() += 1;
    }

    fn batch(&mut self, workspace: usize) -> Call {
        let size = 1 + self.draw.index(if self.draw.often(25) { 1_000 } else { 100 });
        let events = (0..size).map(|_| self.event(workspace)).collect();
        let catalog_at_least = self.workspaces[workspace].catalog_version.clone();
        Call::Batch(TrackBatchRequest { events, catalog_at_least })
    }

    fn event(&mut self, workspace: usize) -> Event {
        let known = &self.workspaces[workspace];
        if !known.sent.is_empty() && self.draw.often(8) {
            let sent = known.sent[self.draw.index(known.sent.len())].clone();
            // The same again, or another event under its key.
            let agent_id = if self.draw.often(75) { sent.agent_id } else { "other".to_owned() };
            return Event { agent_id, ..sent };
        }
        self.made += 1;
        let key = if self.draw.often(85) { format!("event:{}", self.made) } else { String::new() };
        let event = Event {
            idempotency_key: key,
            occurred_time: self.occurred(),
            agent_id: self.draw.name(&AGENTS),
            ticket: self.draw.maybe(90, ticket).map(Box::new),
            body: Some(self.body(workspace)),
            ..Default::default()
        };
        if !event.idempotency_key.is_empty() {
            remember(&mut self.workspaces[workspace].sent, event.clone());
        }
        event
    }

    /// Just now, lately, late, long ago, before there was a rate, soon, and too far ahead.
    fn occurred(&self) -> Option<wire::Timestamp> {
        let draw = &self.draw;
        let ago = match draw.below(100) {
            0..20 => return None,
            20..60 => draw.below(3_600),
            60..80 => draw.below(7 * DAY),
            80..93 => draw.below(95 * DAY),
            93..96 => draw.below(130 * DAY),
            96..99 => -draw.below(20 * 3_600),
            _ => -2 * DAY,
        };
        Some(wire::Timestamp {
            seconds: self.now - ago,
            nanos: draw.below(1_000_000) as i32 * 1_000,
        })
    }

    fn body(&self, workspace: usize) -> Body {
        let draw = &self.draw;
        match draw.below(100) {
            0..4 => Body::TicketOpened(TicketOpened::default()),
            4..8 => Body::LlmCall(Box::new(LlmCall {
                model: draw.name(&MODELS),
                tokens: draw.maybe(80, tokens),
                cost: draw.maybe(30, cost),
                ..Default::default()
            })),
            8..13 => Body::OutcomeRevised(OutcomeRevised {
                event_id: self.event_id(workspace),
                outcome: (*draw.of(&OUTCOMES)).into(),
                human_edit_ms: draw.maybe(40, |draw| draw.below(400_000)),
                ..Default::default()
            }),
            13..17 => Body::Retracted(Retracted {
                event_id: self.event_id(workspace),
                reason: "a mistake".to_owned(),
            }),
            _ => Body::TaskCompleted(task(draw).into()),
        }
    }

    /// Of an event there is, mostly.
    fn event_id(&self, workspace: usize) -> String {
        let ids = &self.workspaces[workspace].ids;
        if ids.is_empty() || self.draw.often(2) {
            return (*self.draw.of(&["ev_0a00000000001", "ev_", "no id", ""])).to_owned();
        }
        ids[self.draw.index(ids.len())].clone()
    }

    /// None, a new one, or one there was.
    fn request_id(&mut self, kind: &str) -> String {
        self.made += 1;
        match self.draw.below(10) {
            0..5 => String::new(),
            5..9 => format!("{kind}:{}", self.made),
            _ => format!("{kind}:{}", self.draw.below(self.made as i64)),
        }
    }

    fn list(&mut self, workspace: usize) -> Call {
        if let Some(next) = self.workspaces[workspace].page.take() {
            return Call::Events(next);
        }
        let draw = &self.draw;
        Call::Events(ListEventsRequest {
            window: draw.maybe(50, |draw| {
                let start = self.now - draw.below(60 * DAY);
                window(start, start + 1 + draw.below(30 * DAY))
            }),
            kinds: draw.maybe(40, |_| "task_completed".to_owned()).into_iter().collect(),
            agent_id: draw.maybe(40, |draw| draw.name(&AGENTS)).unwrap_or_default(),
            ticket_id: draw.maybe(20, ticket).unwrap_or_default().ticket_id,
            page_size: draw.below(200) as i32,
            page_token: String::new(),
        })
    }

    /// A new price of an hour from now on.
    fn rate(&mut self) -> Call {
        self.made += 1;
        Call::Rate(SetHourlyRateRequest {
            request_id: format!("rate:{}", self.made),
            agent_id: self.draw.maybe(50, |draw| draw.name(&AGENTS)).unwrap_or_default(),
            rate_micros_per_hour: 1 + self.draw.below(200_000_000),
            currency_code: (*self.draw.of(&["EUR", "EUR", "USD"])).to_owned(),
            reason: "a new year".to_owned(),
            ..Default::default()
        })
    }

    /// Always with the head of the partition, so that the position reflected is no matter of chance.
    fn query(&self, workspace: usize) -> ReportQuery {
        let draw = &self.draw;
        let head = self.heads.get(&self.workspaces[workspace].partition);
        let dimensions = self.dimensions(2);
        let filters = dimensions.into_iter().map(|dimension| {
            let count = 1 + draw.index(3);
            let values = (0..count).map(|_| value(draw, dimension));
            Filter { dimension, values: values.collect() }
        });
        let filters = if draw.often(60) { filters.collect() } else { Vec::new() };
        let fixed = draw.often(70).then(|| {
            let start = (self.now - draw.below(100 * DAY)) / QUARTER * QUARTER;
            let length = if draw.often(30) { QUARTER * (1 + draw.below(40)) } else { 0 };
            window(start, start + if length > 0 { length } else { DAY * (1 + draw.below(60)) })
        });
        let rolling = if fixed.is_none() { draw.below(6) as i32 } else { 0 };
        debug_assert!(RollingWindow::try_from(rolling).is_ok());
        ReportQuery {
            window: fixed,
            rolling,
            filters,
            policy: draw.of(&POLICIES).to_owned().into(),
            at_least: head.map(ToString::to_string).unwrap_or_default(),
            time_zone: draw.maybe(80, |draw| draw.name(&ZONES)).unwrap_or_default(),
            fte_hours_per_month: draw.below(200) as i32,
            ..Default::default()
        }
    }

    /// None, or up to so many, none twice.
    fn dimensions(&self, most: usize) -> Vec<i32> {
        let mut drawn = Vec::new();
        for _ in 0..self.draw.index(most + 1) {
            let dimension: i32 = (*self.draw.of(&DIMENSIONS)).into();
            if !drawn.contains(&dimension) {
                drawn.push(dimension);
            }
        }
        drawn
    }
}

const ORDERS: [SavingsOrder; 4] =
    [SavingsOrder::Unspecified, SavingsOrder::TimeSaved, SavingsOrder::Events, SavingsOrder::Key];
const POLICIES: [SavingsPolicy; 4] = [
    SavingsPolicy::Unspecified,
    SavingsPolicy::Gross,
    SavingsPolicy::Credited,
    SavingsPolicy::Strict,
];
const GRANULARITIES: [Granularity; 7] = [
    Granularity::Unspecified,
    Granularity::Hour,
    Granularity::Day,
    Granularity::Week,
    Granularity::Month,
    Granularity::Quarter,
    Granularity::FiscalQuarter,
];

fn task(draw: &Draw) -> TaskCompleted {
    let task_type = if draw.often(1) { "a_task_nobody_knows" } else { *draw.of(&TASKS) };
    TaskCompleted {
        task_type: task_type.to_owned(),
        outcome: (*draw.of(&OUTCOMES)).into(),
        duration_ms: draw.maybe(50, |draw| draw.below(120_000)),
        human_edit_ms: draw.maybe(20, |draw| draw.below(400_000)),
        agent_cost: draw.maybe(70, cost),
        model: draw.maybe(30, |draw| draw.name(&MODELS)).unwrap_or_default(),
        tokens: draw.maybe(50, tokens),
        baseline_ms: draw.maybe(5, |draw| 1 + draw.below(3_600_000)),
        edit_ratio: draw.maybe(20, |draw| draw.below(101) as f64 / 100.0),
        language: draw.maybe(5, |draw| draw.name(&LANGUAGES)).unwrap_or_default(),
    }
}

fn ticket(draw: &Draw) -> Ticket {
    let number = draw.index(400);
    // Of few kinds, as tickets are: reports over many cells take most of the time otherwise.
    let kind = number % 8;
    Ticket {
        ticket_id: format!("T-{number}"),
        project: PROJECTS[kind % PROJECTS.len()].to_owned(),
        intent: ["", "billing", "login"][kind % 3].to_owned(),
        queue: ["first", "second", ""][kind % 3].to_owned(),
        channel: CHANNELS[kind / 2 % CHANNELS.len()].to_owned(),
        language: LANGUAGES[kind % LANGUAGES.len()].to_owned(),
        technical: [None, Some(true), Some(false)][kind / 3 % 3],
        ..Default::default()
    }
}

fn cost(draw: &Draw) -> Money {
    let currency_code = draw.name(&["EUR", "EUR", "EUR", "USD", ""]);
    Money { currency_code, micros: draw.below(90_000) }
}

fn tokens(draw: &Draw) -> TokenUsage {
    TokenUsage { input: draw.below(9_000), output: draw.below(900), ..Default::default() }
}

/// A value that occurs in a dimension, or "".
fn value(draw: &Draw, dimension: i32) -> String {
    match Dimension::try_from(dimension) {
        Ok(Dimension::TaskType) => draw.name(&TASKS),
        Ok(Dimension::Agent) => draw.name(&AGENTS),
        Ok(Dimension::Outcome) => draw.name(&["success", "needs_review", "failure", "pending"]),
        Ok(Dimension::Project) => draw.name(&PROJECTS),
        Ok(Dimension::Intent) => draw.name(&["", "billing", "login"]),
        Ok(Dimension::Queue) => draw.name(&["", "first", "second"]),
        Ok(Dimension::Channel) => draw.name(&CHANNELS),
        Ok(Dimension::Language) => draw.name(&LANGUAGES),
        Ok(Dimension::Technical) => draw.name(&["", "true", "false"]),
        Ok(Dimension::Model) => draw.name(&MODELS),
        _ => String::new(),
    }
}

fn window(start: i64, end: i64) -> Window {
    let at = |seconds| Some(wire::Timestamp { seconds, nanos: 0 });
    Window { start_time: at(start), end_time: at(end) }
}

fn remember<T>(memory: &mut VecDeque<T>, what: T) {
    if memory.len() == REMEMBERED {
        memory.pop_front();
    }
    memory.push_back(what);
}
