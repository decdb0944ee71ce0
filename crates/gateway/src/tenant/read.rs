//! `resources/read` on the per-tenant URL. URIs say nothing of their server, so the servers whose
//! policy lets it be read are asked in the order of their slugs, until one has it.

use crate::path::Post;
use crate::refusal::{Refusal, Thing};
use crate::target::Target;
use crate::trail::Trail;
use crate::upstream::Answer;

const NOT_FOUND: [i64; 2] = [-32_002, -32_602];

pub(super) async fn read(post: &Post<'_>, trail: &mut Trail) -> Result<Answer, Refusal> {
    // They were asked for by one server, which this address does not know any more; another one
    // must not get them.
    if ["inputResponses", "requestState"].iter().any(|key| post.call.message.param(key).is_some()) {
        return Err(Refusal::BadParams(
            "A resource whose server asks for input is read at the server's own address.",
        ));
    }
    let uri = post.call.subject().into_owned();
    let mut last = Err(Refusal::Hidden(Thing::Resource(uri.clone()), policy::rule::HIDDEN));
    for binding in &post.caller.grant.bindings {
        let target = Target::new(&post.caller.grant, binding, uri.clone(), post.bytes.clone());
        match post.forward(target, trail).await {
            Ok(mut answer) => {
                if !is_not_found(&mut answer).await {
                    return Ok(answer);
                }
                last = Ok(answer);
            }
            Err(Refusal::Hidden(..)) => {}
            // The first reason that says something is the one that is told.
            Err(refusal) if matches!(last, Err(Refusal::Hidden(..))) => last = Err(refusal),
            Err(_) => {}
        }
    }
    last
}

async fn is_not_found(answer: &mut Answer) -> bool {
    let code = match answer {
        Answer::Whole(whole) => whole.seen.jsonrpc,
        Answer::Stream(relay) => relay.error_ahead().await,
        Answer::Bare(..) | Answer::Open(_) => None,
    };
    code.is_some_and(|code| NOT_FOUND.contains(&code))
}
