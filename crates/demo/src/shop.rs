//! The shop: its stock of made-up data and the rules of what can be done with it. Bounded in
//! memory, the same after every start, and gone at the end of the process.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value, json};

const MOST_CHARGES: usize = 1_000;
const LONGEST_TEXT: usize = 200;
const MOST_IN_LIST: usize = 10;

/// Everything the shop knows.
#[derive(Debug)]
pub(crate) struct Shop {
    customers: BTreeMap<String, Customer>,
    orders: BTreeMap<String, Order>,
    charges: BTreeMap<String, Charge>,
    api_keys: BTreeSet<&'static str>,
    next_charge: u64,
}

#[derive(Debug, Clone, Serialize)]
struct Customer {
    id: String,
    name: String,
    email: String,
    segment: Segment,
    tags: Vec<String>,
    address: Address,
}

#[derive(Debug, Clone, Serialize)]
struct Order {
    id: String,
    customer: String,
    status: &'static str,
    currency: Currency,
    total: Money,
    placed: &'static str,
    items: Vec<Item>,
    invoices_sent: u32,
}

#[derive(Debug, Clone, Serialize)]
struct Item {
    sku: &'static str,
    quantity: u32,
    price: Money,
}

#[derive(Debug, Clone, Serialize)]
struct Charge {
    id: String,
    customer: String,
    amount: Money,
    currency: Currency,
    reason: String,
    refunded: Money,
}

/// What kind of customer one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Segment {
    Retail,
    Trade,
}

/// The currencies that the shop takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Currency {
    Eur,
    Gbp,
    Usd,
}

/// A postal address.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    street: String,
    city: String,
    country: String,
}

/// What `update_customer` is to change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Changes {
    name: Option<String>,
    email: Option<String>,
    tags: Option<Vec<String>>,
    address: Option<Address>,
}

// === Money ===

/// An amount in hundredths of a currency's unit, written as a plain JSON number of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Money(u64);

impl Money {
    fn parse(text: &str) -> Option<Self> {
        let (units, rest) = text.split_once('.').unwrap_or((text, "0"));
        let hundredths: u64 = match rest.len() {
            1 => rest.parse::<u64>().ok()?.checked_mul(10)?,
            2 => rest.parse().ok()?,
            _ => return None,
        };
        units.parse::<u64>().ok()?.checked_mul(100)?.checked_add(hundredths).map(Self)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (units, hundredths) = (self.0 / 100, self.0 % 100);
        match format!("{units}.{hundredths:02}").parse::<f64>() {
            Ok(number) if hundredths != 0 => serializer.serialize_f64(number),
            _ => serializer.serialize_u64(units),
        }
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Number::deserialize(deserializer)?;
        let money = Self::parse(&number.to_string()).filter(|money| money.0 > 0);
        money.ok_or_else(|| {
            serde::de::Error::custom("an amount is above zero and has at most two decimal places")
        })
    }
}

// === What can be done ===

impl Shop {
    /// All customers of `segment`, at most `limit`.
    pub(crate) fn customers(&self, segment: Option<Segment>, limit: usize) -> Value {
        let wanted = |customer: &&Customer| segment.is_none_or(|wanted| customer.segment == wanted);
        json!(self.customers.values().filter(wanted).take(limit).collect::<Vec<_>>())
    }

    /// One order.
    pub(crate) fn order(&self, id: &str) -> Result<Value, String> {
        self.orders.get(id).map(|order| json!(order)).ok_or_else(|| missing("order", id))
    }

    /// All orders, by id.
    pub(crate) fn orders(&self) -> Vec<Value> {
        self.orders.values().map(|order| json!(order)).collect()
    }

    /// Revenue of the months after the last order: the mean so far, growing by 2 % a month.
    pub(crate) fn forecast(&self, months: u8) -> Result<Value, String> {
        if !(1..=12).contains(&months) {
            return Err("months must be between 1 and 12.".to_owned());
        }
        let sum: u64 = self.orders.values().map(|order| order.total.0).sum();
        let mut revenue = sum / 3;
        let mut forecast = Vec::new();
        for ahead in 0..u32::from(months) {
            revenue += revenue / 50;
            let (year, month) = (2026 + (10 + ahead) / 12, (10 + ahead) % 12 + 1);
            forecast
                .push(json!({ "month": format!("{year}-{month:02}"), "revenue": Money(revenue) }));
        }
        Ok(json!({ "months": forecast }))
    }

    /// Notes that the invoice went out; the demo sends no mail.
    pub(crate) fn send_invoice(
        &mut self,
        order_id: &str,
        recipients: &[String],
        note: Option<&str>,
    ) -> Result<Value, String> {
        let order = self.orders.get_mut(order_id).ok_or_else(|| missing("order", order_id))?;
        if recipients.is_empty() || recipients.len() > MOST_IN_LIST {
            return Err(format!("Give between 1 and {MOST_IN_LIST} recipients."));
        }
        if let Some(wrong) = recipients.iter().find(|recipient| !recipient.contains('@')) {
            return Err(format!("{wrong:?} is not an email address."));
        }
        bounded(note.unwrap_or_default())?;
        order.invoices_sent = order.invoices_sent.saturating_add(1);
        Ok(
            json!({ "order": order_id, "sent_to": recipients, "invoices_sent": order.invoices_sent }),
        )
    }

