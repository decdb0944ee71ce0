//! The tools: what a client is told of each, and the arguments it takes. The rules are in
//! `shop.rs`.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::query;
use crate::shop::{Changes, Currency, Money, Segment, Shop};

/// One tool. `define` is everything of its definition but the name; `run` answers with structured
/// content, or with a complaint that the model can act on.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    define: fn() -> Value,
    pub(crate) run: fn(&mut Shop, Value) -> Result<Value, String>,
}

impl Tool {
    /// The definition, as `tools/list` gives it.
    pub(crate) fn definition(&self) -> Value {
        let mut definition = json!({ "name": self.name });
        if let (Some(fields), Value::Object(rest)) = (definition.as_object_mut(), (self.define)()) {
            fields.extend(rest);
        }
        definition
    }
}

/// Every tool, in the order in which they are listed.
pub(crate) const TOOLS: [Tool; 10] = [
    Tool { name: "list_customers", define: list_customers_definition, run: list_customers },
    Tool { name: "get_order", define: get_order_definition, run: get_order },
    Tool { name: "build_forecast", define: build_forecast_definition, run: build_forecast },
    Tool { name: "send_invoice", define: send_invoice_definition, run: send_invoice },
    Tool { name: "update_customer", define: update_customer_definition, run: update_customer },
    Tool { name: "run_report_query", define: run_report_query_definition, run: run_report_query },
    Tool { name: "delete_customer", define: delete_customer_definition, run: delete_customer },
    Tool { name: "create_charge", define: create_charge_definition, run: create_charge },
    Tool { name: "refund_charge", define: refund_charge_definition, run: refund_charge },
    Tool { name: "revoke_api_key", define: revoke_api_key_definition, run: revoke_api_key },
];

/// The steps of work behind a result: a forecast is made month by month, all else at once.
pub(crate) fn steps(tool: &Tool, content: &Value) -> Vec<String> {
    if tool.name != "build_forecast" {
        return Vec::new();
    }
    let months = content.get("months").and_then(Value::as_array).into_iter().flatten();
    months.filter_map(|month| Some(format!("Forecast {}", month.get("month")?.as_str()?))).collect()
}

/// Reads arguments into their type. Unknown ones are refused, like anywhere else.
fn arguments<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|cause| format!("Invalid arguments: {cause}."))
}

fn object(required: &[&str], properties: &Value) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn read_only() -> Value {
    json!({ "readOnlyHint": true, "openWorldHint": false })
}

fn changing(destructive: bool, idempotent: bool) -> Value {
    json!({
        "readOnlyHint": false,
        "destructiveHint": destructive,
        "idempotentHint": idempotent,
        "openWorldHint": false,
    })
}

// === Read ===

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListCustomers {
    segment: Option<Segment>,
    limit: Option<usize>,
}

fn list_customers_definition() -> Value {
    json!({
        "title": "List customers",
        "description": "List the shop's customers with their contact details, optionally only \
                        those of one segment.",
        "inputSchema": object(&[], &json!({
            "segment": { "type": "string", "enum": ["retail", "trade"],
                         "description": "Only customers of this segment." },
            "limit": { "type": "integer", "minimum": 1, "maximum": 50, "default": 50,
                       "description": "At most this many." },
        })),
        "outputSchema": {
            "type": "object",
            "properties": { "customers": { "type": "array", "items": { "type": "object" } } },
            "required": ["customers"],
        },
        "annotations": read_only(),
    })
}

