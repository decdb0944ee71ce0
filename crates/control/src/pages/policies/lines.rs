//! What changed between two texts, line by line.

/// Texts whose lines multiply to more are shown whole, one after the other.
const MAX_PAIRS: usize = 1_000_000;
/// Lines that stay the same are shown this far around a change.
const AROUND: usize = 3;

/// One line of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// `same`, `gone`, `new`, or `cut` where lines are left out.
    pub(super) kind: &'static str,
    pub(super) text: String,
}

/// From `old` to `new`: what changed, with a few lines around it. All lines if nothing did.
pub(super) fn lines(old: &str, new: &str) -> Vec<Line> {
    let all = compared(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>());
    let changed: Vec<usize> =
        all.iter().enumerate().filter(|(_, line)| line.kind != "same").map(|(n, _)| n).collect();
    if changed.is_empty() {
        return all;
    }
    let mut near = vec![false; all.len()];
    for at in changed {
        let around = near.iter_mut().take(at + AROUND + 1).skip(at.saturating_sub(AROUND));
        around.for_each(|shown| *shown = true);
    }
    let mut out: Vec<Line> = Vec::new();
    for (line, shown) in all.into_iter().zip(near) {
        if shown {
            out.push(line);
        } else if out.last().is_none_or(|last| last.kind != "cut") {
            out.push(Line { kind: "cut", text: "…".to_owned() });
        }
    }
    out
}

fn compared(old: &[&str], new: &[&str]) -> Vec<Line> {
    let line = |kind, text: &&str| Line { kind, text: (*text).to_owned() };
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (old.get(head..).unwrap_or(&[]), new.get(head..).unwrap_or(&[]));
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let middle = |rest: &[&str]| rest.len() - tail;
    let gone = old_rest.get(..middle(old_rest)).unwrap_or(&[]);
    let come = new_rest.get(..middle(new_rest)).unwrap_or(&[]);
    let mut out: Vec<Line> = old.iter().take(head).map(|text| line("same", text)).collect();
    if gone.len().saturating_mul(come.len()) > MAX_PAIRS {
        out.extend(gone.iter().map(|text| line("gone", text)));
        out.extend(come.iter().map(|text| line("new", text)));
    } else {
        out.extend(aligned(gone, come));
    }
    out.extend(old_rest.iter().skip(gone.len()).map(|text| line("same", text)));
    out
}

/// By the longest common subsequence.
fn aligned(old: &[&str], new: &[&str]) -> Vec<Line> {
    let width = new.len() + 1;
    let mut table = vec![0_u32; (old.len() + 1) * width];
    let at = |table: &[u32], i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let longest = if a == b {
                at(&table, i + 1, j + 1) + 1
            } else {
                at(&table, i + 1, j).max(at(&table, i, j + 1))
            };
            if let Some(cell) = table.get_mut(i * width + j) {
                *cell = longest;
            }
        }
    }
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    loop {
        let (kind, text) = match (old.get(i), new.get(j)) {
            (Some(a), Some(b)) if a == b => {
                j += 1;
                ("same", a)
            }
            (Some(a), next) if next.is_none() || at(&table, i + 1, j) >= at(&table, i, j + 1) => {
                ("gone", a)
            }
            (_, Some(b)) => {
                j += 1;
                out.push(Line { kind: "new", text: (*b).to_owned() });
                continue;
            }
            (_, None) => return out,
        };
        i += 1;
        out.push(Line { kind, text: (*text).to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str) -> String {
        let sign = |kind| match kind {
            "gone" => '-',
            "new" => '+',
            "cut" => '@',
            _ => ' ',
        };
        let line = |line: Line| format!("{}{}\n", sign(line.kind), line.text);
        lines(old, new).into_iter().map(line).collect()
    }

    #[test]
    fn changed_lines_stand_with_a_few_around_them() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh";
        assert_eq!(shown(old, &old.replace('g', "G")), "@…\n d\n e\n f\n-g\n+G\n h\n");
        assert_eq!(shown("a\nb", "a\nb"), " a\n b\n");
        assert_eq!(shown("", "x"), "+x\n");
        assert_eq!(shown("x\ny\nz", "y"), "-x\n y\n-z\n");
    }

    #[test]
    fn texts_without_end_are_shown_one_after_the_other() {
        let many =
            |word: &str| (0..2_000).map(|n| format!("{word}{n}")).collect::<Vec<_>>().join("\n");
        let all = lines(&many("a"), &many("b"));
        assert_eq!(all.len(), 4_000);
        assert!(all.iter().take(2_000).all(|line| line.kind == "gone"));
    }
}