    /// Changes the fields that are given, or none of them.
    pub(crate) fn update_customer(&mut self, id: &str, changes: Changes) -> Result<Value, String> {
        let Changes { name, email, tags, address } = changes;
        if tags.as_ref().is_some_and(|tags| tags.len() > MOST_IN_LIST) {
            return Err(format!("A customer has at most {MOST_IN_LIST} tags."));
        }
        let lines = address.iter().flat_map(|it| [&it.street, &it.city, &it.country]);
        for text in name.iter().chain(&email).chain(tags.iter().flatten()).chain(lines) {
            bounded(text)?;
        }
        let customer = self.customers.get_mut(id).ok_or_else(|| missing("customer", id))?;
        customer.name = name.unwrap_or_else(|| customer.name.clone());
        customer.email = email.unwrap_or_else(|| customer.email.clone());
        customer.tags = tags.unwrap_or_else(|| customer.tags.clone());
        customer.address = address.unwrap_or_else(|| customer.address.clone());
        Ok(json!(customer))
    }

    /// Deletes a customer and all that is theirs.
    pub(crate) fn delete_customer(&mut self, id: &str) -> Result<Value, String> {
        self.customers.remove(id).ok_or_else(|| missing("customer", id))?;
        let (orders, charges) = (self.orders.len(), self.charges.len());
        self.orders.retain(|_, order| order.customer != id);
        self.charges.retain(|_, charge| charge.customer != id);
        Ok(json!({
            "deleted": id,
            "orders": orders - self.orders.len(),
            "charges": charges - self.charges.len(),
        }))
    }

    /// Revokes a key for good.
    pub(crate) fn revoke_api_key(&mut self, id: &str) -> Result<Value, String> {
        if self.api_keys.remove(id) {
            Ok(json!({ "revoked": id }))
        } else {
            Err(missing("live API key", id))
        }
    }

    /// Takes money from a customer.
    pub(crate) fn create_charge(
        &mut self,
        customer: String,
        amount: Money,
        currency: Currency,
        reason: String,
    ) -> Result<Value, String> {
        if !self.customers.contains_key(&customer) {
            return Err(missing("customer", &customer));
        }
        if self.charges.len() >= MOST_CHARGES {
            return Err(format!("The demo keeps {MOST_CHARGES} charges; restart it to go on."));
        }
        bounded(&reason)?;
        let id = format!("chg_{}", self.next_charge);
        self.next_charge += 1;
        let charge =
            Charge { id: id.clone(), customer, amount, currency, reason, refunded: Money(0) };
        let answer = json!(charge);
        self.charges.insert(id, charge);
        Ok(answer)
    }

    /// Pays `amount` back, or all that is left.
    pub(crate) fn refund_charge(
        &mut self,
        id: &str,
        amount: Option<Money>,
    ) -> Result<Value, String> {
        let charge = self.charges.get_mut(id).ok_or_else(|| missing("charge", id))?;
        let left = charge.amount.0.saturating_sub(charge.refunded.0);
        let refund = amount.map_or(left, |amount| amount.0);
        if left == 0 || refund > left {
            return Err(format!("Only {} of {id} can still be refunded.", json!(Money(left))));
        }
        charge.refunded.0 += refund;
        Ok(json!({ "refunded": Money(refund), "charge": charge }))
    }
}

fn missing(what: &str, id: &str) -> String {
    format!("There is no {what} {id:?}.")
}

fn bounded(text: &str) -> Result<(), String> {
    if text.chars().count() <= LONGEST_TEXT {
        return Ok(());
    }
    Err(format!("A text has at most {LONGEST_TEXT} characters."))
}

// === The stock ===

impl Shop {
    /// The shop on its first morning.
    pub(crate) fn stocked() -> Self {
        let mut shop = Self {
            customers: BTreeMap::new(),
            orders: BTreeMap::new(),
            charges: BTreeMap::new(),
            api_keys: BTreeSet::from(["key_storefront", "key_warehouse"]),
            next_charge: 1,
        };
        shop.stock_customers();
        shop.stock_orders();
        shop.stock_charges();
        shop
    }

