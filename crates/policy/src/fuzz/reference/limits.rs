//! What a call asks of a limit.

use super::Reserved;
use super::conditions::{Scope, Step, found, steps};
use super::numbers::{Number, Uncountable};
use super::rules::Limit;
use crate::fuzz::tree::Tree;

pub(super) fn reserve(limit: &Limit<'_>, scope: &Scope<'_>) -> Result<Reserved, Uncountable> {
    let amount = match limit.increment_from {
        None => 1,
        Some(path) => {
            let path = path.strip_prefix("args.").expect("only arguments are summed");
            let mut amounts = Vec::new();
            collect(scope.arguments, &steps(path), &mut amounts)?;
            let sum = amounts.iter().sum();
            if sum >= 1 << 53 {
                return Err(Uncountable);
            }
            sum
        }
    };
    let key = match limit.key {
        None => None,
        Some(path) => match found(path, scope) {
            None | Some(Tree::Null | Tree::List(_) | Tree::Object(_)) => return Err(Uncountable),
            Some(number @ Tree::Number(_)) if Number::read(&number).is_none() => {
                return Err(Uncountable);
            }
            found => found,
        },
    };
    Ok(Reserved { rule: limit.id.clone(), amount, key })
}

fn collect(value: &Tree, steps: &[Step<'_>], out: &mut Vec<u64>) -> Result<(), Uncountable> {
    match (steps, value) {
        ([], number) => {
            out.push(Number::read(number).ok_or(Uncountable)?.millionths()?);
            Ok(())
        }
        ([Step::Key(key), rest @ ..], Tree::Object(_)) => {
            collect(value.get(key).ok_or(Uncountable)?, rest, out)
        }
        ([Step::Each, rest @ ..], Tree::List(items)) => {
            items.iter().try_for_each(|item| collect(item, rest, out))
        }
        _ => Err(Uncountable),
    }
}
