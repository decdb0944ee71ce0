//! The JSON-RPC envelope: one message in, one result or error out.

use http::StatusCode;
use serde_json::{Map, Value, json};

/// One message of a client.
#[derive(Debug)]
pub(crate) enum Message {
    Request(Request),
    Notification,
    Response,
}

/// A request that is owed an answer.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: Value,
    pub(crate) method: String,
    pub(crate) params: Map<String, Value>,
}

impl Message {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Failure> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|cause| Failure::new(Failure::PARSE, format!("Not JSON: {cause}")))?;
        let Value::Object(mut object) = value else {
            return Err(Failure::invalid_request("Send one JSON-RPC message, not a batch."));
        };
        if object.get("jsonrpc") != Some(&json!("2.0")) {
            return Err(Failure::invalid_request("\"jsonrpc\" must be \"2.0\"."));
        }
        let Some(method) = object.remove("method") else {
            let answers = object.contains_key("result") || object.contains_key("error");
            return answers.then_some(Self::Response).ok_or_else(|| {
                Failure::invalid_request("A message has a method, a result or an error.")
            });
        };
        let Value::String(method) = method else {
            return Err(Failure::invalid_request("\"method\" must be a string."));
        };
        let params = match object.remove("params") {
            None => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return Err(Failure::invalid_request("\"params\" must be an object.")),
        };
        match object.remove("id") {
            None => Ok(Self::Notification),
            Some(id) if id.is_string() || id.is_i64() || id.is_u64() => {
                Ok(Self::Request(Request { id, method, params }))
            }
            Some(_) => Err(Failure::invalid_request("\"id\" must be a string or an integer.")),
        }
    }
}

/// A JSON-RPC error.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: i32,
    message: String,
    data: Option<Value>,
}

impl Failure {
    pub(crate) const PARSE: i32 = -32_700;
    pub(crate) const INVALID_REQUEST: i32 = -32_600;
    pub(crate) const UNKNOWN_METHOD: i32 = -32_601;
    pub(crate) const INVALID_PARAMS: i32 = -32_602;
    /// Legacy era only.
    pub(crate) const UNKNOWN_RESOURCE: i32 = -32_002;
    /// Modern era only.
    pub(crate) const HEADER_MISMATCH: i32 = -32_020;
    /// Modern era only.
    pub(crate) const UNSUPPORTED_VERSION: i32 = -32_022;

    pub(crate) fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub(crate) fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    pub(crate) fn invalid_request(message: &str) -> Self {
        Self::new(Self::INVALID_REQUEST, message)
    }

    pub(crate) fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(Self::INVALID_PARAMS, message)
    }

    /// The HTTP status of the modern era, where an error of the protocol is one of HTTP too.
    pub(crate) const fn status(&self) -> StatusCode {
        match self.code {
            Self::UNKNOWN_METHOD => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The message that carries a result.
pub(crate) fn success(id: &Value, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

/// The message that carries an error; without an id when the request's could not be read.
pub(crate) fn error(id: Option<&Value>, failure: &Failure) -> Value {
    let mut error = json!({ "code": failure.code, "message": failure.message });
    if let (Some(fields), Some(data)) = (error.as_object_mut(), &failure.data) {
        fields.insert("data".to_owned(), data.clone());
    }
    let mut message = json!({ "jsonrpc": "2.0", "error": error });
    if let (Some(fields), Some(id)) = (message.as_object_mut(), id) {
        fields.insert("id".to_owned(), id.clone());
    }
    message
}