    fn stock_customers(&mut self) {
        for (id, name, email, segment, street, city, country) in [
            (
                "cus_01",
                "Ada Marsh",
                "ada@marsh.example",
                Segment::Retail,
                "3 Quay Lane",
                "Bristol",
                "GB",
            ),
            (
                "cus_02",
                "Brightwater Hotels",
                "orders@brightwater.example",
                Segment::Trade,
                "41 Rue du Lac",
                "Annecy",
                "FR",
            ),
            (
                "cus_03",
                "Chidi Obi",
                "chidi@obi.example",
                Segment::Retail,
                "88 Alder Street",
                "Portland",
                "US",
            ),
            (
                "cus_04",
                "Dune & Daughters",
                "hello@dune.example",
                Segment::Trade,
                "7 Hafenstrasse",
                "Hamburg",
                "DE",
            ),
            (
                "cus_05",
                "Elena Voss",
                "elena@voss.example",
                Segment::Retail,
                "12 Lindenweg",
                "Graz",
                "AT",
            ),
        ] {
            let address =
                Address { street: street.into(), city: city.into(), country: country.into() };
            let customer = Customer {
                id: id.into(),
                name: name.into(),
                email: email.into(),
                segment,
                tags: Vec::new(),
                address,
            };
            self.customers.insert(customer.id.clone(), customer);
        }
    }

    fn stock_orders(&mut self) {
        for (id, customer, status, currency, placed, sku, quantity, price) in [
            ("ord_1001", "cus_02", "paid", Currency::Eur, "2026-08-04", "storm-lantern", 24, 3_450),
            ("ord_1002", "cus_01", "paid", Currency::Gbp, "2026-08-11", "wick-pack", 2, 799),
            (
                "ord_1003",
                "cus_03",
                "shipped",
                Currency::Usd,
                "2026-08-29",
                "camp-lantern",
                1,
                5_995,
            ),
            ("ord_1004", "cus_04", "paid", Currency::Eur, "2026-09-02", "harbour-lamp", 12, 12_900),
            (
                "ord_1005",
                "cus_05",
                "cancelled",
                Currency::Eur,
                "2026-09-15",
                "storm-lantern",
                1,
                3_450,
            ),
            ("ord_1006", "cus_02", "paid", Currency::Eur, "2026-09-21", "wick-pack", 10, 799),
            ("ord_1007", "cus_04", "open", Currency::Eur, "2026-10-06", "camp-lantern", 40, 5_495),
            ("ord_1008", "cus_01", "open", Currency::Gbp, "2026-10-19", "storm-lantern", 1, 2_995),
        ] {
            let order = Order {
                id: id.into(),
                customer: customer.into(),
                status,
                currency,
                total: Money(u64::from(quantity) * price),
                placed,
                items: vec![Item { sku, quantity, price: Money(price) }],
                invoices_sent: 0,
            };
            self.orders.insert(order.id.clone(), order);
        }
    }

    fn stock_charges(&mut self) {
        for (customer, amount, currency, reason) in [
            ("cus_02", 82_800, Currency::Eur, "ord_1001"),
            ("cus_01", 1_598, Currency::Gbp, "ord_1002"),
            ("cus_03", 5_995, Currency::Usd, "ord_1003"),
        ] {
            let id = format!("chg_{}", self.next_charge);
            self.next_charge += 1;
            let charge = Charge {
                id: id.clone(),
                customer: customer.into(),
                amount: Money(amount),
                currency,
                reason: reason.into(),
                refunded: Money(0),
            };
            self.charges.insert(id, charge);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact_and_plain() {
        let read =
            |text: &str| serde_json::from_str::<Money>(text).map(|money| json!(money).to_string());
        assert_eq!(read("12.5").unwrap(), "12.5");
        assert_eq!(read("19.99").unwrap(), "19.99");
        assert_eq!(read("1000.0").unwrap(), "1000");
        for wrong in ["0", "-1", "0.001", "1e300", "\"12\"", "null"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_charge_is_never_refunded_twice() {
        let mut shop = Shop::stocked();
        shop.refund_charge("chg_3", Some(Money(5_000))).unwrap();
        let complaint = shop.refund_charge("chg_3", Some(Money(1_000))).unwrap_err();
        assert_eq!(complaint, "Only 9.95 of chg_3 can still be refunded.");
        assert_eq!(shop.refund_charge("chg_3", None).unwrap()["refunded"], json!(9.95));
        assert!(shop.refund_charge("chg_3", None).is_err());
    }

    #[test]
    fn a_deleted_customer_takes_their_orders_along() {
        let mut shop = Shop::stocked();
        let answer = shop.delete_customer("cus_02").unwrap();
        assert_eq!(answer, json!({ "deleted": "cus_02", "orders": 2, "charges": 1 }));
        assert!(shop.order("ord_1001").is_err());
    }

    #[test]
    fn charges_cannot_be_made_to_fill_the_memory() {
        let mut shop = Shop::stocked();
        let mut charge =
            || shop.create_charge("cus_01".into(), Money(1), Currency::Eur, String::new());
        let made = (0..2 * MOST_CHARGES).filter(|_| charge().is_ok()).count();
        assert_eq!(made, MOST_CHARGES - 3);
    }
}
