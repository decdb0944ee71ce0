//! Making a webhook.

use domain::perm::ManageWebhooks;

use super::view::NewWebhookView;
use crate::acts;
use crate::acts::webhooks::WebhookForm;
use crate::answer::Created;
use crate::extract::Json;
use crate::failure::Failure;
use crate::guard::Can;

/// `POST /api/v1/webhooks`: make a webhook. Each delivery is signed: `Drawbridge-Signature` is
/// `v1=` and the HMAC-SHA256 of `{Drawbridge-Timestamp}.{body}` with the secret, in hexadecimal
/// digits.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", request_body = WebhookForm,
    responses((status = 201, body = NewWebhookView)))]
pub(crate) async fn create(
    mut caller: Can<ManageWebhooks>,
    Json(form): Json<WebhookForm>,
) -> Result<Created<NewWebhookView>, Failure> {
    let (webhook, secret) = acts::webhooks::create(&mut caller, form).await?;
    Ok(Created(NewWebhookView::new(webhook, &secret)))
}
