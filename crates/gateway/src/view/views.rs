//! The views in memory: loaded when first asked for, replaced when something changed, served on
//! for a while when the source is out of reach.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use chrono::{DateTime, TimeDelta, Utc};
use dashmap::DashMap;
use domain::{Clock, OrganisationId, ServerId, Slug};
use moka::future::Cache;
use tokio::sync::{Mutex, Semaphore, watch};

use super::organisation::OrganisationView;
use super::refresh::Refreshes;
use crate::source::{Source, Unavailable};

/// Organisations in memory at most; the least used one is dropped, and read again when called.
const MAX_VIEWS: u64 = 20_000;
/// How long it is remembered that a slug is nobody's, and how many such are.
const ABSENT_FOR: Duration = Duration::from_secs(2);
const MAX_ABSENT: u64 = 20_000;
/// A read that takes longer has failed.
const READ_DEADLINE: Duration = Duration::from_secs(5);
/// How long a token that is not known waits for whether it may be a new one.
const CATCH_UP_DEADLINE: Duration = Duration::from_secs(1);
/// How long a call waits for a server to be listed anew.
const REFRESH_DEADLINE: Duration = Duration::from_secs(10);
/// How long a view is good without a word from the source, if nothing says that it is lost.
const GRACE: TimeDelta = TimeDelta::seconds(3);
/// While the source is lost, it is asked again on behalf of a call this often.
const RETRY: TimeDelta = TimeDelta::seconds(1);

type Index = DashMap<OrganisationId, (Slug, Weak<Live>)>;

/// All views of this replica.
pub struct Views {
    source: Arc<dyn Source>,
    clock: Clock,
    bounds: Bounds,
    live: Cache<Slug, Arc<Live>>,
    absent: Cache<Slug, ()>,
    /// Where each organisation in memory is.
    index: Arc<Index>,
    /// The newest revision we were told of, so that a read that began before it is repeated.
    told: Cache<OrganisationId, i64>,
    /// When the source last answered for everything, in microseconds since the epoch.
    heard_at: AtomicI64,
    asked_at: AtomicI64,
    lost: AtomicBool,
}

/// Calls in flight at most, of one organisation and at one of its servers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) organisation: usize,
    pub(crate) server: usize,
}

/// Why there is no view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoView {
    /// There is no such organisation.
    #[error("no such organisation")]
    Unknown,
    /// The source is out of reach, and what we have of it is too old.
    #[error("the source is out of reach")]
    Unavailable,
}

impl Views {
    pub(crate) fn new(source: Arc<dyn Source>, clock: Clock, bounds: Bounds) -> Self {
        let index: Arc<Index> = Arc::default();
        let known = Arc::clone(&index);
        let live = Cache::builder()
            .max_capacity(MAX_VIEWS)
            .eviction_listener(move |_slug, live: Arc<Live>, _cause| {
                // Nobody will tell it of changes any more, so its streams must not go on. It may
                // have been read anew since: then the index is about its successor.
                live.end();
                let gone = Arc::downgrade(&live);
                known.remove_if(&live.view().id, |_, (_, at)| at.ptr_eq(&gone));
            })
            .build();
        Self {
            source,
            bounds,
            live,
            absent: Cache::builder().max_capacity(MAX_ABSENT).time_to_live(ABSENT_FOR).build(),
            index,
            told: Cache::builder().max_capacity(MAX_VIEWS).time_to_live(ABSENT_FOR * 30).build(),
            heard_at: AtomicI64::new(0),
            asked_at: AtomicI64::new(0),
            lost: AtomicBool::new(false),
            clock,
        }
    }

    // --- for the server ---

    /// What is in memory: each organisation and the revision of its view.
    pub fn cached(&self) -> Vec<(OrganisationId, i64)> {
        let views = self.live.iter().map(|(_, live)| live.view());
        views.map(|view| (view.id, view.revision)).collect()
    }

    /// How many views are in memory, and how many streams of their organisations are open.
    pub(crate) fn census(&self) -> (usize, usize) {
        let open = |live: &Live| self.bounds.organisation - live.stream_room.available_permits();
        self.live
            .iter()
            .fold((0, 0), |(views, streams), (_, live)| (views + 1, streams + open(&live)))
    }

    /// Something of an organisation changed: its view is at least of this revision when this
    /// returns. One that is not in memory is left to its next call.
    pub async fn changed(&self, id: OrganisationId, revision: i64) -> Result<(), Unavailable> {
        self.told.insert(id, revision).await;
        let Some((slug, live)) = self.find(id) else { return Ok(()) };
        self.reload(&slug, &live, |view| view.revision >= revision).await
    }

