//! The report language of `run_report_query`: `FIELD OP VALUE` joined by `and`, then
//! `order by FIELD [desc]`, then `limit N`, over orders as they are listed.

use std::cmp::Ordering;

use serde_json::Value;

const FIELDS: [&str; 6] = ["id", "customer", "status", "currency", "total", "placed"];
const LONGEST: usize = 500;

/// The orders that `query` asks for.
pub(crate) fn run(query: &str, mut orders: Vec<Value>) -> Result<Vec<Value>, String> {
    if query.len() > LONGEST {
        return Err(format!("A query has at most {LONGEST} characters."));
    }
    let mut words = Words(query.split_whitespace().collect::<Vec<_>>().into_iter().peekable());
    if !matches!(words.0.peek(), None | Some(&("order" | "limit"))) {
        loop {
            let condition = words.condition()?;
            orders.retain(|order| condition.holds(order));
            if !words.takes("and") {
                break;
            }
        }
    }
    if words.takes("order") {
        words.expect("by")?;
        let field = words.field()?;
        orders.sort_by(|one, other| compare(one.get(field), other.get(field)));
        if words.takes("desc") {
            orders.reverse();
        }
    }
    if words.takes("limit") {
        let count = words.next("a number")?;
        orders.truncate(count.parse().map_err(|_not| format!("{count:?} is not a number."))?);
    }
    match words.0.next() {
        None => Ok(orders),
        Some(word) => Err(format!("Did not expect {word:?} there.")),
    }
}

struct Words<'a>(std::iter::Peekable<std::vec::IntoIter<&'a str>>);

impl<'a> Words<'a> {
    fn next(&mut self, wanted: &str) -> Result<&'a str, String> {
        self.0.next().ok_or_else(|| format!("Expected {wanted} at the end."))
    }

    fn takes(&mut self, word: &str) -> bool {
        self.0.next_if(|next| next.eq_ignore_ascii_case(word)).is_some()
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.takes(word) { Ok(()) } else { Err(format!("Expected {word:?}.")) }
    }

    fn field(&mut self) -> Result<&'static str, String> {
        let word = self.next("a field")?;
        FIELDS
            .into_iter()
            .find(|field| field.eq_ignore_ascii_case(word))
            .ok_or_else(|| format!("{word:?} is not a field; there are {}.", FIELDS.join(", ")))
    }

    fn condition(&mut self) -> Result<Condition, String> {
        let field = self.field()?;
        let holds: fn(Ordering) -> bool = match self.next("an operator")? {
            "=" => Ordering::is_eq,
            "!=" => Ordering::is_ne,
            "<" => Ordering::is_lt,
            "<=" => Ordering::is_le,
            ">" => Ordering::is_gt,
            ">=" => Ordering::is_ge,
            word => return Err(format!("{word:?} is not one of = != < <= > >=.")),
        };
        let word = self.next("a value")?.trim_matches(['\'', '"']);
        let value = match field {
            "total" => word
                .parse::<f64>()
                .map(Value::from)
                .map_err(|_not| format!("{field} is compared with a number, not {word:?}."))?,
            _ => Value::from(word),
        };
        Ok(Condition { field, holds, value })
    }
}

struct Condition {
    field: &'static str,
    holds: fn(Ordering) -> bool,
    value: Value,
}

impl Condition {
    fn holds(&self, order: &Value) -> bool {
        (self.holds)(compare(order.get(self.field), Some(&self.value)))
    }
}

/// Numbers by size, all else as text (dates are written so that this is right).
fn compare(one: Option<&Value>, other: Option<&Value>) -> Ordering {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        _ => text(one).cmp(&text(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::Shop;

    fn ids(query: &str) -> Result<String, String> {
        let rows = run(query, Shop::stocked().orders())?;
        let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
        Ok(rows.iter().map(id).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn conditions_order_and_limit_work_together() {
        let query = "status = paid and total > 100 order by total desc limit 2";
        assert_eq!(ids(query).unwrap(), "ord_1004 ord_1001");
        assert_eq!(ids("placed >= 2026-10-01 and currency != USD").unwrap(), "ord_1007 ord_1008");
        assert_eq!(ids("limit 1").unwrap(), "ord_1001");
    }

    #[test]
    fn a_mistake_is_explained() {
        assert_eq!(
            ids("colour = red").unwrap_err(),
            "\"colour\" is not a field; there are id, customer, status, currency, total, placed."
        );
        assert_eq!(
            ids("total > much").unwrap_err(),
            "total is compared with a number, not \"much\"."
        );
        assert_eq!(ids("total >").unwrap_err(), "Expected a value at the end.");
        assert_eq!(ids("id = a or id = b").unwrap_err(), "Did not expect \"or\" there.");
    }
}
