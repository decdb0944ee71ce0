//! Conditions on arguments: the same test in this language, or a stricter one.

use super::super::go;
use super::source::Test;
use crate::condition::Op;
use crate::document::Members;
use crate::literal::Literal;

/// What becomes of a condition.
pub(super) struct Carried {
    pub(super) condition: Literal,
    /// It holds for fewer values than there, or where it asks a person, for more.
    pub(super) differs: bool,
}

/// A condition that must hold for a call to pass. Where Go calls more values equal than are equal
/// here, `eq` refuses more; `neq` has to name them all.
pub(super) fn required(test: &Test<'_>) -> Result<Carried, String> {
    match test.op {
        Op::Neq | Op::NotIn => excluded(test).map(same),
        Op::Eq | Op::In => {
            let differs = listed(&test.value).iter().any(|value| go::equals(value).len() > 1);
            Ok(Carried { condition: plain(test), differs })
        }
        Op::Contains => {
            let differs = go::equals(&test.value).len() > 1;
            Ok(Carried { condition: plain(test), differs })
        }
        Op::Regex => pattern(test).map(same),
        _ => Ok(same(plain(test))),
    }
}

/// A condition under which a person is asked: it has to hold at least wherever it held there.
pub(super) fn asked(test: &Test<'_>) -> Result<Carried, String> {
    match test.op {
        Op::Eq | Op::In => {
            let values = equal_values(test)?;
            Ok(same(one_of(test, Op::Eq, Op::In, values)))
        }
        Op::Neq | Op::NotIn => {
            // `null` is different from everything there and missing here.
            let mut missing = Members::default();
            missing.text("path", &test.path);
            missing.text("op", Op::Exists.as_str());
            missing.put("value", Literal::Bool(false));
            let mut any = Members::default();
            any.put("any", Literal::List(vec![plain(test), missing.into_object()]));
            Ok(Carried { condition: any.into_object(), differs: true })
        }
        Op::Contains if go::equals(&test.value).len() > 1 || go::may_be_a_list(&test.value) => {
            Err("A list that contains this value there may not contain it here: values have a \
                 type here. Write the condition in another way."
                .to_owned())
        }
        Op::Regex => pattern(test).map(same),
        _ => Ok(same(plain(test))),
    }
}

fn same(condition: Literal) -> Carried {
    Carried { condition, differs: false }
}

fn plain(test: &Test<'_>) -> Literal {
    condition(test, test.op, test.value.clone())
}

fn condition(test: &Test<'_>, op: Op, value: Literal) -> Literal {
    let mut out = Members::default();
    out.text("path", &test.path);
    out.text("op", op.as_str());
    out.put("value", value);
    out.into_object()
}

fn listed(value: &Literal) -> &[Literal] {
    match value {
        Literal::List(values) => values,
        value => std::slice::from_ref(value),
    }
}

/// Every value that Go calls equal to one of those of the condition.
fn equal_values(test: &Test<'_>) -> Result<Vec<Literal>, String> {
    let values = listed(&test.value);
    if values.iter().any(go::may_be_a_list) {
        return Err("There this text is equal to a list that is printed like it; here it is not. \
                    Write the condition in another way."
            .to_owned());
    }
    let mut all: Vec<Literal> = Vec::new();
    for value in values.iter().flat_map(go::equals) {
        if !all.contains(&value) {
            all.push(value);
        }
    }
    Ok(all)
}

fn excluded(test: &Test<'_>) -> Result<Literal, String> {
    Ok(one_of(test, Op::Neq, Op::NotIn, equal_values(test)?))
}

/// One value with the operator of one, several with that of several.
fn one_of(test: &Test<'_>, one: Op, several: Op, mut values: Vec<Literal>) -> Literal {
    match values.len() {
        1 if test.op == one => condition(test, one, values.remove(0)),
        _ => condition(test, several, Literal::List(values)),
    }
}

fn pattern(test: &Test<'_>) -> Result<Literal, String> {
    let written = test.value.as_text().unwrap_or_default();
    let carried = go::pattern(written)
        .map_err(|why| format!("This pattern cannot be carried over: {why}."))?;
    Ok(condition(test, test.op, Literal::Text(carried)))
}
