//! One call at a stateless server, until its answer. What the server asks first is asked of the
//! client on the way, and the call is made again with what it answered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use http::Method as HttpMethod;
use json::{Member, Node};
use mcp::message::{self, Message, MessageKind};
use mcp::method::Method;

use super::answers::{self, Kind};
use super::cancel::Guard;
use super::{Request, note};
use crate::bridge::errand::Errand;
use crate::bridge::retell::{Messages, Said, Telling};
use crate::bridge::splices::{self, Fate};
use crate::gateway::Gateway;
use crate::permit;
use crate::refusal::{Refusal, Ruling};
use crate::session::store::SessionKey;
use crate::upstream::wire::Way;

/// How often one call may ask, and how much at once.
const MAX_ROUNDS: u8 = 10;
const MAX_QUESTIONS: usize = 16;
/// How long a person may think.
const ANSWER_WITHIN: Duration = Duration::from_mins(10);
/// How often it is looked for the answer, which any replica may have taken.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// See the module.
pub(super) struct Conversation {
    errand: Errand,
    request: Request,
    session: SessionKey,
    messages: Messages,
    under_way: Guard,
    /// The id of the request that is under way, as written.
    id: String,
    asked: Option<Asked>,
    round: u8,
}

/// What was asked of the client, and not yet answered. Once nobody waits any more, nothing of it
/// is left in the session.
struct Asked {
    gw: Arc<Gateway>,
    session: SessionKey,
    is_announced: bool,
    to_say: VecDeque<Vec<u8>>,
    /// Keys of the server's, and the names under which the answers are noted.
    waiting: VecDeque<(String, String)>,
    answers: Vec<String>,
    state: String,
}

impl Asked {
    /// Notes for all replicas which answers are waited for.
    async fn announce(&mut self) -> Result<(), Refusal> {
        if self.is_announced {
            return Ok(());
        }
        self.is_announced = true;
        for (_, id) in &self.waiting {
            let name = format!("{}{id}", note::ASKED);
            let noted = self.gw.sessions.note(self.session, name, Some(String::new())).await;
            noted.map_err(|_lost| Refusal::Unavailable)?;
        }
        Ok(())
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if self.waiting.is_empty() || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let (gw, session) = (Arc::clone(&self.gw), self.session);
        let waiting = std::mem::take(&mut self.waiting);
        self.gw.lingering.spawn(async move {
            for (_, id) in waiting {
                for kind in [note::ASKED, note::ANSWER] {
                    let _lost = gw.sessions.take(session, format!("{kind}{id}")).await;
                }
            }
        });
    }
}

impl Conversation {
    pub(super) fn begin(
        errand: Errand,
        request: Request,
        session: SessionKey,
        messages: Messages,
        under_way: Guard,
    ) -> Self {
        let id = errand.id.clone();
        Self { errand, request, session, messages, under_way, id, asked: None, round: 0 }
    }

    async fn turn(&mut self) -> Result<Said, Refusal> {
        loop {
            if let Some(asked) = &mut self.asked {
                asked.announce().await?;
                if let Some(question) = asked.to_say.pop_front() {
                    return Ok(Said::Word(question));
                }
                self.collect().await?;
                self.call_again().await?;
            }
            let next = self.under_way.token.run_until_cancelled(self.messages.next()).await;
            let Some(data) = next.ok_or(Refusal::Cancelled)?? else {
                let text = "The server's answer ended without a JSON-RPC answer.";
                return Err(Refusal::Upstream(text.to_owned()));
            };
            let Ok(message) = message::parse_from_upstream(&data) else { continue };
            match (message.kind(), message.method()) {
                (MessageKind::Response, _) if answers::is_mismatch(&message) => {
                    return Err(self.outdated().await);
                }
                (MessageKind::Response, _) if self.is_ours(&message) => {
                    if let Some(said) = self.response(&message)? {
                        return Ok(said);
                    }
                }
                (MessageKind::Notification, Method::Progress | Method::LogMessage) => {
                    return Ok(Said::Word(message.bytes().to_vec()));
                }
                _ => {}
            }
        }
    }

    /// The tool wants other arguments mirrored than when it was pinned. No call is sent twice, so
    /// the definition is read anew and the client is told.
    async fn outdated(&self) -> Refusal {
        let Errand { gw, scope, .. } = &self.errand;
        gw.views.refresh(&scope.live, scope.server).await;
        Refusal::Upstream(
            "The server's definition of this tool has changed, and was read anew. Repeat the call."
                .to_owned(),
        )
    }

    fn is_ours(&self, message: &Message<'_>) -> bool {
        message.id_raw().map_or(message.error().is_some(), |id| id == self.id)
    }

    /// The answer, unless it is a question.
    fn response(&mut self, message: &Message<'_>) -> Result<Option<Said>, Refusal> {
        match message.result().map_or(Kind::Complete, answers::kind) {
            Kind::Complete => {
                let told = answers::retold(message, &self.errand.id, self.errand.method);
                told.map(|told| Some(Said::answer(told)))
            }
            Kind::InputRequired => {
                self.asked = Some(self.ask(message)?);
                Ok(None)
            }
            Kind::Unknown => {
                let text = "The server answered with a kind of result that this client does not \
                            know.";
                Err(Refusal::Upstream(text.to_owned()))
            }
        }
    }

    // --- asking ---