fn list_customers(shop: &mut Shop, input: Value) -> Result<Value, String> {
    let input: ListCustomers = arguments(input)?;
    Ok(json!({ "customers": shop.customers(input.segment, input.limit.unwrap_or(50)) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GetOrder {
    order_id: String,
}

fn get_order_definition() -> Value {
    json!({
        "title": "Get order",
        "description": "Look up one order: its items, total, currency and status.",
        "inputSchema": object(&["order_id"], &json!({
            "order_id": { "type": "string", "description": "For example ord_1003." },
        })),
        "annotations": read_only(),
    })
}

fn get_order(shop: &mut Shop, input: Value) -> Result<Value, String> {
    let input: GetOrder = arguments(input)?;
    shop.order(&input.order_id)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuildForecast {
    months: u8,
}

fn build_forecast_definition() -> Value {
    json!({
        "title": "Build forecast",
        "description": "Estimate the revenue of the coming months from past orders. Takes a \
                        moment and reports its progress; changes nothing.",
        "inputSchema": object(&["months"], &json!({
            "months": { "type": "integer", "minimum": 1, "maximum": 12 },
        })),
        "annotations": read_only(),
    })
}

fn build_forecast(shop: &mut Shop, input: Value) -> Result<Value, String> {
    let input: BuildForecast = arguments(input)?;
    shop.forecast(input.months)
}

// === Write ===

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendInvoice {
    order_id: String,
    recipients: Vec<String>,
    note: Option<String>,
}

fn send_invoice_definition() -> Value {
    json!({
        "title": "Send invoice",
        "description": "Email the invoice of an order to one or more recipients.",
        "inputSchema": object(&["order_id", "recipients"], &json!({
            "order_id": { "type": "string" },
            "recipients": { "type": "array", "minItems": 1, "maxItems": 10,
                            "items": { "type": "string", "format": "email" } },
            "note": { "type": "string", "maxLength": 200,
                      "description": "A line to put above the invoice." },
        })),
        "annotations": changing(false, false),
    })
}

fn send_invoice(shop: &mut Shop, input: Value) -> Result<Value, String> {
    let input: SendInvoice = arguments(input)?;
    shop.send_invoice(&input.order_id, &input.recipients, input.note.as_deref())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateCustomer {
    customer_id: String,
    changes: Changes,
}

fn update_customer_definition() -> Value {
    json!({
        "title": "Update customer",
        "description": "Change a customer's name, email, tags or postal address. Only the fields \
                        that are given change.",
        "inputSchema": object(&["customer_id", "changes"], &json!({
            "customer_id": { "type": "string" },
            "changes": object(&[], &json!({
                "name": { "type": "string", "maxLength": 200 },
                "email": { "type": "string", "format": "email" },
                "tags": { "type": "array", "maxItems": 10,
                          "items": { "type": "string", "maxLength": 200 } },
                "address": object(&["street", "city", "country"], &json!({
                    "street": { "type": "string", "maxLength": 200 },
                    "city": { "type": "string", "maxLength": 200 },
                    "country": { "type": "string", "pattern": "^[A-Z]{2}$" },
                })),
            })),
        })),
        "annotations": changing(false, true),
    })
}

fn update_customer(shop: &mut Shop, input: Value) -> Result<Value, String> {
    let input: UpdateCustomer = arguments(input)?;
    shop.update_customer(&input.customer_id, input.changes)
}

// === Execute ===

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunReportQuery {
    query: String,
}

fn run_report_query_definition() -> Value {
    json!({
        "title": "Run report query",
        "description": "Run a query in a small SQL-like language over the orders. Conditions \
                        joined by `and`, then `order by FIELD [desc]`, then `limit N`. Fields: \
                        id, customer, status, currency, total, placed. Example: \
                        status = paid and total > 100 order by total desc limit 3",
        "inputSchema": object(&["query"], &json!({
            "query": { "type": "string", "maxLength": 500 },
        })),
        "annotations": read_only(),
    })
}

fn run_report_query(shop: &mut Shop, input: Value) -> Result<Value, String> {
    let input: RunReportQuery = arguments(input)?;
    let rows = query::run(&input.query, shop.orders())?;
    Ok(json!({ "count": rows.len(), "orders": rows }))
}

// === Destructive ===

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeleteCustomer {
    customer_id: String,
}

fn delete_customer_definition() -> Value {
    json!({
        "title": "Delete customer",
        "description": "Permanently delete a customer together with all their orders and charges. \
                        This cannot be undone.",
        "inputSchema": object(&["customer_id"], &json!({ "customer_id": { "type": "string" } })),
        "annotations": changing(true, true),
    })
}

fn delete_customer(shop: &mut Shop, input: Value) -> Result<Value, String> {
    let input: DeleteCustomer = arguments(input)?;
    shop.delete_customer(&input.customer_id)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeApiKey {
    key_id: String,
}

fn revoke_api_key_definition() -> Value {
    json!({
        "title": "Revoke API key",
        "description": "Revoke one of the shop's API keys at once. Whoever uses it is locked out, \
                        and the key cannot be restored.",
        "inputSchema": object(&["key_id"], &json!({
            "key_id": { "type": "string", "enum": ["key_storefront", "key_warehouse"] },
        })),
        "annotations": changing(true, true),
    })
}

fn revoke_api_key(shop: &mut Shop, input: Value) -> Result<Value, String> {
    let input: RevokeApiKey = arguments(input)?;
    shop.revoke_api_key(&input.key_id)
}

// === Financial ===

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateCharge {
    customer_id: String,
    amount: Money,
    currency: Currency,
    reason: Option<String>,
}

fn create_charge_definition() -> Value {
    json!({
        "title": "Create charge",
        "description": "Charge a customer's card on file. The money moves at once.",
        "inputSchema": object(&["customer_id", "amount", "currency"], &json!({
            "customer_id": { "type": "string" },
            "amount": { "type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01,
                        "description": "In units of the currency: 12.5 is twelve and a half." },
            "currency": { "type": "string", "enum": ["EUR", "GBP", "USD"] },
            "reason": { "type": "string", "maxLength": 200,
                        "description": "What the customer reads on the statement." },
        })),
        "annotations": changing(true, false),
    })
}

fn create_charge(shop: &mut Shop, input: Value) -> Result<Value, String> {
    let input: CreateCharge = arguments(input)?;
    let reason = input.reason.unwrap_or_default();
    shop.create_charge(input.customer_id, input.amount, input.currency, reason)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundCharge {
    charge_id: String,
    amount: Option<Money>,
}

fn refund_charge_definition() -> Value {
    json!({
        "title": "Refund charge",
        "description": "Pay a charge back to the customer, wholly or in part.",
        "inputSchema": object(&["charge_id"], &json!({
            "charge_id": { "type": "string", "description": "For example chg_1." },
            "amount": { "type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01,
                        "description": "Left out: all that is not refunded yet." },
        })),
        "annotations": changing(true, false),
    })
}

fn refund_charge(shop: &mut Shop, input: Value) -> Result<Value, String> {
    let input: RefundCharge = arguments(input)?;
    shop.refund_charge(&input.charge_id, input.amount)
}