    /// An organisation is gone: nothing of it is served any more.
    pub async fn forget(&self, id: OrganisationId) {
        let Some((slug, live)) = self.find(id) else { return };
        live.end();
        self.live.invalidate(&slug).await;
    }

    /// The source answered a question that was put at `asked`, about all that is in memory: what
    /// it did not report as changed is as it was. Call it after each poll.
    pub fn heard(&self, asked: DateTime<Utc>) {
        self.heard_at.fetch_max(asked.timestamp_micros(), Ordering::AcqRel);
        self.lost.store(false, Ordering::Release);
    }

    /// The source did not answer. From now on a view serves at most as long as its organisation
    /// allows (`stale_for`).
    pub fn lost(&self) {
        self.lost.store(true, Ordering::Release);
    }

    fn find(&self, id: OrganisationId) -> Option<(Slug, Arc<Live>)> {
        let found = self.index.get(&id)?;
        let (slug, live) = found.value();
        Some((slug.clone(), live.upgrade()?))
    }

    // --- for a call ---

    /// The organisation of this slug, if what we know of it may be served.
    pub(crate) async fn of(&self, slug: &Slug) -> Result<Arc<Live>, NoView> {
        // The cold ways are boxed, so that the warm one stays small.
        let Some(live) = self.live.get(slug).await else { return Box::pin(self.load(slug)).await };
        if self.is_fresh(&live.view()) {
            return Ok(live);
        }
        Box::pin(self.renew(slug, live)).await
    }

    /// Whether the source is known to be out of reach.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Has a server's tools listed anew because a call named an unknown one; the view is replaced
    /// if that changed anything.
    pub(crate) async fn refresh(&self, live: &Live, server: ServerId) {
        let view = live.view();
        let listed_at = view.server(server).and_then(|server| server.tools_at);
        let turn = live.refreshes.turn(server, listed_at, || self.clock.now()).await;
        let Some(_turn) = turn else { return };
        let refreshed = self.source.refresh(view.id, server);
        let refreshed = tokio::time::timeout(REFRESH_DEADLINE, refreshed).await;
        match refreshed.unwrap_or_else(|elapsed| Err(Unavailable::because(elapsed))) {
            Ok(true) => {
                let newer = |now: &OrganisationView| now.revision > view.revision;
                if let Err(error) = self.reload(&view.slug, live, newer).await {
                    tracing::warn!(%error, "the view could not be read after a refresh");
                }
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "a server's tools could not be listed anew"),
        }
    }

    /// Brings a view up to date on behalf of a token that it does not know: whoever logs in uses
    /// their token at once, and may do so before the notice of it is here. However many such
    /// tokens come, the source is asked one question at a time. `true` if a newer view may know.
    pub(crate) async fn catch_up(&self, live: &Live) -> bool {
        if self.is_lost() {
            return false;
        }
        let arrived = Instant::now();
        let mut asked = live.caught_up.lock().await;
        // Somebody else asked after we had come.
        if asked.is_some_and(|asked| asked >= arrived) {
            return true;
        }
        *asked = Some(Instant::now());
        let id = live.view().id;
        let answer = tokio::time::timeout(CATCH_UP_DEADLINE, self.source.revision(id)).await;
        let newest = match answer {
            Ok(Ok(Some(revision))) => revision,
            Ok(Ok(None)) => return false,
            Ok(Err(error)) => {
                tracing::warn!(%error, "a token is not known, and nobody can be asked about it");
                return false;
            }
            Err(_elapsed) => return false,
        };
        newest > live.view().revision && self.changed(id, newest).await.is_ok()
    }

    fn is_fresh(&self, view: &OrganisationView) -> bool {
        let heard = DateTime::from_timestamp_micros(self.heard_at.load(Ordering::Acquire));
        let heard = heard.map_or(view.read_at, |heard| heard.max(view.read_at));
        let age = self.clock.now().signed_duration_since(heard);
        let allowed = TimeDelta::seconds(view.settings.stale_for_secs.into());
        age <= if self.is_lost() { allowed } else { allowed.max(GRACE) }
    }

    /// A view that is too old is read again before it is served.
    async fn renew(&self, slug: &Slug, live: Arc<Live>) -> Result<Arc<Live>, NoView> {
        let now = self.clock.now();
        let asked = DateTime::from_timestamp_micros(self.asked_at.load(Ordering::Acquire));
        if self.is_lost() && asked.is_some_and(|asked| now.signed_duration_since(asked) < RETRY) {
            return Err(NoView::Unavailable);
        }
        self.asked_at.store(now.timestamp_micros(), Ordering::Release);
        match self.reload(slug, &live, |view| view.read_at >= now).await {
            Ok(()) if live.has_ended() => Err(NoView::Unknown),
            Ok(()) => Ok(live),
            Err(_reported) => Err(NoView::Unavailable),
        }
    }