    fn ask(&mut self, message: &Message<'_>) -> Result<Asked, Refusal> {
        self.round += 1;
        let get = |key| message.result().and_then(|result| result.get(key));
        let requests = get("inputRequests");
        let is_too_much = requests.is_some_and(|requests| requests.len() > MAX_QUESTIONS);
        if self.round > MAX_ROUNDS || is_too_much {
            let text = "The server asks too much before it answers.";
            return Err(Refusal::Upstream(text.to_owned()));
        }
        let mut asked = Asked {
            gw: Arc::clone(&self.errand.gw),
            session: self.session,
            is_announced: false,
            to_say: VecDeque::new(),
            waiting: VecDeque::new(),
            answers: Vec::new(),
            state: get("requestState").map(|state| state.raw_str().to_owned()).unwrap_or_default(),
        };
        for member in requests.into_iter().flat_map(Node::members) {
            // Random: an answer to a question of another replica, or of yesterday, is none to this.
            let id = format!("bridge-{:032x}", rand::random::<u128>());
            asked.to_say.push_back(self.question(&id, member)?);
            asked.waiting.push_back((json::quoted(&member.key()), id));
        }
        Ok(asked)
    }

    fn question(&self, id: &str, asked: Member<'_>) -> Result<Vec<u8>, Refusal> {
        let (method, params) = (asked.value.get("method"), asked.value.get("params"));
        let method = Method::named(&method.and_then(Node::as_str).unwrap_or_default());
        let binding = self.errand.scope.binding(&self.errand.gw);
        if !binding.is_some_and(|binding| permit::may_ask(&binding, method)) {
            return Err(Refusal::Denied(Ruling {
                rule: "/server_requests".to_owned(),
                message: "The server asked the client for something that the policy does not let \
                          it ask."
                    .to_owned(),
            }));
        }
        if !self.request.askable.understands(method, params) {
            return Err(Refusal::Upstream(format!(
                "The server needs an answer to {:?} first, which this client did not say it can \
                 give.",
                method.name()
            )));
        }
        let params = params.filter(|params| params.is_object()).map_or("{}", Node::raw_str);
        let method = method.name();
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"{method}","params":{params}}}"#);
        Ok(body.into_bytes())
    }

    /// Waits for all answers.
    async fn collect(&mut self) -> Result<(), Refusal> {
        let Some(asked) = &mut self.asked else { return Ok(()) };
        let (sessions, token) = (&self.errand.gw.sessions, &self.under_way.token);
        let until = tokio::time::Instant::now() + ANSWER_WITHIN;
        while let Some((key, id)) = asked.waiting.front() {
            let name = format!("{}{id}", note::ANSWER);
            // A store that does not answer for a moment is asked again.
            if let Ok(Some(text)) = sessions.take(self.session, name).await {
                asked.answers.push(format!("{key}:{}", result_of(&text)?));
                asked.waiting.pop_front();
                continue;
            }
            if tokio::time::Instant::now() > until {
                let text = "The client did not answer what the server asked.";
                return Err(Refusal::Upstream(text.to_owned()));
            }
            let waited = token.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await;
            waited.ok_or(Refusal::Cancelled)?;
        }
        Ok(())
    }

    /// The same call with the client's answers and the server's state, if it is still allowed.
    async fn call_again(&mut self) -> Result<(), Refusal> {
        let Some(asked) = self.asked.take() else { return Ok(()) };
        let Errand { gw, scope, .. } = &self.errand;
        let gone = || Refusal::Upstream("The server may no longer be called.".to_owned());
        let binding = scope.binding(gw).ok_or_else(gone)?;
        let (view, now) = (scope.live.view(), gw.clock.now());
        let grant = view.grant(scope.standing, now).ok_or_else(gone)?;
        if self.request.way.server.uri != binding.server.uri {
            return Err(gone());
        }
        self.request.judge_again(grant, &binding, now)?;
        self.id = format!("\"again-{}\"", gw.bridges.fresh_id());
        let body = with_answers(&self.request.body, &self.id, &asked).ok_or_else(gone)?;
        // With the credentials of now.
        let mut way = Way { server: Arc::clone(&binding.server), ..self.request.way.clone() };
        way.headers.extend(binding.server.auth_headers.clone());
        way.headers.extend(self.errand.trace.clone());
        let sending = way.send(gw, HttpMethod::POST, body.into(), self.errand.first_byte);
        let sent = self.under_way.token.run_until_cancelled(sending).await;
        let response = sent.ok_or(Refusal::Cancelled)?;
        let response = response.map_err(|error| Refusal::Upstream(error.to_string()))?;
        self.messages = Messages::of(gw, response).await?;
        Ok(())
    }
}

impl Telling for Conversation {
    async fn next(&mut self) -> Said {
        Box::pin(self.turn()).await.unwrap_or_else(Said::Broken)
    }
}

/// What a client answered, as written.
fn result_of(answer: &str) -> Result<String, Refusal> {
    let tape = json::parse(answer.as_bytes()).ok();
    let result = tape.as_ref().and_then(|tape| tape.root().get("result"));
    let result = result.filter(|result| result.is_object()).map(|r| r.raw_str().to_owned());
    result.ok_or_else(|| {
        Refusal::Upstream("The client refused to answer what the server asked.".to_owned())
    })
}

fn with_answers(body: &[u8], id: &str, asked: &Asked) -> Option<Vec<u8>> {
    let tape = json::parse(body).ok()?;
    let root = tape.root();
    let answers = Some(asked.answers.join(",")).filter(|answers| !answers.is_empty());
    let answers = answers.map(|answers| format!("{{{answers}}}")).unwrap_or_default();
    let added = [("inputResponses", answers), ("requestState", asked.state.clone())];
    let params = splices::object(body, root.get("params"), |_| Fate::Kept, &added);
    Some(json::splice(body, &[splices::id(root, id)?, splices::params(root, params)]))
}
