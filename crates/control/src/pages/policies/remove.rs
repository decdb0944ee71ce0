//! Deleting a policy that no grant uses.

use axum::response::Response;
use domain::PolicyId;
use domain::perm::WritePolicies;

use crate::acts;
use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::done;
use crate::urls;

/// `POST /o/{organisation}/policies/{id}/delete`.
pub(crate) async fn remove(
    mut caller: Can<WritePolicies>,
    Path(id): Path<PolicyId>,
) -> Result<Response, Failure> {
    let policy = acts::policies::find(&mut caller, id).await?;
    acts::policies::remove(&mut caller, id).await?;
    let list = urls::organisation(caller.slug(), "policies");
    Ok(done(caller.app().settings(), &list, &format!("{} deleted.", policy.name)))
}