    /// The first read of an organisation; many calls at once cause one.
    async fn load(&self, slug: &Slug) -> Result<Arc<Live>, NoView> {
        if self.absent.contains_key(slug) {
            return Err(NoView::Unknown);
        }
        let found = self.live.try_get_with_by_ref(slug, self.read_first(slug)).await;
        found.map_err(|reason| *reason)
    }

    async fn read_first(&self, slug: &Slug) -> Result<Arc<Live>, NoView> {
        let mut view = self.read(slug, None).await.map_err(|_reported| NoView::Unavailable)?;
        if let Some(first) = &view
            && self.told.get(&first.id).await.is_some_and(|told| told > first.revision)
        {
            view = self.read(slug, None).await.map_err(|_reported| NoView::Unavailable)?;
        }
        let Some(view) = view else {
            self.absent.insert(slug.clone(), ()).await;
            return Err(NoView::Unknown);
        };
        let id = view.id;
        let live = Arc::new(Live::new(view, self.bounds.organisation));
        self.index.insert(id, (slug.clone(), Arc::downgrade(&live)));
        Ok(live)
    }

    /// Reads an organisation again unless someone else just did; an older read never replaces a
    /// newer one.
    async fn reload(
        &self,
        slug: &Slug,
        live: &Live,
        is_enough: impl Fn(&OrganisationView) -> bool,
    ) -> Result<(), Unavailable> {
        let _reading = live.reading.lock().await;
        let known = live.view();
        if is_enough(&known) {
            return Ok(());
        }
        match self.read(slug, Some(&known)).await? {
            Some(view) if view.id == known.id && view.revision >= known.revision => {
                live.replace(view);
            }
            // An older read, from a follower that lags: what we have is better.
            Some(view) if view.id == known.id => {}
            Some(_) | None => {
                self.live.invalidate(slug).await;
                live.end();
            }
        }
        Ok(())
    }

    async fn read(
        &self,
        slug: &Slug,
        known: Option<&OrganisationView>,
    ) -> Result<Option<OrganisationView>, Unavailable> {
        let read_at = self.clock.now();
        let read = tokio::time::timeout(READ_DEADLINE, self.source.organisation(slug)).await;
        let snapshot = match read {
            Ok(Ok(snapshot)) => snapshot,
            Ok(Err(error)) => {
                tracing::warn!(%error, cause = ?std::error::Error::source(&error), "no view");
                return Err(error);
            }
            Err(elapsed) => return Err(Unavailable::because(elapsed)),
        };
        Ok(snapshot.map(|snapshot| {
            OrganisationView::compile(snapshot, known, self.bounds.server, read_at)
        }))
    }
}

// === Live ===

/// Channels of one organisation at one replica.
const MAX_CHANNELS: usize = 512;

/// One organisation in memory: its view now, and what lasts from one view to the next.
pub(crate) struct Live {
    view: ArcSwap<OrganisationView>,
    reading: Mutex<()>,
    /// When it was last asked whether there is anything newer.
    caught_up: Mutex<Option<Instant>>,
    changes: watch::Sender<i64>,
    ended: AtomicBool,
    refreshes: Refreshes,
    /// Room for calls in flight.
    pub(crate) room: Arc<Semaphore>,
    /// Room for streams that are no calls.
    pub(crate) stream_room: Arc<Semaphore>,
    /// Room for streams that the gateway holds open at servers of the old transport.
    pub(crate) channel_room: Arc<Semaphore>,
}

impl Live {
    fn new(view: OrganisationView, max_in_flight: usize) -> Self {
        Self {
            changes: watch::Sender::new(view.revision),
            view: ArcSwap::from_pointee(view),
            reading: Mutex::new(()),
            caught_up: Mutex::new(None),
            ended: AtomicBool::new(false),
            refreshes: Refreshes::default(),
            room: Arc::new(Semaphore::new(max_in_flight)),
            stream_room: Arc::new(Semaphore::new(max_in_flight)),
            channel_room: Arc::new(Semaphore::new(MAX_CHANNELS)),
        }
    }

    /// The view of this moment.
    pub(crate) fn view(&self) -> Arc<OrganisationView> {
        self.view.load_full()
    }

    /// Wakes whenever the view was replaced.
    pub(crate) fn changes(&self) -> watch::Receiver<i64> {
        self.changes.subscribe()
    }

    /// Whether the organisation is gone.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn replace(&self, view: OrganisationView) {
        let revision = view.revision;
        self.view.store(Arc::new(view));
        self.changes.send_replace(revision);
    }

    fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.changes.send_modify(|_| {});
    }
}
